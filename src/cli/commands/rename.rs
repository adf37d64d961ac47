//! `rename`: gives a run another name.

use clap::Args;

use crate::cli::annotations;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::domain::RunId;
use crate::supervise;

/// Give a run another name; it is still found by the old one
#[derive(Debug, Args)]
pub(in crate::cli) struct Rename {
    #[command(flatten)]
    run: RunArgument,
    /// The new name
    #[arg(value_parser = RunId::of_new_run)]
    name: RunId,
    #[command(flatten)]
    output: Output,
}

impl Rename {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let Self { run, name, output } = self;
        let store = invocation.open_home()?;
        let id = run.find(&store)?;
        store.rename(&id, &name, supervise::now())?;
        let annotations = store.folder(&name).annotations()?;
        output.print(&annotations::entry(&name, &annotations), || format!("{id} is now called {name}\n"))?;
        Ok(Exit::Done)
    }
}
