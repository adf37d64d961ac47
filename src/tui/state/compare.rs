//! What the Compare screen knows: the marked runs side by side, and where the keyboard is.

use std::collections::HashMap;
use std::sync::Arc;

use super::{RunView, State};
use crate::domain::{Recipe, RunId, RunState};
use crate::runs::comparison::{Comparison, MAX_RUNS, MergedComparison, NotComparable, Verdict};
use crate::runs::{Summary, inspection::InspectionError};

/// A part of the screen that scrolls by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ComparePane {
    /// The table of metrics.
    #[default]
    Metrics,
    /// The curves over one another.
    Curves,
    /// The F1 of each class.
    Classes,
    /// The settings that differ.
    Settings,
    /// Who is better, in words.
    Verdicts,
}

impl ComparePane {
    /// All of them, in the order of Tab.
    pub const ALL: [Self; 5] = [Self::Metrics, Self::Curves, Self::Classes, Self::Settings, Self::Verdicts];

    /// What stands on its rule.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Curves => "curves",
            Self::Classes => "F1 by class",
            Self::Settings => "settings that differ",
            Self::Verdicts => "is it luck?",
        }
    }

    /// The pane this many further, around the end.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        Self::ALL[(self as usize).saturating_add_signed(by + 5) % 5]
    }
}

/// Which figure the curves show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CompareCurve {
    /// Loss on the validation images.
    #[default]
    ValLoss,
    /// Accuracy on the validation images.
    ValAccuracy,
    /// Mean loss of an epoch's training images.
    TrainLoss,
}

impl CompareCurve {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val loss",
            Self::ValAccuracy => "val accuracy",
            Self::TrainLoss => "train loss",
        }
    }

    /// The one that `m` shows next.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::ValLoss => Self::ValAccuracy,
            Self::ValAccuracy => Self::TrainLoss,
            Self::TrainLoss => Self::ValLoss,
        }
    }
}

/// How the curves are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CurveView {
    /// Which figure.
    pub shown: CompareCurve,
    /// Over elapsed time instead of epochs.
    pub time: bool,
    /// On a logarithmic scale.
    pub log: bool,
    /// How smooth, from 0 for not at all to [`Self::SMOOTHEST`].
    pub smoothing: u8,
}

impl CurveView {
    /// The most smoothing.
    pub const SMOOTHEST: u8 = 9;
}

/// A tested run as of its latest event: what its predictions on disk belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tested {
    /// The run.
    pub id: RunId,
    /// When it last told something, in milliseconds since 1970.
    pub at: Option<u64>,
}

/// A run and what it is held against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pair {
    /// The baseline.
    pub baseline: Tested,
    /// The run.
    pub run: Tested,
}

impl Pair {
    /// Of these runs as they are now.
    #[must_use]
    pub fn of(baseline: &Summary, run: &Summary) -> Self {
        let tested = |run: &Summary| Tested { id: run.id.clone(), at: run.updated_at };
        Self { baseline: tested(baseline), run: tested(run) }
    }
}

/// How a run stands against the baseline, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing<'a> {
    /// The verdict.
    Known(&'a Verdict),
    /// Why there can be none.
    Impossible(&'a NotComparable),
    /// The column of a run without a test.
    Untested(usize),
    /// It is being worked out.
    Computing,
}

/// What the Compare screen knows.
#[derive(Debug, Clone, Default)]
pub struct CompareState {
    /// Where the keyboard is.
    pub pane: ComparePane,
    /// Which of curves, classes and settings is shown where only one of them has room.
    pub middle: Option<ComparePane>,
    /// The line that the keyboard is on, pane by pane.
    pub lines: [usize; 5],
    /// Whether the pane takes the whole screen.
    pub zoomed: bool,
    /// The selected column's run.
    pub selected: Option<RunId>,
    /// Whether the published figures are shown.
    pub references: bool,
    /// Whether runs that differ only in the seed are one column.
    pub fold: bool,
    /// How the curves are drawn.
    pub curves: CurveView,
    /// The runs compared, the baseline first.
    pub runs: Vec<Arc<Summary>>,
    /// They side by side; its own verdicts are left empty, because they take long.
    pub comparison: Option<Comparison>,
    /// The same, folded.
    pub folded: Option<MergedComparison>,
    /// The verdicts at hand, also those of earlier choices.
    pub verdicts: HashMap<Pair, Result<Verdict, NotComparable>>,
    /// The verdict that is being worked out.
    pub asked: Option<Pair>,
}

impl CompareState {
    /// Takes these runs as columns, if they are others than before or have changed.
    pub fn put(&mut self, runs: Vec<Arc<Summary>>) {
        let same = |(a, b): (&Arc<Summary>, &Arc<Summary>)| Arc::ptr_eq(a, b);
        if runs.len() == self.runs.len() && runs.iter().zip(&self.runs).all(same) {
            return;
        }
        let untold = InspectionError::NotRead;
        let candidate = |run| crate::runs::comparison::Candidate { run, test: Err(untold.clone()) };
        let candidates: Vec<_> = runs.iter().map(|run| candidate(run.as_ref())).collect();
        // Fails for fewer than two alone, of which there is nothing to show.
        self.comparison = Comparison::new(&candidates, 0).ok();
        self.folded = self.comparison.as_ref().map(Comparison::merge_seeds);
        self.runs = runs;
    }

    /// The columns of the tables: each with the runs that it stands for.
    #[must_use]
    pub fn columns(&self) -> Vec<Vec<usize>> {
        match &self.folded {
            Some(folded) if self.fold => folded.columns.clone(),
            _ => (0..self.runs.len()).map(|run| vec![run]).collect(),
        }
    }

    /// The run of the selected column: the first after the baseline where none is selected.
    #[must_use]
    pub fn position(&self) -> usize {
        let at = |id: &RunId| self.runs.iter().position(|run| run.id == *id);
        self.selected.as_ref().and_then(at).unwrap_or(usize::from(self.runs.len() > 1))
    }

    /// The selected run.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Summary>> {
        self.runs.get(self.position())
    }

    /// Whether some of the runs differ in the seed alone.
    #[must_use]
    pub fn has_seeds(&self) -> bool {
        self.comparison.as_ref().is_some_and(|comparison| !comparison.groups.is_empty())
    }

    /// How the run in a column stands against the baseline.
    #[must_use]
    pub fn standing(&self, run: usize) -> Standing<'_> {
        let (Some(baseline), Some(other)) = (self.runs.first(), self.runs.get(run)) else {
            return Standing::Computing;
        };
        if let Some(untested) = [0, run].into_iter().find(|run| self.runs[*run].test.is_none()) {
            return Standing::Untested(untested);
        }
        match self.verdicts.get(&Pair::of(baseline, other)) {
            Some(Ok(verdict)) => Standing::Known(verdict),
            Some(Err(reason)) => Standing::Impossible(reason),
            None => Standing::Computing,
        }
    }

    /// How many lines the keyboard can be on in a pane.
    #[must_use]
    pub fn count(&self, pane: ComparePane) -> usize {
        let Some(comparison) = &self.comparison else { return 0 };
        match pane {
            ComparePane::Metrics => comparison.metrics.len(),
            ComparePane::Curves => 0,
            ComparePane::Classes => comparison.classes.len(),
            ComparePane::Settings => comparison.settings.len(),
            ComparePane::Verdicts => self.runs.len().saturating_sub(1) + comparison.groups.len(),
        }
    }

    /// The line that the keyboard is on in a pane.
    #[must_use]
    pub fn line(&self, pane: ComparePane) -> usize {
        self.lines[pane as usize].min(self.count(pane).saturating_sub(1))
    }
}

impl State {
    /// The marked runs that can be read, at most [`MAX_RUNS`].
    #[must_use]
    pub fn compared(&self) -> Vec<&RunView> {
        let marked = self.runs.marked.iter().filter_map(|id| self.runs.find(id));
        marked.filter(|run| run.summary.is_ok()).take(MAX_RUNS).collect()
    }

    /// The marked runs that are not shown, each with the reason.
    #[must_use]
    pub fn left_out(&self) -> Vec<(&RunId, String)> {
        let shown = self.compared();
        let reason = |run: &RunView| match &run.summary {
            Err(reason) => reason.clone(),
            Ok(_) => format!("at most {MAX_RUNS} runs are compared at once"),
        };
        let marked = self.runs.marked.iter().filter_map(|id| self.runs.find(id));
        let hidden = marked.filter(|run| shown.iter().all(|other| other.id != run.id));
        hidden.map(|run| (&run.id, reason(run))).collect()
    }

    /// What to mark for a comparison, where fewer than two runs are: the newest finished runs on one dataset, that of a
    /// marked run if there is one; of several datasets only where no two are on the same one.
    #[must_use]
    pub fn suggested(&self) -> Vec<RunId> {
        let finished = |run: &&RunView| {
            let tested = run.summary.as_ref().is_ok_and(|summary| summary.test.is_some());
            tested && run.state(self.now) == Some(RunState::Finished) && !self.runs.marked.contains(&run.id)
        };
        let recipe = |run: &RunView| run.summary.as_ref().ok().map(|summary| summary.recipe.clone());
        let mut found: Vec<(&RunId, Recipe)> =
            self.runs.list.iter().filter(finished).filter_map(|run| Some((&run.id, recipe(run)?))).collect();
        found.sort_by_key(|(_, recipe)| std::cmp::Reverse(recipe.created_at));
        let marked = self.compared();
        let paired = |at: usize| found[at + 1..].iter().any(|(_, other)| other.fingerprint == found[at].1.fingerprint);
        let dataset = match marked.first() {
            Some(run) => recipe(run).map(|recipe| recipe.fingerprint),
            None => (0..found.len()).find(|at| paired(*at)).map(|at| found[at].1.fingerprint.clone()),
        };
        found.sort_by_key(|(_, recipe)| dataset.as_ref().is_some_and(|dataset| recipe.fingerprint != *dataset));
        found.into_iter().take(2_usize.saturating_sub(marked.len())).map(|(id, _)| id.clone()).collect()
    }
}
