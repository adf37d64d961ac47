//! The verdict of runs that differ only in their seed against those of the baseline's settings, by their means.

use super::SeedGroup;
use super::metric::Metric;
use super::verdict::{judgement, p_value, points, signed};
use crate::domain::RunId;
use crate::runs::statistics::{Interval, MeanDifference, SIGNIFICANCE, holm, welch};

/// The note on differences that are more than chance between runs of which none is repeated with another seed.
pub(super) const ONE_SEED: &str = "one seed each: another seed may change the scores by more";

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

/// A group of seeds compared with the group of the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedVerdict {
    /// The baseline's group, by its position among the groups.
    pub baseline: usize,
    /// The other group.
    pub group: usize,
    /// The number of runs of both.
    pub seeds: [usize; 2],
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
        let [theirs, mine] = self.seeds;
        let name = mean.metric.name();
        format!(
            "mean {name} {difference} (95 %: {low} … {high}; Welch {}, {mine} and {theirs} seeds): {chance}",
            p_value(p)
        )
    }
}

/// Returns the verdict of each group against the baseline's group, if there is one. Runs on folds have none, because
/// their training images overlap.
pub(super) fn verdicts(groups: &[SeedGroup], baseline: usize) -> Vec<SeedVerdict> {
    let Some(own) = groups.iter().position(|group| group.runs.contains(&baseline)) else { return Vec::new() };
    let others: Vec<usize> = (0..groups.len()).filter(|group| *group != own).collect();
    let is_of_folds = |group: usize| groups[group].folds.is_some();
    if is_of_folds(own) || others.iter().any(|other| is_of_folds(*other)) {
        return Vec::new();
    }
    let spread = |group: usize, metric: Metric| {
        groups[group].metrics.iter().find(|(known, _)| *known == metric).map(|(_, spread)| *spread)
    };
    let mut verdicts: Vec<SeedVerdict> = others
        .iter()
        .map(|group| SeedVerdict {
            baseline: own,
            group: *group,
            seeds: [own, *group].map(|group| groups[group].runs.len()),
            comparisons: others.len(),
            means: Vec::new(),
        })
        .collect();
    for metric in [Metric::Accuracy, Metric::F1] {
        let test = |group: &usize| welch(spread(own, metric)?, spread(*group, metric)?);
        let found: Vec<Option<MeanDifference>> = others.iter().map(test).collect();
        let p_values: Vec<f64> = found.iter().flatten().map(|found| found.p).collect();
        let mut adjusted = holm(&p_values).into_iter();
        for (verdict, found) in verdicts.iter_mut().zip(found) {
            let Some((found, p_adjusted)) = found.zip(found.and_then(|_| adjusted.next())) else { continue };
            verdict.means.push(MeanVerdict { metric, found, p_adjusted });
        }
    }
    verdicts.retain(|verdict| !verdict.means.is_empty());
    verdicts
}

/// Returns the note on a verdict that is more than chance between runs of which at least one has no other seed.
/// `compared` are the columns of such verdicts.
#[must_use]
pub fn seed_note(runs: &[RunId], groups: &[SeedGroup], compared: &[usize]) -> Option<String> {
    let is_repeated = |run: &usize| groups.iter().any(|group| group.runs.contains(run));
    let single: Vec<usize> = (0..runs.len()).filter(|run| compared.contains(run) && !is_repeated(run)).collect();
    match single.as_slice() {
        [] => None,
        _ if groups.is_empty() => Some(ONE_SEED.into()),
        single => {
            let names: Vec<&str> = single.iter().map(|run| runs[*run].as_str()).collect();
            Some(format!("one seed of {}: another may change the scores by more", names.join(", ")))
        }
    }
}
