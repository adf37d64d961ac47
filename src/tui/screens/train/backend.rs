//! The effects of the Train screen, which launch runs.

use crate::domain::{Place, Recipe, RunId};
use crate::supervise::{self, LaunchTarget, LaunchTime, WorkerLocation};
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
    pub fn launch(&self, id: &RunId, recipe: &Recipe, target: LaunchTarget) -> Result<RunId, ActionError> {
        Ok(supervise::launch(&self.store, id, recipe, target)?)
    }

    /// Creates four runs that wait for one another and starts their workers. Returns their names, which are others when
    /// `ids` are taken.
    ///
    /// # Errors
    /// Not all runs were launched; the error lists the launched ones.
    pub fn launch_all(
        &self,
        ids: &[RunId; 4],
        recipes: &[Recipe; 4],
        target: LaunchTarget,
    ) -> Result<[RunId; 4], ActionError> {
        Ok(supervise::launch_all_strategies(&self.store, ids.clone(), recipes.clone(), target)?)
    }

    /// Creates runs with one tag, made from `stem`, and starts their workers. Returns their names.
    ///
    /// # Errors
    /// Not all runs were launched; the error lists the launched ones.
    pub fn launch_sweep(
        &self,
        stem: &RunId,
        runs: &[(RunId, Recipe)],
        target: &LaunchTarget,
    ) -> Result<Vec<RunId>, ActionError> {
        let tag = supervise::sweep_tag(&self.store, stem);
        let runs = runs.iter().map(|(id, recipe)| (id, recipe));
        Ok(supervise::launch_sweep(&self.store, runs, &tag, target)?)
    }
}

/// Returns the launch target of a queued worker: a place, or this machine.
fn queued(on: Option<Box<Place>>) -> LaunchTarget {
    LaunchTarget { time: LaunchTime::Queued, location: on.map(WorkerLocation::Place) }
}

/// Runs an effect of the Train screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: TrainEffect) -> TrainEvent {
    match effect {
        TrainEffect::SuggestName => TrainEvent::NameSuggested(backend.suggest_name()),
        TrainEffect::Launch { id, recipe, on } => TrainEvent::LaunchFinished(backend.launch(&id, &recipe, queued(on))),
        TrainEffect::LaunchAll { ids, recipes, on } => {
            TrainEvent::LaunchAllFinished(backend.launch_all(&ids, &recipes, queued(on)))
        }
        TrainEffect::LaunchSweep { stem, runs, on } => {
            TrainEvent::LaunchSweepFinished(backend.launch_sweep(&stem, &runs, &queued(on)))
        }
    }
}
