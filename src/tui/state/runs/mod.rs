//! What the Runs screen knows.

mod asked;
mod chart;
mod limits;
mod log;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub use asked::{Asked, Request};
pub use chart::{Chart, Curves, Places};
pub use limits::{meaning, parse as parse_limits};
pub use log::LogView;

use crate::domain::{RunId, RunState};
use crate::events::Damage;
pub use crate::runs::detail::LogLine;
use crate::runs::facts::RunFacts;
use crate::runs::query::{Query, SortKey};
use crate::runs::{Annotations, Steps, Summary, WorkerDeath};
use crate::supervise::kill::{STOP_ANSWER_GRACE, STOP_GRACE};

/// Most runs that Compare shows side by side.
pub const COMPARED: usize = 6;

/// A run as it was when the watcher last looked. Cheap to copy.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its events folded up, or why they cannot be read.
    pub summary: Result<Arc<Summary>, String>,
    /// Whether a worker held its lock, or may begin at any time.
    pub alive: bool,
    /// Whether nobody held it, but a worker may begin at any time.
    pub submitted: bool,
    /// When its worker was asked to stop, by whomever, in milliseconds since 1970; `None` once the request is taken
    /// back.
    pub stop_asked: Option<u64>,
    /// Why its worker is gone, if it is and the run has not ended.
    pub loss: Option<WorkerDeath>,
    /// Whether it has saved weights that fine-tuning can start from.
    pub saved: bool,
    /// The lines of its log that are damaged and were left out.
    pub damage: Damage,
    /// What a person says about it.
    pub about: Arc<Annotations>,
    /// The training curve within epochs; `None` until the watcher was asked for this run whole.
    pub curves: Option<Arc<Steps>>,
    /// The end of its log; empty until the watcher was asked for this run whole.
    pub log: Arc<Vec<LogLine>>,
}

impl RunView {
    /// Its state at this time; `None` if the run cannot be read.
    #[must_use]
    pub fn state(&self, now: u64) -> Option<RunState> {
        let summary = self.summary.as_ref().ok()?;
        Some(if self.submitted { RunState::Queued } else { summary.state(self.alive, now) })
    }

    /// Whether a worker is at it, or about to be.
    #[must_use]
    pub fn is_active(&self, now: u64) -> bool {
        self.state(now).is_some_and(RunState::is_active)
    }

    /// Whether its worker was asked to stop and has not answered, or not obeyed, for so long that it may be stuck.
    #[must_use]
    pub fn ignores_a_stop(&self, now: u64) -> bool {
        let (Some(asked), Ok(summary), true) = (self.stop_asked, &self.summary, self.alive) else { return false };
        let patience = if summary.stopping { STOP_GRACE } else { STOP_ANSWER_GRACE };
        now.saturating_sub(asked) >= patience
    }

    fn facts(&self, now: u64) -> Option<RunFacts> {
        let summary = self.summary.as_ref().ok()?;
        Some(RunFacts::new(Arc::clone(summary), Arc::clone(&self.about), self.state(now)?, now))
    }
}

/// The part of a run that the keyboard moves in, where it takes the whole screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pane {
    /// The curves and what stands beside them.
    #[default]
    Curves,
    /// The log.
    Log,
}

/// Which runs the list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// As it was typed.
    pub text: String,
    /// What it means.
    pub query: Query,
}

/// What the Runs screen knows.
#[derive(Debug, Clone, Default)]
pub struct RunsState {
    /// Whether the runs were read once.
    pub loaded: bool,
    /// Why they cannot be.
    pub error: Option<String>,
    /// All runs: active ones first, each group from the youngest.
    pub list: Vec<RunView>,
    /// Which of them the list shows, as places in `list`, in its order.
    pub shown: Vec<usize>,
    /// What the list is filtered by.
    pub filter: Filter,
    /// What it is ordered by; `None` for active ones first, then the youngest.
    pub sort: Option<SortKey>,
    /// The selected one, by name: a list that moves must not change what is selected.
    pub selected: Option<RunId>,
    /// The marked ones, in the order in which they were marked: what Compare shows.
    pub marked: Vec<RunId>,
    /// Whether the selected run takes the whole screen.
    pub whole: bool,
    /// The part of it that the keyboard moves in.
    pub pane: Pane,
    /// Whether that part takes the whole screen.
    pub pane_whole: bool,
    /// How its curves are shown.
    pub chart: Chart,
    /// Which part of its log is shown.
    pub log: LogView,
    /// What workers were asked for and have not answered.
    pub asked: Vec<Asked>,
}

impl RunsState {
    /// Takes a new list in. Returns what is to be told of the answers that came with it.
    pub fn replace(&mut self, list: Vec<RunView>, now: u64) -> Vec<String> {
        self.take_in(now, |runs| *runs = list)
    }

    /// Takes in runs that are new or changed. Returns the same.
    pub fn merge(&mut self, changed: Vec<RunView>, now: u64) -> Vec<String> {
        let mut changed: BTreeMap<RunId, RunView> = changed.into_iter().map(|run| (run.id.clone(), run)).collect();
        self.take_in(now, |runs| {
            for run in runs.iter_mut() {
                if let Some(new) = changed.remove(&run.id) {
                    *run = new;
                }
            }
            runs.extend(changed.into_values());
        })
    }

    fn take_in(&mut self, now: u64, change: impl FnOnce(&mut Vec<RunView>)) -> Vec<String> {
        let place = self.place();
        let before = self.current().map(|run| (run.id.clone(), Arc::clone(&run.log)));
        let awaited = self.selected.clone().filter(|id| self.loaded && self.find(id).is_none());
        change(&mut self.list);
        self.loaded = true;
        self.list.sort_by_cached_key(|run| {
            let created = run.summary.as_ref().map_or(0, |summary| summary.recipe.created_at);
            (!run.is_active(now), Reverse(created), run.id.clone())
        });
        let ids: HashSet<&RunId> = self.list.iter().map(|run| &run.id).collect();
        self.marked.retain(|id| ids.contains(id));
        if let Some((id, log)) = before {
            let grown = self.find(&id).map_or(0, |after| log::grown(&log, &after.log));
            self.log.hold(grown);
        }
        self.arrange(now);
        // Who deletes a run goes on with the one that takes its place.
        let gone = self.selected.as_ref().is_some_and(|id| self.find(id).is_none());
        if let (Some(place), true) = (place, gone) {
            self.select(place.min(self.shown.len().saturating_sub(1)));
        }
        let mut told = self.take_answers(now);
        // Who has just launched a run looks for it in the list.
        let hidden = awaited.filter(|id| self.find(id).is_some() && self.place().is_none());
        told.extend(hidden.map(|id| format!("{id} is there, and the filter hides it: / changes the filter")));
        told
    }

    /// The runs to be read with curve and log: the one that is shown, and those that Compare shows.
    #[must_use]
    pub fn wanted(&self) -> Vec<RunId> {
        let shown = self.current().map(|run| run.id.clone());
        let marked = self.marked.iter().take(COMPARED).filter(|id| shown.as_ref() != Some(id));
        shown.iter().chain(marked).cloned().collect()
    }

    fn take_answers(&mut self, now: u64) -> Vec<String> {
        let list = &self.list;
        let mut told = Vec::new();
        self.asked.retain(|asked| {
            let run = list.iter().find(|run| run.id == asked.id);
            let Some(run) = run else { return false };
            match asked.answer(run, now) {
                Some(words) => {
                    told.push(words);
                    false
                }
                None => true,
            }
        });
        told
    }

    /// Filters and orders the list anew.
    pub fn arrange(&mut self, now: u64) {
        let wanted = |run: &RunView, facts: Option<&RunFacts>| match facts {
            Some(facts) => self.filter.query.matches(facts),
            // What cannot be read fits no condition, and must not get lost where there is none.
            None => self.filter.query.is_empty() || run.id.as_str().contains(self.filter.text.trim()),
        };
        if self.sort.is_none() && self.filter.query.is_empty() {
            self.shown = (0..self.list.len()).collect();
            return;
        }
        let all = self.list.iter().map(|run| run.facts(now)).enumerate();
        let mut shown: Vec<(usize, Option<RunFacts>)> =
            all.filter(|(index, facts)| wanted(&self.list[*index], facts.as_ref())).collect();
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

    /// The run of this name.
    #[must_use]
    pub fn find(&self, id: &RunId) -> Option<&RunView> {
        self.list.iter().find(|run| run.id == *id)
    }

    /// The runs that the list shows, in its order.
    #[must_use]
    pub fn visible(&self) -> impl ExactSizeIterator<Item = &RunView> {
        self.shown.iter().map(|index| &self.list[*index])
    }

    fn place(&self) -> Option<usize> {
        let id = self.selected.as_ref()?;
        self.visible().position(|run| run.id == *id)
    }

    /// The place of the selected run among those shown: the first one where none of them is selected.
    #[must_use]
    pub fn position(&self) -> usize {
        self.place().unwrap_or(0)
    }

    /// Selects the run at this place of the list.
    pub fn select(&mut self, place: usize) {
        let id = self.visible().nth(place).map(|run| run.id.clone());
        if id != self.selected {
            self.log = LogView::default();
        }
        self.selected = id;
    }

    /// The selected run, if the list shows any.
    #[must_use]
    pub fn current(&self) -> Option<&RunView> {
        self.shown.get(self.position()).map(|index| &self.list[*index])
    }

    /// What the worker of a run was asked for last and has not answered.
    #[must_use]
    pub fn unanswered(&self, id: &RunId) -> Option<&Asked> {
        self.asked.iter().rfind(|asked| asked.id == *id)
    }

    /// The runs that an action is for: the marked ones where several are, else the selected one.
    #[must_use]
    pub fn meant(&self) -> Vec<RunId> {
        match (self.marked.as_slice(), self.current()) {
            (marked, _) if marked.len() > 1 && !self.whole => marked.to_vec(),
            (_, Some(run)) => vec![run.id.clone()],
            (_, None) => Vec::new(),
        }
    }
}
