//! The state of the Inspect screen: the requested predictions, the images read, and the cursor.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{DataFold, DatasetName, RunId, Split};
use crate::runs::inspection::{Order, ScoredImage};
use crate::supervise::HeatMaps;
use crate::tui::messages::Context;
use crate::tui::messages::inspect;
use crate::tui::messages::inspect::{HeatMapRequest, PredictionReport, PredictionRequest, SourcedImage};

/// The number of training images with the largest loss that are listed as suspects.
pub const SUSPECTS: usize = 500;

/// The number of images that are read at once around the selected one.
pub const BLOCK: usize = 96;

/// The maximum number of images in memory. Otherwise paging through a large dataset would fill it.
const KEPT: usize = 1_024;

/// The content of the matrix's cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The number of images.
    Counts,
    /// Percent of the row.
    #[default]
    Shares,
    /// Percent of the row, minus that of the other run.
    Difference,
}

/// The pane with the keyboard focus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InspectPane {
    /// The confusion matrix.
    #[default]
    Matrix,
    /// The scores of each class.
    Table,
    /// The images behind a cell.
    Faces,
}

impl InspectPane {
    /// Returns the next pane, or the previous one.
    #[must_use]
    pub fn step(self, on: bool) -> Self {
        match (self, on) {
            (Self::Matrix, true) | (Self::Faces, false) => Self::Table,
            (Self::Table, true) | (Self::Matrix, false) => Self::Faces,
            (Self::Faces, true) | (Self::Table, false) => Self::Matrix,
        }
    }
}

/// The images of one dataset that were read or requested.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    /// The dataset, its fingerprint and the fold.
    pub of: Option<(DatasetName, String, Option<DataFold>)>,
    /// The images that were read.
    pub known: HashMap<(Split, usize), Arc<SourcedImage>>,
    /// The images that were requested.
    pub requested: HashSet<(Split, usize)>,
    /// The reason why they cannot be read.
    pub error: Option<String>,
}

impl Faces {
    /// Removes all images if they are of another dataset or too many.
    pub fn reset_if_outdated(&mut self, of: (DatasetName, String, Option<DataFold>)) {
        if self.of.as_ref() != Some(&of) || self.known.len() > KEPT {
            *self = Self { of: Some(of), ..Self::default() };
        }
    }
}

/// The class whose heat map is drawn over the selected image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeatMapClass {
    /// The predicted class.
    Predicted,
    /// The true class.
    Truth,
}

/// The heat maps that were computed, and those that are being computed.
#[derive(Debug, Clone, Default)]
pub struct HeatMapCache {
    /// The class whose map is shown; `None` for the plain image.
    pub shown: Option<HeatMapClass>,
    /// The maps by image, or the reason why there are none.
    pub known: HashMap<HeatMapRequest, Result<Arc<HeatMaps>, String>>,
    /// The image whose maps are being computed. One process runs at a time.
    pub computing: Option<HeatMapRequest>,
}

/// The state of the Inspect screen.
#[derive(Debug, Clone)]
pub struct InspectState {
    /// The inspected run.
    pub run: Option<RunId>,
    /// The run with which it is compared.
    pub against: Option<RunId>,
    /// The selected run of the Runs screen when `run` was last chosen. If another one is selected there, `run` is
    /// chosen again.
    pub followed: Option<RunId>,
    /// The split of the images.
    pub split: Split,
    /// The chosen epoch of validation results; `None` for the best one, or the last of an active run.
    pub epoch: Option<u32>,
    /// Whether the training images with the largest loss are shown.
    pub suspects: bool,
    /// Whether the calibration and the curves of precision by recall are shown.
    pub curves: bool,
    /// The split shown before the suspects.
    pub before: Split,
    /// The content of the matrix's cells.
    pub mode: Mode,
    /// The pane with the keyboard focus.
    pub pane: InspectPane,
    /// The true and the predicted class under the cursor.
    pub cell: (usize, usize),
    /// The order of a cell's images.
    pub order: Order,
    /// The index of the selected image in `list`.
    pub pick: usize,
    /// Whether the images take the whole screen.
    pub pager: bool,
    /// The requested predictions.
    pub subject: Option<PredictionRequest>,
    /// The predictions read last, or the reason why they cannot be read. They stay until the requested ones are read.
    pub answer: Option<(PredictionRequest, Result<Arc<PredictionReport>, String>)>,
    /// The images of the cell, or the suspects.
    pub list: Arc<Vec<ScoredImage>>,
    /// The images that were read or requested.
    pub faces: Faces,
    /// The heat maps of images.
    pub heat: HeatMapCache,
    /// The number of epochs, whether the run is tested, and whether it is active. Predictions are read again when one
    /// of these changes.
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
            curves: false,
            before: Split::Test,
            mode: Mode::default(),
            pane: InspectPane::default(),
            cell: (0, 0),
            order: Order::default(),
            pick: 0,
            pager: false,
            subject: None,
            answer: None,
            list: Arc::default(),
            faces: Faces::default(),
            heat: HeatMapCache::default(),
            stamp: (0, false, false),
        }
    }
}

impl InspectState {
    /// Returns the context of the keyboard.
    #[must_use]
    pub fn context(&self) -> Context {
        inspect::PANES
    }

    /// Returns the predictions to show. They are of the requested run and split, but perhaps of another epoch.
    #[must_use]
    pub fn shown(&self) -> Option<(&PredictionRequest, &Result<Arc<PredictionReport>, String>)> {
        let wanted = self.subject.as_ref()?;
        let (request, result) = self.answer.as_ref()?;
        (request.run == wanted.run && request.split == wanted.split).then_some((request, result))
    }

    /// Returns the predictions to show, if they could be read.
    #[must_use]
    pub fn report(&self) -> Option<&Arc<PredictionReport>> {
        self.shown().and_then(|(_, result)| result.as_ref().ok())
    }

    /// Returns the selected image.
    #[must_use]
    pub fn picked(&self) -> Option<&ScoredImage> {
        self.list.get(self.pick)
    }

    /// Returns the mode in which the matrix is drawn; without another run there is no difference.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let two = self.report().is_some_and(|report| matches!(report.against, Some(Ok(_))));
        if self.mode == Mode::Difference && !two { Mode::Shares } else { self.mode }
    }
}
