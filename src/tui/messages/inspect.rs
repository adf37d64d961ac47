//! The Inspect screen's messages: its actions and their keys, its effects, its events.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, Kind, code, on};
use super::{Action, ScreenEffect, Target};
use crate::domain::{Confusion, DataFold, DatasetName, LeftOutImages, RunId, Scores, Split};
use crate::runs::Inspection;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Inspect: what a run gets wrong";

/// The predictions of a run.
pub const PANES: Context = Context::of(Screen::Inspect, "panes", Kind::Panes);

pub(super) const CONTEXTS: &[Context] = &[PANES];

/// A request of the user on the Inspect screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectAction {
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// The next image behind the cell.
    NextFace,
    /// The image before.
    PreviousFace,
    /// Counts, percent of the row, difference.
    Mode,
    /// Sort the images otherwise.
    Order,
    /// Test, validation, training images.
    Source,
    /// Inspect the next run.
    NextRun,
    /// Inspect the run before.
    PreviousRun,
    /// Hold the run against the next other one.
    Against,
    /// Hold it against none.
    Alone,
    /// One epoch back.
    EpochBack,
    /// One epoch on.
    EpochOn,
    /// To the first epoch.
    EpochFirst,
    /// To the last epoch.
    EpochLast,
    /// Show the training images with the largest loss.
    Suspects,
    /// Mark a training image as wrongly labelled, or take the mark off.
    Mark,
    /// Test the run again, which makes its predictions anew.
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
    on("inspect.left", CONTEXTS, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the column or face before"),
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
    on(
        "inspect.faces",
        CONTEXTS,
        &[code(KeyCode::Enter)],
        Action::Open,
        "faces",
        "the cell's faces on the whole screen",
    ),
    own(
        "inspect.evaluate",
        &[Key::char('E')],
        InspectAction::Evaluate,
        "evaluate",
        "test the run again: makes its predictions anew",
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
        "validation results one epoch back",
    ),
    own("inspect.epoch_on", &[Key::char(']')], InspectAction::EpochOn, "", "validation results one epoch on"),
    own(
        "inspect.epoch_first",
        &[Key::char('{')],
        InspectAction::EpochFirst,
        "",
        "validation results of the first epoch",
    ),
    own("inspect.epoch_last", &[Key::char('}')], InspectAction::EpochLast, "", "validation results of the last epoch"),
    own("inspect.source", &[Key::char('t')], InspectAction::Source, "images", "test, validation, training images"),
    own("inspect.next_face", &[Key::char('.')], InspectAction::NextFace, "next face", "the next face of the cell"),
    own("inspect.previous_face", &[Key::char(',')], InspectAction::PreviousFace, "", "the face before"),
    own("inspect.order", &[Key::char('o')], InspectAction::Order, "order", "faces by confidence, by loss, by place"),
    own(
        "inspect.suspects",
        &[Key::char('w')],
        InspectAction::Suspects,
        "suspects",
        "training images that may be wrongly labelled",
    ),
    own("inspect.next_run", &[Key::char('>')], InspectAction::NextRun, "run", "look into the next run"),
    own("inspect.previous_run", &[Key::char('<')], InspectAction::PreviousRun, "", "look into the run before"),
    own("inspect.against", &[Key::char('a')], InspectAction::Against, "against", "hold it against the next other run"),
    own("inspect.alone", &[Key::char('A')], InspectAction::Alone, "", "hold it against no other run"),
    own("inspect.pane", &[code(KeyCode::Tab)], InspectAction::NextPane, "pane", "matrix, classes, faces"),
    own("inspect.pane_back", &[code(KeyCode::BackTab)], InspectAction::PreviousPane, "", "faces, classes, matrix"),
];

/// Which predictions: what is asked of the disk, and what an answer says it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Of this run.
    pub run: RunId,
    /// Held against those of this one.
    pub against: Option<RunId>,
    /// For the images of this split.
    pub split: Split,
    /// After this epoch, where they are for validation images; `None` for the last one there is.
    pub epoch: Option<u32>,
}

/// The other run's predictions for the same images.
#[derive(Debug, Clone, PartialEq)]
pub struct Against {
    /// Its epoch, where they are for validation images.
    pub epoch: Option<u32>,
    /// Its accuracy and its figures for each class.
    pub scores: Scores,
    /// Counts of (truth, predicted).
    pub confusion: Confusion,
}

/// What a run says of a split, with all that the screen derives from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The predictions. Class names are safe to print.
    pub inspection: Inspection,
    /// Counts of (truth, predicted).
    pub confusion: Confusion,
    /// Accuracy and the figures of each class.
    pub scores: Scores,
    /// Mean loss.
    pub loss: Option<f64>,
    /// The epoch, where they are for validation images.
    pub epoch: Option<u32>,
    /// All epochs whose predictions are kept.
    pub epochs: Vec<u32>,
    /// The other run's, or why the two cannot be compared.
    pub against: Option<Result<Against, String>>,
}

impl Against {
    /// What `theirs`, of this epoch, is beside `own`.
    ///
    /// # Errors
    /// When the two are not of the same images.
    pub fn new(own: &Inspection, theirs: &Inspection, epoch: Option<u32>) -> Result<Self, String> {
        own.pairs(theirs).map_err(|error| error.to_string())?;
        let confusion = theirs.confusion();
        Ok(Self { epoch, scores: confusion.scores(), confusion })
    }
}

impl Judgement {
    /// What follows from predictions, of this epoch out of those that are kept where they are for validation images.
    #[must_use]
    pub fn new(
        inspection: Inspection,
        epoch: Option<u32>,
        epochs: Vec<u32>,
        against: Option<Result<Against, String>>,
    ) -> Self {
        let confusion = inspection.confusion();
        Self { scores: confusion.scores(), loss: inspection.mean_loss(), confusion, epoch, epochs, against, inspection }
    }
}

/// An image and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The image.
    pub face: Face,
    /// A path in the imported source or a row of its table, safe to print.
    pub source: String,
}

/// What the Inspect screen asks the runtime to do.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectEffect {
    /// Read predictions; answered by `Judged`.
    Judge {
        /// Which.
        subject: Subject,
        /// The names of the run's classes.
        classes: Vec<String>,
    },
    /// Read images; answered by `Faces`.
    Faces {
        /// Of this dataset.
        dataset: DatasetName,
        /// Which has this fingerprint.
        fingerprint: String,
        /// In the splits of this fold.
        fold: Option<DataFold>,
        /// Of this split.
        split: Split,
        /// At these places.
        indices: Vec<usize>,
    },
    /// Mark a training image as wrongly labelled, or take the mark off; answered by `Marked`.
    Mark {
        /// Of this dataset.
        dataset: DatasetName,
        /// Its place in the training split.
        index: usize,
        /// The run by whose judgement it was found; `None` takes the mark off.
        found_with: Option<RunId>,
    },
    /// Read which training images of a dataset are marked; answered by `Marked`.
    ReadMarks(DatasetName),
    /// Test a run again; answered by `Evaluating`.
    Evaluate(RunId),
}

impl ScreenEffect for InspectEffect {
    type Event = InspectEvent;

    fn targets(&self) -> Vec<Target> {
        match self {
            Self::Evaluate(run) => vec![Target::Run(run.clone())],
            Self::Mark { dataset, .. } => vec![Target::Dataset(dataset.clone())],
            _ => Vec::new(),
        }
    }
}

/// What happened that only the Inspect screen shows.
#[derive(Debug, Clone)]
pub enum InspectEvent {
    /// Predictions were read, or not.
    Judged(Subject, Result<Arc<Judgement>, String>),
    /// Images were read, or not.
    Faces {
        /// Of this dataset.
        dataset: DatasetName,
        /// Which has this fingerprint.
        fingerprint: String,
        /// In the splits of this fold.
        fold: Option<DataFold>,
        /// Of this split.
        split: Split,
        /// The images by their places.
        faces: Result<Vec<(usize, Shown)>, String>,
    },
    /// The images of a dataset that are marked as wrongly labelled now, or why they cannot be changed.
    Marked(DatasetName, Result<LeftOutImages, String>),
    /// A run is being tested again, or not.
    Evaluating(RunId, Result<(), String>),
}
