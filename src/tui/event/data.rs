//! News for the Data screen.

use crate::domain::DatasetName;
use crate::supervise::ImportEvent;
use crate::tui::state::{Pick, Sample, Variants};
use crate::tui::widgets::faces::Face;

/// One happening.
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
}
