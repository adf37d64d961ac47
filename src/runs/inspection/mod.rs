//! What a run says of each image of a split: the confusion matrix, the images behind its cells, the hardest images.
//!
//! Made from a file of [`Predictions`], whichever split it is of; knows no dataset, so images are indices into a split.

mod files;
mod matrix;

pub use files::{file, load};
pub use matrix::{Difference, difference, shares};

use super::predictions::Predictions;
use super::statistics::Pairs;
use crate::domain::{Confusion, RunId, Scores, Split};

/// Why predictions cannot be looked into. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectionError {
    /// Nobody has read them.
    #[error("the predictions are not read yet")]
    NotRead,
    /// The run keeps none for the split.
    #[error("{id} has no predictions for its {}: `mien evaluate {id}` makes them", images_of(*split))]
    Missing {
        /// The run.
        id: RunId,
        /// The split, which is not validation.
        split: Split,
    },
    /// The run keeps none for its validation images.
    #[error(
        "{id} has kept no predictions for its {}: no epoch is complete yet, or an older mien ran it",
        images_of(Split::Validation)
    )]
    NoEpoch {
        /// The run.
        id: RunId,
    },
    /// The run keeps predictions of other epochs for its validation images.
    #[error(
        "{id} has kept no predictions of epoch {epoch}, only of {}",
        if first == last { format!("epoch {first}") } else { format!("some from {first} to {last}") }
    )]
    OtherEpochs {
        /// The run.
        id: RunId,
        /// The epoch asked for.
        epoch: u32,
        /// The first that is kept.
        first: u32,
        /// The last that is kept.
        last: u32,
    },
    /// Their file cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// Their file holds what no run writes.
    #[error(
        "{file} cannot be used: {fault}{}",
        // Those for validation are written once an epoch and never again.
        if *split == Split::Validation { String::new() } else { format!("; `mien evaluate {id}` makes them anew") }
    )]
    Unusable {
        /// The file.
        file: String,
        /// What is wrong.
        fault: Fault,
        /// The run.
        id: RunId,
        /// The split.
        split: Split,
    },
    /// They are of other images than those of the other run.
    #[error("the two runs answer to different images")]
    OtherImages,
}

/// Why predictions are none that a run with these classes makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// They are over another number of classes.
    #[error("they are over {found} classes and the run has {classes}")]
    OtherClasses {
        /// The classes of the predictions.
        found: usize,
        /// The classes of the run.
        classes: usize,
    },
    /// No run has so many classes.
    #[error("{0} classes are nothing to tell apart")]
    Classes(usize),
    /// There is not one probability for each class of each image.
    #[error("{probabilities} probabilities for {images} images of {classes} classes")]
    Count {
        /// The probabilities.
        probabilities: usize,
        /// The images.
        images: usize,
        /// The classes.
        classes: usize,
    },
    /// A label is no class.
    #[error("image {image} has the label {label}, and there are {classes} classes")]
    Label {
        /// The image's index.
        image: usize,
        /// Its label.
        label: u16,
        /// The classes.
        classes: usize,
    },
    /// What an image has are no probabilities, which add up to 1.
    #[error("the probabilities of image {0} are none")]
    Probabilities(usize),
}

/// The answer to one image.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Judged {
    /// The image's place in its split, from 0.
    pub index: usize,
    /// Its class by the dataset.
    pub truth: usize,
    /// Its class by the run: the first of the most probable ones.
    pub predicted: usize,
    /// The probability of the predicted class.
    pub confidence: f32,
    /// The probability of the true class.
    pub probability_of_truth: f32,
    /// Cross-entropy in nats: −ln of the true class's probability, at most 103.3 (that of the smallest `f32`).
    pub loss: f64,
}

/// How the images of a cell are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The surest answer first.
    #[default]
    Confidence,
    /// The largest loss first.
    Loss,
    /// As they lie in the split.
    Index,
}

/// Predictions that have been checked, with class names.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    predictions: Predictions,
    predicted: Vec<u16>,
    classes: Vec<String>,
}

impl Inspection {
    /// Checks predictions over classes of these names.
    ///
    /// # Errors
    /// When they are over another number of classes, hold something that is no probability, or a label that is no
    /// class.
    pub fn new(predictions: Predictions, classes: &[String]) -> Result<Self, Fault> {
        check(&predictions, classes.len())?;
        let predicted = predictions.probabilities.chunks_exact(predictions.classes).map(most_probable).collect();
        Ok(Self { predictions, predicted, classes: classes.to_vec() })
    }

    /// The names of the classes, in order.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many images there are.
    #[must_use]
    pub fn images(&self) -> usize {
        self.predictions.truth.len()
    }

    /// The true labels, `[images]`.
    #[must_use]
    pub fn truth(&self) -> &[u16] {
        &self.predictions.truth
    }

    /// The run's answers, `[images]`.
    #[must_use]
    pub fn predicted(&self) -> &[u16] {
        &self.predicted
    }

    /// The probability of each class for one image; `None` if there is no such image.
    #[must_use]
    pub fn probabilities(&self, index: usize) -> Option<&[f32]> {
        self.predictions.probabilities.chunks_exact(self.predictions.classes).nth(index)
    }

    /// The answer to one image; `None` if there is no such image.
    #[must_use]
    pub fn judged(&self, index: usize) -> Option<Judged> {
        let row = self.probabilities(index)?;
        let (truth, predicted) = (usize::from(*self.truth().get(index)?), usize::from(*self.predicted.get(index)?));
        let probability_of_truth = row[truth];
        // A probability that rounds to 0 would be an infinite loss, which neither sorts nor prints well.
        let loss = -f64::from(probability_of_truth.max(f32::from_bits(1))).ln();
        Some(Judged { index, truth, predicted, confidence: row[predicted], probability_of_truth, loss: loss.max(0.0) })
    }

    /// The answers to all images, in order.
    pub fn all(&self) -> impl Iterator<Item = Judged> {
        (0..self.images()).filter_map(|index| self.judged(index))
    }

    /// Counts of (truth, predicted).
    #[must_use]
    pub fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new(self.classes.len());
        for (truth, predicted) in self.truth().iter().zip(&self.predicted) {
            confusion.add(usize::from(*truth), usize::from(*predicted));
        }
        confusion
    }

    /// Accuracy, and precision, recall and F1 of each class.
    #[must_use]
    pub fn scores(&self) -> Scores {
        self.confusion().scores()
    }

    /// Mean loss; `None` without images.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn mean_loss(&self) -> Option<f64> {
        let total: f64 = self.all().map(|judged| judged.loss).sum();
        (self.images() > 0).then(|| total / self.images() as f64)
    }

    /// The images of class `truth` that the run takes for `predicted`.
    #[must_use]
    pub fn cell(&self, truth: usize, predicted: usize, order: Order) -> Vec<Judged> {
        let mut found: Vec<Judged> =
            self.all().filter(|judged| judged.truth == truth && judged.predicted == predicted).collect();
        sort(&mut found, order);
        found
    }

    /// The `count` images with the largest loss, the largest first: of training images, candidates for wrong labels.
    #[must_use]
    pub fn hardest(&self, count: usize) -> Vec<Judged> {
        let mut all: Vec<Judged> = self.all().collect();
        sort(&mut all, Order::Loss);
        all.truncate(count);
        all
    }

    /// What this run and another say of the same images.
    ///
    /// # Errors
    /// When they are not the same images.
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

/// What a split's images are for, in the words of messages.
#[must_use]
pub fn images_of(split: Split) -> &'static str {
    match split {
        Split::Train => "training images",
        Split::Validation => "validation images",
        Split::Test => "test images",
    }
}

/// Sorts stably: what is equal stays as it lies in the split.
fn sort(judged: &mut [Judged], order: Order) {
    match order {
        Order::Confidence => judged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence)),
        Order::Loss => judged.sort_by(|a, b| b.loss.total_cmp(&a.loss)),
        Order::Index => judged.sort_by_key(|judged| judged.index),
    }
}

/// The first of the most probable classes, as the trainer counts it.
#[allow(clippy::cast_possible_truncation)] // labels are u16, which `check` has seen to
fn most_probable(row: &[f32]) -> u16 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().position(|probability| *probability >= largest).unwrap_or(0) as u16
}

/// Whether predictions are what a softmax over this many classes can be.
fn check(predictions: &Predictions, classes: usize) -> Result<(), Fault> {
    // Of a softmax's f32 outputs the rounding is far smaller.
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
