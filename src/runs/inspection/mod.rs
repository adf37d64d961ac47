//! A run's predictions for the images of a split: the confusion matrix, the images of its cells, the hardest images.
//!
//! Created from a file of [`Predictions`] of any split. Knows no dataset: images are indices into a split.

mod files;
mod matrix;

pub use files::{file, load};
pub use matrix::{Difference, difference, shares};

use super::predictions::Predictions;
use super::statistics::Pairs;
use crate::domain::{Confusion, RunId, Scores, Split};

/// The reason why predictions cannot be inspected. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectionError {
    /// The predictions have not been read.
    #[error("the predictions are not read yet")]
    NotRead,
    /// The run has none for the split.
    #[error("{id} has no predictions for its {}: `mien evaluate {id}` makes them", images_of(*split))]
    Missing {
        /// The run.
        id: RunId,
        /// The split, which is not validation.
        split: Split,
    },
    /// The run has none for the split, and no weights that could make them.
    #[error("{id} has no predictions for its {}: it has no best weights yet; if it has ended, `mien resume {id}` continues it",
        images_of(*split))]
    NoWeights {
        /// The run.
        id: RunId,
        /// The split, which is not validation.
        split: Split,
    },
    /// The run has none for its validation images.
    #[error(
        "{id} has saved no predictions for its {}: no epoch is complete yet, or an older mien ran it",
        images_of(Split::Validation)
    )]
    NoEpoch {
        /// The run.
        id: RunId,
    },
    /// The run has predictions of other epochs for its validation images.
    #[error(
        "{id} has saved no predictions of epoch {epoch}, only of {}",
        if first == last { format!("epoch {first}") } else { format!("some from {first} to {last}") }
    )]
    OtherEpochs {
        /// The run.
        id: RunId,
        /// The requested epoch.
        epoch: u32,
        /// The first saved epoch.
        first: u32,
        /// The last saved epoch.
        last: u32,
    },
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The file's content is invalid.
    #[error(
        "{file} cannot be used: {fault}{}",
        // Validation predictions are written once per epoch, so no command rewrites them.
        if *split == Split::Validation { String::new() } else { format!("; `mien evaluate {id}` recreates them") }
    )]
    Unusable {
        /// The file.
        file: String,
        /// The fault.
        fault: Fault,
        /// The run.
        id: RunId,
        /// The split.
        split: Split,
    },
    /// The predictions are for other images than those of the other run.
    #[error("the two runs have predictions for different images")]
    OtherImages,
}

/// The reason why predictions do not fit a run with these classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The number of classes differs.
    #[error("they have {found} classes and the run has {classes}")]
    OtherClasses {
        /// The classes of the predictions.
        found: usize,
        /// The classes of the run.
        classes: usize,
    },
    /// The number of classes is out of range.
    #[error("{0} classes cannot be distinguished: a run has 1 to 65,535")]
    Classes(usize),
    /// The number of probabilities is not images × classes.
    #[error("{probabilities} probabilities for {images} images of {classes} classes")]
    Count {
        /// The number of probabilities.
        probabilities: usize,
        /// The number of images.
        images: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A label is not below the number of classes.
    #[error("image {image} has the label {label}, and there are {classes} classes")]
    Label {
        /// The image's index.
        image: usize,
        /// Its label.
        label: u16,
        /// The number of classes.
        classes: usize,
    },
    /// The probabilities of an image are not from 0 to 1 with sum 1.
    #[error("the probabilities of image {0} are not valid")]
    Probabilities(usize),
}

/// The prediction for one image.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ScoredImage {
    /// The image's index in its split, from 0.
    pub index: usize,
    /// Its class in the dataset.
    pub truth: usize,
    /// The predicted class: the first of the most probable ones.
    pub predicted: usize,
    /// The probability of the predicted class.
    pub confidence: f32,
    /// The probability of the true class.
    pub probability_of_truth: f32,
    /// Cross-entropy in nats: −ln of the true class's probability, at most 103.3 (that of the smallest `f32`).
    pub loss: f64,
}

/// The sort order of the images of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The most confident prediction first.
    #[default]
    Confidence,
    /// The largest loss first.
    Loss,
    /// The order of the split.
    Index,
}

/// Checked predictions with class names.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    predictions: Predictions,
    predicted: Vec<u16>,
    classes: Vec<String>,
}

impl Inspection {
    /// Checks predictions against these class names.
    ///
    /// # Errors
    /// If the number of classes differs, a value is no probability, or a label is out of range.
    pub fn new(predictions: Predictions, classes: &[String]) -> Result<Self, Fault> {
        check(&predictions, classes.len())?;
        let predicted = predictions.probabilities.chunks_exact(predictions.classes).map(most_probable).collect();
        Ok(Self { predictions, predicted, classes: classes.to_vec() })
    }

    /// Returns the names of the classes, in order.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the number of images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.predictions.truth.len()
    }

    /// Returns the true labels, `[images]`.
    #[must_use]
    pub fn truth(&self) -> &[u16] {
        &self.predictions.truth
    }

    /// Returns the predicted labels, `[images]`.
    #[must_use]
    pub fn predicted(&self) -> &[u16] {
        &self.predicted
    }

    /// Returns the probabilities for one image, `[classes]`; `None` for an index out of range.
    #[must_use]
    pub fn probabilities(&self, index: usize) -> Option<&[f32]> {
        self.predictions.probabilities.chunks_exact(self.predictions.classes).nth(index)
    }

    /// Returns the prediction for one image; `None` for an index out of range.
    #[must_use]
    pub fn scored_image(&self, index: usize) -> Option<ScoredImage> {
        let row = self.probabilities(index)?;
        let (truth, predicted) = (usize::from(*self.truth().get(index)?), usize::from(*self.predicted.get(index)?));
        let probability_of_truth = row[truth];
        // Otherwise a probability that rounds to 0 would give an infinite loss, which neither sorts nor prints well.
        let loss = -f64::from(probability_of_truth.max(f32::from_bits(1))).ln();
        Some(ScoredImage {
            index,
            truth,
            predicted,
            confidence: row[predicted],
            probability_of_truth,
            loss: loss.max(0.0),
        })
    }

    /// Returns the predictions for all images, in order.
    pub fn all(&self) -> impl Iterator<Item = ScoredImage> {
        (0..self.images()).filter_map(|index| self.scored_image(index))
    }

    /// Returns the confusion matrix.
    #[must_use]
    pub fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new(self.classes.len());
        for (truth, predicted) in self.truth().iter().zip(&self.predicted) {
            confusion.add(usize::from(*truth), usize::from(*predicted));
        }
        confusion
    }

    /// Returns accuracy, and precision, recall and F1 of each class.
    #[must_use]
    pub fn scores(&self) -> Scores {
        self.confusion().scores()
    }

    /// Returns the share of images whose class is among the `count` most probable ones, of equals the first; `None`
    /// without images.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn top(&self, count: usize) -> Option<f64> {
        let is_among = |(row, truth): (&[f32], &u16)| {
            let (truth, own) = (usize::from(*truth), row[usize::from(*truth)]);
            let before = |(label, value): (usize, &f32)| *value > own || (*value >= own && label < truth);
            row.iter().enumerate().filter(|probability| before(*probability)).count() < count
        };
        let rows = self.predictions.probabilities.chunks_exact(self.predictions.classes);
        let right = rows.zip(self.truth()).filter(|image| is_among(*image)).count();
        (self.images() > 0).then(|| right as f64 / self.images() as f64)
    }

    /// Returns the mean loss in nats; `None` without images.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn mean_loss(&self) -> Option<f64> {
        let total: f64 = self.all().map(|judged| judged.loss).sum();
        (self.images() > 0).then(|| total / self.images() as f64)
    }

    /// Returns the images of class `truth` that are predicted as `predicted`.
    #[must_use]
    pub fn cell(&self, truth: usize, predicted: usize, order: Order) -> Vec<ScoredImage> {
        let mut found: Vec<ScoredImage> =
            self.all().filter(|judged| judged.truth == truth && judged.predicted == predicted).collect();
        sort(&mut found, order);
        found
    }

    /// Returns the `count` images with the largest loss, the largest first. Among training images, these are candidates
    /// for wrong labels.
    #[must_use]
    pub fn hardest(&self, count: usize) -> Vec<ScoredImage> {
        let mut all: Vec<ScoredImage> = self.all().collect();
        sort(&mut all, Order::Loss);
        all.truncate(count);
        all
    }

    /// Counts this run's and another run's predictions for the same images.
    ///
    /// # Errors
    /// If the images differ.
    pub fn pairs(&self, other: &Self) -> Result<Pairs, InspectionError> {
        if self.truth() != other.truth() || self.classes.len() != other.classes.len() {
            return Err(InspectionError::OtherImages);
        }
        let mut pairs = Pairs::new(self.classes.len());
        for ((truth, first), second) in self.truth().iter().zip(&self.predicted).zip(&other.predicted) {
            pairs.add(usize::from(*truth), usize::from(*first), usize::from(*second));
        }
        Ok(pairs)
    }
}

/// Returns the name of a split's images in messages.
#[must_use]
pub fn images_of(split: Split) -> &'static str {
    match split {
        Split::Train => "training images",
        Split::Validation => "validation images",
        Split::Test => "test images",
    }
}

/// Sorts stably: equal images stay in the order of the split.
fn sort(judged: &mut [ScoredImage], order: Order) {
    match order {
        Order::Confidence => judged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence)),
        Order::Loss => judged.sort_by(|a, b| b.loss.total_cmp(&a.loss)),
        Order::Index => judged.sort_by_key(|judged| judged.index),
    }
}

/// Returns the first of the most probable classes, as the trainer counts it.
#[allow(clippy::cast_possible_truncation)] // `check` has ensured that labels fit into u16
fn most_probable(row: &[f32]) -> u16 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().position(|probability| *probability >= largest).unwrap_or(0) as u16
}

/// Checks that predictions are a possible softmax over this many classes.
fn check(predictions: &Predictions, classes: usize) -> Result<(), Fault> {
    // The rounding of a softmax's f32 outputs is far smaller.
    const TOLERANCE: f32 = 1e-3;
    let Predictions { classes: found, probabilities, truth } = predictions;
    if *found != classes {
        return Err(Fault::OtherClasses { found: *found, classes });
    }
    if classes == 0 || classes > usize::from(u16::MAX) {
        return Err(Fault::Classes(classes));
    }
    if truth.len().checked_mul(classes) != Some(probabilities.len()) {
        return Err(Fault::Count { probabilities: probabilities.len(), images: truth.len(), classes });
    }
    if let Some(image) = truth.iter().position(|label| usize::from(*label) >= classes) {
        return Err(Fault::Label { image, label: truth[image], classes });
    }
    let sound = |row: &[f32]| {
        row.iter().all(|value| (0.0..=1.0 + TOLERANCE).contains(value))
            && (row.iter().sum::<f32>() - 1.0).abs() <= TOLERANCE
    };
    match probabilities.chunks_exact(classes).position(|row| !sound(row)) {
        Some(image) => Err(Fault::Probabilities(image)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
