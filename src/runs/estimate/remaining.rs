//! The remaining time of a running run, from its own epochs.

use crate::runs::summary::Summary;

#[allow(clippy::cast_precision_loss)] // milliseconds are below 2^52
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// Returns the completed share of the current epoch, from 0 to 1, and its remaining seconds; NaN where they are
/// unknown.
/// `now` in milliseconds since 1970. During a pause the remaining time stays the same.
#[must_use]
pub fn epoch_left(summary: &Summary, now: u64) -> (f64, f64) {
    let Some(progress) = summary.progress else { return (0.0, f64::NAN) };
    let done = f64::from(progress.step) / f64::from(progress.steps.max(1));
    let paused_at = summary.paused_at();
    let updated = paused_at.or(summary.updated_at).unwrap_or(progress.started_at);
    let spent = seconds(updated.saturating_sub(progress.started_at));
    let since = if paused_at.is_some() { 0.0 } else { seconds(now.saturating_sub(updated)) };
    if done > 0.0 { (done, (spent * (1.0 - done) / done - since).max(0.0)) } else { (done, f64::NAN) }
}

/// Returns the completed share of a run of all its epochs, from 0 to 1, and its remaining seconds, at most. NaN where
/// they are unknown.
#[must_use]
pub fn run_left(summary: &Summary, now: u64) -> (f64, f64) {
    let all = f64::from(summary.limits.epochs.max(1));
    let (done, seconds) = epoch_left(summary, now);
    let share = (f64::from(summary.epoch()) + done) / all;
    let recent: Vec<f64> = summary.epochs.iter().rev().take(5).map(|epoch| epoch.seconds).collect();
    let under_way = u32::from(summary.progress.is_some());
    let after = f64::from(summary.limits.epochs.saturating_sub(summary.epoch() + under_way));
    if recent.is_empty() {
        let whole = if done > 0.0 { seconds / (1.0 - done).max(1e-9) } else { f64::NAN };
        return (share, seconds + after * whole);
    }
    let count = f64::from(u32::try_from(recent.len()).unwrap_or(1));
    let mean = recent.iter().sum::<f64>() / count;
    let this = if seconds.is_finite() { seconds } else { mean * f64::from(under_way) };
    (share, this + after * mean)
}
