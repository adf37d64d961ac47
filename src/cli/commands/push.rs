//! `push`: copies runs from the home here into one on another machine.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{CopyOptions, Output};
use crate::cli::run_copies::{self, Direction};

/// Copy runs with their weights from the home here into one on another machine: `mien --home box2 push RUN`
#[derive(Debug, Args)]
pub(in crate::cli) struct Push {
    #[command(flatten)]
    copy: CopyOptions,
    #[command(flatten)]
    output: Output,
}

impl Push {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        run_copies::copy_all(invocation, Direction::Push, &self.copy, self.output)
    }
}
