//! `completions`: scripts for shells.

use clap::CommandFactory;

use super::arguments::Arguments;
use super::exit::{CommandError, Exit};
use super::output;

pub(super) fn run(shell: clap_complete::Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mien", &mut script);
    output::verbatim(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
