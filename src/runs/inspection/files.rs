//! The files of a run's predictions by split, and reading them.

use std::io;
use std::path::PathBuf;

use super::{Inspection, InspectionError};
use crate::domain::text::printable;
use crate::domain::{RunId, Split};
use crate::runs::RunFolder;
use crate::runs::predictions::{Predictions, PredictionsError};

/// Returns the file of predictions for a split. Validation has one file per epoch, from 1; other splits ignore `epoch`.
#[must_use]
pub fn file(folder: &RunFolder, split: Split, epoch: u32) -> PathBuf {
    match split {
        Split::Test => folder.test_predictions(),
        Split::Validation => folder.validation_predictions(epoch),
        Split::Train => folder.train_predictions(),
    }
}

/// Reads and checks the predictions of the run `id` for a split; see [`file()`] for `epoch`.
///
/// # Errors
/// If there is no such file, or it is unusable.
pub fn load(
    folder: &RunFolder,
    id: &RunId,
    classes: &[String],
    split: Split,
    epoch: u32,
) -> Result<Inspection, InspectionError> {
    let path = file(folder, split, epoch);
    let predictions = match Predictions::read(&path) {
        Err(PredictionsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Err(missing(folder, id, split, epoch));
        }
        other => other.map_err(|error| InspectionError::Unreadable(printable(&error.to_string())))?,
    };
    let unusable = |fault| {
        let file = printable(&path.to_string_lossy());
        InspectionError::Unusable { file, fault, id: id.clone(), split }
    };
    Inspection::new(predictions, classes).map_err(unusable)
}

fn missing(folder: &RunFolder, id: &RunId, split: Split, epoch: u32) -> InspectionError {
    let id = id.clone();
    match (split, folder.validation_epochs().as_slice()) {
        // Without weights, advice to evaluate the run would lead to advice to train it.
        (Split::Train | Split::Test, _) if !folder.has_best_weights() => InspectionError::NoWeights { id, split },
        (Split::Train | Split::Test, _) => InspectionError::Missing { id, split },
        (Split::Validation, []) => InspectionError::NoEpoch { id },
        (Split::Validation, [first, rest @ ..]) => {
            let (first, last) = (*first, *rest.last().unwrap_or(first));
            InspectionError::OtherEpochs { id, epoch, first, last }
        }
    }
}
