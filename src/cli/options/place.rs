//! The options that choose where a worker starts.

use clap::Args;

use super::launch::QueueOption;
use crate::cli::exit::CommandError;
use crate::config::Places;
use crate::domain::Place;
use crate::domain::place::THIS_MACHINE;
use crate::supervise::{LaunchTarget, LaunchTime, WorkerLocation};

/// The option that names a place.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PlaceOption {
    /// Start on this place of the config file instead of this machine; `local` is this machine. `mien places` lists
    /// them
    #[arg(long, value_name = "PLACE")]
    pub(in crate::cli) on: Option<String>,
}

impl PlaceOption {
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
    /// With --on: print the script of the job instead of submitting it
    #[arg(long, requires = "on")]
    pub(in crate::cli) dry_run: bool,
}
