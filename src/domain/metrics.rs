//! Metrics: by epoch, and of a test by its confusion matrix.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::nan;
use super::number_text::count;

/// The metrics of one completed epoch. Losses are mean categorical cross-entropies in nats; accuracies are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch's number, from 1.
    pub epoch: u32,
    /// Mean loss over the epoch's augmented training images, while the weights changed (as Keras reports it).
    #[serde(with = "nan")]
    pub train_loss: f64,
    /// Accuracy over the same images.
    #[serde(with = "nan")]
    pub train_accuracy: f64,
    /// Loss over the whole validation split after the epoch.
    #[serde(with = "nan")]
    pub val_loss: f64,
    /// Accuracy over the whole validation split after the epoch.
    #[serde(with = "nan")]
    pub val_accuracy: f64,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Wall time of the epoch, validation included.
    pub seconds: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
}

/// The most classes whose full matrix is written, printed or drawn. A larger matrix would exceed the longest log line
/// that readers accept.
pub const MATRIX_CLASSES: usize = 256;

/// Counts of (true class, predicted class) pairs. Memory grows with the pairs that occur, not with the square of the
/// classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenConfusion", into = "WrittenConfusion")]
pub struct Confusion {
    classes: Vec<ClassCounts>,
    /// Images by (truth, predicted) pair; empty if only totals were written.
    cells: BTreeMap<(usize, usize), u64>,
}

/// Images of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ClassCounts {
    /// Images whose true class this is.
    support: u64,
    /// Images predicted as this class.
    predicted: u64,
    /// Images of this class predicted as it.
    right: u64,
}

/// A confusion matrix in a file: all cells, or for many classes the totals from which every score follows.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenConfusion {
    /// `[truth][predicted]`; square.
    Cells(Vec<Vec<u64>>),
    /// A vector has an entry per class.
    Totals { support: Vec<u64>, predicted: Vec<u64>, right: Vec<u64> },
}

/// Precision, recall and F1 of one class; 0 where the denominator is 0, as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The share of images predicted as this class that belong to it.
    pub precision: f64,
    /// The share of images of this class that are predicted as it.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Images of this class.
    pub support: u64,
}

/// The scores of a confusion matrix. Macro averages are over all classes, each with the same weight; classes without
/// images count as 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The share of images predicted correctly.
    pub accuracy: f64,
    /// Macro-averaged precision.
    pub precision: f64,
    /// Macro-averaged recall.
    pub recall: f64,
    /// Macro-averaged F1.
    pub f1: f64,
    /// The mean recall of the classes with images; classes without images do not count.
    pub balanced_accuracy: f64,
    /// The mean F1 of all classes, weighted by their images.
    pub weighted_f1: f64,
    /// The number of classes with images.
    pub present: usize,
    /// The scores by class, in class order.
    pub per_class: Vec<ClassScores>,
}

impl Scores {
    /// Returns the averages beside accuracy and the macro averages, and the classes that these run over, as text:
    /// `balanced accuracy 0.4912, weighted F1 0.5512; macro averages over 7 classes`. `top2` is the share of images
    /// whose class is among the two most probable.
    #[must_use]
    pub fn further_text(&self, top2: Option<f64>) -> String {
        let top2 = top2.map_or_else(String::new, |top2| format!(", top 2 {top2:.4}"));
        let absent = self.per_class.len() - self.present;
        let absent =
            if absent > 0 { format!(", {absent} of them without images, which count as 0") } else { String::new() };
        let classes = count(self.per_class.len(), "class", "classes");
        format!(
            "balanced accuracy {:.4}, weighted F1 {:.4}{top2}; macro averages over {classes}{absent}",
            self.balanced_accuracy, self.weighted_f1
        )
    }
}

impl Confusion {
    /// Returns an empty matrix over this many classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes: vec![ClassCounts::default(); classes], cells: BTreeMap::new() }
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If either index is not below the number of classes.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        self.add_images(truth, predicted, 1);
    }

    fn add_images(&mut self, truth: usize, predicted: usize, images: u64) {
        // Saturating: a damaged log may hold any number.
        let add = |count: &mut u64| *count = count.saturating_add(images);
        add(&mut self.classes[truth].support);
        add(&mut self.classes[predicted].predicted);
        if truth == predicted {
            add(&mut self.classes[truth].right);
        }
        add(self.cells.entry((truth, predicted)).or_default());
    }

    /// Returns the number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Returns the number of images of class `truth` predicted as `predicted`; 0 if only totals are known.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.cells.get(&(truth, predicted)).copied().unwrap_or_default()
    }

    /// Returns the count of a cell as a share of the images of class `truth`; 0 if there are none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn share(&self, truth: usize, predicted: usize) -> f64 {
        self.count(truth, predicted) as f64 / self.support(truth).max(1) as f64
    }

    /// Returns the number of images of a class.
    #[must_use]
    pub fn support(&self, truth: usize) -> u64 {
        self.classes.get(truth).map_or(0, |class| class.support)
    }

    /// Returns the non-empty cells as (truth, predicted, images), ordered by truth, then by prediction.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        self.cells.iter().map(|((truth, predicted), images)| (*truth, *predicted, *images))
    }

    /// Returns all cells, `[truth][predicted]`; empty for more than [`MATRIX_CLASSES`] classes, or if only totals are
    /// known.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<u64>> {
        let classes = self.classes();
        if classes > MATRIX_CLASSES || (self.cells.is_empty() && self.total() > 0) {
            return Vec::new();
        }
        (0..classes).map(|truth| (0..classes).map(|predicted| self.count(truth, predicted)).collect()).collect()
    }

    /// Returns the number of images counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.classes.iter().map(|class| class.support).fold(0, u64::saturating_add)
    }

    /// Returns the sum of absolute differences between the cells of two matrices. An image with another prediction
    /// counts twice. Compares the class totals if one of the matrices has only these.
    #[must_use]
    pub fn distance(&self, other: &Self) -> u64 {
        let totals_alone = |confusion: &Self| confusion.cells.is_empty() && confusion.total() > 0;
        if totals_alone(self) || totals_alone(other) {
            let pairs = self.classes.iter().zip(&other.classes);
            let apart = pairs.map(|(a, b)| a.predicted.abs_diff(b.predicted).max(a.right.abs_diff(b.right)));
            return apart.fold(0, u64::saturating_add);
        }
        let mine = self.cells().map(|(truth, predicted, images)| images.abs_diff(other.count(truth, predicted)));
        let theirs = other.cells().filter(|(truth, predicted, _)| !self.cells.contains_key(&(*truth, *predicted)));
        mine.chain(theirs.map(|(.., images)| images)).fold(0, u64::saturating_add)
    }

    /// Returns accuracy and the macro averages.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn scores(&self) -> Scores {
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let class = |ClassCounts { support, predicted, right }: &ClassCounts| ClassScores {
            precision: ratio(*right, *predicted),
            recall: ratio(*right, *support),
            f1: ratio(right.saturating_mul(2), support.saturating_add(*predicted)),
            support: *support,
        };
        let per_class: Vec<ClassScores> = self.classes.iter().map(class).collect();
        let mean = |figure: fn(&ClassScores) -> f64| {
            if per_class.is_empty() { 0.0 } else { per_class.iter().map(figure).sum::<f64>() / per_class.len() as f64 }
        };
        let right = self.classes.iter().map(|class| class.right).fold(0, u64::saturating_add);
        let present = per_class.iter().filter(|scores| scores.support > 0).count();
        let recalls: f64 = per_class.iter().map(|scores| scores.recall).sum();
        let weighted: f64 = per_class.iter().map(|scores| scores.f1 * scores.support as f64).sum();
        Scores {
            balanced_accuracy: recalls / present.max(1) as f64,
            weighted_f1: weighted / self.total().max(1) as f64,
            present,
            accuracy: ratio(right, self.total()),
            precision: mean(|scores| scores.precision),
            recall: mean(|scores| scores.recall),
            f1: mean(|scores| scores.f1),
            per_class,
        }
    }
}

impl From<Confusion> for WrittenConfusion {
    fn from(confusion: Confusion) -> Self {
        let rows = confusion.rows();
        if rows.len() == confusion.classes() {
            return Self::Cells(rows);
        }
        let all = |figure: fn(&ClassCounts) -> u64| confusion.classes.iter().map(figure).collect();
        let (support, predicted) = (all(|class| class.support), all(|class| class.predicted));
        Self::Totals { support, predicted, right: all(|class| class.right) }
    }
}

impl TryFrom<WrittenConfusion> for Confusion {
    type Error = &'static str;

    fn try_from(written: WrittenConfusion) -> Result<Self, Self::Error> {
        match written {
            WrittenConfusion::Cells(rows) => {
                if rows.iter().any(|row| row.len() != rows.len()) {
                    return Err("the confusion matrix is not square");
                }
                let mut confusion = Self::new(rows.len());
                for (truth, row) in rows.iter().enumerate() {
                    let occurring = row.iter().enumerate().filter(|(_, images)| **images > 0);
                    occurring.for_each(|(predicted, images)| confusion.add_images(truth, predicted, *images));
                }
                Ok(confusion)
            }
            WrittenConfusion::Totals { support, predicted, right } => {
                if predicted.len() != support.len() || right.len() != support.len() {
                    return Err("the totals of the confusion matrix are not of the same classes");
                }
                let class = |((support, predicted), right)| ClassCounts { support, predicted, right };
                let classes = support.into_iter().zip(predicted).zip(right).map(class).collect();
                Ok(Self { classes, cells: BTreeMap::new() })
            }
        }
    }
}

/// Returns the element-wise mean of several lists of probabilities, summed in f64; empty for no lists.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // a handful of lists; stored as f32
pub fn mean_probabilities(lists: &[&[f32]]) -> Vec<f32> {
    let numbers = lists.iter().map(|list| list.len()).min().unwrap_or_default();
    let sum = |at: usize| lists.iter().map(|list| f64::from(list[at])).sum::<f64>();
    (0..numbers).map(|at| (sum(at) / lists.len() as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_classes_are_written_as_cells_and_many_as_totals_with_the_same_scores() {
        let mut few = Confusion::new(3);
        few.add(0, 2);
        few.add(1, 1);
        let text = serde_json::to_string(&few).expect("written");
        assert_eq!(text, "[[0,0,1],[0,1,0],[0,0,0]]");
        assert_eq!(serde_json::from_str::<Confusion>(&text).expect("read"), few);
        assert_eq!((few.count(0, 2), few.share(0, 2).to_bits(), few.support(1)), (1, 1.0_f64.to_bits(), 1));

        let classes = usize::from(u16::MAX);
        let mut many = Confusion::new(classes);
        (0..100_000).for_each(|image| many.add(image % classes, image * 7 % classes));
        let text = serde_json::to_vec(&many).expect("written");
        assert!(text.len() < 1 << 20, "{} bytes", text.len());
        let read: Confusion = serde_json::from_slice(&text).expect("read");
        assert_eq!(read.scores(), many.scores());
        assert_eq!((read.total(), read.rows().len()), (100_000, 0));
        // A saved summary is read and written in the same way.
        assert_eq!(serde_json::to_vec(&read).expect("written"), text);
        let mut other = many.clone();
        other.add(5, 6);
        assert_eq!(
            (many.distance(&other), many.distance(&many), read.distance(&many), read.distance(&other)),
            (1, 0, 0, 1)
        );
        for wrong in ["[[1,2],[3]]", r#"{"support":[1],"predicted":[1,2],"right":[1]}"#] {
            assert!(serde_json::from_str::<Confusion>(wrong).is_err(), "{wrong}");
        }
    }

    /// The cases of tests/fixtures/metrics.json, by scikit-learn.
    #[derive(Deserialize)]
    struct Fixture {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        classes: usize,
        truth: Vec<usize>,
        predicted: Vec<usize>,
        present: usize,
        accuracy: f64,
        precision: f64,
        recall: f64,
        f1: f64,
        balanced_accuracy: f64,
        weighted_f1: f64,
    }

    #[test]
    fn averages_over_absent_classes_agree_with_scikit_learn() {
        let fixture: Fixture =
            serde_json::from_str(include_str!("../../tests/fixtures/metrics.json")).expect("a fixture");
        assert!(fixture.cases.len() > 5);
        for (at, case) in fixture.cases.iter().enumerate() {
            let mut confusion = Confusion::new(case.classes);
            case.truth.iter().zip(&case.predicted).for_each(|(truth, predicted)| confusion.add(*truth, *predicted));
            let scores = confusion.scores();
            let pairs = [
                ("accuracy", scores.accuracy, case.accuracy),
                ("precision", scores.precision, case.precision),
                ("recall", scores.recall, case.recall),
                ("f1", scores.f1, case.f1),
                ("balanced accuracy", scores.balanced_accuracy, case.balanced_accuracy),
                ("weighted f1", scores.weighted_f1, case.weighted_f1),
            ];
            for (name, own, theirs) in pairs {
                assert!((own - theirs).abs() < 1e-12, "case {at}: {name} is {own}, not {theirs}");
            }
            assert_eq!(scores.present, case.present, "case {at}");
        }
    }

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
        let text = "balanced accuracy 0.7222, weighted F1 0.6778, top 2 0.9000; macro averages over 4 classes, 1 of them \
                    without images, which count as 0";
        assert_eq!(scores.further_text(Some(0.9)), text);
        assert_eq!(scores.per_class[3].f1.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn an_empty_matrix_scores_zero_rather_than_nan() {
        assert_eq!(Confusion::new(3).scores().accuracy.to_bits(), 0.0_f64.to_bits());
        assert_eq!(Confusion::new(0).scores().f1.to_bits(), 0.0_f64.to_bits());
    }
}
