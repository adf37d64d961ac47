//! Runs that differ only in their seed, as one: mean and deviation of each metric.

use super::metric::Metric;
use super::settings::without_seed;
use crate::domain::Recipe;
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

/// The groups among these runs.
pub(super) fn groups(runs: &[&Summary]) -> Vec<SeedGroup> {
    folds(runs).into_iter().filter(|group| group.len() > 1).map(|group| fold(runs, group)).collect()
}

/// All runs, those together that differ only in the seed, in the order of each first one. A run with the recipe and the
/// seed of an earlier one is a repetition, not another draw: it is alone.
pub(super) fn folds(runs: &[&Summary]) -> Vec<Vec<usize>> {
    let bare: Vec<Recipe> = runs.iter().map(|run| without_seed(&run.recipe)).collect();
    let seed = |at: usize| runs[at].recipe.seed;
    let mut folds: Vec<Vec<usize>> = Vec::new();
    for at in 0..runs.len() {
        let mine = folds.iter().position(|fold| bare[fold[0]] == bare[at]);
        match mine.filter(|mine| folds[*mine].iter().all(|other| seed(*other) != seed(at))) {
            Some(mine) => folds[mine].push(at),
            None => folds.push(vec![at]),
        }
    }
    folds
}

/// Whether runs were on the same device, so that their times can be put together.
pub(super) fn same_device(runs: &[&Summary]) -> bool {
    let device = |run: &Summary| run.device.as_ref().map(|device| (device.name.clone(), device.description.clone()));
    runs.windows(2).all(|pair| device(pair[0]) == device(pair[1]))
}

fn fold(all: &[&Summary], group: Vec<usize>) -> SeedGroup {
    let runs: Vec<&Summary> = group.iter().map(|at| all[*at]).collect();
    let same_machine = same_device(&runs);
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
