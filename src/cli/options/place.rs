//! The options that choose where a worker starts.

use clap::Args;

use super::launch::QueueOption;
use crate::cli::exit::CommandError;
use crate::cli::output;
use crate::config::Places;
use crate::domain::Place;
use crate::domain::place::THIS_MACHINE;
use crate::runs::Home;
use crate::supervise::{LaunchTarget, LaunchTime, WorkerLocation};

/// The option that names a place.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PlaceOption {
    /// Start on this place of the config file; `local` is this machine. `mien places` lists them
    #[arg(long, value_name = "PLACE")]
    pub(in crate::cli) on: Option<String>,
}

impl PlaceOption {
    /// Returns the option for a new run: where no place is named, it names the default place of the home, if there is
    /// one. `--now` starts on this machine.
    pub(in crate::cli) fn or_default(self, home: &Home, queue: QueueOption) -> Result<Self, CommandError> {
        if self.on.is_some() || queue.when() == LaunchTime::Now {
            return Ok(self);
        }
        let on = home.default_place()?;
        if let Some(name) = &on {
            Places::load().find(name).map_err(|reason| {
                let remedy = "`mien places default local` makes this machine the default again";
                CommandError::Usage(format!("the default place of this home is gone: {reason}; {remedy}"))
            })?;
            output::note(&format!("on {name}, the default place of this home; --on local starts on this machine"));
        }
        Ok(Self { on })
    }

    /// Returns the named place; `None` without a name and for this machine.
    pub(in crate::cli) fn place(&self) -> Result<Option<Place>, CommandError> {
        match self.on.as_deref() {
            None | Some(THIS_MACHINE) => Ok(None),
            Some(name) => Ok(Some(Places::load().find(name).map_err(CommandError::Usage)?.clone())),
        }
    }

    /// Returns where and when a worker starts.
    pub(in crate::cli) fn target(&self, queue: QueueOption) -> Result<LaunchTarget, CommandError> {
        let location = match (&self.on, self.place()?) {
            (None, _) => None,
            (_, None) => Some(WorkerLocation::Here),
            (_, Some(_)) if queue.when() == LaunchTime::Now => {
                let words = "--now starts at once on this machine; a place of a cluster has a queue of its own";
                return Err(CommandError::Usage(words.into()));
            }
            (_, Some(place)) => Some(WorkerLocation::Place(Box::new(place))),
        };
        Ok(LaunchTarget { time: queue.when(), location })
    }
}

/// The option that prints instead of submitting.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct DryRun {
    /// On a place: print the script of the job instead of submitting it
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}
