//! The state of the Compare screen: the marked runs side by side, and the cursor.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::RunId;
use crate::runs::comparison::{Comparison, MergedComparison, NotComparable, Verdict};
use crate::runs::{Summary, inspection::InspectionError};
use crate::tui::messages::Context;
use crate::tui::messages::compare;
use crate::tui::messages::compare::RunPair;

/// A pane of the screen that scrolls by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ComparePane {
    /// The table of metrics.
    #[default]
    Metrics,
    /// The curves of all runs in one chart.
    Curves,
    /// The F1 of each class.
    Classes,
    /// The settings that differ.
    Settings,
    /// The verdicts in words.
    Verdicts,
}

impl ComparePane {
    /// All panes, in the order of Tab.
    pub const ALL: [Self; 5] = [Self::Metrics, Self::Curves, Self::Classes, Self::Settings, Self::Verdicts];

    /// Returns the title on the pane's rule.
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

    /// Returns the pane `by` positions further, wrapping around.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        Self::ALL[(self as usize).saturating_add_signed(by + 5) % 5]
    }
}

/// The metric that the curves show.
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
    /// Returns the name on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val loss",
            Self::ValAccuracy => "val accuracy",
            Self::TrainLoss => "train loss",
        }
    }

    /// Returns the next metric.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::ValLoss => Self::ValAccuracy,
            Self::ValAccuracy => Self::TrainLoss,
            Self::TrainLoss => Self::ValLoss,
        }
    }
}

/// The view of the curves: metric, axis, scale and smoothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CurveView {
    /// The metric.
    pub shown: CompareCurve,
    /// Whether the axis is elapsed time instead of epochs.
    pub time: bool,
    /// Whether the scale is logarithmic.
    pub log: bool,
    /// The smoothing, from 0 for none to [`Self::SMOOTHEST`].
    pub smoothing: u8,
}

impl CurveView {
    /// The most smoothing.
    pub const SMOOTHEST: u8 = 9;
}

/// The verdict on a run against the baseline, or the reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VerdictStatus<'a> {
    /// The verdict.
    Known(&'a Verdict),
    /// The reason why there can be no verdict.
    Impossible(&'a NotComparable),
    /// The index of the run, or of the baseline, that has not been tested.
    Untested(usize),
    /// The verdict is being computed.
    Computing,
}

/// The state of the Compare screen.
#[derive(Debug, Clone, Default)]
pub struct CompareState {
    /// The pane with the keyboard focus.
    pub pane: ComparePane,
    /// The visible one of curves, classes and settings, where only one of them fits.
    pub middle: Option<ComparePane>,
    /// The line of the cursor in each pane.
    pub lines: [usize; 5],
    /// Whether the pane takes the whole screen.
    pub zoomed: bool,
    /// The selected run.
    pub selected: Option<RunId>,
    /// Whether the published scores are shown.
    pub references: bool,
    /// Whether runs that differ only in the seed are merged into one column.
    pub fold: bool,
    /// The view of the curves.
    pub curves: CurveView,
    /// The runs compared, the baseline first.
    pub runs: Vec<Arc<Summary>>,
    /// The comparison of the runs without its verdicts, which take long and are computed apart.
    pub comparison: Option<Comparison>,
    /// The comparison with merged columns.
    pub folded: Option<MergedComparison>,
    /// The verdicts computed so far, also of runs compared earlier.
    pub verdicts: HashMap<RunPair, Result<Verdict, NotComparable>>,
    /// The pair whose verdict is being computed.
    pub requested: Option<RunPair>,
}

impl CompareState {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        compare::PANES
    }

    /// Compares these runs, if they are others than before or have changed.
    pub fn set_runs(&mut self, runs: Vec<Arc<Summary>>) {
        let same = |(a, b): (&Arc<Summary>, &Arc<Summary>)| Arc::ptr_eq(a, b);
        if runs.len() == self.runs.len() && runs.iter().zip(&self.runs).all(same) {
            return;
        }
        let unread = InspectionError::NotRead;
        let candidate = |run| crate::runs::comparison::Candidate { run, test: Err(unread.clone()) };
        let candidates: Vec<_> = runs.iter().map(|run| candidate(run.as_ref())).collect();
        // The comparison fails only for fewer than two runs, which the screen does not show.
        self.comparison = Comparison::new(&candidates, 0).ok();
        self.folded = self.comparison.as_ref().map(Comparison::merge_seeds);
        self.runs = runs;
    }

    /// Returns the columns of the tables, each with the indices of its runs.
    #[must_use]
    pub fn columns(&self) -> Vec<Vec<usize>> {
        match &self.folded {
            Some(folded) if self.fold => folded.columns.clone(),
            _ => (0..self.runs.len()).map(|run| vec![run]).collect(),
        }
    }

    /// Returns the index of the selected run; the first after the baseline where none is selected.
    #[must_use]
    pub fn position(&self) -> usize {
        let at = |id: &RunId| self.runs.iter().position(|run| run.id == *id);
        self.selected.as_ref().and_then(at).unwrap_or(usize::from(self.runs.len() > 1))
    }

    /// Returns the selected run.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Summary>> {
        self.runs.get(self.position())
    }

    /// Returns whether some of the runs differ only in the seed.
    #[must_use]
    pub fn has_seeds(&self) -> bool {
        self.comparison.as_ref().is_some_and(|comparison| !comparison.groups.is_empty())
    }

    /// Returns the verdict on a run against the baseline.
    #[must_use]
    pub fn verdict_status(&self, run: usize) -> VerdictStatus<'_> {
        let (Some(baseline), Some(other)) = (self.runs.first(), self.runs.get(run)) else {
            return VerdictStatus::Computing;
        };
        if let Some(untested) = [0, run].into_iter().find(|run| self.runs[*run].test.is_none()) {
            return VerdictStatus::Untested(untested);
        }
        match self.verdicts.get(&RunPair::of(baseline, other)) {
            Some(Ok(verdict)) => VerdictStatus::Known(verdict),
            Some(Err(reason)) => VerdictStatus::Impossible(reason),
            None => VerdictStatus::Computing,
        }
    }

    /// Returns the number of lines of a pane on which the cursor can be.
    #[must_use]
    pub fn count(&self, pane: ComparePane) -> usize {
        let Some(comparison) = &self.comparison else { return 0 };
        match pane {
            ComparePane::Metrics => comparison.metrics.len(),
            ComparePane::Curves => 0,
            ComparePane::Classes => comparison.classes.len(),
            ComparePane::Settings => comparison.settings.len(),
            ComparePane::Verdicts => {
                self.runs.len().saturating_sub(1) + comparison.groups.len() + comparison.seed_verdicts.len()
            }
        }
    }

    /// Returns the line of the cursor in a pane.
    #[must_use]
    pub fn line(&self, pane: ComparePane) -> usize {
        self.lines[pane as usize].min(self.count(pane).saturating_sub(1))
    }
}
