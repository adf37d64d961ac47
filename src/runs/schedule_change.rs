//! The effect of another number of epochs on a schedule that spans the whole run.

use super::Summary;
use crate::domain::number_text::count;
use crate::domain::{Limits, Schedule};

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
