//! The Data screen's messages: its actions and their keys, its effects, its events.

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, Kind, code, on};
use super::{Action, ScreenEffect, Target};
use crate::data::{demo, features::CacheUsage};
use crate::domain::{Augmentation, DatasetName, Split, SplitCounts};
use crate::supervise::ImportEvent;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Data: what is there to train on";

/// The datasets and their classes.
pub const LIST: Context = Context::of(Screen::Data, "list", Kind::List);
/// The faces of a class on the whole screen.
pub const FACES: Context = Context::of(Screen::Data, "faces", Kind::List);

pub(super) const CONTEXTS: &[Context] = &[LIST, FACES];
const BOTH: &[Context] = CONTEXTS;

/// A request of the user on the Data screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAction {
    /// Bars and faces of the next split.
    NextPart,
    /// The faces of the class on the whole screen.
    Faces,
    /// What training makes of a face.
    Variants,
    /// The next page of faces, or of epochs.
    NextPage,
    /// The page before.
    PreviousPage,
    /// Bring a dataset in.
    Import,
    /// Remove a dataset.
    Delete,
    /// Draw the demo dataset.
    CreateDemo,
}

const fn of(action: DataAction) -> Action {
    Action::Data(action)
}

pub(super) static BINDINGS: &[Binding] = &[
    on(
        "data.train",
        &[LIST],
        &[code(KeyCode::Enter)],
        Action::Open,
        "train on it",
        "take this dataset to the Train form",
    ),
    on(
        "data.face",
        &[FACES],
        &[code(KeyCode::Enter)],
        Action::Open,
        "large",
        "show the selected face large, with where it is from; once more: all of them",
    ),
    on("data.back", BOTH, &[code(KeyCode::Esc)], Action::Back, "", "back to the classes; end an import"),
    on(
        "data.split",
        BOTH,
        &[Key::char('v')],
        of(DataAction::NextPart),
        "split",
        "bars and faces of training, validation, test, all",
    ),
    on(
        "data.faces",
        &[LIST],
        &[Key::char('f')],
        of(DataAction::Faces),
        "faces",
        "the class's faces on the whole screen",
    ),
    on(
        "data.variants",
        BOTH,
        &[Key::char('a')],
        of(DataAction::Variants),
        "augmented",
        "what the first epochs of training make of a face",
    ),
    on("data.page_next", BOTH, &[Key::char(']')], of(DataAction::NextPage), "", "the next page of faces or epochs"),
    on("data.page_previous", BOTH, &[Key::char('[')], of(DataAction::PreviousPage), "", "the page before"),
    on("data.import", &[LIST], &[Key::char('i')], of(DataAction::Import), "import", "bring a dataset in"),
    on(
        "data.demo",
        &[LIST],
        &[Key::char('d')],
        of(DataAction::CreateDemo),
        "demo dataset",
        "draw the built-in demo dataset",
    ),
    on("data.delete", &[LIST], &[Key::char('D')], of(DataAction::Delete), "", "delete the dataset, after a question"),
    on("data.next", BOTH, &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next dataset or face"),
    on("data.previous", BOTH, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous dataset or face"),
];

/// Of which splits bars and faces are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One of them.
    Of(Split),
    /// All together.
    All,
}

impl Part {
    /// Each of them, in the order in which a key chooses them.
    pub const EACH: [Self; 4] = [Self::Of(Split::Train), Self::Of(Split::Validation), Self::Of(Split::Test), Self::All];

    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(split) => split.name(),
            Self::All => "all",
        }
    }

    /// Its splits.
    #[must_use]
    pub fn splits(self) -> Vec<Split> {
        Split::ALL.into_iter().filter(|split| matches!(self, Self::All) || self == Self::Of(*split)).collect()
    }

    /// Its images among these.
    #[must_use]
    pub fn of(self, counts: SplitCounts) -> usize {
        self.splits().into_iter().map(|split| counts.get(split)).sum()
    }
}

/// Faces of a class, in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Of this dataset.
    pub dataset: DatasetName,
    /// With this fingerprint: a dataset may be replaced under its name.
    pub fingerprint: String,
    /// The class's label.
    pub class: usize,
    /// Of these splits.
    pub part: Part,
    /// The first one, from 0.
    pub first: usize,
    /// How many.
    pub count: usize,
}

/// A face and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The picture.
    pub face: Face,
    /// Its split.
    pub split: Split,
    /// Its place in the split.
    pub index: usize,
    /// The file or row it came from, safe to print.
    pub source: String,
}

/// A training image and what epochs make of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// Of this dataset.
    pub dataset: DatasetName,
    /// Which training image.
    pub index: usize,
    /// How images are changed; `None` where they are not.
    pub augmentation: Option<Augmentation>,
    /// The seed.
    pub seed: u64,
    /// How many variants there are of an image; 0 for a new one in every epoch.
    pub variants: u32,
    /// The first epoch, from 1.
    pub first: u64,
    /// How many epochs.
    pub count: usize,
}

/// What the Data screen asks the runtime to do.
#[derive(Debug, Clone, PartialEq)]
pub enum DataEffect {
    /// Read faces; answered by `Faces`.
    LoadFaces(Pick),
    /// Make variants of a training image; answered by `Variants`.
    MakeVariants(Variants),
    /// Complete a path as far as it is certain; answered by `Completed`.
    Complete(String),
    /// Start an import; answered by `Import`.
    StartImport {
        /// A path or an address.
        source: String,
        /// What to call the dataset.
        name: DatasetName,
    },
    /// Wait for news of the import; answered by `Import`.
    WatchImport,
    /// Ask the import to end without a trace; answered by `Import`.
    CancelImport,
    /// Measure a dataset on the disk; answered by `Measured`.
    Measure(DatasetName),
    /// Remove a dataset; answered by `Deleted`.
    Delete(DatasetName),
    /// Draw the demo dataset; answered by `DemoFinished`.
    CreateDemo,
    /// Measure the cached features of a dataset; answered by `FeaturesMeasured`.
    MeasureFeatures(DatasetName),
}

impl ScreenEffect for DataEffect {
    type Event = DataEvent;

    fn targets(&self) -> Vec<Target> {
        match self {
            Self::Delete(name) | Self::StartImport { name, .. } => vec![Target::Dataset(name.clone())],
            Self::CreateDemo => DatasetName::new(demo::NAME).map(Target::Dataset).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn failure(&self) -> Option<DataEvent> {
        match self {
            Self::CreateDemo => Some(DataEvent::DemoFinished(Err(super::FAULT.into()))),
            Self::MeasureFeatures(dataset) => Some(DataEvent::FeaturesMeasured(dataset.clone(), Vec::new())),
            _ => None,
        }
    }
}

/// What happened that only the Data screen shows.
#[derive(Debug, Clone)]
pub enum DataEvent {
    /// Faces, or why they cannot be read.
    Faces(Pick, Result<Vec<Sample>, String>),
    /// A training image and its variants, or why there are none.
    Variants(Variants, Result<Vec<Face>, String>),
    /// What a typed path is certain to begin with.
    Completed {
        /// The path as it was typed.
        typed: String,
        /// The path as far as it is certain.
        path: String,
    },
    /// News of the import.
    Import(ImportEvent),
    /// What a dataset takes on the disk, in bytes.
    Measured(DatasetName, u64),
    /// A dataset is gone, or why not.
    Deleted(DatasetName, Result<(), String>),
    /// The demo dataset was drawn, or not.
    DemoFinished(Result<(), String>),
    /// What the cached features of a dataset take.
    FeaturesMeasured(DatasetName, Vec<CacheUsage>),
}
