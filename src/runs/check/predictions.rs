//! Checks of prediction files: intact, valid probabilities, and as many images as the dataset has.

use std::path::Path;

use super::{DatasetInfo, HomeFinding, Subject};
use crate::domain::{DataFold, Split};
use crate::runs::predictions::Predictions;

/// The accepted difference of an image's probability sum from 1: rounding of a few hundred f32 numbers.
const TOLERANCE: f32 = 1e-3;

pub(super) fn check(subject: &Subject<'_>) -> Vec<HomeFinding> {
    let folder = subject.folder;
    let validation =
        folder.validation_epochs().into_iter().map(|epoch| (folder.validation_predictions(epoch), Split::Validation));
    let files = [
        (folder.test_predictions(), Split::Test),
        (folder.test_views_predictions(), Split::Test),
        (folder.train_predictions(), Split::Train),
    ];
    let there = files.into_iter().filter(|(file, _)| file.exists()).chain(validation);
    let wrong = |(file, split): (std::path::PathBuf, Split)| {
        let reason =
            fault(&file, split, subject.dataset, subject.recipe.fold.filter(|fold| fold.check().is_ok())).err()?;
        let advice = match split {
            Split::Validation => format!("only the Inspect screen uses it: remove it, or train {} again", subject.id),
            Split::Test | Split::Train => format!("`mien evaluate {}` recreates it", subject.id),
        };
        Some(HomeFinding::damage(&file, reason, advice))
    };
    there.filter_map(wrong).collect()
}

fn fault(file: &Path, split: Split, dataset: Option<&DatasetInfo>, fold: Option<DataFold>) -> Result<(), String> {
    // Links are reported by another check and not followed.
    if file.is_symlink() {
        return Ok(());
    }
    let predictions = Predictions::read(file).map_err(|error| error.to_string())?;
    let images = predictions.truth.len();
    if let Some(known) = dataset {
        let (expected, known_classes) = (known.images(split, fold), known.classes.len());
        if (images, predictions.classes) != (expected, known_classes) {
            let classes = predictions.classes;
            return Err(format!(
                "holds {images} images of {classes} classes, where the dataset has {expected} of \
                 {known_classes} in its {split} split"
            ));
        }
    }
    if predictions.truth.iter().any(|label| usize::from(*label) >= predictions.classes) {
        return Err("has labels that are not classes".into());
    }
    let rows = predictions.probabilities.chunks_exact(predictions.classes.max(1));
    let is_one =
        |row: &[f32]| (row.iter().sum::<f32>() - 1.0).abs() <= TOLERANCE && row.iter().all(|share| *share >= 0.0);
    match rows.enumerate().find(|(_, row)| !is_one(row)) {
        Some((image, _)) => Err(format!("the values of image {image} are not probabilities")),
        None => Ok(()),
    }
}
