//! `completions`: prints the completion script of a shell.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::output;

/// Print a completion script
#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// The shell that is to read it
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
