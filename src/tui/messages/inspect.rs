//! The actions of the Inspect screen with their keys, its effects and its events.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, ContextKind, code, on};
use super::{Action, ScreenEffect, Target};
use crate::data::marked::{Doubt, Marks};
use crate::domain::{Confusion, DataFold, DatasetName, RunId, Scores, Split};
use crate::runs::probabilities::{NoTemperature, Temperature, curve};
use crate::runs::{Inspection, ProbabilityMetrics};
use crate::supervise::HeatMaps;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Inspect: what a run gets wrong";

/// The predictions of a run.
pub const PANES: Context = Context::of(Screen::Inspect, "panes", ContextKind::Panes);

pub(super) const CONTEXTS: &[Context] = &[PANES];

/// A request of the user on the Inspect screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectAction {
    /// Go to the next pane.
    NextPane,
    /// Go to the previous pane.
    PreviousPane,
    /// Select the cell of a true and a predicted class.
    Cell(usize, usize),
    /// Show the next image of the cell.
    NextFace,
    /// Show the previous image of the cell.
    PreviousFace,
    /// Show counts, percent of the row, or the difference of two runs.
    Mode,
    /// Sort the images by the next criterion.
    Order,
    /// Switch between test, validation and training images.
    Source,
    /// Inspect the next run.
    NextRun,
    /// Inspect the previous run.
    PreviousRun,
    /// Compare the run with the next other run.
    CompareNext,
    /// Compare the run with no other.
    CompareNone,
    /// Go one epoch back.
    EpochBack,
    /// Go one epoch forward.
    EpochOn,
    /// Go to the first epoch.
    EpochFirst,
    /// Go to the last epoch.
    EpochLast,
    /// Show the training images with the largest loss.
    Suspects,
    /// Show the calibration, and precision by recall.
    Curves,
    /// Show the heat map of the predicted class over the selected image, that of the true class, or none.
    HeatMap,
    /// Mark a training image as wrongly labelled, or unmark it.
    Mark,
    /// Mark a training image with the class that it should have: the most probable one first, then the next.
    Relabel,
    /// Evaluate the run again for new predictions.
    Evaluate,
}

const fn own(
    name: &'static str,
    keys: &'static [Key],
    action: InspectAction,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    on(name, CONTEXTS, keys, Action::Inspect(action), hint, description)
}

pub(super) static BINDINGS: &[Binding] = &[
    on(
        "inspect.left",
        CONTEXTS,
        &[code(KeyCode::Left), Key::char('h')],
        Action::Left,
        "",
        "the previous column or face",
    ),
    on(
        "inspect.right",
        CONTEXTS,
        &[code(KeyCode::Right), Key::char('l')],
        Action::Right,
        "",
        "the next column or face",
    ),
    on("inspect.back", CONTEXTS, &[code(KeyCode::Esc)], Action::Back, "back", "leave the faces or the suspects"),
    own(
        "inspect.mark",
        &[Key::char(' ')],
        InspectAction::Mark,
        "mark",
        "mark a training image as wrongly labelled, or unmark it",
    ),
    own(
        "inspect.relabel",
        &[Key::char('r')],
        InspectAction::Relabel,
        "relabel",
        "give a training image the most probable other class, then the next",
    ),
    on(
        "inspect.faces",
        CONTEXTS,
        &[code(KeyCode::Enter)],
        Action::Open,
        "faces",
        "the cell's faces on the whole screen",
    ),
    own(
        "inspect.suspects",
        &[Key::char('w')],
        InspectAction::Suspects,
        "suspects",
        "training images that may be wrongly labelled",
    ),
    own("inspect.pane", &[code(KeyCode::Tab)], InspectAction::NextPane, "pane", "matrix, classes, faces"),
    own("inspect.next_run", &[Key::char('>')], InspectAction::NextRun, "run", "inspect the next run"),
    own("inspect.against", &[Key::char('a')], InspectAction::CompareNext, "compare", "compare with the next other run"),
    own(
        "inspect.curves",
        &[Key::char('c')],
        InspectAction::Curves,
        "curves",
        "calibration, and precision by recall of each class",
    ),
    own(
        "inspect.heat_map",
        &[Key::char('m')],
        InspectAction::HeatMap,
        "heat map",
        "where the network sees the predicted class, then the true class",
    ),
    own(
        "inspect.evaluate",
        &[Key::char('E')],
        InspectAction::Evaluate,
        "evaluate",
        "test the run again for new predictions",
    ),
    own(
        "inspect.mode",
        &[Key::char('n')],
        InspectAction::Mode,
        "counts/%",
        "counts, percent of the row, difference of two runs",
    ),
    own(
        "inspect.epoch_back",
        &[Key::char('[')],
        InspectAction::EpochBack,
        "epoch",
        "validation results one epoch earlier",
    ),
    own("inspect.epoch_on", &[Key::char(']')], InspectAction::EpochOn, "", "validation results one epoch later"),
    own(
        "inspect.epoch_first",
        &[Key::char('{')],
        InspectAction::EpochFirst,
        "",
        "validation results of the first epoch",
    ),
    own("inspect.epoch_last", &[Key::char('}')], InspectAction::EpochLast, "", "validation results of the last epoch"),
    own(
        "inspect.source",
        &[Key::char('t')],
        InspectAction::Source,
        "images",
        "show test, validation or training images",
    ),
    own("inspect.next_face", &[Key::char('.')], InspectAction::NextFace, "next face", "the next face of the cell"),
    own("inspect.previous_face", &[Key::char(',')], InspectAction::PreviousFace, "", "the previous face of the cell"),
    own("inspect.order", &[Key::char('o')], InspectAction::Order, "sort", "sort faces by confidence, loss or position"),
    own("inspect.previous_run", &[Key::char('<')], InspectAction::PreviousRun, "", "inspect the previous run"),
    own("inspect.alone", &[Key::char('A')], InspectAction::CompareNone, "", "compare with no other run"),
    own("inspect.pane_back", &[code(KeyCode::BackTab)], InspectAction::PreviousPane, "", "faces, classes, matrix"),
];

/// A request for predictions. The answer contains it, so that an outdated answer is recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionRequest {
    /// The run.
    pub run: RunId,
    /// Another run to compare with.
    pub against: Option<RunId>,
    /// The split of the images.
    pub split: Split,
    /// The epoch of validation predictions; `None` for the last one.
    pub epoch: Option<u32>,
}

/// Another run's results for the same images.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherResults {
    /// The epoch of validation predictions.
    pub epoch: Option<u32>,
    /// The accuracy and the scores of each class.
    pub scores: Scores,
    /// Counts of (true class, predicted class).
    pub confusion: Confusion,
}

/// A run's predictions for a split, with all that the screen derives from them.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionReport {
    /// The predictions. Class names are safe to print.
    pub inspection: Inspection,
    /// Counts of (true class, predicted class).
    pub confusion: Confusion,
    /// The accuracy and the scores of each class.
    pub scores: Scores,
    /// The mean loss of the images.
    pub loss: Option<f64>,
    /// Average precision and calibration.
    pub probabilities: ProbabilityMetrics,
    /// The points (recall, precision) of each class, thinned; empty for a class without images.
    pub curves: Vec<Vec<(f64, f64)>>,
    /// The epoch of validation predictions.
    pub epoch: Option<u32>,
    /// All epochs with saved predictions.
    pub epochs: Vec<u32>,
    /// The other run's results, or the reason why the two cannot be compared.
    pub against: Option<Result<OtherResults, String>>,
}

impl OtherResults {
    /// Derives the results from `theirs`, the other run's predictions of this epoch.
    ///
    /// # Errors
    /// The two are not predictions for the same images.
    pub fn new(own: &Inspection, theirs: &Inspection, epoch: Option<u32>) -> Result<Self, String> {
        own.pairs(theirs).map_err(|error| error.to_string())?;
        let confusion = theirs.confusion();
        Ok(Self { epoch, scores: confusion.scores(), confusion })
    }
}

impl PredictionReport {
    /// Derives the report from predictions. `epoch` and `epochs` are those of validation predictions; `temperature` is
    /// that of the weights.
    #[must_use]
    pub fn new(
        inspection: Inspection,
        temperature: Result<Temperature, NoTemperature>,
        epoch: Option<u32>,
        epochs: Vec<u32>,
        against: Option<Result<OtherResults, String>>,
    ) -> Self {
        let confusion = inspection.confusion();
        let points = |class| curve(&inspection, class).map(|curve| curve.thinned()).unwrap_or_default();
        let curves = (0..inspection.classes().len())
            .map(|class| points(class).iter().map(|point| (point.recall, point.precision)).collect());
        Self {
            scores: confusion.scores(),
            loss: inspection.mean_loss(),
            probabilities: ProbabilityMetrics::new(&inspection, temperature),
            curves: curves.collect(),
            confusion,
            epoch,
            epochs,
            against,
            inspection,
        }
    }
}

/// An image and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcedImage {
    /// The image.
    pub face: Face,
    /// A path in the imported source or a row of its table, safe to print.
    pub source: String,
}

/// A request of the Inspect screen to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectEffect {
    /// Read predictions; answered by `PredictionsLoaded`.
    LoadPredictions {
        /// The predictions to read.
        subject: PredictionRequest,
        /// The names of the run's classes.
        classes: Vec<String>,
        /// The epoch of the best weights, from 1.
        best: u32,
    },
    /// Read images; answered by `Faces`.
    LoadFaces {
        /// The dataset.
        dataset: DatasetName,
        /// The fingerprint of the dataset.
        fingerprint: String,
        /// The fold whose splits are meant.
        fold: Option<DataFold>,
        /// The split.
        split: Split,
        /// The indices of the images in the split.
        indices: Vec<usize>,
    },
    /// Mark a training image as wrongly labelled, or unmark it; answered by `Marked`.
    Mark {
        /// The dataset.
        dataset: DatasetName,
        /// The index in the training split.
        index: usize,
        /// The doubt about the label; `None` unmarks the image.
        doubt: Option<Doubt>,
    },
    /// Read the marked training images of a dataset; answered by `Marked`.
    ReadMarks(DatasetName),
    /// Compute the heat maps of an image in another process; answered by `HeatMaps`.
    ComputeHeatMaps(HeatMapRequest),
}

/// An image of a run whose heat maps are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeatMapRequest {
    /// The run.
    pub run: RunId,
    /// The split of the image.
    pub split: Split,
    /// The index of the image in its split.
    pub index: usize,
    /// The epoch of the run's best weights, which a resumed run may replace.
    pub best: u32,
}

impl ScreenEffect for InspectEffect {
    type Event = InspectEvent;

    fn targets(&self) -> Vec<Target> {
        match self {
            Self::Mark { dataset, .. } => vec![Target::Dataset(dataset.clone())],
            _ => Vec::new(),
        }
    }
}

/// An event that only the Inspect screen receives.
#[derive(Debug, Clone)]
pub enum InspectEvent {
    /// Predictions were read, or the reason why not.
    PredictionsLoaded(PredictionRequest, Result<Arc<PredictionReport>, String>),
    /// Images were read, or the reason why not.
    Faces {
        /// The dataset.
        dataset: DatasetName,
        /// The fingerprint of the dataset.
        fingerprint: String,
        /// The fold whose splits are meant.
        fold: Option<DataFold>,
        /// The split.
        split: Split,
        /// The images with their indices in the split.
        faces: Result<Vec<(usize, SourcedImage)>, String>,
    },
    /// The marks of a dataset's images as they are now, or the reason why they cannot be read or changed.
    Marked(DatasetName, Result<Arc<Marks>, String>),
    /// Heat maps were computed, or the reason why not.
    HeatMaps(HeatMapRequest, Result<HeatMaps, String>),
}
