//! Learning-rate schedules, as pure functions of the step.

use std::f64::consts::PI;

use crate::domain::{Recipe, Schedule};

/// The shape of `OneCycle`: the share of steps before the peak, and the shares of the peak at both ends. They are the
/// defaults of `PyTorch`'s `OneCycleLR`.
const CYCLE_RISE: f64 = 0.3;
const CYCLE_START: f64 = 1.0 / 25.0;
const CYCLE_END: f64 = CYCLE_START / 1e4;

/// Returns the learning rate of a step in a run whose rate first rises linearly for `warmup` steps. `base` is the rate
/// after reductions on plateaus; `step` counts from 0 to `steps` over the whole run.
#[must_use]
#[allow(clippy::cast_precision_loss)] // step counts are far below 2^52
pub fn warmed_rate(schedule: Schedule, base: f64, step: u64, steps: u64, warmup: u64) -> f64 {
    let warmup = warmup.min(steps);
    if step < warmup {
        return rate(schedule, base, 0, steps - warmup) * (step + 1) as f64 / warmup as f64;
    }
    rate(schedule, base, step - warmup, steps - warmup)
}

/// Returns the learning rate of a step without warm-up.
#[must_use]
#[allow(clippy::cast_precision_loss)] // step counts are far below 2^52
fn rate(schedule: Schedule, base: f64, step: u64, steps: u64) -> f64 {
    match schedule {
        Schedule::Constant | Schedule::Plateau { .. } => base,
        Schedule::Cosine => base * cosine_interpolate(1.0, 0.0, step as f64 / steps.max(1) as f64),
        Schedule::OneCycle => base * one_cycle(step as f64, steps as f64),
    }
}

/// Interpolates between `from` and `to` along half a cosine, for `progress` from 0 to 1.
fn cosine_interpolate(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (PI * progress).cos())
}

/// Returns the share of the peak at a step, with the phases of `PyTorch`'s `OneCycleLR`.
fn one_cycle(step: f64, steps: f64) -> f64 {
    let peak = CYCLE_RISE * steps - 1.0;
    if step <= peak {
        cosine_interpolate(CYCLE_START, 1.0, step / peak)
    } else {
        cosine_interpolate(1.0, CYCLE_END, (step - peak.max(0.0)) / (steps - 1.0 - peak.max(0.0)).max(1.0))
    }
}

/// Returns the learning rate of pretrained layers as a multiple of the head's.
#[must_use]
pub fn base_rate(recipe: &Recipe) -> f64 {
    let fine_tuning = recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
    fine_tuning.map_or(1.0, |fine_tuning| fine_tuning.base_learning_rate / recipe.learning_rate)
}

/// Returns the base rate after an epoch in which early stopping has waited for `waited` epochs.
#[must_use]
pub fn after_epoch(recipe: &Recipe, base: f64, waited: u32) -> f64 {
    match recipe.schedule {
        Schedule::Plateau { factor, patience } if waited > 0 && waited.is_multiple_of(patience.max(1)) => base * factor,
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DatasetName;

    #[test]
    fn a_plateau_halves_the_rate_at_every_second_epoch_without_improvement() {
        let mut recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 0);
        recipe.schedule = Schedule::PLATEAU;
        let rates: Vec<f64> = [0, 1, 2, 3, 4, 0, 1, 2]
            .iter()
            .scan(1.0, |base, waited| {
                *base = after_epoch(&recipe, *base, *waited);
                Some(*base)
            })
            .collect();
        assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
    }

    #[test]
    fn a_cosine_falls_from_the_base_to_zero() {
        let rate = |step| rate(Schedule::Cosine, 2.0, step, 100);
        assert!((rate(0) - 2.0).abs() < 1e-12 && (rate(50) - 1.0).abs() < 1e-12 && rate(100).abs() < 1e-12);
        assert!((0..100).all(|step| rate(step) > rate(step + 1)));
    }

    /// `torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=20)`, steps 0, 3, 5, 6, 12 and 19.
    #[test]
    fn one_cycle_is_that_of_pytorch() {
        let expected =
            [7.999999999999999e-05, 0.0013366563145999495, 0.002, 0.001974928012470175, 0.0010000039999999999, 8e-09];
        for (step, expected) in [0, 3, 5, 6, 12, 19].into_iter().zip(expected) {
            let rate = rate(Schedule::OneCycle, 2e-3, step, 20);
            assert!((rate - expected).abs() < 1e-9, "step {step}: {rate} against {expected}");
        }
    }

    #[test]
    fn a_warm_up_rises_evenly_to_the_beginning_of_the_schedule() {
        let rates: Vec<f64> = (0..6).map(|step| warmed_rate(Schedule::Cosine, 1.0, step, 6, 4)).collect();
        assert_eq!(rates[..4], [0.25, 0.5, 0.75, 1.0]);
        assert!((rates[4] - 1.0).abs() < 1e-12 && (rates[5] - 0.5).abs() < 1e-12, "{rates:?}");
        let same = |one: f64, other: f64| (one - other).abs() < 1e-12;
        assert!(same(warmed_rate(Schedule::Constant, 2.0, 0, 3, 9), 2.0 / 3.0), "no longer than the run");
        assert!(same(warmed_rate(Schedule::OneCycle, 1.0, 7, 20, 0), rate(Schedule::OneCycle, 1.0, 7, 20)));
    }

    #[test]
    fn one_cycle_is_a_number_for_any_length() {
        for steps in 1..12 {
            for step in 0..steps {
                let rate = rate(Schedule::OneCycle, 1.0, step, steps);
                assert!((0.0..=1.0).contains(&rate), "step {step} of {steps}: {rate}");
            }
        }
    }
}
