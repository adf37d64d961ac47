//! What the Data screen knows.

use crate::data::features::CacheUsage;
use crate::domain::{DatasetName, LeftOutImages, Split, SplitCounts};
use crate::tui::widgets::faces::Face;

/// A dataset as the screens show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetView {
    /// Its name.
    pub name: DatasetName,
    /// Hash of its content.
    pub fingerprint: String,
    /// Pixels in a row of an image.
    pub width: u32,
    /// Rows of an image.
    pub height: u32,
    /// 1 for gray, 3 for colour.
    pub channels: u32,
    /// Classes by label, their names safe to print.
    pub classes: Vec<(String, SplitCounts)>,
    /// How many files of the source were left out at import: broken images, notes, links.
    pub skipped: u64,
    /// Training images that are marked as wrongly labelled, with the runs that found them.
    pub marked: LeftOutImages,
    /// Why it cannot be told which are marked.
    pub marks_error: Option<String>,
}

impl DatasetView {
    /// Images in each split.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.classes.iter().fold(SplitCounts::default(), |sum, (_, counts)| SplitCounts {
            train: sum.train + counts.train,
            validation: sum.validation + counts.validation,
            test: sum.test + counts.test,
        })
    }
}

/// What lies under a dataset's name: the dataset, or why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetEntry {
    /// The folder's name.
    pub name: DatasetName,
    /// The dataset, or the reason in words.
    pub dataset: Result<DatasetView, String>,
}

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

/// What of a dataset fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// The classes, with some faces below.
    #[default]
    Table,
    /// The faces of a class.
    Faces,
    /// One face, large.
    Face,
    /// A training image as epochs see it.
    Variants,
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

/// The faces last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faces {
    /// What was asked for.
    pub pick: Pick,
    /// They, or why they cannot be read.
    pub samples: Result<Vec<Sample>, String>,
}

/// A training image and what epochs make of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// Of this dataset.
    pub dataset: DatasetName,
    /// Which training image.
    pub index: usize,
    /// How images are changed; `None` where they are not.
    pub augmentation: Option<crate::domain::Augmentation>,
    /// The seed.
    pub seed: u64,
    /// How many variants there are of an image; 0 for a new one in every epoch.
    pub variants: u32,
    /// The first epoch, from 1.
    pub first: u64,
    /// How many epochs.
    pub count: usize,
}

/// An import under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Importing {
    /// What it will be called.
    pub name: DatasetName,
    /// From where.
    pub source: String,
    /// How far it is.
    pub progress: Option<crate::supervise::ImportProgress>,
    /// Whether it was asked to end.
    pub cancelled: bool,
}

/// What the Data screen knows.
#[derive(Debug, Clone)]
pub struct DataState {
    /// Whether the datasets were read.
    pub loaded: bool,
    /// Why they cannot be listed.
    pub error: Option<String>,
    /// The datasets, by name.
    pub entries: Vec<DatasetEntry>,
    /// The selected one.
    pub selected: usize,
    /// What was just imported: selected once it is listed.
    pub arriving: Option<DatasetName>,
    /// The selected class.
    pub class: usize,
    /// Whether the demo dataset is being drawn.
    pub drawing_demo: bool,
    /// Why the demo dataset could not be drawn.
    pub demo_error: Option<String>,
    /// Of which splits bars and faces are.
    pub part: Part,
    /// What fills the screen.
    pub look: Look,
    /// The selected face of the selected class and part.
    pub face: usize,
    /// The faces last read.
    pub faces: Option<Faces>,
    /// The first epoch whose variants are shown.
    pub epoch: u64,
    /// The variants last made, the original first.
    pub variants: Option<(Variants, Result<Vec<Face>, String>)>,
    /// An import under way.
    pub import: Option<Importing>,
    /// What frozen bases' kept features of a dataset took when last looked at.
    pub features: Option<(DatasetName, Vec<CacheUsage>)>,
}

impl Default for DataState {
    fn default() -> Self {
        Self {
            loaded: false,
            error: None,
            entries: Vec::new(),
            selected: 0,
            arriving: None,
            class: 0,
            drawing_demo: false,
            demo_error: None,
            part: Part::Of(Split::Train),
            look: Look::Table,
            face: 0,
            faces: None,
            epoch: 1,
            variants: None,
            import: None,
            features: None,
        }
    }
}

impl DataState {
    /// Faces of the selected class and part.
    #[must_use]
    pub fn count(&self) -> usize {
        let class = self.dataset().and_then(|dataset| dataset.classes.get(self.class));
        class.map_or(0, |(_, counts)| self.part.of(*counts))
    }

    /// The selected face, if it was read.
    #[must_use]
    pub fn sample(&self) -> Option<&Sample> {
        let faces = self.faces.as_ref().filter(|faces| self.is_of_selection(&faces.pick))?;
        faces.samples.as_ref().ok()?.get(self.face.checked_sub(faces.pick.first)?)
    }

    /// Whether these are faces of the selected class and part.
    #[must_use]
    pub fn is_of_selection(&self, pick: &Pick) -> bool {
        let dataset = self.dataset();
        (pick.class, pick.part) == (self.class, self.part)
            && dataset.is_some_and(|dataset| dataset.name == pick.dataset && dataset.fingerprint == pick.fingerprint)
    }

    /// The selected dataset, if it can be read.
    #[must_use]
    pub fn dataset(&self) -> Option<&DatasetView> {
        self.entries.get(self.selected)?.dataset.as_ref().ok()
    }

    /// The dataset of this name, if it can be read.
    #[must_use]
    pub fn find(&self, name: &DatasetName) -> Option<&DatasetView> {
        self.entries.iter().find(|entry| entry.name == *name)?.dataset.as_ref().ok()
    }

    /// The datasets that can be read.
    pub fn readable(&self) -> impl Iterator<Item = &DatasetView> {
        self.entries.iter().filter_map(|entry| entry.dataset.as_ref().ok())
    }
}
