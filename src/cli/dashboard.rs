//! `mien` alone: the dashboard.

use std::io::{self, IsTerminal};

use super::exit::{CommandError, Exit};
use crate::runs::Home;

pub(super) fn run(home: Home) -> Result<Exit, CommandError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let hint = "the dashboard needs a terminal; without one use the commands: `mien runs`, `mien --help`";
        return Err(CommandError::Usage(hint.into()));
    }
    open(home)
}

#[cfg(feature = "dashboard")]
fn open(home: Home) -> Result<Exit, CommandError> {
    crate::tui::run(home).map_err(|error| CommandError::Words(error.to_string()))?;
    Ok(Exit::Done)
}

#[cfg(not(feature = "dashboard"))]
fn open(_home: Home) -> Result<Exit, CommandError> {
    Err(CommandError::Words("this mien was built without the dashboard: see `mien --help` for its commands".into()))
}
