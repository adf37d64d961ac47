//! Problems of a file's bytes, before the file's path is added.

use std::path::Path;

use crate::domain::text::printable;
use crate::weights::WeightsError;

/// The reason why bytes are not the expected weights. Readers know no path; [`Fault::at`] adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// An unknown kind of file.
    Unknown(String),
    /// Truncated or contradictory bytes.
    Broken(String),
    /// Content that is recognized but not supported.
    Refused(String),
    /// The weights of another network.
    OtherNetwork(String),
}

impl Fault {
    /// Returns the error for the file at `path`, with text from inside the file made safe to print.
    pub(super) fn at(self, path: &Path) -> WeightsError {
        let path = path.to_owned();
        match self {
            Self::Unknown(reason) => WeightsError::UnknownKind { path, reason: printable(&reason) },
            Self::Broken(reason) => WeightsError::Broken { path, reason: printable(&reason) },
            Self::Refused(reason) => WeightsError::Refused { path, reason: printable(&reason) },
            Self::OtherNetwork(reason) => WeightsError::OtherNetwork { path, reason: printable(&reason) },
        }
    }

    pub(super) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }
}
