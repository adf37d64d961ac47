//! Launching runs.

use super::Disk;
use crate::domain::{Recipe, RunId};
use crate::supervise::{self, When};

impl Disk {
    /// A free name for a run.
    #[must_use]
    pub fn suggest_name(&self) -> RunId {
        supervise::suggest_name(&self.store)
    }

    /// Creates a run and starts its worker; the name is changed where it is taken.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn launch(&self, id: &RunId, recipe: &Recipe) -> Result<RunId, String> {
        supervise::launch(&self.store, id, recipe, When::InTurn).map_err(|error| error.to_string())
    }

    /// Creates three runs that wait for one another and starts their workers; names are changed where they are taken.
    ///
    /// # Errors
    /// Why not, in words, and which of them go on all the same.
    pub fn launch_all(&self, ids: &[RunId; 3], recipes: &[Recipe; 3]) -> Result<[RunId; 3], String> {
        supervise::launch_practice(&self.store, ids.clone(), recipes.clone(), When::InTurn)
            .map_err(|error| error.to_string())
    }
}
