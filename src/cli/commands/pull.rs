//! `pull`: copies runs from a home on another machine into the one here.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{CopyOptions, Output};
use crate::cli::run_copies::{self, Direction};

/// Copy runs with their weights from a home on another machine into the one here: `mien --home box2 pull RUN`
#[derive(Debug, Args)]
pub(in crate::cli) struct Pull {
    #[command(flatten)]
    copy: CopyOptions,
    #[command(flatten)]
    output: Output,
}

impl Pull {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        run_copies::copy_all(invocation, Direction::Pull, &self.copy, self.output)
    }
}
