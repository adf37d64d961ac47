//! `mien` without a command: the dashboard.

use std::io::{self, IsTerminal};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::runs::RunStore;

/// Shows the dashboard until the user quits.
pub(in crate::cli) fn run(invocation: &Invocation) -> Result<Exit, CommandError> {
    let store = invocation.open_home()?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let hint = "the dashboard needs a terminal; without one use the commands: `mien runs`, `mien --help`";
        return Err(CommandError::Usage(hint.into()));
    }
    show(&store)
}

#[cfg(feature = "dashboard")]
fn show(store: &RunStore) -> Result<Exit, CommandError> {
    crate::tui::run(store.home().clone())?;
    Ok(Exit::Done)
}

#[cfg(not(feature = "dashboard"))]
fn show(_store: &RunStore) -> Result<Exit, CommandError> {
    Err(CommandError::Failure("this mien was built without the dashboard: see `mien --help` for its commands".into()))
}
