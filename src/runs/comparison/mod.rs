//! Two to six runs side by side: metrics, the settings that differ, classes, significance, and means over seeds.
//!
//! [`Comparison`] holds everything that the Compare screen and `mien compare` show, so that both show the same numbers.
//! It is owned and uses no files. [`BySettings`] tabulates any number of runs.

mod by_settings;
mod classes;
mod merged;
mod metric;
mod seed_verdict;
mod seeds;
mod settings;
mod verdict;

pub use by_settings::{BySettings, SettingsRow};
pub use classes::ClassRow;
pub use merged::{MergedComparison, MergedRow};
pub use metric::{Direction, Metric, MetricRow};
pub use seed_verdict::{MeanVerdict, MeansOver, SeedVerdict, seed_note};
pub use seeds::SeedGroup;
pub use settings::{Setting, setting_label, settings};
pub use verdict::{ClassChange, NotComparable, Significance, Verdict};

use super::Summary;
use super::inspection::{Inspection, InspectionError};
use crate::domain::reference::{ReferenceScores, reference};
use crate::domain::{RunId, Strategy};

/// The most runs in one comparison.
pub const MAX_RUNS: usize = 6;

/// A run to compare.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The run.
    pub run: &'a Summary,
    /// Its test predictions, or the reason why they are unavailable.
    pub test: Result<&'a Inspection, InspectionError>,
}

/// The reason why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// Fewer than two, or more than [`MAX_RUNS`], runs are given.
    #[error("two to {MAX_RUNS} runs are compared at once, not {0}")]
    Count(usize),
    /// A run is given twice.
    #[error("{0} is given twice: a run is not compared with itself")]
    Twice(RunId),
    /// The baseline is not among the runs.
    #[error("the baseline must be one of the runs that are compared")]
    Baseline,
}

/// The published scores of a strategy, for their own column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// The strategy.
    pub strategy: Strategy,
    /// The scores.
    pub scores: ReferenceScores,
}

/// The verdict of a run against the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct RunVerdict {
    /// The run's column.
    pub run: usize,
    /// The verdict with its significance among all verdicts, or the reason why there is none.
    pub verdict: Result<(Verdict, Significance), NotComparable>,
}

impl RunVerdict {
    /// Returns the sentences about accuracy and macro F1, or the reason why there is no verdict.
    ///
    /// # Errors
    /// The reason.
    pub fn sentences(&self) -> Result<[String; 2], &NotComparable> {
        let (verdict, significance) = self.verdict.as_ref()?;
        Ok([verdict.accuracy_sentence(significance), verdict.f1_sentence(significance)])
    }
}

/// A comparison of runs. Columns are in the order in which the runs were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The runs, one per column.
    pub runs: Vec<RunId>,
    /// The baseline's column.
    pub baseline: usize,
    /// The test metrics, and the other metrics with a value.
    pub metrics: Vec<MetricRow>,
    /// The published scores of the runs' strategies, if their dataset has some.
    pub references: Vec<Reference>,
    /// The settings in which the runs differ.
    pub settings: Vec<Setting>,
    /// The F1 of each class; empty if no run is tested, or if datasets or classes differ.
    pub classes: Vec<ClassRow>,
    /// The verdict of every other run.
    pub verdicts: Vec<RunVerdict>,
    /// Groups of runs that differ only in their seed or fold.
    pub groups: Vec<SeedGroup>,
    /// The verdict of every other group against the group of the baseline.
    pub seed_verdicts: Vec<SeedVerdict>,
    /// Remarks for the reader, in sentences.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Compares runs; `baseline` is a column, from 0.
    ///
    /// # Errors
    /// If there are too few or too many runs, a run is given twice, or the baseline is not among them.
    pub fn new(candidates: &[Candidate<'_>], baseline: usize) -> Result<Self, ComparisonError> {
        check(candidates)?;
        if baseline >= candidates.len() {
            return Err(ComparisonError::Baseline);
        }
        Ok(Self::of(candidates, baseline))
    }

    /// Compares runs like [`Self::new`], but accepts one run, which is then compared only with the published scores.
    ///
    /// # Errors
    /// The errors of [`Self::new`], except for a single run.
    pub fn with_references(candidates: &[Candidate<'_>], baseline: usize) -> Result<Self, ComparisonError> {
        match candidates {
            [_] if baseline == 0 => Ok(Self::of(candidates, 0)),
            _ => Self::new(candidates, baseline),
        }
    }

    /// Returns the heading of a verdict on means: `c, d against a, b, by their means`.
    #[must_use]
    pub fn seed_heading(&self, verdict: &SeedVerdict) -> String {
        let [mine, theirs] = [verdict.group, verdict.baseline].map(|group| self.group_names(&self.groups[group]));
        format!("{mine} against {theirs}, by their means")
    }

    /// Returns the names of a group's runs: `a, b`.
    #[must_use]
    pub fn group_names(&self, group: &SeedGroup) -> String {
        group.runs.iter().map(|run| self.runs[*run].as_str()).collect::<Vec<_>>().join(", ")
    }

    fn of(candidates: &[Candidate<'_>], baseline: usize) -> Self {
        let runs: Vec<&Summary> = candidates.iter().map(|candidate| candidate.run).collect();
        let comparable = same_dataset(&runs);
        let references = references(&runs);
        let (verdicts, groups) = (verdicts(candidates, baseline), seeds::groups(&runs));
        let is_certain =
            |verdict: &RunVerdict| verdict.verdict.as_ref().is_ok_and(|(found, among)| found.is_certain(among));
        let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
        let certain = verdicts.iter().filter(|verdict| is_certain(verdict));
        let compared: Vec<usize> = certain.flat_map(|verdict| [verdict.run, baseline]).collect();
        let with_baseline =
            groups.iter().position(|group| group.runs.contains(&baseline)).filter(|_| same_division(&runs));
        let columns: Vec<&[usize]> = groups.iter().map(|group| group.runs.as_slice()).collect();
        let seed_verdicts = with_baseline.map_or_else(Vec::new, |own| seed_verdict::verdicts(&runs, &columns, own));
        let mut notes = notes(&runs, comparable);
        notes.extend(seed_note(&ids, &groups, &seed_verdicts, &compared));
        Self {
            runs: ids,
            baseline,
            metrics: metric::rows(&runs, &references, comparable),
            settings: settings(&runs),
            classes: classes::rows(&runs, comparable),
            seed_verdicts,
            verdicts,
            groups,
            notes,
            references,
        }
    }
}

/// Returns the verdict of every run against the baseline.
fn verdicts(candidates: &[Candidate<'_>], baseline: usize) -> Vec<RunVerdict> {
    let runs = (0..candidates.len()).filter(|run| *run != baseline);
    let found: Vec<(usize, Result<Verdict, NotComparable>)> =
        runs.map(|run| (run, Verdict::of(candidates, baseline, run))).collect();
    let known: Vec<&Verdict> = found.iter().filter_map(|(_, verdict)| verdict.as_ref().ok()).collect();
    let mut significance = Significance::of(&known).into_iter();
    let judge = |(run, verdict): (usize, Result<Verdict, NotComparable>)| RunVerdict {
        run,
        verdict: verdict.and_then(|verdict| {
            let significance = significance.next().ok_or(NotComparable::Fault("a verdict has no significance"))?;
            Ok((verdict, significance))
        }),
    };
    found.into_iter().map(judge).collect()
}

fn check(candidates: &[Candidate<'_>]) -> Result<(), ComparisonError> {
    if !(2..=MAX_RUNS).contains(&candidates.len()) {
        return Err(ComparisonError::Count(candidates.len()));
    }
    let again = |at: usize| candidates[..at].iter().any(|earlier| earlier.run.id == candidates[at].run.id);
    match (0..candidates.len()).find(|at| again(*at)) {
        Some(at) => Err(ComparisonError::Twice(candidates[at].run.id.clone())),
        None => Ok(()),
    }
}

/// Returns the reason why runs on other images have no best one: other datasets, or other folds of one.
#[must_use]
pub fn other_images(runs: &[&Summary]) -> &'static str {
    let is_one = runs.windows(2).all(|pair| pair[0].recipe.fingerprint == pair[1].recipe.fingerprint);
    if is_one { "different folds" } else { "different datasets" }
}

/// Returns whether all runs used the same images.
fn same_dataset(runs: &[&Summary]) -> bool {
    runs.windows(2).all(|pair| pair[0].recipe.same_images(&pair[1].recipe))
}

/// Returns whether all runs used one dataset, or folds of one division of it, so that means over folds are comparable.
fn same_division(runs: &[&Summary]) -> bool {
    let division =
        |run: &Summary| (run.recipe.fingerprint.clone(), run.recipe.fold.map(|fold| (fold.count, fold.seed)));
    runs.windows(2).all(|pair| division(pair[0]) == division(pair[1]))
}

/// Returns the published scores, one entry per strategy.
fn references(runs: &[&Summary]) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    for run in runs {
        let strategy = run.recipe.strategy;
        let scores = run.images.and_then(|images| reference(&run.recipe, images, run.classes.len()));
        if let Some(scores) = scores.filter(|_| found.iter().all(|known| known.strategy != strategy)) {
            found.push(Reference { strategy, scores });
        }
    }
    found
}

fn notes(runs: &[&Summary], comparable: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !comparable {
        let images = other_images(runs);
        notes.push(format!(
            "the runs are on {images}: none is marked as the best, and classes are not put side by side"
        ));
    }
    let with_features = |computed: bool| {
        let of = |run: &&&Summary| run.features_computed.is_some_and(|(images, _)| (images > 0) == computed);
        runs.iter().filter(of).map(|run| run.id.to_string()).collect::<Vec<_>>().join(", ")
    };
    let (computed, found) = (with_features(true), with_features(false));
    if !computed.is_empty() && !found.is_empty() {
        notes.push(format!(
            "the time in all is not comparable: {computed} computed features that {found} found on disk"
        ));
    }
    let mut untested = runs.iter().filter(|run| run.test.is_none()).map(|run| run.id.to_string()).peekable();
    if untested.peek().is_some() {
        let names: Vec<String> = untested.collect();
        notes.push(format!("not tested yet: {}", names.join(", ")));
    }
    notes
}

/// Returns which of these values are the best, including ties. There is no best of one value, or of equal values.
fn best(values: &[Option<f64>], higher: bool) -> Vec<bool> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let best = known.iter().copied().reduce(if higher { f64::max } else { f64::min });
    let is_best = |value: &Option<f64>| value.is_some_and(|value| Some(value) == best);
    let differ = known.iter().any(|value| Some(*value) != best);
    values.iter().map(|value| differ && is_best(value)).collect()
}

#[cfg(test)]
mod tests;
