//! The figures by which runs are compared, and which way is better.

use super::{Reference, best};
use crate::domain::Scores;
use crate::domain::figures::{span, thousands};
use crate::domain::reference::ReferenceScores;
use crate::runs::Summary;

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither.
    Neither,
}

/// A figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of test images predicted right.
    Accuracy,
    /// Macro average on the test split.
    Precision,
    /// Macro average on the test split.
    Recall,
    /// Macro average on the test split.
    F1,
    /// Share of test images predicted right by several views of each.
    ViewsAccuracy,
    /// Macro average on the test split by several views of each image.
    ViewsF1,
    /// Mean cross-entropy on the test split, in nats.
    TestLoss,
    /// Validation loss of the best epoch.
    ValLoss,
    /// Validation accuracy of the best epoch.
    ValAccuracy,
    /// The best epoch by the monitored figure.
    BestEpoch,
    /// Epochs completed.
    Epochs,
    /// Mean wall time of an epoch, validation included.
    SecondsPerEpoch,
    /// Wall time of all epochs, and of computing the base's features where that was done.
    TotalSeconds,
    /// Training images per second, mean over the epochs.
    ImagesPerSecond,
    /// Parameters of the model.
    Parameters,
    /// Those that are trained.
    Trainable,
}

impl Metric {
    /// All of them, in the order of the table.
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

    /// What tables call it.
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
            Self::ImagesPerSecond => "images/s",
            Self::Parameters => "parameters",
            Self::Trainable => "trained",
        }
    }

    /// What JSON and CSV call it: a promise.
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

    /// Which way is better.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Self::Accuracy
            | Self::Precision
            | Self::Recall
            | Self::F1
            | Self::ViewsAccuracy
            | Self::ViewsF1
            | Self::ValAccuracy
            | Self::ImagesPerSecond => Direction::Higher,
            Self::TestLoss | Self::ValLoss | Self::SecondsPerEpoch | Self::TotalSeconds => Direction::Lower,
            Self::BestEpoch | Self::Epochs | Self::Parameters | Self::Trainable => Direction::Neither,
        }
    }

    /// Whether it depends on the machine, so that runs with other seeds elsewhere say nothing of it.
    #[must_use]
    pub fn is_of_machine(self) -> bool {
        matches!(self, Self::SecondsPerEpoch | Self::TotalSeconds | Self::ImagesPerSecond)
    }

    /// Whether it is one of the four that a confusion matrix of the test images amounts to.
    #[must_use]
    pub fn of_test(self) -> bool {
        matches!(self, Self::Accuracy | Self::Precision | Self::Recall | Self::F1)
    }

    /// Its value in a run; `None` where there is none yet or it is no number.
    #[must_use]
    pub fn of(self, run: &Summary) -> Option<f64> {
        let scores = run.test.as_ref().map(|test| test.confusion.scores());
        self.read(run, scores.as_ref()).filter(|value| value.is_finite())
    }

    #[allow(clippy::cast_precision_loss)] // counts of epochs and parameters are far below 2^52
    fn read(self, run: &Summary, scores: Option<&Scores>) -> Option<f64> {
        let epochs = run.history.len() as f64;
        let seconds = run.history.iter().map(|epoch| epoch.seconds).sum::<f64>();
        let trained = !run.history.is_empty();
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
            Self::TotalSeconds => trained.then(|| seconds + run.features_computed.map_or(0.0, |(_, seconds)| seconds)),
            Self::ImagesPerSecond => {
                trained.then(|| run.history.iter().map(|epoch| epoch.images_per_second).sum::<f64>() / epochs)
            }
            Self::Parameters => run.parameters.map(|parameters| parameters.total as f64),
            Self::Trainable => run.parameters.map(|parameters| parameters.trainable as f64),
        }
    }

    /// The published value, of the metrics that have one.
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

    /// A value as tables show it.
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

    /// A mean and its deviation as tables show them: with half-epochs.
    #[must_use]
    pub fn spread_text(self, value: f64) -> String {
        match self {
            Self::BestEpoch | Self::Epochs => format!("{value:.1}"),
            _ => self.text(value),
        }
    }

    /// A deviation as tables show it beside its mean: no finer than that one.
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
    /// Which.
    pub metric: Metric,
    /// Its value in each column.
    pub values: Vec<Option<f64>>,
    /// Whether a column's value is the best.
    pub best: Vec<bool>,
    /// Its published value in each column of references.
    pub references: Vec<Option<f64>>,
}

/// The test metrics, and the others that a run has. `comparable`: whether a best can be told.
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
            // A run that has not ended has not taken all its time yet.
            _ if metric == Metric::TotalSeconds && runs.iter().any(|run| run.outcome.is_none()) => {
                vec![false; values.len()]
            }
            _ if !comparable => vec![false; values.len()],
            direction => best(&values, direction == Direction::Higher),
        };
        let references = references.iter().map(|known| metric.of_reference(&known.scores)).collect();
        MetricRow { metric, values, best, references }
    };
    // The test metrics are what a reader looks for: that they are missing is worth a row.
    let shown = |row: &MetricRow| row.metric.of_test() || row.values.iter().any(Option::is_some);
    Metric::ALL.into_iter().map(row).filter(shown).collect()
}
