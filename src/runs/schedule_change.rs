//! The effect of other limits on a run: its end, and a schedule that spans the whole run.

use super::Summary;
use crate::domain::number_text::count;
use crate::domain::{Limits, Monitor, Schedule};

/// Returns the effect of other limits on the learning rate as a sentence; `None` if its schedule stays as it is.
#[must_use]
pub fn describe_schedule_change(run: &Summary, limits: Limits) -> Option<String> {
    let recipe = &run.recipe;
    let spans = matches!(recipe.schedule, Schedule::OneCycle | Schedule::Cosine);
    let now = run.learning_rate.filter(|_| spans && limits.epochs != run.limits.epochs)?;
    let (schedule, peak) = (recipe.schedule.name(), recipe.learning_rate);
    let epochs = count(limits.epochs as usize, "epoch", "epochs");
    let (change, way) =
        if limits.epochs > run.limits.epochs { ("stretched", "rises from") } else { ("shortened", "falls from") };
    Some(format!(
        "the {schedule} schedule is {change} to {epochs}, so the learning rate {way} {now:.1e} (peak {peak:.1e})"
    ))
}

/// Returns a sentence on the end of the run under these limits.
#[must_use]
pub fn describe_limits(summary: &Summary, limits: Limits) -> String {
    let (epoch, status) = (summary.epoch(), &summary.early_stopping);
    if !limits.allow_another_epoch(epoch, status.waited) {
        let spent = if epoch >= limits.epochs {
            format!("{} done", count(epoch as usize, "epoch is", "epochs are"))
        } else {
            format!("{} brought no improvement", count(status.waited as usize, "epoch", "epochs"))
        };
        let then =
            if summary.progress.is_some() { "it ends after the current epoch" } else { "nothing is left to train" };
        return format!("{spent}: {then}");
    }
    let end = epoch + (limits.patience - status.waited);
    if end >= limits.epochs {
        return format!("it ends at epoch {}, the last", limits.epochs);
    }
    if status.best_epoch == 0 {
        return format!("it stops at epoch {end} at the earliest, at epoch {} at the latest", limits.epochs);
    }
    let better = match summary.recipe.early_stopping.monitor {
        Monitor::ValLoss => "val loss falls below",
        Monitor::ValAccuracy => "val acc rises above",
    };
    let (value, last) = (status.best_value, limits.epochs);
    format!("it would stop at epoch {end} unless {better} {value:.4}; at the latest at epoch {last}")
}
