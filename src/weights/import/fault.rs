//! What is wrong with the bytes of a file, before the file has a name.

use std::path::Path;

use crate::domain::text::printable;
use crate::weights::WeightsError;

/// Why bytes are not the weights asked for. Readers know bytes and no path; [`Fault::at`] adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Of no kind that is known.
    Unknown(String),
    /// Cut short or contradicting itself.
    Broken(String),
    /// Understood, and not taken on.
    Refused(String),
    /// The weights of another network.
    OtherNetwork(String),
}

impl Fault {
    /// The error about the file at `path`. Words from inside a file are made safe here.
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
