//! The state of the Runs screen.

mod chart;
mod limits;
mod limits_form;
mod log;
mod news;
mod predictions;
mod queue_times;
mod requests;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub use chart::{Chart, Curves, EpochPositions};
pub use limits::parse_limits;
pub use limits_form::LimitsForm;
pub use log::LogView;
pub use news::News;
pub use predictions::{PredictionStatus, Predictions};
pub use queue_times::QueueTimes;
pub use requests::{PendingRequest, Request};

use crate::domain::RunId;
use crate::runs::comparison::MAX_RUNS;
pub use crate::runs::detail::LogLine;
use crate::runs::facts::{Field, RunFacts};
use crate::runs::query::{Query, SortKey};
use crate::tui::library::{Library, RunView};
use crate::tui::messages::Context;
use crate::tui::messages::runs;
use crate::tui::screens::retest::RequestedTest;

/// The part of a run on the whole screen that has the keyboard focus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pane {
    /// The curves and the panel.
    #[default]
    Curves,
    /// The log.
    Log,
}

/// The filter of the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The filter as typed.
    pub text: String,
    /// The parsed filter.
    pub query: Query,
}

/// The purpose of a line typed on the Runs screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsPurpose {
    /// A filter for the list.
    Filter {
        /// The previous filter.
        before: String,
    },
    /// A new name for a run.
    Rename(RunId),
    /// Tags to add to runs and to remove from them.
    Tag(Vec<RunId>),
    /// The note of runs.
    Note(Vec<RunId>),
    /// New limits for a run.
    Limits(Vec<RunId>),
    /// The column by which the list is sorted.
    Sort {
        /// The previous order.
        before: Option<SortKey>,
    },
    /// The columns of the list.
    Columns {
        /// The previous columns.
        before: Vec<Field>,
    },
    /// The pictures that these runs are to predict.
    Predict(Vec<RunId>),
    /// The path to which a run is exported.
    Export(RunId),
    /// The text to search in the log.
    Search {
        /// The previous search text.
        before: String,
    },
}

/// The state of the Runs screen.
#[derive(Debug, Clone, Default)]
pub struct RunsState {
    /// The runs that the list shows, as indices into the library, in the order of the list.
    pub shown: Vec<usize>,
    /// The filter of the list.
    pub filter: Filter,
    /// The sort key of the list; `None` for active runs first, then the youngest.
    pub sort: Option<SortKey>,
    /// The chosen columns of the list in their order; empty for the usual ones.
    pub columns: Vec<Field>,
    /// The fields of the prompt for limits, until its line is edited as text.
    pub limits_form: Option<LimitsForm>,
    /// The name of the selected run, which a moving list does not change.
    pub selected: Option<RunId>,
    /// The marked runs in the order of marking, which Compare shows.
    pub marked: Vec<RunId>,
    /// Whether the selected run takes the whole screen.
    pub whole: bool,
    /// The part of it that has the keyboard focus.
    pub pane: Pane,
    /// Whether that part takes the whole screen.
    pub pane_whole: bool,
    /// The view of its curves.
    pub chart: Chart,
    /// The visible part of its log.
    pub log: LogView,
    /// The requests that workers have not answered yet.
    pub pending: Vec<PendingRequest>,
    /// The tests that the user requested, until their end is reported.
    pub tests: Vec<RequestedTest>,
    /// The waiting runs, with their expected times.
    pub queue: QueueTimes,
    /// The runs that ended since the last look.
    pub news: News,
    /// The predictions for pictures from outside, if they are shown.
    pub predictions: Option<Predictions>,
    /// The number of the last prediction; 0 before the first.
    pub prediction_number: u64,
    /// The sources of the last prediction.
    pub predicted_sources: String,
    /// The purpose of the line that is being typed.
    pub prompt: Option<RunsPurpose>,
}

impl RunsState {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        if self.predictions.is_some() {
            return runs::PREDICTIONS;
        }
        match (self.whole, self.pane) {
            (true, Pane::Log) => runs::LOG,
            (true, Pane::Curves) => runs::DETAIL,
            (false, _) => runs::LIST,
        }
    }

    /// Replaces the library's runs. Returns messages about the answered requests.
    pub fn replace(&mut self, library: &mut Library, list: Vec<RunView>, now: u64) -> Vec<String> {
        self.change(library, now, |runs| *runs = list)
    }

    /// Merges new and changed runs into the library. Returns messages about the answered requests.
    pub fn merge(&mut self, library: &mut Library, changed: Vec<RunView>, now: u64) -> Vec<String> {
        let mut changed: BTreeMap<RunId, RunView> = changed.into_iter().map(|run| (run.id.clone(), run)).collect();
        self.change(library, now, |runs| {
            for run in runs.iter_mut() {
                if let Some(new) = changed.remove(&run.id) {
                    *run = new;
                }
            }
            runs.extend(changed.into_values());
        })
    }

    /// Changes the list, and keeps selection, marks and the visible part of the log with their runs.
    fn change(&mut self, library: &mut Library, now: u64, change: impl FnOnce(&mut Vec<RunView>)) -> Vec<String> {
        let index = self.index(library);
        let before = self.current(library).map(|run| (run.id.clone(), Arc::clone(&run.log)));
        let awaited = self.selected.clone().filter(|id| library.runs.loaded && library.runs.find(id).is_none());
        change(&mut library.runs.list);
        library.runs.loaded = true;
        library.runs.list.sort_by_cached_key(|run| {
            let created = run.summary.as_ref().map_or(0, |summary| summary.recipe.created_at);
            // Waiting runs are in the order of the queue, below those at work.
            let wait = run.summary.as_ref().ok().filter(|summary| run.is_active(now) && summary.wait().is_some());
            let position = wait.map(|wait| (wait.slot_wait.as_ref().map_or(usize::MAX, |slot| slot.ahead), created));
            (!run.is_active(now), position, Reverse(created), run.id.clone())
        });
        let ids: HashSet<&RunId> = library.runs.list.iter().map(|run| &run.id).collect();
        self.marked.retain(|id| ids.contains(id));
        if let Some((id, log)) = before {
            let grown = library.runs.find(&id).map_or(0, |after| log::count_new_lines(&log, &after.log));
            self.log.keep_position(grown);
        }
        self.queue.read(library, now);
        self.arrange(library, now);
        // After a deletion the run that takes its index is selected.
        let gone = self.selected.as_ref().is_some_and(|id| library.runs.find(id).is_none());
        if let (Some(index), true) = (index, gone) {
            self.select(index.min(self.shown.len().saturating_sub(1)), library);
        }
        let mut messages = self.take_answers(library, now);
        // The user looks for a run that was just launched, so a filter that hides it is reported.
        let hidden = awaited.filter(|id| library.runs.find(id).is_some() && self.index(library).is_none());
        messages.extend(hidden.map(|id| format!("{id} is there, but the filter hides it: / changes the filter")));
        messages
    }

    /// Returns the runs to read with curve and log: the visible one, and those that Compare shows.
    #[must_use]
    pub fn runs_to_read(&self, library: &Library) -> Vec<RunId> {
        let shown = self.current(library).map(|run| run.id.clone());
        let marked = self.marked.iter().take(MAX_RUNS).filter(|id| shown.as_ref() != Some(id));
        shown.iter().chain(marked).cloned().collect()
    }

    fn take_answers(&mut self, library: &Library, now: u64) -> Vec<String> {
        let mut messages = Vec::new();
        self.pending.retain(|pending| {
            let Some(run) = library.runs.find(&pending.id) else { return false };
            match pending.answer(run, now) {
                Some(words) => {
                    messages.push(words);
                    false
                }
                None => true,
            }
        });
        messages
    }

    /// Filters and sorts the list.
    pub fn arrange(&mut self, library: &Library, now: u64) {
        let wanted = |run: &RunView, facts: Option<&RunFacts>| match facts {
            Some(facts) => self.filter.query.matches(facts),
            // An unreadable run matches no condition, but must not disappear from an unfiltered list.
            None => self.filter.query.is_empty() || run.id.as_str().contains(self.filter.text.trim()),
        };
        if self.sort.is_none() && self.filter.query.is_empty() {
            self.shown = (0..library.runs.list.len()).collect();
            return;
        }
        let all = library.runs.list.iter().map(|run| run.facts(now)).enumerate();
        let mut shown: Vec<(usize, Option<RunFacts>)> =
            all.filter(|(index, facts)| wanted(&library.runs.list[*index], facts.as_ref())).collect();
        if let Some(key) = self.sort {
            shown.sort_by(|(_, one), (_, other)| match (one, other) {
                (Some(one), Some(other)) => key.compare(one, other),
                (one, other) => {
                    if one.is_some() == other.is_some() {
                        Ordering::Equal
                    } else {
                        other.is_some().cmp(&one.is_some())
                    }
                }
            });
        }
        self.shown = shown.into_iter().map(|(index, _)| index).collect();
    }

    /// Returns the runs that the list shows, in its order.
    #[must_use]
    pub fn visible<'a>(&'a self, library: &'a Library) -> impl ExactSizeIterator<Item = &'a RunView> {
        self.shown.iter().map(|index| &library.runs.list[*index])
    }

    fn index(&self, library: &Library) -> Option<usize> {
        let id = self.selected.as_ref()?;
        self.visible(library).position(|run| run.id == *id)
    }

    /// Returns the index of the selected run in the list; 0 where none is selected.
    #[must_use]
    pub fn position(&self, library: &Library) -> usize {
        self.index(library).unwrap_or(0)
    }

    /// Selects the run at this index of the list.
    pub fn select(&mut self, index: usize, library: &Library) {
        let id = self.visible(library).nth(index).map(|run| run.id.clone());
        if id != self.selected {
            self.log = LogView::default();
        }
        self.selected = id;
    }

    /// Returns the selected run, if the list shows any.
    #[must_use]
    pub fn current<'a>(&self, library: &'a Library) -> Option<&'a RunView> {
        self.shown.get(self.position(library)).map(|index| &library.runs.list[*index])
    }

    /// Returns the latest request to a run's worker that has no answer yet.
    #[must_use]
    pub fn pending_request(&self, id: &RunId) -> Option<&PendingRequest> {
        self.pending.iter().rfind(|pending| pending.id == *id)
    }
}
