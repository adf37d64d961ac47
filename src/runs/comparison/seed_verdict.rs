//! The verdict of runs that differ only in their seed or fold against those of the baseline's settings, by their means.

use std::collections::{BTreeMap, BTreeSet};

use super::SeedGroup;
use super::metric::Metric;
use super::verdict::{judgement, p_value, points, signed};
use crate::domain::{DataFold, RunId};
use crate::runs::Summary;
use crate::runs::statistics::{Interval, MeanDifference, SIGNIFICANCE, Spread, corrected_paired, holm, welch};

/// The note on differences that are more than chance between runs of which none is repeated with another seed.
pub(super) const ONE_SEED: &str = "one seed each: another seed may change the scores by more";

/// The note on such differences where means are compared, too, because both verdicts may differ.
const NETWORKS: &str = "verdicts on single runs are about these networks, those on means about the settings";

/// The difference of the means of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanVerdict {
    /// The metric.
    pub metric: Metric,
    /// The difference, with its p-value by itself.
    pub found: MeanDifference,
    /// The p-value adjusted for the number of comparisons.
    pub p_adjusted: f64,
}

impl MeanVerdict {
    /// Returns whether the difference is significant among all comparisons.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.p_adjusted < SIGNIFICANCE
    }
}

/// The runs over which two means are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeansOver {
    /// The number of runs of the baseline's settings and of the others, which differ in the seed: Welch's t-test.
    Seeds([usize; 2]),
    /// The number of folds that both settings have: the corrected paired t-test.
    Folds(usize),
}

/// Runs of one combination of settings compared with those of the baseline's.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedVerdict {
    /// The baseline's group, by its position among the groups.
    pub baseline: usize,
    /// The other group.
    pub group: usize,
    /// The runs that are compared.
    pub over: MeansOver,
    /// The number of groups that are compared with the baseline's.
    pub comparisons: usize,
    /// Accuracy and macro F1, as far as they can be tested.
    pub means: Vec<MeanVerdict>,
}

impl SeedVerdict {
    /// Returns a sentence for each metric.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        self.means.iter().map(|mean| self.sentence(mean)).collect()
    }

    fn sentence(&self, mean: &MeanVerdict) -> String {
        let MeanDifference { difference, interval: Interval { low, high }, p } = mean.found;
        let (difference, [low, high]) = match mean.metric {
            Metric::Accuracy => (points(difference), [low, high].map(|end| signed(100.0 * end, 1))),
            _ => (signed(difference, 3), [low, high].map(|end| signed(end, 3))),
        };
        let chance = judgement(p < SIGNIFICANCE, mean.is_certain(), false, self.comparisons);
        let name = mean.metric.name();
        let (test, over) = match self.over {
            MeansOver::Seeds([theirs, mine]) => ("Welch", format!("{mine} and {theirs} seeds")),
            MeansOver::Folds(folds) => ("paired t-test", format!("{folds} folds")),
        };
        format!("mean {name} {difference} (95 %: {low} … {high}; {test} {}, {over}): {chance}", p_value(p))
    }
}

/// Returns the verdict of each group of runs against the group `baseline`. Groups are lists of indices into `runs`;
/// those with too few runs have no verdict.
pub(super) fn verdicts(runs: &[&Summary], groups: &[&[usize]], baseline: usize) -> Vec<SeedVerdict> {
    let of = |group: usize| groups[group].iter().map(|run| runs[*run]).collect::<Vec<_>>();
    let others: Vec<usize> = (0..groups.len()).filter(|group| *group != baseline).collect();
    let own = of(baseline);
    let mut verdicts: Vec<SeedVerdict> = others
        .iter()
        .filter_map(|group| {
            let over = means_over(&own, &of(*group))?;
            Some(SeedVerdict { baseline, group: *group, over, comparisons: 0, means: Vec::new() })
        })
        .collect();
    for metric in [Metric::Accuracy, Metric::F1] {
        let found: Vec<Option<MeanDifference>> =
            verdicts.iter().map(|verdict| difference(&own, &of(verdict.group), verdict.over, metric)).collect();
        let p_values: Vec<f64> = found.iter().flatten().map(|found| found.p).collect();
        let mut adjusted = holm(&p_values).into_iter();
        for (verdict, found) in verdicts.iter_mut().zip(found) {
            let Some((found, p_adjusted)) = found.zip(found.and_then(|_| adjusted.next())) else { continue };
            verdict.means.push(MeanVerdict { metric, found, p_adjusted });
        }
    }
    verdicts.retain(|verdict| !verdict.means.is_empty());
    let comparisons = verdicts.len();
    verdicts.iter_mut().for_each(|verdict| verdict.comparisons = comparisons);
    verdicts
}

/// Returns the runs over which the means of two settings can be compared. Runs on folds are compared only with runs on
/// folds of the same division, because others have other test images.
fn means_over(own: &[&Summary], other: &[&Summary]) -> Option<MeansOver> {
    let has_folds = |runs: &[&Summary]| runs.iter().any(|run| run.recipe.fold.is_some());
    match [own, other].map(has_folds) {
        [false, false] => Some(MeansOver::Seeds([own.len(), other.len()])),
        [true, true] => {
            let folds = |runs: &[&Summary]| runs.iter().filter_map(|run| run.recipe.fold).collect::<BTreeSet<_>>();
            let shared = folds(own).intersection(&folds(other)).count();
            (shared > 1).then_some(MeansOver::Folds(shared))
        }
        _ => None,
    }
}

/// Returns the difference of one metric's means; `None` if a run lacks the metric, or the values have no deviation.
fn difference(own: &[&Summary], other: &[&Summary], over: MeansOver, metric: Metric) -> Option<MeanDifference> {
    let values = |runs: &[&Summary]| runs.iter().map(|run| metric.of(run)).collect::<Option<Vec<f64>>>();
    if let MeansOver::Seeds(_) = over {
        return welch(Spread::of(&values(own)?)?, Spread::of(&values(other)?)?);
    }
    // A fold with several seeds counts once, by the mean of its seeds.
    let by_fold = |runs: &[&Summary]| {
        let mut folds: BTreeMap<DataFold, Vec<f64>> = BTreeMap::new();
        for run in runs {
            folds.entry(run.recipe.fold?).or_default().push(metric.of(run)?);
        }
        let mean = |(fold, values): (DataFold, Vec<f64>)| Some((fold, Spread::of(&values)?.mean));
        folds.into_iter().map(mean).collect::<Option<BTreeMap<DataFold, f64>>>()
    };
    let (own, other) = (by_fold(own)?, by_fold(other)?);
    let pairs: Vec<[f64; 2]> = own.iter().filter_map(|(fold, value)| Some([*value, *other.get(fold)?])).collect();
    let count = own.keys().next()?.count;
    corrected_paired(&pairs, 1.0 / f64::from(count.checked_sub(1).filter(|others| *others > 0)?))
}

/// Returns the note on verdicts of single runs that are more than chance: on other seeds, or on the means of seeds.
/// `compared` are the columns of such verdicts.
#[must_use]
pub fn seed_note(runs: &[RunId], groups: &[SeedGroup], verdicts: &[SeedVerdict], compared: &[usize]) -> Option<String> {
    let is_repeated = |run: &usize| groups.iter().any(|group| group.runs.contains(run));
    let single: Vec<usize> = (0..runs.len()).filter(|run| compared.contains(run) && !is_repeated(run)).collect();
    let is_compared = |group: &&SeedGroup| group.runs.iter().any(|run| compared.contains(run));
    match single.as_slice() {
        [] => (!verdicts.is_empty() && groups.iter().filter(is_compared).count() > 1).then(|| NETWORKS.into()),
        _ if groups.is_empty() => Some(ONE_SEED.into()),
        single => {
            let names: Vec<&str> = single.iter().map(|run| runs[*run].as_str()).collect();
            Some(format!("one seed of {}: another may change the scores by more", names.join(", ")))
        }
    }
}
