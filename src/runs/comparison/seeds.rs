//! Mean and deviation of each metric over runs that differ only in their seed.

use super::metric::Metric;
use super::settings::without_seed;
use crate::domain::Recipe;
use crate::runs::Summary;
use crate::runs::statistics::Spread;

/// Runs whose recipes differ only in the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedGroup {
    /// Their columns, at least two.
    pub runs: Vec<usize>,
    /// Their seeds, all different.
    pub seeds: Vec<u64>,
    /// Each metric that all of them have. Metrics that depend on the machine require the same device.
    pub metrics: Vec<(Metric, Spread)>,
}

/// Returns the groups among these runs.
pub(super) fn groups(runs: &[&Summary]) -> Vec<SeedGroup> {
    folds(runs).into_iter().filter(|group| group.len() > 1).map(|group| fold(runs, group)).collect()
}

/// Returns all runs, grouped if they differ only in the seed, in the order of each group's first run. A run with the
/// recipe and the seed of an earlier one is a repetition and forms a group by itself.
pub(super) fn folds(runs: &[&Summary]) -> Vec<Vec<usize>> {
    let bare: Vec<Recipe> = runs.iter().map(|run| without_seed(&run.recipe_in_force())).collect();
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

/// Returns whether the runs used the same device, so that their times can be averaged.
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
