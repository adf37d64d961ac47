//! Metrics of pictures whose folder names their class.

use serde::Serialize;

use crate::cli::exit::CommandError;
use crate::cli::output;
use crate::cli::scores::{ClassEntry, FurtherScores, class_entries, class_table, count_table};
use crate::cli::table::{Side, Table, metric_text, thousands};
use crate::domain::{Confusion, MATRIX_CLASSES};

/// The confusion matrices of true and predicted classes.
pub(super) struct Metrics<'a> {
    classes: &'a [String],
    /// The matrix of the run, or of the mean of several.
    mean: Confusion,
    /// The matrix of each of several runs; empty for one run.
    by_run: Vec<Confusion>,
    /// The number of pictures of a class without a prediction.
    unpredicted: usize,
}

/// The last record of a folder of classes. Keys are stable: none is ever renamed.
#[derive(Serialize)]
struct Record<'a> {
    metrics: Entry<'a>,
}

#[derive(Serialize)]
struct Entry<'a> {
    pictures: u64,
    without_prediction: usize,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    #[serde(flatten)]
    further: FurtherScores,
    confusion: &'a Confusion,
    per_class: Vec<ClassEntry<'a>>,
}

impl<'a> Metrics<'a> {
    pub(super) fn new(classes: &'a [String], runs: usize) -> Self {
        let none = || Confusion::new(classes.len());
        let by_run = if runs > 1 { (0..runs).map(|_| none()).collect() } else { Vec::new() };
        Self { classes, mean: none(), by_run, unpredicted: 0 }
    }

    /// Counts a picture of class `true_label`.
    pub(super) fn add(&mut self, true_label: usize, mean: &[f32], by_run: &[&[f32]]) {
        self.mean.add(true_label, argmax(mean));
        self.by_run.iter_mut().zip(by_run).for_each(|(confusion, values)| confusion.add(true_label, argmax(values)));
    }

    /// Counts a picture of a class without a prediction.
    pub(super) fn add_unpredicted(&mut self) {
        self.unpredicted += 1;
    }

    /// Prints the record, if any picture is counted.
    pub(super) fn print_record(&self) -> Result<(), CommandError> {
        if self.mean.total() == 0 {
            return Ok(());
        }
        let scores = self.mean.scores();
        let metrics = Entry {
            pictures: self.mean.total(),
            without_prediction: self.unpredicted,
            accuracy: scores.accuracy,
            precision: scores.precision,
            recall: scores.recall,
            f1: scores.f1,
            further: FurtherScores::of(&scores, None),
            confusion: &self.mean,
            per_class: class_entries(self.classes, &scores, None),
        };
        output::record(&Record { metrics })
    }

    /// Returns the metrics as tables; empty if no picture is counted.
    pub(super) fn text(&self, runs: &[String]) -> String {
        if self.mean.total() == 0 {
            return String::new();
        }
        let scores = self.mean.scores();
        let unpredicted = if self.unpredicted > 0 {
            format!(", {} without prediction", thousands(self.unpredicted))
        } else {
            String::new()
        };
        let pictures = thousands(usize::try_from(self.mean.total()).unwrap_or(usize::MAX));
        let mut parts = vec![format!(
            "\n{pictures} pictures of known class{unpredicted}\naccuracy {:.4}, macro F1 {:.4}\n{}\n",
            scores.accuracy,
            scores.f1,
            scores.further_text(None)
        )];
        if !self.by_run.is_empty() {
            let mut table = Table::new([("RUN", Side::Left), ("ACCURACY", Side::Right), ("MACRO F1", Side::Right)]);
            for (run, confusion) in runs.iter().zip(&self.by_run) {
                let scores = confusion.scores();
                table.row(&[run.clone(), metric_text(Some(scores.accuracy)), metric_text(Some(scores.f1))]);
            }
            table.row(&["mean".into(), metric_text(Some(scores.accuracy)), metric_text(Some(scores.f1))]);
            parts.push(table.render());
        }
        if self.mean.classes() <= MATRIX_CLASSES {
            parts.push(count_table(self.classes, &self.mean));
        }
        parts.push(class_table("CLASS", self.classes, &scores, None));
        parts.join("\n")
    }
}

/// Returns the label of the largest probability; of equals the first, as in evaluations.
pub(super) fn argmax(values: &[f32]) -> usize {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter().position(|value| *value >= largest).unwrap_or(0)
}
