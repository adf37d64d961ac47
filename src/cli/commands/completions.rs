//! `completions`: prints the completion script of a shell.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::output;

/// Print the completion script of a shell
#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (invocation.definition)(), "mien", &mut script);
        output::verbatim(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
