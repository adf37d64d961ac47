//! The effects of the Train screen, which launch runs.

use crate::domain::{Recipe, RunId};
use crate::supervise::{self, LaunchTime};
use crate::tui::backend::Backend;
use crate::tui::messages::{ActionError, TrainEffect, TrainEvent};

impl Backend {
    /// Returns a free name for a run.
    #[must_use]
    pub fn suggest_name(&self) -> RunId {
        supervise::suggest_name(&self.store)
    }

    /// Creates a run and starts its worker. Returns the run's name, which is another one when `id` is taken.
    ///
    /// # Errors
    /// No worker was started.
    pub fn launch(&self, id: &RunId, recipe: &Recipe) -> Result<RunId, ActionError> {
        Ok(supervise::launch(&self.store, id, recipe, LaunchTime::Queued)?)
    }

    /// Creates four runs that wait for one another and starts their workers. Returns their names, which are others when
    /// `ids` are taken.
    ///
    /// # Errors
    /// Not all runs were launched; the error lists the launched ones.
    pub fn launch_all(&self, ids: &[RunId; 4], recipes: &[Recipe; 4]) -> Result<[RunId; 4], ActionError> {
        Ok(supervise::launch_all_strategies(&self.store, ids.clone(), recipes.clone(), LaunchTime::Queued)?)
    }

    /// Creates runs with one tag, made from `stem`, and starts their workers. Returns their names.
    ///
    /// # Errors
    /// Not all runs were launched; the error lists the launched ones.
    pub fn launch_sweep(&self, stem: &RunId, runs: &[(RunId, Recipe)]) -> Result<Vec<RunId>, ActionError> {
        let tag = supervise::sweep_tag(&self.store, stem);
        let runs = runs.iter().map(|(id, recipe)| (id, recipe));
        Ok(supervise::launch_sweep(&self.store, runs, &tag, &LaunchTime::Queued.into())?)
    }
}

/// Runs an effect of the Train screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: TrainEffect) -> TrainEvent {
    match effect {
        TrainEffect::SuggestName => TrainEvent::NameSuggested(backend.suggest_name()),
        TrainEffect::Launch { id, recipe } => TrainEvent::LaunchFinished(backend.launch(&id, &recipe)),
        TrainEffect::LaunchAll { ids, recipes } => TrainEvent::LaunchAllFinished(backend.launch_all(&ids, &recipes)),
        TrainEffect::LaunchSweep { stem, runs } => TrainEvent::LaunchSweepFinished(backend.launch_sweep(&stem, &runs)),
    }
}
