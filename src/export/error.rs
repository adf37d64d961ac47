//! The errors of exports.

use std::io;
use std::path::PathBuf;

use super::trained::SavedWeights;
use crate::checkpoint::CheckpointError;
use crate::domain::network::ResolveError;
use crate::domain::text::printable;
use crate::domain::{MismatchError, RunId};
use crate::events::ReadError;
use crate::runs::FileError;
use crate::runs::predictions::PredictionsError;
use crate::runs::store::LoadError;
use crate::weights::BaseError;

/// The reasons for which nothing was exported. The path then has its old content, or still does not exist.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The run has no such weights.
    #[error("{run} has no {}: there is nothing to export", match .which {
        SavedWeights::Best => "best weights (best.ckpt in its folder)",
        SavedWeights::Last => "newest checkpoint (last.ckpt in its folder)",
    })]
    Unsaved {
        /// The run.
        run: RunId,
        /// The requested weights.
        which: SavedWeights,
    },
    /// The path exists already.
    #[error("{} exists already: choose another path, or add --force to replace it", shown(.0))]
    Exists(PathBuf),
    /// No kind of file has the ending of the path.
    #[error("{} does not end in {endings}: choose a path that does", shown(path))]
    Ending {
        /// The path.
        path: PathBuf,
        /// The known endings.
        endings: &'static str,
    },
    /// The file system refused.
    #[error("cannot write {}: {source}", shown(path))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// A value cannot be stored in this kind of file.
    #[error("cannot be written as {form}: {reason}")]
    Form {
        /// The kind of file.
        form: &'static str,
        /// The value that does not fit.
        reason: String,
    },
    /// The recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] FileError),
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] LoadError),
    /// The run's log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The predictions cannot be read.
    #[error(transparent)]
    Predictions(#[from] PredictionsError),
    /// The base is missing or not the run's.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The recipe does not fit the checkpoint's images.
    #[error(transparent)]
    Network(#[from] ResolveError),
    /// The checkpoint does not fit the network.
    #[error("the checkpoint is not of this run's network: {0}")]
    Mismatch(#[from] MismatchError),
}

impl ExportError {
    /// Returns the error of a value that does not fit a kind of file.
    pub(super) fn form(form: &'static str, reason: &impl ToString) -> Self {
        Self::Form { form, reason: reason.to_string() }
    }
}

/// Returns a path without control characters, which could steer the terminal.
fn shown(path: &std::path::Path) -> String {
    printable(&path.to_string_lossy())
}
