//! What the Runs screen knows.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{RunId, RunState};
pub use crate::runs::detail::LogLine;
use crate::runs::{About, Steps, Summary};

/// A run as it was when the watcher last looked. Cheap to copy.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its events folded up, or why they cannot be read.
    pub summary: Result<Arc<Summary>, String>,
    /// Whether a worker held its lock.
    pub alive: bool,
    /// Whether it has saved weights that fine-tuning can start from.
    pub saved: bool,
    /// What a person says about it.
    pub about: Arc<About>,
    /// The training curve within epochs; `None` until the watcher was asked for this run whole.
    pub curves: Option<Arc<Steps>>,
    /// The end of its log; empty until the watcher was asked for this run whole.
    pub log: Arc<Vec<LogLine>>,
}

impl RunView {
    /// Its state at this time; `None` if the run cannot be read.
    #[must_use]
    pub fn state(&self, now: u64) -> Option<RunState> {
        self.summary.as_ref().ok().map(|summary| summary.state(self.alive, now))
    }
}

/// Which curve is shown where only one fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Curves {
    /// Cross-entropy.
    #[default]
    Loss,
    /// Share of images predicted right.
    Accuracy,
}

/// What the Runs screen knows.
#[derive(Debug, Clone, Default)]
pub struct RunsState {
    /// Whether the runs were read once.
    pub loaded: bool,
    /// Why they cannot be.
    pub error: Option<String>,
    /// The runs: active ones first, each group from the youngest.
    pub list: Vec<RunView>,
    /// The selected one, by name: a list that moves must not change what is selected.
    pub selected: Option<RunId>,
    /// The marked ones, in the order in which they were marked: what Compare shows.
    pub marked: Vec<RunId>,
    /// Whether it takes the whole screen.
    pub whole: bool,
    /// Which curve is shown where only one fits.
    pub curves: Curves,
}

impl RunsState {
    /// Takes a new list in.
    pub fn replace(&mut self, mut list: Vec<RunView>, now: u64) {
        list.sort_by_cached_key(|run| {
            let active = run.state(now).is_some_and(RunState::is_active);
            let created = run.summary.as_ref().map_or(0, |summary| summary.recipe.created_at);
            (!active, Reverse(created), run.id.clone())
        });
        self.list = list;
        let ids: HashSet<&RunId> = self.list.iter().map(|run| &run.id).collect();
        self.marked.retain(|id| ids.contains(id));
        self.loaded = true;
    }

    /// The run of this name.
    #[must_use]
    pub fn find(&self, id: &RunId) -> Option<&RunView> {
        self.list.iter().find(|run| run.id == *id)
    }

    /// The place of the selected run in the list: the first one where none is selected.
    #[must_use]
    pub fn position(&self) -> usize {
        let selected = |id: &RunId| self.list.iter().position(|run| run.id == *id);
        self.selected.as_ref().and_then(selected).unwrap_or(0)
    }

    /// The selected run.
    #[must_use]
    pub fn current(&self) -> Option<&RunView> {
        self.list.get(self.position())
    }
}
