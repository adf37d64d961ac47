//! `mien` without a command: the dashboard.

use std::io::{self, IsTerminal};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
#[cfg(feature = "dashboard")]
use crate::cli::privacy;

/// Shows the dashboard until the user quits.
pub(in crate::cli) fn run(invocation: &Invocation) -> Result<Exit, CommandError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let hint = "the dashboard needs a terminal; without one use the commands: `mien runs`, `mien --help`";
        return Err(CommandError::Usage(hint.into()));
    }
    show(invocation)
}

#[cfg(feature = "dashboard")]
fn show(invocation: &Invocation) -> Result<Exit, CommandError> {
    use crate::cli::home::{self, HomeChoice};
    use crate::homes::Link;
    use crate::runs::Home;

    match home::resolve(invocation.home.clone())? {
        HomeChoice::Here(_) => crate::tui::run(invocation.open_home()?.home().clone())?,
        HomeChoice::There(address) => {
            privacy::set_umask(None);
            let link = Link::start(address, true, false)?;
            crate::tui::run_remote(link, Home::new(home::of_this_machine()?))?;
        }
    }
    Ok(Exit::Done)
}

#[cfg(not(feature = "dashboard"))]
fn show(_: &Invocation) -> Result<Exit, CommandError> {
    Err(CommandError::Failure("this mien was built without the dashboard: see `mien --help` for its commands".into()))
}
