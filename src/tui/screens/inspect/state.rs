//! What the Inspect screen knows: which predictions are wanted, what was read of them, where the cursor is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{DataFold, DatasetName, RunId, Split};
use crate::runs::inspection::{Order, ScoredImage};
use crate::tui::messages::Context;
use crate::tui::messages::inspect;
use crate::tui::messages::inspect::{Judgement, Shown, Subject};

/// Training images with the largest loss that are listed as candidates for wrong labels.
pub const SUSPECTS: usize = 500;

/// Images that are read at once around the one looked at.
pub const BLOCK: usize = 96;

/// Images that are kept at most, so that leafing through a large dataset does not fill the memory.
const KEPT: usize = 1_024;

/// What the cells of the matrix show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Images.
    Counts,
    /// Percent of the row.
    #[default]
    Shares,
    /// Percent of the row, less the other run's.
    Difference,
}

/// Where the arrow keys work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InspectPane {
    /// The confusion matrix.
    #[default]
    Matrix,
    /// The figures of each class.
    Table,
    /// The images behind a cell.
    Faces,
}

impl InspectPane {
    /// The next one, or the one before.
    #[must_use]
    pub fn step(self, on: bool) -> Self {
        match (self, on) {
            (Self::Matrix, true) | (Self::Faces, false) => Self::Table,
            (Self::Table, true) | (Self::Matrix, false) => Self::Faces,
            (Self::Faces, true) | (Self::Table, false) => Self::Matrix,
        }
    }
}

/// The images at hand, of one dataset.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    /// The dataset, its fingerprint and the fold.
    pub of: Option<(DatasetName, String, Option<DataFold>)>,
    /// Those that were read.
    pub known: HashMap<(Split, usize), Arc<Shown>>,
    /// Those that were asked for.
    pub asked: HashSet<(Split, usize)>,
    /// Why they cannot be read.
    pub error: Option<String>,
}

impl Faces {
    /// Forgets everything if it is of another dataset, or grew too large.
    pub fn settle(&mut self, of: (DatasetName, String, Option<DataFold>)) {
        if self.of.as_ref() != Some(&of) || self.known.len() > KEPT {
            *self = Self { of: Some(of), ..Self::default() };
        }
    }
}

/// What the Inspect screen knows.
#[derive(Debug, Clone)]
pub struct InspectState {
    /// The run looked into.
    pub run: Option<RunId>,
    /// The run it is held against.
    pub against: Option<RunId>,
    /// The selected run of the Runs screen when `run` was last chosen: selecting another one there chooses anew.
    pub followed: Option<RunId>,
    /// Which images.
    pub split: Split,
    /// The chosen epoch of validation results; `None` for the best one, or the last of a run still at work.
    pub epoch: Option<u32>,
    /// Whether the training images with the largest loss are shown.
    pub suspects: bool,
    /// Which images were shown before these.
    pub before: Split,
    /// What the cells show.
    pub mode: Mode,
    /// Where the arrow keys work.
    pub pane: InspectPane,
    /// Truth and predicted class under the cursor.
    pub cell: (usize, usize),
    /// How the images of a cell are sorted.
    pub order: Order,
    /// The image looked at, as a place in `list`.
    pub pick: usize,
    /// Whether the images take the whole screen.
    pub pager: bool,
    /// The predictions wanted.
    pub subject: Option<Subject>,
    /// The predictions read last, or why they cannot be; until the wanted ones are there, those before them.
    pub seen: Option<(Subject, Result<Arc<Judgement>, String>)>,
    /// The images behind the cell, or the suspects.
    pub list: Arc<Vec<ScoredImage>>,
    /// The images at hand.
    pub faces: Faces,
    /// Epochs, whether it is tested, whether a worker is at it: predictions are read again when one of these changes.
    pub stamp: (usize, bool, bool),
}

impl Default for InspectState {
    fn default() -> Self {
        Self {
            run: None,
            against: None,
            followed: None,
            split: Split::Test,
            epoch: None,
            suspects: false,
            before: Split::Test,
            mode: Mode::default(),
            pane: InspectPane::default(),
            cell: (0, 0),
            order: Order::default(),
            pick: 0,
            pager: false,
            subject: None,
            seen: None,
            list: Arc::default(),
            faces: Faces::default(),
            stamp: (0, false, false),
        }
    }
}

impl InspectState {
    /// Where the keyboard points.
    #[must_use]
    pub fn context(&self) -> Context {
        inspect::PANES
    }

    /// What is shown: of the wanted run and split, if perhaps of another epoch than the wanted one.
    #[must_use]
    pub fn shown(&self) -> Option<(&Subject, &Result<Arc<Judgement>, String>)> {
        let wanted = self.subject.as_ref()?;
        let (seen, result) = self.seen.as_ref()?;
        (seen.run == wanted.run && seen.split == wanted.split).then_some((seen, result))
    }

    /// The predictions shown, if they could be read.
    #[must_use]
    pub fn judgement(&self) -> Option<&Arc<Judgement>> {
        self.shown().and_then(|(_, result)| result.as_ref().ok())
    }

    /// The image looked at.
    #[must_use]
    pub fn picked(&self) -> Option<&ScoredImage> {
        self.list.get(self.pick)
    }

    /// What the matrix can show: a difference only of two.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let two = self.judgement().is_some_and(|seen| matches!(seen.against, Some(Ok(_))));
        if self.mode == Mode::Difference && !two { Mode::Shares } else { self.mode }
    }
}
