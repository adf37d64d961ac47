//! The F1 of each class, run by run.

use super::best;
use crate::domain::Scores;
use crate::runs::Summary;

/// One class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassRow {
    /// Its label, from 0.
    pub label: usize,
    /// Its name, as the dataset has it: not yet safe for a terminal.
    pub name: String,
    /// Test images of it.
    pub support: u64,
    /// Its F1 in each column; `None` of a run that is not tested.
    pub f1: Vec<Option<f64>>,
    /// Whether a column's F1 is the best.
    pub best: Vec<bool>,
}

/// One row a class; none where no run is tested, or where the tested runs have different classes.
pub(super) fn rows(runs: &[&Summary], comparable: bool) -> Vec<ClassRow> {
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
        let best = if comparable { best(&f1, true) } else { vec![false; f1.len()] };
        ClassRow { label, name: name.clone(), support: of_first.per_class[label].support, f1, best }
    };
    first.classes.iter().enumerate().map(row).collect()
}
