//! How often the class is that of the picture's folder.

use serde::Serialize;

use super::likeliest;
use crate::cli::average::PerClass;
use crate::cli::exit::CommandError;
use crate::cli::table::{Side, Table, figure, thousands};
use crate::cli::{inspect, output};
use crate::domain::{Confusion, MATRIX_CLASSES};

/// Counts of folders' and predicted classes.
pub(super) struct Measured<'a> {
    classes: &'a [String],
    /// Of the run, or of the mean of several.
    mean: Confusion,
    /// Of each of several runs.
    each: Vec<Confusion>,
    /// Pictures of a class that have no prediction.
    missed: usize,
}

/// The last record of a folder of classes. Keys are a promise: add, never rename.
#[derive(Serialize)]
struct Record<'a> {
    metrics: Metrics<'a>,
}

#[derive(Serialize)]
struct Metrics<'a> {
    pictures: u64,
    without_prediction: usize,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    confusion: &'a Confusion,
    per_class: Vec<PerClass<'a>>,
}

impl<'a> Measured<'a> {
    pub(super) fn new(classes: &'a [String], runs: usize) -> Self {
        let none = || Confusion::new(classes.len());
        let each = if runs > 1 { (0..runs).map(|_| none()).collect() } else { Vec::new() };
        Self { classes, mean: none(), each, missed: 0 }
    }

    /// Counts a picture of a class.
    pub(super) fn add(&mut self, truth: usize, mean: &[f32], each: &[&[f32]]) {
        self.mean.add(truth, likeliest(mean));
        self.each.iter_mut().zip(each).for_each(|(confusion, values)| confusion.add(truth, likeliest(values)));
    }

    /// Counts a picture of a class that has no prediction.
    pub(super) fn miss(&mut self) {
        self.missed += 1;
    }

    /// Prints the record, if there is anything to tell.
    pub(super) fn record(&self) -> Result<(), CommandError> {
        if self.mean.total() == 0 {
            return Ok(());
        }
        let scores = self.mean.scores();
        let per_class = self.classes.iter().zip(&scores.per_class).map(|(name, scores)| PerClass { name, scores });
        let metrics = Metrics {
            pictures: self.mean.total(),
            without_prediction: self.missed,
            accuracy: scores.accuracy,
            precision: scores.precision,
            recall: scores.recall,
            f1: scores.f1,
            confusion: &self.mean,
            per_class: per_class.collect(),
        };
        output::record(&Record { metrics })
    }

    /// The figures as tables; empty if there is nothing to tell.
    pub(super) fn text(&self, runs: &[String]) -> String {
        if self.mean.total() == 0 {
            return String::new();
        }
        let scores = self.mean.scores();
        let missed =
            if self.missed > 0 { format!(", {} without prediction", thousands(self.missed)) } else { String::new() };
        let pictures = thousands(usize::try_from(self.mean.total()).unwrap_or(usize::MAX));
        let mut parts = vec![format!(
            "\n{pictures} pictures of known class{missed}\naccuracy {:.4}, macro F1 {:.4}\n",
            scores.accuracy, scores.f1
        )];
        if !self.each.is_empty() {
            let mut table = Table::new([("RUN", Side::Left), ("ACCURACY", Side::Right), ("MACRO F1", Side::Right)]);
            for (run, confusion) in runs.iter().zip(&self.each) {
                let scores = confusion.scores();
                table.row(&[run.clone(), figure(Some(scores.accuracy)), figure(Some(scores.f1))]);
            }
            table.row(&["mean".into(), figure(Some(scores.accuracy)), figure(Some(scores.f1))]);
            parts.push(table.render());
        }
        if self.mean.classes() <= MATRIX_CLASSES {
            parts.push(inspect::count_table(self.classes, &self.mean));
        }
        parts.push(inspect::class_table(self.classes, &scores));
        parts.join("\n")
    }
}
