//! What is asked of runs and their workers.

use super::Disk;
use crate::domain::RunId;
use crate::supervise;
use crate::tui::effect::RunsEffect;
use crate::tui::event::Event;

impl Disk {
    /// Starts a worker that goes on with a run.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn resume(&self, id: &RunId) -> Result<(), String> {
        supervise::resume(&self.store, id).map_err(|error| error.to_string())
    }

    /// Asks a run's worker to stop.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn stop(&self, id: &RunId) -> Result<(), String> {
        supervise::request_stop(&self.store, id).map_err(|error| error.to_string())
    }

    /// Does what the Runs screen wants done.
    pub fn on_runs(&self, effect: RunsEffect) -> Event {
        match effect {}
    }
}
