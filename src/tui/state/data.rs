//! What the Data screen knows.

use crate::data::features::Usage;
use crate::domain::{DatasetName, LeftOut, SplitCounts};
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
    pub marked: LeftOut,
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

/// What the Data screen knows.
#[derive(Debug, Clone, Default)]
pub struct DataState {
    /// Whether the datasets were read.
    pub loaded: bool,
    /// Why they cannot be listed.
    pub error: Option<String>,
    /// The datasets, by name.
    pub entries: Vec<DatasetEntry>,
    /// The selected one.
    pub selected: usize,
    /// The selected class.
    pub class: usize,
    /// Whether the demo dataset is being drawn.
    pub drawing_demo: bool,
    /// Why the demo dataset could not be drawn.
    pub demo_error: Option<String>,
    /// The images last read, and what they are of.
    pub samples: Option<(DatasetName, usize, Vec<Face>)>,
    /// What frozen bases' kept features of a dataset took when last looked at.
    pub features: Option<(DatasetName, Vec<Usage>)>,
}

impl DataState {
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
