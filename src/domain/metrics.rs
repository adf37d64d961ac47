//! What is measured: per epoch, and at the end from one confusion matrix.

use serde::{Deserialize, Serialize};

use super::nan;

/// The figures of one completed epoch. Losses are mean categorical cross-entropies in nats, accuracies are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: u32,
    /// Mean over the epoch's augmented training images, while the weights moved (as Keras reports it).
    #[serde(with = "nan")]
    pub train_loss: f64,
    /// Likewise.
    #[serde(with = "nan")]
    pub train_accuracy: f64,
    /// Over the whole validation split after the epoch.
    #[serde(with = "nan")]
    pub val_loss: f64,
    /// Likewise.
    #[serde(with = "nan")]
    pub val_accuracy: f64,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Wall time of the epoch, validation included.
    pub seconds: f64,
    /// Training images per second, validation left out.
    pub images_per_second: f64,
}

/// Counts of (true class, predicted class) pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    /// `rows[truth][predicted]`; square.
    rows: Vec<Vec<u64>>,
}

/// Precision, recall and F1 of one class; 0 where the denominator is 0, as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Of the images predicted as this class, the share that are.
    pub precision: f64,
    /// Of the images of this class, the share predicted so.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Images of this class.
    pub support: u64,
}

/// What a confusion matrix amounts to. Macro averages: each class counts the same, empty classes with 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of images predicted right.
    pub accuracy: f64,
    /// Macro average.
    pub precision: f64,
    /// Macro average.
    pub recall: f64,
    /// Macro average.
    pub f1: f64,
    /// One entry a class, in class order.
    pub per_class: Vec<ClassScores>,
}

impl Confusion {
    /// An empty matrix over this many classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { rows: vec![vec![0; classes]; classes] }
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If either index is not below the number of classes.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        self.rows[truth][predicted] += 1;
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// `rows()[truth][predicted]`.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.rows
    }

    /// Whether every row is as long as there are rows, which a file from outside need not be.
    #[must_use]
    pub fn is_square(&self) -> bool {
        self.rows.iter().all(|row| row.len() == self.rows.len())
    }

    /// Images counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    /// Accuracy and the macro averages.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn scores(&self) -> Scores {
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let class = |index: usize| {
            let right = self.rows[index][index];
            let support: u64 = self.rows[index].iter().sum();
            let predicted: u64 = self.rows.iter().map(|row| row[index]).sum();
            ClassScores {
                precision: ratio(right, predicted),
                recall: ratio(right, support),
                f1: ratio(2 * right, support + predicted),
                support,
            }
        };
        let per_class: Vec<ClassScores> = (0..self.classes()).map(class).collect();
        let mean = |figure: fn(&ClassScores) -> f64| {
            if per_class.is_empty() { 0.0 } else { per_class.iter().map(figure).sum::<f64>() / per_class.len() as f64 }
        };
        let right = (0..self.classes()).map(|index| self.rows[index][index]).sum();
        Scores {
            accuracy: ratio(right, self.total()),
            precision: mean(|scores| scores.precision),
            recall: mean(|scores| scores.recall),
            f1: mean(|scores| scores.f1),
            per_class,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn 1.7: truth [0,0,1,2,2,2], predicted [0,1,1,2,0,2], labels [0,1,2,3], `zero_division=0`.
    #[test]
    fn scores_agree_with_scikit_learn() {
        let mut confusion = Confusion::new(4);
        for (truth, predicted) in [(0, 0), (0, 1), (1, 1), (2, 2), (2, 0), (2, 2)] {
            confusion.add(truth, predicted);
        }
        let scores = confusion.scores();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(scores.accuracy, 4.0 / 6.0));
        assert!(close(scores.precision, (0.5 + 0.5 + 1.0 + 0.0) / 4.0));
        assert!(close(scores.recall, (0.5 + 1.0 + 2.0 / 3.0 + 0.0) / 4.0));
        assert!(close(scores.f1, (0.5 + 2.0 / 3.0 + 0.8 + 0.0) / 4.0));
        assert_eq!(scores.per_class[2].support, 3);
        assert_eq!(scores.per_class[3].f1.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn an_empty_matrix_scores_zero_rather_than_nan() {
        assert_eq!(Confusion::new(3).scores().accuracy.to_bits(), 0.0_f64.to_bits());
        assert_eq!(Confusion::new(0).scores().f1.to_bits(), 0.0_f64.to_bits());
    }
}
