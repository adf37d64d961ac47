//! Launching runs.

use super::Disk;
use crate::domain::{Recipe, RunId};
use crate::supervise::{self, LaunchTime};
use crate::tui::event::ActionError;

impl Disk {
    /// A free name for a run.
    #[must_use]
    pub fn suggest_name(&self) -> RunId {
        supervise::suggest_name(&self.store)
    }

    /// Creates a run and starts its worker; the name is changed where it is taken.
    ///
    /// # Errors
    /// Why not.
    pub fn launch(&self, id: &RunId, recipe: &Recipe) -> Result<RunId, ActionError> {
        Ok(supervise::launch(&self.store, id, recipe, LaunchTime::Queued)?)
    }

    /// Creates four runs that wait for one another and starts their workers; names are changed where they are taken.
    ///
    /// # Errors
    /// Why not, and which of them go on all the same.
    pub fn launch_all(&self, ids: &[RunId; 4], recipes: &[Recipe; 4]) -> Result<[RunId; 4], ActionError> {
        Ok(supervise::launch_all_strategies(&self.store, ids.clone(), recipes.clone(), LaunchTime::Queued)?)
    }
}
