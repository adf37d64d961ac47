//! How well probabilities agree with frequencies, and the temperature that makes them agree better.

use std::fmt;

use crate::domain::number_text::thousands;
use crate::runs::Inspection;

/// The number of bins of equal width, as in Guo et al. (2017), "On Calibration of Modern Neural Networks".
pub const BINS: usize = 15;

/// The images whose predicted class has a probability within a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Bin {
    /// The lower end of the range, which is not within it.
    pub low: f64,
    /// The upper end of the range, which is within it.
    pub high: f64,
    /// The number of images.
    pub images: usize,
    /// The mean probability of the predicted class; 0 without images.
    pub confidence: f64,
    /// The share of images predicted correctly; 0 without images.
    pub accuracy: f64,
}

/// The calibration of probabilities.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Reliability {
    /// The expected calibration error: the mean gap between confidence and accuracy of the bins, weighted by images.
    pub ece: f64,
    /// The maximum calibration error: the largest gap of a bin with images.
    pub mce: f64,
    /// The mean negative log likelihood in nats, which is the cross-entropy.
    pub loss: f64,
    /// All bins, from the lowest probability to the highest.
    pub bins: Vec<Bin>,
}

impl Reliability {
    /// Returns the calibration of the probabilities scaled by `temperature`; 1 leaves them as they are. `None` without
    /// images.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn of(predictions: &Inspection, temperature: f64) -> Option<Self> {
        let images = predictions.images();
        let mut bins: Vec<Bin> = (0..BINS).map(empty_bin).collect();
        let mut loss = 0.0;
        let mut row = Vec::new();
        for scored in predictions.all() {
            row.clear();
            row.extend(predictions.probabilities(scored.index)?.iter().map(|value| logarithm(*value) / temperature));
            let (confidence, of_truth) = if (temperature - 1.0).abs() < f64::EPSILON {
                // The saved probabilities: their sum is 1 only up to rounding.
                (f64::from(scored.confidence), row[scored.truth])
            } else {
                let total = log_sum(&row);
                ((row[scored.predicted] - total).exp(), row[scored.truth] - total)
            };
            loss -= of_truth;
            let bin = &mut bins[bin_of(confidence)];
            bin.images += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(scored.predicted == scored.truth));
        }
        let (mut ece, mut mce) = (0.0, 0.0_f64);
        for bin in bins.iter_mut().filter(|bin| bin.images > 0) {
            bin.confidence /= bin.images as f64;
            bin.accuracy /= bin.images as f64;
            let gap = (bin.confidence - bin.accuracy).abs();
            ece += gap * bin.images as f64 / images as f64;
            mce = mce.max(gap);
        }
        (images > 0).then(|| Self { ece, mce, loss: (loss / images as f64).max(0.0), bins })
    }

    /// Returns both errors: `ECE 0.0512, largest gap 0.1310`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("ECE {:.4}, largest gap {:.4}", self.ece, self.mce)
    }
}

#[allow(clippy::cast_precision_loss)] // fifteen bins
fn empty_bin(number: usize) -> Bin {
    let edge = |number: usize| number as f64 / BINS as f64;
    Bin { low: edge(number), high: edge(number + 1), ..Bin::default() }
}

/// Returns the number of the bin of a probability. An upper end belongs to its bin.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // clamped to the bins
fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() - 1.0).clamp(0.0, BINS as f64 - 1.0) as usize
}

/// Why there is no temperature. Every text is safe to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTemperature {
    /// The predictions for the validation images are missing or damaged.
    #[error("the run has no predictions of epoch {epoch} for its validation images")]
    NoPredictions {
        /// The epoch of the weights.
        epoch: u32,
    },
    /// There are no images.
    #[error("there are no validation images")]
    NoImages,
    /// The loss has no minimum within the limits, for example if every image is predicted correctly.
    #[error("the validation loss has no minimum between temperatures of 0.001 and 1,000")]
    NoMinimum,
}

/// A temperature, fitted to validation images: logits are divided by it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Temperature {
    /// The temperature; above 1 it makes probabilities more even.
    pub value: f64,
    /// The epoch of the weights, from 1.
    pub epoch: u32,
    /// The number of validation images.
    pub images: usize,
}

impl fmt::Display for Temperature {
    /// Writes the images of which it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fitted to {} validation images", thousands(self.images))
    }
}

/// The lowest and the highest inverse of a temperature.
const LIMITS: (f64, f64) = (0.001, 1_000.0);

/// The most steps of the search, of which five are usual.
const STEPS: usize = 200;

impl Temperature {
    /// Fits the temperature that minimizes the mean negative log likelihood of the predictions, which are of the
    /// weights of `epoch`.
    ///
    /// # Errors
    /// If there are no images, or the minimum is outside of 0.001–1,000.
    pub fn fit(validation: &Inspection, epoch: u32) -> Result<Self, NoTemperature> {
        let images = validation.images();
        if images == 0 {
            return Err(NoTemperature::NoImages);
        }
        let logits: Vec<Vec<f64>> = (0..images)
            .filter_map(|image| validation.probabilities(image))
            .map(|row| row.iter().map(|value| logarithm(*value)).collect())
            .collect();
        let slope = |inverse: f64| slope(&logits, validation.truth(), inverse);
        // The loss is convex in the inverse, so that the sign of its slope brackets the minimum.
        let (mut low, mut high) = LIMITS;
        if slope(low).0 >= 0.0 || slope(high).0 <= 0.0 {
            return Err(NoTemperature::NoMinimum);
        }
        let mut inverse = 1.0;
        for _ in 0..STEPS {
            let (first, second) = slope(inverse);
            if first < 0.0 {
                low = inverse;
            } else {
                high = inverse;
            }
            // Newton's step, or half of the bracket where that would leave it.
            let newton = inverse - first / second;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            let step = (next - inverse).abs();
            inverse = next;
            if step <= 1e-12 * inverse {
                break;
            }
        }
        Ok(Self { value: inverse.recip(), epoch, images })
    }
}

/// Returns the first and the second derivative of the summed loss by the inverse of the temperature.
fn slope(logits: &[Vec<f64>], truth: &[u16], inverse: f64) -> (f64, f64) {
    let (mut first, mut second) = (0.0, 0.0);
    for (row, truth) in logits.iter().zip(truth) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
        for logit in row {
            let centred = logit - largest;
            let weight = (centred * inverse).exp();
            total += weight;
            mean += weight * centred;
            square += weight * centred * centred;
        }
        mean /= total;
        first += mean - (row[usize::from(*truth)] - largest);
        second += square / total - mean * mean;
    }
    (first, second)
}

/// Scales probabilities, row-major `[images, classes]`, by a temperature.
#[allow(clippy::cast_possible_truncation)] // stored as f32
pub fn scale(probabilities: &mut [f32], classes: usize, temperature: f64) {
    for row in probabilities.chunks_exact_mut(classes.max(1)) {
        let logits: Vec<f64> = row.iter().map(|value| logarithm(*value) / temperature).collect();
        let total = log_sum(&logits);
        row.iter_mut().zip(&logits).for_each(|(value, logit)| *value = (logit - total).exp() as f32);
    }
}

/// Returns the logarithm of a probability: a logit up to a constant of its row. A probability that was rounded to 0 has
/// that of the smallest `f32`.
fn logarithm(probability: f32) -> f64 {
    f64::from(probability.max(f32::from_bits(1))).ln()
}

/// Returns the logarithm of the sum of exponentials.
fn log_sum(row: &[f64]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + row.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}
