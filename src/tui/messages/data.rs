//! The actions of the Data screen with their keys, its effects and its events.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, ContextKind, code, on};
use super::{Action, Completion, ScreenEffect, Target};
use crate::data::{ImportPreview, PreviewDepth, demo, features::CacheUsage};
use crate::domain::{Augmentation, DatasetName, Split, SplitCounts};
use crate::supervise::ImportEvent;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Data: datasets to train on";

/// The datasets and their classes.
pub const LIST: Context = Context::of(Screen::Data, "list", ContextKind::List);
/// The faces of a class on the whole screen.
pub const FACES: Context = Context::of(Screen::Data, "faces", ContextKind::List);

/// The marks of a dataset.
pub const MARKS: Context = Context::of(Screen::Data, "marks", ContextKind::List);

/// A path of the import form.
pub const IMPORT_PATH: Context = Context::of(Screen::Data, "import path", ContextKind::Text);
/// Another text of the import form.
pub const IMPORT_TEXT: Context = Context::of(Screen::Data, "import text", ContextKind::Text);
/// A choice of the import form, or its last line.
pub const IMPORT_CHOICE: Context = Context::of(Screen::Data, "import choice", ContextKind::Form);

pub(super) const CONTEXTS: &[Context] = &[LIST, FACES, MARKS, IMPORT_PATH, IMPORT_TEXT, IMPORT_CHOICE];
const BOTH: &[Context] = &[LIST, FACES];
/// The import form.
const FORM: &[Context] = &[IMPORT_PATH, IMPORT_TEXT, IMPORT_CHOICE];
const FORM_TEXTS: &[Context] = &[IMPORT_PATH, IMPORT_TEXT];
const FORM_BUT_PATHS: &[Context] = &[IMPORT_TEXT, IMPORT_CHOICE];

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
    /// Open the import form.
    Import,
    /// Show what the import form would import.
    Preview,
    /// List what the import of the dataset skipped.
    Skipped,
    /// List the marks of the dataset.
    Marks,
    /// Remove the selected mark, or bring it back.
    Unmark,
    /// Give the selected mark the next class.
    Relabel,
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
    on(
        "data.unmark",
        &[MARKS],
        &[Key::char(' ')],
        of(DataAction::Unmark),
        "unmark",
        "remove the mark of the image, or bring it back",
    ),
    on(
        "data.relabel",
        &[MARKS],
        &[Key::char('r')],
        of(DataAction::Relabel),
        "class",
        "give the marked image the next class, after the last one none",
    ),
    on(
        "data.back",
        &[LIST, FACES, MARKS],
        &[code(KeyCode::Esc)],
        Action::Back,
        "back",
        "back to the classes; cancel an import",
    ),
    on(
        "import.enter",
        FORM,
        &[code(KeyCode::Enter)],
        Action::Enter,
        "next",
        "to the next field; on the last line, import",
    ),
    on("import.complete", &[IMPORT_PATH], &[code(KeyCode::Tab)], Action::Complete, "complete", "complete the path"),
    on(
        "import.change",
        &[IMPORT_CHOICE],
        &[code(KeyCode::Right), Key::char('l'), Key::char(' ')],
        Action::Right,
        "change",
        "the other choice",
    ),
    on(
        "import.change_back",
        &[IMPORT_CHOICE],
        &[code(KeyCode::Left), Key::char('h')],
        Action::Left,
        "",
        "the other choice",
    ),
    on(
        "import.preview",
        FORM,
        &[Key::ctrl('p')],
        of(DataAction::Preview),
        "preview",
        "show what would be imported: classes, splits, sizes",
    ),
    on("import.below", FORM_BUT_PATHS, &[code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on("import.above", FORM, &[code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on("import.field_down", FORM_TEXTS, &[code(KeyCode::Down)], Action::Down, "", "the field below"),
    on("import.field_up", FORM_TEXTS, &[code(KeyCode::Up)], Action::Up, "", "the field above"),
    on("import.last", FORM_TEXTS, &[code(KeyCode::PageDown)], Action::PageDown, "", "to the last line, which imports"),
    on("import.first", FORM_TEXTS, &[code(KeyCode::PageUp)], Action::PageUp, "", "to the source"),
    on("import.close", FORM, &[code(KeyCode::Esc)], Action::Back, "close", "close the form, which keeps its values"),
    on("import.help", FORM_TEXTS, &[code(KeyCode::F(1))], Action::Help, "help", "show the keys, also while typing"),
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
        "data.skipped",
        &[LIST],
        &[Key::char('s')],
        of(DataAction::Skipped),
        "skipped",
        "list what the import skipped, with the reasons",
    ),
    on(
        "data.marks",
        &[LIST],
        &[Key::char('m')],
        of(DataAction::Marks),
        "marks",
        "list the training images that are marked as wrongly labelled",
    ),
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

/// An import as the form describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSpec {
    /// A path or an address, as typed.
    pub source: String,
    /// The name of the dataset.
    pub name: DatasetName,
    /// The names and the values of the given options; the value of an option without one is empty.
    pub options: Vec<(&'static str, String)>,
}

impl ImportSpec {
    /// Returns whether the source is downloaded.
    #[must_use]
    pub fn is_address(&self) -> bool {
        ["https://", "http://"].iter().any(|start| self.source.starts_with(start))
    }

    /// Returns whether another import brings in the same images under perhaps another name.
    #[must_use]
    pub fn has_same_images(&self, other: &Self) -> bool {
        (&self.source, &self.options) == (&other.source, &other.options)
    }

    /// Returns the options as arguments of `mien data import`.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let argument = |(name, value): &(&str, String)| match value.as_str() {
            "" => format!("--{name}"),
            value => format!("--{name}={value}"),
        };
        self.options.iter().map(argument).collect()
    }
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
    /// Find out what an import would bring in, or end such a search; answered by `Previewed`.
    Preview(Option<(ImportSpec, PreviewDepth)>),
    /// Start an import; answered by `Import`.
    StartImport(ImportSpec),
    /// Read what the import of a dataset skipped; answered by `SkippedRead`.
    ReadSkipped(DatasetName),
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
            Self::Delete(name) | Self::StartImport(ImportSpec { name, .. }) => vec![Target::Dataset(name.clone())],
            Self::CreateDemo => DatasetName::new(demo::NAME).map(Target::Dataset).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn failure(&self) -> Option<DataEvent> {
        match self {
            Self::CreateDemo => Some(DataEvent::DemoFinished(Err(super::BUG_MESSAGE.into()))),
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
    Completed(Completion),
    /// The dataset that an import would make, or the reason why there is none; nothing where the search was ended.
    Previewed(ImportSpec, Result<Arc<ImportPreview>, String>),
    /// Nothing is searched any more.
    PreviewEnded,
    /// The files that the import of a dataset skipped, as lines, or the reason why they cannot be read.
    SkippedRead(DatasetName, Result<Vec<String>, String>),
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
