//! The choices of the form: the datasets, weights and runs of the home.

use std::cmp::Reverse;

use crate::domain::{RunState, WeightsName};
use crate::runs::Summary;
use crate::tui::library::{Library, RunView};
use crate::weights::Manifest;

/// The datasets, weights and runs that a form chooses from.
#[derive(Debug, Clone, Copy)]
pub struct FormChoices<'a> {
    /// The datasets, weights and runs of the home.
    pub library: &'a Library,
    /// Milliseconds since 1970.
    pub now: u64,
}

impl<'a> FormChoices<'a> {
    /// Returns the base of this name, if it can be read.
    #[must_use]
    pub fn base(&self, name: &WeightsName) -> Option<&'a Manifest> {
        self.library.weights.find(name)?.as_ref().ok()
    }

    /// Returns whether the run has a worker, or one may start at any time.
    #[must_use]
    pub fn is_active(&self, run: &RunView) -> bool {
        run.state(self.now).is_some_and(RunState::is_active)
    }

    /// Returns the runs from which fine-tuning can start, newest first. They have a base, and have saved weights or are
    /// active.
    #[must_use]
    pub fn start_candidates(&self) -> Vec<&'a RunView> {
        let on_base = |run: &RunView| run.summary.as_ref().is_ok_and(|summary| summary.recipe.transfer.is_some());
        let mut runs: Vec<&RunView> = self
            .library
            .runs
            .list
            .iter()
            .filter(|run| on_base(run) && (run.has_best_weights || self.is_active(run)))
            .collect();
        runs.sort_by_key(|run| Reverse(created(run)));
        runs
    }

    /// Returns all runs that can be read, newest first.
    #[must_use]
    pub fn summaries(&self) -> Vec<&'a Summary> {
        let mut runs: Vec<&Summary> =
            self.library.runs.list.iter().filter_map(|run| run.summary.as_ref().ok()).map(AsRef::as_ref).collect();
        runs.sort_by_key(|run| Reverse(run.recipe.created_at));
        runs
    }
}

fn created(run: &RunView) -> u64 {
    run.summary.as_ref().map_or(0, |summary| summary.recipe.created_at)
}
