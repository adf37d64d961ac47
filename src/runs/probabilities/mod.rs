//! The metrics of a run's probabilities, beside those of its predicted classes: calibration, and precision by recall.
//!
//! Uses only saved predictions, so that `show`, `inspect`, reports and the Inspect screen show the same numbers.

mod calibration;
mod precision_recall;
#[cfg(test)]
mod tests;

pub use calibration::{BINS, Bin, NoTemperature, Reliability, Temperature, scale};
pub use precision_recall::{AveragePrecision, POINTS, PrecisionRecall, RecallPoint, curve};

use super::inspection::{self, Inspection};
use super::{RunFolder, Summary};
use crate::domain::{RunId, Split};

/// The metrics of the probabilities of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilityMetrics {
    /// The share of images whose class is among the two most probable; `None` without images.
    pub top2: Option<f64>,
    /// The average precision of each class and their mean.
    pub average_precision: AveragePrecision,
    /// The calibration of the probabilities; `None` without images.
    pub reliability: Option<Reliability>,
    /// The temperature and the calibration of the scaled probabilities, or the reason why there is none.
    pub scaled: Result<(Temperature, Reliability), NoTemperature>,
}

impl ProbabilityMetrics {
    /// Computes the metrics of predictions, and those of the probabilities scaled by `temperature`.
    #[must_use]
    pub fn new(predictions: &Inspection, temperature: Result<Temperature, NoTemperature>) -> Self {
        let scaled = temperature.and_then(|temperature| {
            let scaled = Reliability::of(predictions, temperature.value).ok_or(NoTemperature::NoImages)?;
            Ok((temperature, scaled))
        });
        Self {
            top2: predictions.top(2),
            average_precision: AveragePrecision::of(predictions),
            reliability: Reliability::of(predictions, 1.0),
            scaled,
        }
    }

    /// Returns the metrics as text, one sentence a line.
    #[must_use]
    pub fn text(&self) -> Vec<String> {
        let calibration = self.reliability.as_ref().map(|reliability| {
            let scaled = match &self.scaled {
                Ok((temperature, scaled)) => {
                    let (value, errors) = (temperature.value, scaled.text());
                    format!("by temperature {value:.3} ({temperature}): {errors}, loss {:.4}", scaled.loss)
                }
                Err(reason) => format!("no temperature: {reason}"),
            };
            [format!("calibration: {}", reliability.text()), scaled]
        });
        self.average_precision.text().into_iter().chain(calibration.into_iter().flatten()).collect()
    }
}

/// Returns the metrics of a run's probabilities for its test images; `None` before it is tested, or without
/// predictions.
#[must_use]
pub fn of_test(folder: &RunFolder, run: &Summary) -> Option<ProbabilityMetrics> {
    let epoch = run.test.as_ref()?.epoch;
    let test = inspection::load(folder, &run.id, &run.classes, Split::Test, epoch).ok()?;
    Some(ProbabilityMetrics::new(&test, temperature(folder, &run.id, &run.classes, epoch)))
}

/// Returns the temperature of the weights of an epoch, fitted to their predictions for the validation images.
///
/// # Errors
/// If there are no such predictions, or they have no temperature.
pub fn temperature(
    folder: &RunFolder,
    id: &RunId,
    classes: &[String],
    epoch: u32,
) -> Result<Temperature, NoTemperature> {
    let validation = inspection::load(folder, id, classes, Split::Validation, epoch);
    Temperature::fit(&validation.map_err(|_| NoTemperature::NoPredictions { epoch })?, epoch)
}
