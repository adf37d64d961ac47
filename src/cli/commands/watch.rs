//! `watch`: follows a run until it ends.

use clap::Args;

use crate::cli::exit::{self, CommandError, Exit};
use crate::cli::follow::{FollowEnd, FollowMode, follow};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::run_events::{EventFormat, EventPrinter};
use crate::cli::scores::print_test;

/// Follow a run until it ends; with --json, print the records of its event log, one a line
#[derive(Debug, Args)]
#[command(after_help = exit::HELP, visible_alias = "log")]
pub(in crate::cli) struct Watch {
    #[command(flatten)]
    run: RunArgument,
    #[command(flatten)]
    output: Output,
}

impl Watch {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let Output { json } = self.output;
        let store = invocation.open_home()?;
        let mut run = store.follow(&self.run.find(&store)?)?;
        let format = if json { EventFormat::Records } else { EventFormat::Stdout };
        let ending = follow(&mut run, &EventPrinter::new(format), FollowMode::Watched)?;
        if !json && ending != FollowEnd::Detached {
            print_test(&run)?;
        }
        Ok(ending.exit())
    }
}
