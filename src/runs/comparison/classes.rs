//! The F1 of each class by run.

use super::best;
use crate::domain::Scores;
use crate::runs::Summary;

/// The F1 of a class in each column.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassRow {
    /// Its label, from 0.
    pub label: usize,
    /// Its name in the dataset, not yet safe for a terminal.
    pub name: String,
    /// The number of its test images.
    pub support: u64,
    /// Its F1 in each column; `None` for a run without a test.
    pub f1: Vec<Option<f64>>,
    /// Whether each column's F1 is the best.
    pub best: Vec<bool>,
}

/// Returns one row per class; empty if no run is tested, or if datasets or classes differ.
pub(super) fn rows(runs: &[&Summary], comparable: bool) -> Vec<ClassRow> {
    if !comparable {
        return Vec::new();
    }
    let tested = |run: &Summary| {
        let scores = run.test.as_ref().map(|test| test.confusion.scores())?;
        (scores.per_class.len() == run.classes.len()).then_some(scores)
    };
    let scores: Vec<Option<Scores>> = runs.iter().map(|run| tested(run)).collect();
    let mut known = runs.iter().zip(&scores).filter_map(|(run, scores)| Some((run, scores.as_ref()?)));
    let Some((first, of_first)) = known.next() else { return Vec::new() };
    if known.any(|(run, _)| run.classes != first.classes) {
        return Vec::new();
    }
    let row = |(label, name): (usize, &String)| {
        let f1: Vec<Option<f64>> =
            scores.iter().map(|scores| scores.as_ref().map(|scores| scores.per_class[label].f1)).collect();
        let best = best(&f1, true);
        ClassRow { label, name: name.clone(), support: of_first.per_class[label].support, f1, best }
    };
    first.classes.iter().enumerate().map(row).collect()
}
