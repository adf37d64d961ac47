//! `places default`: prints or sets the place on which the runs of a home start.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::output;
use crate::config::Places;
use crate::domain::place::THIS_MACHINE;

#[derive(Debug, Args)]
pub(super) struct Default {
    /// The place; `local` is this machine [default: print it]
    name: Option<String>,
}

impl Default {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let home = store.home();
        match self.name.as_deref() {
            None => output::line(home.default_place()?.as_deref().unwrap_or(THIS_MACHINE))?,
            Some(THIS_MACHINE) => {
                home.set_default_place(None)?;
                output::note("new runs of this home start on this machine");
            }
            Some(name) => {
                let place = Places::load().find(name).map_err(CommandError::Usage)?.name.clone();
                home.set_default_place(Some(&place))?;
                output::note(&format!("new runs of this home start on {place}; --on local starts on this machine"));
            }
        }
        Ok(Exit::Done)
    }
}
