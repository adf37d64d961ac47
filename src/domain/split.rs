//! The three parts of a dataset.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The part of a dataset that an image belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// The images that the optimizer uses.
    Train,
    /// The images that early stopping uses.
    Validation,
    /// The images of the final metrics.
    Test,
}

impl Split {
    /// All splits, in the order in which they are stored and shown.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Returns the name in files and on screens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Number of images in each split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Images in the training split.
    pub train: usize,
    /// Images in the validation split.
    pub validation: usize,
    /// Images in the test split.
    pub test: usize,
}

impl SplitCounts {
    /// Returns the count of one split.
    #[must_use]
    pub fn get(self, split: Split) -> usize {
        match split {
            Split::Train => self.train,
            Split::Validation => self.validation,
            Split::Test => self.test,
        }
    }

    /// Returns the count of one split, to change it.
    pub fn get_mut(&mut self, split: Split) -> &mut usize {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }

    /// Returns the number of images in all splits together.
    #[must_use]
    pub fn total(self) -> usize {
        self.train + self.validation + self.test
    }
}
