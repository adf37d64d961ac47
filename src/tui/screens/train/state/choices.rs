//! What the form chooses from: the datasets, weights and runs of the home.

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
    /// The base of this name, if it can be read.
    #[must_use]
    pub fn base(&self, name: &WeightsName) -> Option<&'a Manifest> {
        self.library.weights.find(name)?.as_ref().ok()
    }

    /// Whether a worker is at the run, or about to be.
    #[must_use]
    pub fn is_active(&self, run: &RunView) -> bool {
        run.state(self.now).is_some_and(RunState::is_active)
    }

    /// The runs that fine-tuning can start from, newest first: on a base, with weights saved or at work.
    #[must_use]
    pub fn starts(&self) -> Vec<&'a RunView> {
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

    /// All runs that can be read, newest first.
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
