//! What the Compare screen knows: the marked runs side by side, and where the keyboard is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::RunId;
use crate::runs::comparison::{Comparison, MergedComparison, NotComparable, Verdict};
use crate::runs::{Summary, inspection::InspectionError};
use crate::tui::messages::Context;
use crate::tui::messages::compare;
use crate::tui::messages::compare::Pair;

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

/// How a run stands against the baseline, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VerdictStatus<'a> {
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
    /// Where the keyboard points.
    #[must_use]
    pub fn context(&self) -> Context {
        compare::PANES
    }

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
    pub fn standing(&self, run: usize) -> VerdictStatus<'_> {
        let (Some(baseline), Some(other)) = (self.runs.first(), self.runs.get(run)) else {
            return VerdictStatus::Computing;
        };
        if let Some(untested) = [0, run].into_iter().find(|run| self.runs[*run].test.is_none()) {
            return VerdictStatus::Untested(untested);
        }
        match self.verdicts.get(&Pair::of(baseline, other)) {
            Some(Ok(verdict)) => VerdictStatus::Known(verdict),
            Some(Err(reason)) => VerdictStatus::Impossible(reason),
            None => VerdictStatus::Computing,
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
