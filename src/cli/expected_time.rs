//! The expected times of runs, judged by earlier runs of the home.

use jiff::tz::TimeZone;

use super::datasets;
use crate::domain::number_text::{clock_time, ready_at};
use crate::runs::{Machine, RunStore, Summary, estimate};
use crate::supervise::now;

/// Returns the seconds that a run still takes at most; `None` without an earlier run to estimate from.
pub(super) fn seconds_left(store: &RunStore, earlier: &[&Summary], run: &Summary) -> Option<f64> {
    let dataset = datasets::find(store.home(), &run.recipe.dataset).ok()?;
    let image = [dataset.image.height, dataset.image.width, dataset.image.channels].map(|side| side as usize);
    let recipe = run.recipe_in_force();
    let estimate = estimate(earlier, &recipe, image, dataset.classes.len(), dataset.counts(), &Machine::this())?;
    Some(estimate.total(recipe.epochs.saturating_sub(run.epoch())))
}

/// Returns the clock time in this many seconds; `None` for an unknown number.
pub(super) fn clock_in(seconds: f64) -> Option<String> {
    ready_at(now(), seconds).map(clock_at)
}

/// Returns a time of this machine's zone, which is in milliseconds since 1970.
pub(super) fn clock_at(at: u64) -> String {
    clock_time(at, now(), &TimeZone::system())
}
