//! The actions of the Data screen with their keys, its effects and its events.

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, Kind, code, on};
use super::{Action, ScreenEffect, Target};
use crate::data::{demo, features::CacheUsage};
use crate::domain::{Augmentation, DatasetName, Split, SplitCounts};
use crate::supervise::ImportEvent;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Data: datasets to train on";

/// The datasets and their classes.
pub const LIST: Context = Context::of(Screen::Data, "list", Kind::List);
/// The faces of a class on the whole screen.
pub const FACES: Context = Context::of(Screen::Data, "faces", Kind::List);

pub(super) const CONTEXTS: &[Context] = &[LIST, FACES];
const BOTH: &[Context] = CONTEXTS;

/// A request of the user on the Data screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAction {
    /// Show bars and faces of the next split.
    NextSplit,
    /// Show the faces of the class on the whole screen.
    Faces,
    /// Show the augmented versions of a face.
    Variants,
    /// Show the next page of faces, or of epochs.
    NextPage,
    /// Show the previous page.
    PreviousPage,
    /// Import a dataset.
    Import,
    /// Delete a dataset.
    Delete,
    /// Create the demo dataset.
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
        "use this dataset on the Train form",
    ),
    on(
        "data.face",
        &[FACES],
        &[code(KeyCode::Enter)],
        Action::Open,
        "enlarge",
        "enlarge the face and show its source; again: all faces",
    ),
    on("data.back", BOTH, &[code(KeyCode::Esc)], Action::Back, "", "back to the classes; cancel an import"),
    on(
        "data.split",
        BOTH,
        &[Key::char('v')],
        of(DataAction::NextSplit),
        "split",
        "show training, validation, test or all images",
    ),
    on(
        "data.faces",
        &[LIST],
        &[Key::char('f')],
        of(DataAction::Faces),
        "faces",
        "show the class's faces on the whole screen",
    ),
    on(
        "data.variants",
        BOTH,
        &[Key::char('a')],
        of(DataAction::Variants),
        "augmented",
        "show a face as augmented in the first epochs",
    ),
    on("data.page_next", BOTH, &[Key::char(']')], of(DataAction::NextPage), "", "the next page of faces or epochs"),
    on(
        "data.page_previous",
        BOTH,
        &[Key::char('[')],
        of(DataAction::PreviousPage),
        "",
        "the previous page of faces or epochs",
    ),
    on("data.import", &[LIST], &[Key::char('i')], of(DataAction::Import), "import", "import a dataset"),
    on(
        "data.demo",
        &[LIST],
        &[Key::char('d')],
        of(DataAction::CreateDemo),
        "demo dataset",
        "create the built-in demo dataset",
    ),
    on("data.delete", &[LIST], &[Key::char('D')], of(DataAction::Delete), "", "delete the dataset; asks first"),
    on("data.next", BOTH, &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next dataset or face"),
    on("data.previous", BOTH, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous dataset or face"),
];

/// The splits whose images are counted and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitFilter {
    /// A single split.
    Of(Split),
    /// All splits together.
    All,
}

impl SplitFilter {
    /// All filters, in the order in which a key chooses them.
    pub const EACH: [Self; 4] = [Self::Of(Split::Train), Self::Of(Split::Validation), Self::Of(Split::Test), Self::All];

    /// Returns the name on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(split) => split.name(),
            Self::All => "all",
        }
    }

    /// Returns the splits of the filter.
    #[must_use]
    pub fn splits(self) -> Vec<Split> {
        Split::ALL.into_iter().filter(|split| matches!(self, Self::All) || self == Self::Of(*split)).collect()
    }

    /// Returns the number of images of these splits.
    #[must_use]
    pub fn of(self, counts: SplitCounts) -> usize {
        self.splits().into_iter().map(|split| counts.get(split)).sum()
    }
}

/// A range of a class's images to read, in the order of the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceRange {
    /// The dataset.
    pub dataset: DatasetName,
    /// The dataset's fingerprint. Otherwise faces of a replaced dataset could be shown under its old name.
    pub fingerprint: String,
    /// The index of the class.
    pub class: usize,
    /// The splits.
    pub filter: SplitFilter,
    /// The index of the first image, from 0.
    pub first: usize,
    /// The number of images.
    pub count: usize,
}

/// A face with its split, index and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The pixels.
    pub face: Face,
    /// The split of the image.
    pub split: Split,
    /// The index of the image in the split.
    pub index: usize,
    /// The imported file or row, safe to print.
    pub source: String,
}

/// A request for the augmented versions of a training image, one for each epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantRequest {
    /// The dataset.
    pub dataset: DatasetName,
    /// The index of the training image.
    pub index: usize,
    /// The augmentation; `None` where images are not augmented.
    pub augmentation: Option<Augmentation>,
    /// The seed of the augmentation.
    pub seed: u64,
    /// The number of variants of an image; 0 for a new one in every epoch.
    pub variants: u32,
    /// The first epoch, from 1.
    pub first: u64,
    /// The number of epochs.
    pub count: usize,
}

/// A request of the Data screen to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum DataEffect {
    /// Read faces; answered by `Faces`.
    LoadFaces(FaceRange),
    /// Make variants of a training image; answered by `Variants`.
    MakeVariants(VariantRequest),
    /// Complete a path; answered by `Completed`.
    Complete(String),
    /// Start an import; answered by `Import`.
    StartImport {
        /// A path or an address.
        source: String,
        /// The name of the dataset.
        name: DatasetName,
    },
    /// Wait for progress of the import; answered by `Import`.
    WatchImport,
    /// Cancel the import and remove its files; answered by `Import`.
    CancelImport,
    /// Measure the size of a dataset on disk; answered by `Measured`.
    Measure(DatasetName),
    /// Delete a dataset; answered by `Deleted`.
    Delete(DatasetName),
    /// Create the demo dataset; answered by `DemoFinished`.
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

/// An event that only the Data screen receives.
#[derive(Debug, Clone)]
pub enum DataEvent {
    /// Faces, or the reason why they cannot be read.
    Faces(FaceRange, Result<Vec<Sample>, String>),
    /// A training image and its variants, or the reason why they cannot be read.
    Variants(VariantRequest, Result<Vec<Face>, String>),
    /// The completion of a typed path.
    Completed {
        /// The path as it was typed.
        typed: String,
        /// The completed path.
        path: String,
    },
    /// Progress or the end of the import.
    Import(ImportEvent),
    /// The size of a dataset on disk, in bytes.
    Measured(DatasetName, u64),
    /// A dataset was deleted, or the reason why not.
    Deleted(DatasetName, Result<(), String>),
    /// The demo dataset was created, or the reason why not.
    DemoFinished(Result<(), String>),
    /// The disk usage of a dataset's cached features.
    FeaturesMeasured(DatasetName, Vec<CacheUsage>),
}
