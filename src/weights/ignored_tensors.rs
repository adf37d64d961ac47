//! The tensors of a source that an import did not take, such as those of a classifier.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most names that are kept.
pub(super) const MOST_NAMES: usize = 50;

/// The most names that are shown.
const SHOWN: usize = 8;

/// The tensors of a source that an import did not take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredTensors {
    /// The number of tensors.
    pub tensors: usize,
    /// The parts of the source that hold them, safe to print; at most fifty.
    pub names: Vec<String>,
    /// The number of parts.
    pub parts: usize,
}

impl IgnoredTensors {
    /// Returns whether all tensors were taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors == 0
    }
}

impl fmt::Display for IgnoredTensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.tensors == 1 { "tensor" } else { "tensors" };
        let shown = self.names.len().min(SHOWN);
        write!(f, "{} {plural} of {}", self.tensors, self.names[..shown].join(", "))?;
        match self.parts - shown {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
