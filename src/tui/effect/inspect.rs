//! What the Inspect screen wants done in the world.

use crate::domain::{DatasetName, RunId, Split};
use crate::tui::state::Subject;

/// One deed.
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
