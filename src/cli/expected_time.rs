//! The expected times of runs, judged by earlier runs of the home.

use jiff::tz::TimeZone;

use super::datasets;
use crate::data::features;
use crate::domain::number_text::{clock_time, ready_at};
use crate::domain::preflight::DatasetFacts;
use crate::domain::{CachedImages, Recipe};
use crate::runs::{Machine, RunStore, Summary, estimate};
use crate::supervise::now;

/// Returns the seconds that a run still takes at most; `None` without an earlier run to estimate from.
pub(super) fn seconds_left(store: &RunStore, earlier: &[&Summary], run: &Summary) -> Option<f64> {
    let facts = datasets::find(store.home(), &run.recipe.dataset).ok()?.facts();
    let recipe = run.recipe_in_force();
    let estimate = estimate(earlier, &recipe, &facts, cached_images(store, &recipe, &facts), &Machine::this())?;
    Some(estimate.total(recipe.epochs.saturating_sub(run.epoch())))
}

/// Returns the number of images whose features a run of this recipe finds on disk.
pub(super) fn cached_images(store: &RunStore, recipe: &Recipe, facts: &DatasetFacts) -> CachedImages {
    if !recipe.repeats_images() || recipe.transfer.is_none() {
        return CachedImages::default();
    }
    let usage = features::usage(&store.home().dataset(&recipe.dataset));
    features::cached_images(&usage, recipe, facts)
}

/// Returns the clock time in this many seconds; `None` for an unknown number.
pub(super) fn clock_in(seconds: f64) -> Option<String> {
    ready_at(now(), seconds).map(clock_at)
}

/// Returns a time of this machine's zone, which is in milliseconds since 1970.
pub(super) fn clock_at(at: u64) -> String {
    clock_time(at, now(), &TimeZone::system())
}
