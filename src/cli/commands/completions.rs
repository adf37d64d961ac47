//! `completions`: prints the completion script of a shell.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{completion, output};

/// Print the completion script of a shell, which completes names of runs, datasets and weights, too
#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, _invocation: &Invocation) -> Result<Exit, CommandError> {
        output::verbatim(&completion::script(&self.shell.to_string())?)?;
        Ok(Exit::Done)
    }
}
