//! Where a run keeps what it says of each split, and reading it.

use std::io;
use std::path::PathBuf;

use super::{Inspection, InspectionError, images_of};
use crate::domain::text::printable;
use crate::domain::{RunId, Split};
use crate::runs::RunFolder;
use crate::runs::predictions::{Predictions, PredictionsError};

/// The file of predictions for a split. Those for validation are of one epoch, counted from 1, and `epoch` is not looked
/// at for the other splits.
#[must_use]
pub fn file(folder: &RunFolder, split: Split, epoch: u32) -> PathBuf {
    match split {
        Split::Test => folder.test_predictions(),
        Split::Validation => folder.validation_predictions(epoch),
        Split::Train => folder.train_predictions(),
    }
}

/// Reads and checks what the run `id` says of a split; see [`file()`] for `epoch`.
///
/// # Errors
/// A sentence: there is no such file, and what makes it; or it is damaged, and how.
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
            return Err(InspectionError(missing(folder, id, split, epoch)));
        }
        other => other.map_err(|error| InspectionError(printable(&error.to_string())))?,
    };
    let damaged = |InspectionError(reason)| {
        let path = printable(&path.to_string_lossy());
        InspectionError(format!("{path} cannot be used: {reason}{}", again(split, id)))
    };
    Inspection::new(predictions, classes).map_err(damaged)
}

/// What makes the predictions of a split anew.
fn again(split: Split, id: &RunId) -> String {
    match split {
        // Written once an epoch and never again.
        Split::Validation => String::new(),
        Split::Train | Split::Test => format!("; `mien evaluate {id}` makes them anew"),
    }
}

fn missing(folder: &RunFolder, id: &RunId, split: Split, epoch: u32) -> String {
    let images = images_of(split);
    match split {
        Split::Validation => match folder.validation_epochs().as_slice() {
            [] => format!(
                "{id} has kept no predictions for its {images}: no epoch is complete yet, or an older mien ran it"
            ),
            [only] => format!("{id} has kept no predictions of epoch {epoch}, only of epoch {only}"),
            [first, .., last] => {
                format!("{id} has kept no predictions of epoch {epoch}, only of some from {first} to {last}")
            }
        },
        Split::Train | Split::Test => {
            format!("{id} has no predictions for its {images}: `mien evaluate {id}` makes them")
        }
    }
}
