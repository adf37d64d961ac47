//! Mean and deviation of each metric over runs that differ only in their seed or fold.

use super::metric::Metric;
use super::settings::{first_other_rate, settings_without_seed};
use std::collections::BTreeSet;

use crate::domain::{DataFold, Limits, Recipe};
use crate::runs::Summary;
use crate::runs::statistics::Spread;

/// Runs whose recipes differ only in the seed or the fold.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedGroup {
    /// Their columns, at least two.
    pub runs: Vec<usize>,
    /// Their seeds, different where the folds are not.
    pub seeds: Vec<u64>,
    /// Their folds, in the same order; `None` if they are on the dataset's own splits.
    pub folds: Option<Vec<DataFold>>,
    /// Each metric that all of them have. Metrics that depend on the machine require the same device.
    pub metrics: Vec<(Metric, Spread)>,
}

/// Returns the groups among these runs.
pub(super) fn groups(runs: &[&Summary]) -> Vec<SeedGroup> {
    folds(runs).into_iter().filter(|group| group.len() > 1).map(|group| fold(runs, group)).collect()
}

/// Returns all runs, grouped if they differ only in the seed or the fold, in the order of each group's first run. A run
/// with the recipe, the seed and the fold of an earlier one is a repetition and forms a group by itself.
pub(super) fn folds(runs: &[&Summary]) -> Vec<Vec<usize>> {
    let bare: Vec<(Recipe, Limits)> = runs.iter().map(|run| settings_without_seed(run)).collect();
    let is_of = |first: usize, at: usize| bare[first] == bare[at] && first_other_rate(runs[first], runs[at]).is_none();
    let own = |at: usize| (runs[at].recipe.seed, runs[at].recipe.fold);
    let mut folds: Vec<Vec<usize>> = Vec::new();
    for at in 0..runs.len() {
        let mine = folds.iter().position(|fold| is_of(fold[0], at));
        match mine.filter(|mine| folds[*mine].iter().all(|other| own(*other) != own(at))) {
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

impl SeedGroup {
    /// Returns the plural noun of the things in which the runs differ: `seeds`, `folds`, or `runs` for both.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        let have_one_seed = self.seeds.windows(2).all(|pair| pair[0] == pair[1]);
        match (&self.folds, have_one_seed) {
            (None, _) => "seeds",
            (Some(_), true) => "folds",
            (Some(_), false) => "runs",
        }
    }

    /// Describes the difference of the runs: `seed (1, 2, 3)`, `fold (1, 2 of 5)`, `seed (1, 2) and fold (1, 2 of 5)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let list = |numbers: &mut dyn Iterator<Item = u64>| {
            let numbers: BTreeSet<u64> = numbers.collect();
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let seeds = format!("seed ({})", list(&mut self.seeds.iter().copied()));
        let have_one_seed = self.seeds.windows(2).all(|pair| pair[0] == pair[1]);
        let folds = self.folds.as_deref().and_then(|folds| {
            let numbers = list(&mut folds.iter().map(|fold| fold.number.into()));
            Some(format!("fold ({numbers} of {})", folds.first()?.count))
        });
        match folds {
            None => seeds,
            Some(folds) if have_one_seed => folds,
            Some(folds) => format!("{seeds} and {folds}"),
        }
    }
}

fn fold(all: &[&Summary], group: Vec<usize>) -> SeedGroup {
    let runs: Vec<&Summary> = group.iter().map(|at| all[*at]).collect();
    let same_machine = same_device(&runs);
    let spread = |metric: Metric| {
        let values: Option<Vec<f64>> = runs.iter().map(|run| metric.of(run)).collect();
        Some((metric, Spread::of(&values?)?))
    };
    // A network's size does not depend on the seed.
    let varies = |metric: &Metric| !matches!(metric, Metric::Parameters | Metric::Trainable);
    let metrics = Metric::ALL.into_iter().filter(varies).filter(|metric| same_machine || !metric.is_of_machine());
    SeedGroup {
        seeds: runs.iter().map(|run| run.recipe.seed).collect(),
        folds: runs.iter().map(|run| run.recipe.fold).collect(),
        metrics: metrics.filter_map(spread).collect(),
        runs: group,
    }
}
