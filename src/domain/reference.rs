//! The published figures that the three strategies reproduce, on the whole test split of FER-2013.

use super::{SplitCounts, Strategy};

/// Accuracy and macro averages.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ReferenceScores {
    /// Share of test images predicted right.
    pub accuracy: f64,
    /// Macro average.
    pub precision: f64,
    /// Macro average.
    pub recall: f64,
    /// Macro average.
    pub f1: f64,
}

/// Training, validation and test images of FER-2013, split as the reference has it.
const FER_2013: SplitCounts = SplitCounts { train: 25_841, validation: 2_868, test: 7_178 };

/// The reference's figures for a strategy; `None` for another dataset than FER-2013, which is known by its counts.
#[must_use]
pub fn reference(strategy: Strategy, images: SplitCounts, classes: usize) -> Option<ReferenceScores> {
    let [accuracy, precision, recall, f1] = match strategy {
        Strategy::Cnn => [0.5391, 0.5204, 0.4806, 0.4878],
        Strategy::Features => [0.6226, 0.6256, 0.5436, 0.5495],
        Strategy::Finetune => [0.6226, 0.6208, 0.5473, 0.5554],
    };
    (images == FER_2013 && classes == 7).then_some(ReferenceScores { accuracy, precision, recall, f1 })
}
