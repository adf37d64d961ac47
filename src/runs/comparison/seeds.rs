//! Runs that differ only in their seed, as one: mean and deviation of each metric.

use super::metric::Metric;
use super::settings::only_seeds_differ;
use crate::runs::Summary;
use crate::runs::statistics::Spread;

/// Runs whose recipes differ in nothing but the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedGroup {
    /// Their columns, at least two.
    pub runs: Vec<usize>,
    /// Their seeds, no two the same.
    pub seeds: Vec<u64>,
    /// Each metric that all of them have; those that depend on the machine only where all ran on the same device.
    pub metrics: Vec<(Metric, Spread)>,
}

/// The groups among these runs. A run with the recipe and the seed of an earlier one is a repetition, not another draw:
/// it is in no group.
pub(super) fn groups(runs: &[&Summary]) -> Vec<SeedGroup> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let mine = groups.iter_mut().find(|group| only_seeds_differ(&runs[group[0]].recipe, &run.recipe));
        match mine {
            Some(group) if group.iter().any(|other| runs[*other].recipe.seed == run.recipe.seed) => {}
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.into_iter().filter(|group| group.len() > 1).map(|group| fold(runs, group)).collect()
}

fn fold(all: &[&Summary], group: Vec<usize>) -> SeedGroup {
    let runs: Vec<&Summary> = group.iter().map(|at| all[*at]).collect();
    let device = |run: &Summary| run.device.as_ref().map(|device| (device.name.clone(), device.description.clone()));
    let same_machine = runs.windows(2).all(|pair| device(pair[0]) == device(pair[1]));
    let spread = |metric: Metric| {
        let values: Option<Vec<f64>> = runs.iter().map(|run| metric.of(run)).collect();
        Some((metric, Spread::of(&values?)?))
    };
    // A model's size does not depend on the seed.
    let varies = |metric: &Metric| !matches!(metric, Metric::Parameters | Metric::Trainable);
    let metrics = Metric::ALL.into_iter().filter(varies).filter(|metric| same_machine || !metric.is_of_machine());
    SeedGroup {
        seeds: runs.iter().map(|run| run.recipe.seed).collect(),
        metrics: metrics.filter_map(spread).collect(),
        runs: group,
    }
}
