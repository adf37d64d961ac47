//! The metrics by which runs are compared, and their directions.

use super::{Reference, best};
use crate::domain::Scores;
use crate::domain::number_text::{span, thousands};
use crate::domain::reference::ReferenceScores;
use crate::runs::Summary;

/// The direction in which a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither direction is better.
    Neither,
}

/// A metric of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The share of test images predicted correctly.
    Accuracy,
    /// Macro-averaged precision on the test split.
    Precision,
    /// Macro-averaged recall on the test split.
    Recall,
    /// Macro-averaged F1 on the test split.
    F1,
    /// The share of test images predicted correctly by several views.
    ViewsAccuracy,
    /// Macro-averaged F1 on the test split by several views.
    ViewsF1,
    /// Mean cross-entropy on the test split, in nats.
    TestLoss,
    /// Validation loss of the best epoch.
    ValLoss,
    /// Validation accuracy of the best epoch.
    ValAccuracy,
    /// The best epoch by the monitored metric.
    BestEpoch,
    /// Epochs completed.
    Epochs,
    /// Mean wall time of an epoch, validation included.
    SecondsPerEpoch,
    /// Wall time of all epochs, and of computing the frozen part's features.
    TotalSeconds,
    /// Training images per second, mean over the epochs.
    ImagesPerSecond,
    /// Parameters of the network.
    Parameters,
    /// Trained parameters of the network.
    Trainable,
}

impl Metric {
    /// All metrics, in the order of the table.
    pub const ALL: [Self; 16] = [
        Self::Accuracy,
        Self::Precision,
        Self::Recall,
        Self::F1,
        Self::ViewsAccuracy,
        Self::ViewsF1,
        Self::TestLoss,
        Self::ValLoss,
        Self::ValAccuracy,
        Self::BestEpoch,
        Self::Epochs,
        Self::SecondsPerEpoch,
        Self::TotalSeconds,
        Self::ImagesPerSecond,
        Self::Parameters,
        Self::Trainable,
    ];

    /// Returns the name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Precision => "macro precision",
            Self::Recall => "macro recall",
            Self::F1 => "macro F1",
            Self::ViewsAccuracy => "accuracy, views",
            Self::ViewsF1 => "macro F1, views",
            Self::TestLoss => "test loss",
            Self::ValLoss => "val loss",
            Self::ValAccuracy => "val accuracy",
            Self::BestEpoch => "best epoch",
            Self::Epochs => "epochs",
            Self::SecondsPerEpoch => "time per epoch",
            Self::TotalSeconds => "time in all",
            Self::ImagesPerSecond => "mean images/s",
            Self::Parameters => "parameters",
            Self::Trainable => "trained",
        }
    }

    /// Returns the name in JSON and CSV, which never changes.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "f1",
            Self::ViewsAccuracy => "views_accuracy",
            Self::ViewsF1 => "views_f1",
            Self::TestLoss => "test_loss",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
            Self::BestEpoch => "best_epoch",
            Self::Epochs => "epochs",
            Self::SecondsPerEpoch => "seconds_per_epoch",
            Self::TotalSeconds => "seconds",
            Self::ImagesPerSecond => "images_per_second",
            Self::Parameters => "parameters",
            Self::Trainable => "trainable",
        }
    }

    /// Returns the direction in which the metric is better.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Self::Accuracy
            | Self::Precision
            | Self::Recall
            | Self::F1
            | Self::ViewsAccuracy
            | Self::ViewsF1
            | Self::ValAccuracy => Direction::Higher,
            Self::TestLoss | Self::ValLoss => Direction::Lower,
            // Runs of other networks, devices or epochs do other work: a shorter time is not better.
            Self::SecondsPerEpoch
            | Self::TotalSeconds
            | Self::ImagesPerSecond
            | Self::BestEpoch
            | Self::Epochs
            | Self::Parameters
            | Self::Trainable => Direction::Neither,
        }
    }

    /// Returns whether the metric depends on the machine, so that values of different machines must not be averaged.
    #[must_use]
    pub fn is_of_machine(self) -> bool {
        matches!(self, Self::SecondsPerEpoch | Self::TotalSeconds | Self::ImagesPerSecond)
    }

    /// Returns whether the metric is one of the four scores of the test's confusion matrix.
    #[must_use]
    pub fn of_test(self) -> bool {
        matches!(self, Self::Accuracy | Self::Precision | Self::Recall | Self::F1)
    }

    /// Returns the metric's value in a run; `None` if there is none yet, or it is NaN or infinite.
    #[must_use]
    pub fn of(self, run: &Summary) -> Option<f64> {
        let scores = run.test.as_ref().map(|test| test.confusion.scores());
        self.read(run, scores.as_ref()).filter(|value| value.is_finite())
    }

    #[allow(clippy::cast_precision_loss)] // counts of epochs and parameters are far below 2^52
    fn read(self, run: &Summary, scores: Option<&Scores>) -> Option<f64> {
        let epochs = run.epochs.len() as f64;
        let seconds = run.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>();
        let trained = !run.epochs.is_empty();
        let views = || run.test_views.as_ref().map(|(_, result)| result.confusion.scores());
        match self {
            Self::Accuracy => scores.map(|scores| scores.accuracy),
            Self::Precision => scores.map(|scores| scores.precision),
            Self::Recall => scores.map(|scores| scores.recall),
            Self::F1 => scores.map(|scores| scores.f1),
            Self::ViewsAccuracy => views().map(|scores| scores.accuracy),
            Self::ViewsF1 => views().map(|scores| scores.f1),
            Self::TestLoss => run.test.as_ref().map(|test| test.loss),
            Self::ValLoss => run.best().map(|epoch| epoch.val_loss),
            Self::ValAccuracy => run.best().map(|epoch| epoch.val_accuracy),
            Self::BestEpoch => run.best().map(|epoch| f64::from(epoch.epoch)),
            Self::Epochs => trained.then(|| f64::from(run.epoch())),
            Self::SecondsPerEpoch => trained.then(|| seconds / epochs),
            Self::TotalSeconds => trained.then(|| run.trained_seconds()),
            Self::ImagesPerSecond => {
                trained.then(|| run.epochs.iter().map(|epoch| epoch.images_per_second).sum::<f64>() / epochs)
            }
            Self::Parameters => run.parameters.map(|parameters| parameters.total as f64),
            Self::Trainable => run.parameters.map(|parameters| parameters.trainable as f64),
        }
    }

    /// Returns the published value, if the metric has one.
    #[must_use]
    pub fn of_reference(self, scores: &ReferenceScores) -> Option<f64> {
        match self {
            Self::Accuracy => Some(scores.accuracy),
            Self::Precision => Some(scores.precision),
            Self::Recall => Some(scores.recall),
            Self::F1 => Some(scores.f1),
            _ => None,
        }
    }

    /// Formats a value for tables.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
    pub fn text(self, value: f64) -> String {
        match self {
            Self::BestEpoch | Self::Epochs => format!("{value:.0}"),
            Self::SecondsPerEpoch | Self::TotalSeconds => span(value),
            Self::ImagesPerSecond | Self::Parameters | Self::Trainable => thousands(value.max(0.0).round() as usize),
            _ => format!("{value:.4}"),
        }
    }

    /// Formats a mean for tables: epochs with one decimal.
    #[must_use]
    pub fn spread_text(self, value: f64) -> String {
        match self {
            Self::BestEpoch | Self::Epochs => format!("{value:.1}"),
            _ => self.text(value),
        }
    }

    /// Formats a deviation for tables, no finer than its mean.
    #[must_use]
    pub fn deviation_text(self, mean: f64, deviation: f64) -> String {
        match self {
            Self::SecondsPerEpoch | Self::TotalSeconds if mean >= 9.5 && deviation < 9.5 => format!("{deviation:.0} s"),
            _ => self.spread_text(deviation),
        }
    }
}

/// A metric in every column.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// The metric.
    pub metric: Metric,
    /// Its value in each column.
    pub values: Vec<Option<f64>>,
    /// Whether each column's value is the best.
    pub best: Vec<bool>,
    /// Its published value in each column of references.
    pub references: Vec<Option<f64>>,
}

/// Returns the rows of the test metrics and of the other metrics with a value. `comparable`: whether a best value is
/// meaningful.
pub(super) fn rows(runs: &[&Summary], references: &[Reference], comparable: bool) -> Vec<MetricRow> {
    let scores: Vec<Option<Scores>> =
        runs.iter().map(|run| run.test.as_ref().map(|test| test.confusion.scores())).collect();
    let row = |metric: Metric| {
        let value = |(run, scores): (&&Summary, &Option<Scores>)| {
            metric.read(run, scores.as_ref()).filter(|value| value.is_finite())
        };
        let values: Vec<Option<f64>> = runs.iter().zip(&scores).map(value).collect();
        let best = match metric.direction() {
            Direction::Neither => vec![false; values.len()],
            // A run that has not ended will take more time.
            _ if metric == Metric::TotalSeconds && runs.iter().any(|run| run.outcome.is_none()) => {
                vec![false; values.len()]
            }
            _ if !comparable => vec![false; values.len()],
            direction => best(&values, direction == Direction::Higher),
        };
        let references = references.iter().map(|known| metric.of_reference(&known.scores)).collect();
        MetricRow { metric, values, best, references }
    };
    // The test metrics always have a row, so that a reader sees that they are missing.
    let shown = |row: &MetricRow| row.metric.of_test() || row.values.iter().any(Option::is_some);
    Metric::ALL.into_iter().map(row).filter(shown).collect()
}
