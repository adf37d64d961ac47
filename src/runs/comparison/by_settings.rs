//! Any number of runs as a table: one row per combination of the settings that differ, with means over seeds and folds.

use std::collections::{BTreeMap, BTreeSet};

use super::metric::{Direction, Metric};
use super::seed_verdict::{SeedVerdict, verdicts};
use super::{Setting, best, other_images, seeds, settings};
use crate::domain::DataFold;
use crate::runs::Summary;
use crate::runs::statistics::Spread;

/// The most names in a note.
const NAMED: usize = 6;

/// The note on rows without verdicts.
const NO_REPETITIONS: &str =
    "no row has several seeds or folds, so none is judged: `compare` of two to six runs judges them by their images";

/// The settings over which means are taken.
const UNFOLDED: [&str; 2] = ["seed", "fold.number"];

/// The runs of one combination of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsRow {
    /// The runs, as indices into the given ones.
    pub runs: Vec<usize>,
    /// The number of tested runs, over which every mean is taken.
    pub tested: usize,
    /// The value of each setting, not yet safe for a terminal; `None` if the runs have no such setting.
    pub settings: Vec<Option<String>>,
    /// Each metric over the tested runs; `None` if one has no value, or they cannot be averaged.
    pub cells: Vec<Option<Spread>>,
    /// Whether each mean is the best of all rows.
    pub best: Vec<bool>,
}

/// Runs grouped by the settings in which they differ.
#[derive(Debug, Clone, PartialEq)]
pub struct BySettings {
    /// The settings that differ, except the seed and the number of the fold: the columns of `settings`.
    pub settings: Vec<String>,
    /// The metrics of which any row has a value: the columns of `cells`.
    pub metrics: Vec<Metric>,
    /// The rows, in the order of their first runs.
    pub rows: Vec<SettingsRow>,
    /// The verdicts of rows against the first one, by the means of their seeds or folds.
    pub verdicts: Vec<SeedVerdict>,
    /// Remarks for the reader, in sentences.
    pub notes: Vec<String>,
}

impl BySettings {
    /// Tabulates these runs.
    #[must_use]
    pub fn of(runs: &[&Summary]) -> Self {
        let folds = seeds::folds(runs);
        let firsts: Vec<&Summary> = folds.iter().map(|fold| runs[fold[0]]).collect();
        let differing: Vec<Setting> =
            settings(&firsts).into_iter().filter(|setting| !UNFOLDED.contains(&&*setting.name)).collect();
        let row = |(at, fold): (usize, Vec<usize>)| {
            let tested: Vec<&Summary> = fold.iter().map(|run| runs[*run]).filter(|run| run.test.is_some()).collect();
            SettingsRow {
                tested: tested.len(),
                settings: differing.iter().map(|setting| setting.values[at].clone()).collect(),
                cells: Metric::ALL.iter().map(|metric| cell(*metric, &tested)).collect(),
                best: vec![false; Metric::ALL.len()],
                runs: fold,
            }
        };
        let mut rows: Vec<SettingsRow> = folds.into_iter().enumerate().map(row).collect();
        let comparable = super::same_division(runs);
        let is_tested = |run: &usize| runs[*run].test.is_some();
        let tested: Vec<Vec<usize>> =
            rows.iter().map(|row| row.runs.iter().copied().filter(is_tested).collect()).collect();
        let folds: Vec<BTreeSet<DataFold>> =
            tested.iter().map(|row| row.iter().filter_map(|run| runs[*run].recipe.fold).collect()).collect();
        // A mean over other folds is of other images.
        let on_same_folds = folds.windows(2).all(|pair| pair[0] == pair[1]);
        if comparable && on_same_folds {
            mark_best(&mut rows);
        }
        let mut notes = notes(runs, comparable);
        if comparable && !on_same_folds {
            notes.push("the means are over different folds: none is marked as the best".into());
        }
        notes.extend(missing_folds(runs, &tested, &folds));
        if comparable && rows.len() > 1 && tested.iter().all(|row| row.len() < 2) {
            notes.push(NO_REPETITIONS.into());
        }
        let tested: Vec<&[usize]> = tested.iter().map(Vec::as_slice).collect();
        let verdicts = if comparable && rows.len() > 1 { verdicts(runs, &tested, 0) } else { Vec::new() };
        let metrics = without_empty(&mut rows);
        let names = differing.into_iter().map(|setting| setting.name).collect();
        Self { settings: names, metrics, rows, verdicts, notes }
    }
}

fn cell(metric: Metric, tested: &[&Summary]) -> Option<Spread> {
    if metric.is_of_machine() && !seeds::same_device(tested) {
        return None;
    }
    let values: Option<Vec<f64>> = tested.iter().map(|run| metric.of(run)).collect();
    Spread::of(&values?)
}

fn mark_best(rows: &mut [SettingsRow]) {
    for (at, metric) in Metric::ALL.into_iter().enumerate() {
        let direction = metric.direction();
        if direction == Direction::Neither {
            continue;
        }
        let means: Vec<Option<f64>> = rows.iter().map(|row| row.cells[at].map(|spread| spread.mean)).collect();
        for (row, best) in rows.iter_mut().zip(best(&means, direction == Direction::Higher)) {
            row.best[at] = best;
        }
    }
}

/// Removes the metrics without a value in any row and returns the others.
fn without_empty(rows: &mut [SettingsRow]) -> Vec<Metric> {
    let has: Vec<bool> = (0..Metric::ALL.len()).map(|at| rows.iter().any(|row| row.cells[at].is_some())).collect();
    for row in rows {
        let mut shown = has.iter();
        row.cells.retain(|_| shown.next() == Some(&true));
        let mut shown = has.iter();
        row.best.retain(|_| shown.next() == Some(&true));
    }
    Metric::ALL.into_iter().zip(has).filter(|(_, has)| *has).map(|(metric, _)| metric).collect()
}

/// Returns a note for each set of folds that rows lack, with the first runs of these rows.
fn missing_folds(runs: &[&Summary], tested: &[Vec<usize>], folds: &[BTreeSet<DataFold>]) -> Vec<String> {
    let mut lacking: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (row, folds) in tested.iter().zip(folds) {
        let Some(count) = folds.first().map(|fold| fold.count) else { continue };
        let has = |number: &u32| folds.iter().any(|fold| fold.number == *number);
        let missing: Vec<String> = (1..=count).filter(|number| !has(number)).map(|number| number.to_string()).collect();
        if !missing.is_empty() {
            let noun = if missing.len() == 1 { "fold" } else { "folds" };
            let numbers: Vec<&str> = missing.iter().map(String::as_str).collect();
            let missing = format!("{noun} {} of {count}", names_text(&numbers));
            lacking.entry(missing).or_default().push(runs[row[0]].id.as_str());
        }
    }
    let note = |(missing, names): (String, Vec<&str>)| {
        format!("not tested on {missing}, which the mean lacks: the row of {}", names_text(&names))
    };
    lacking.into_iter().map(note).collect()
}

/// Returns at most [`NAMED`] names and the number of the others.
fn names_text(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}

fn notes(runs: &[&Summary], comparable: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !comparable {
        notes.push(format!("the runs are on {}: none is marked as the best", other_images(runs)));
    }
    let untested: Vec<&str> = runs.iter().filter(|run| run.test.is_none()).map(|run| run.id.as_str()).collect();
    if !untested.is_empty() {
        notes.push(format!("not tested yet: {}", names_text(&untested)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Confusion, Recipe, RunId, Strategy};
    use crate::runs::summary::TestResult;

    /// Returns a run that predicts `right` of ten test images correctly.
    fn run(id: &str, seed: u64, learning_rate: f64, right: Option<u64>) -> Summary {
        let recipe = Recipe { learning_rate, seed, ..Recipe::sample(Strategy::Cnn) };
        let mut run = Summary::new(RunId::new(id).expect("an id"), recipe);
        run.classes = vec!["happy".into(), "sad".into()];
        run.test = right.map(|right| {
            let mut confusion = Confusion::new(2);
            (0..10).for_each(|image| confusion.add(0, usize::from(image >= right)));
            TestResult { epoch: 1, loss: 1.0, confusion }
        });
        run
    }

    fn tabulated(runs: &[Summary]) -> BySettings {
        BySettings::of(&runs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_row_is_a_combination_of_settings_with_means_over_seeds() {
        let runs = [
            run("a", 1, 0.1, Some(4)),
            run("b", 2, 0.1, Some(6)),
            run("c", 1, 0.2, Some(8)),
            run("d", 2, 0.2, None),
            run("e", 1, 0.2, Some(1)),
        ];
        let table = tabulated(&runs);
        assert_eq!(table.settings, ["learning-rate"]);
        let rows: Vec<(&[usize], usize)> = table.rows.iter().map(|row| (&row.runs[..], row.tested)).collect();
        // The last run repeats the settings and the seed of the third.
        assert_eq!(rows, [(&[0, 1][..], 2), (&[2, 3], 1), (&[4], 1)]);
        assert_eq!(table.rows[0].settings, [Some("0.1".to_owned())]);
        assert_eq!(table.metrics[0], Metric::Accuracy);
        let accuracies: Vec<(f64, Option<f64>, bool)> = table
            .rows
            .iter()
            .map(|row| (row.cells[0].expect("tested").mean, row.cells[0].expect("tested").deviation, row.best[0]))
            .collect();
        assert_eq!(accuracies[1..], [(0.8, None, true), (0.1, None, false)]);
        assert!((accuracies[0].0 - 0.5).abs() < 1e-12 && !accuracies[0].2);
        assert!((accuracies[0].1.expect("two") - 0.02_f64.sqrt()).abs() < 1e-12);
        assert!(!table.metrics.contains(&Metric::ValLoss), "no run has one");
        assert_eq!(table.notes, ["not tested yet: d"]);
    }

    #[test]
    fn runs_on_different_datasets_have_no_best() {
        let mut runs = [run("a", 1, 0.1, Some(4)), run("b", 1, 0.1, Some(6))];
        runs[1].recipe.fingerprint = "another".into();
        let table = tabulated(&runs);
        assert!(table.rows.iter().all(|row| !row.best.contains(&true)));
        assert_eq!((table.settings, table.rows.len()), (vec!["fingerprint".to_owned()], 2));
        assert!(table.notes[0].contains("different datasets"));
    }

    #[test]
    fn rows_over_different_folds_have_no_best_and_lacking_folds_are_told() {
        let fold = |id: &str, rate: f64, number: u32, right: u64| {
            let mut run = run(id, 1, rate, Some(right));
            run.recipe.fold = Some(DataFold { number, count: 3, seed: 1, groups: None });
            run
        };
        let mut runs = vec![fold("a1", 0.1, 1, 4), fold("a2", 0.1, 2, 6), fold("b1", 0.2, 1, 8), fold("b2", 0.2, 2, 9)];
        let table = tabulated(&runs);
        assert!(table.rows[1].best[0]);
        assert_eq!(table.notes, ["not tested on fold 3 of 3, which the mean lacks: the row of a1, b1"]);
        runs.pop();
        let table = tabulated(&runs);
        assert!(table.rows.iter().all(|row| !row.best.contains(&true)));
        assert_eq!(
            table.notes,
            [
                "the means are over different folds: none is marked as the best",
                "not tested on fold 3 of 3, which the mean lacks: the row of a1",
                "not tested on folds 2, 3 of 3, which the mean lacks: the row of b1",
            ]
        );
    }

    #[test]
    fn many_untested_runs_are_counted() {
        let runs: Vec<Summary> = (0..9).map(|seed| run(&format!("r{seed}"), seed, 0.1, None)).collect();
        let table = tabulated(&runs);
        assert_eq!((table.rows.len(), table.rows[0].tested, table.metrics.len()), (1, 0, 0));
        assert!(table.settings.is_empty());
        assert_eq!(table.notes, ["not tested yet: r0, r1, r2, r3, r4, r5 and 3 more"]);
    }
}
