//! News for the Inspect screen.

use std::sync::Arc;

use crate::domain::{DatasetName, LeftOutImages, RunId, Split};
use crate::tui::state::{Judgement, Shown, Subject};

/// One happening.
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
