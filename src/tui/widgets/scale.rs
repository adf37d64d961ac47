//! Chooses the ticks of axes.

/// Returns the smallest of 1, 2, 5 × 10^k that divides `span` into at most `max_parts` parts.
#[must_use]
pub fn tick_step(span: f64, max_parts: u16) -> f64 {
    let max_parts = f64::from(max_parts.max(1));
    if !(span.is_finite() && span > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf((span / max_parts).log10().floor());
    let fits = |factor: &f64| span / (factor * power) <= max_parts + 1e-9;
    [1.0, 2.0, 5.0, 10.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// Returns the number of decimals that distinguishes multiples of `step`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 to 9
pub fn decimals(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 9.0) as usize
}

/// Returns the multiples of `step` from `low` to `high`.
#[must_use]
pub fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    (0..200_u16).map(|n| (first + f64::from(n)) * step).take_while(|tick| *tick <= high + step * 1e-9).collect()
}

/// Returns the end of an axis of epochs: a round number above `reached`, at most `all`. Otherwise the axis would change
/// with every epoch.
#[must_use]
pub fn epoch_axis_end(reached: u32, all: u32) -> u32 {
    let steps = [4, 6, 8, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000];
    let next = steps.into_iter().find(|step| *step > reached).unwrap_or(reached.saturating_add(reached / 4));
    next.min(all.max(reached)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few_enough() {
        let table = [(1.0, 5, 0.2), (0.37, 4, 0.1), (50.0, 6, 10.0), (0.0, 4, 1.0), (f64::NAN, 4, 1.0), (3.0, 1, 5.0)];
        for (span, most, expected) in table {
            assert!((tick_step(span, most) - expected).abs() < 1e-9, "{span} in {most}: {}", tick_step(span, most));
        }
        assert_eq!(ticks(0.95, 1.41, 0.1).len(), 5);
        assert_eq!([decimals(0.2), decimals(10.0), decimals(0.05)], [1, 0, 2]);
    }

    #[test]
    fn the_axis_of_epochs_has_room_to_grow_and_an_end() {
        assert_eq!(
            [
                epoch_axis_end(0, 50),
                epoch_axis_end(4, 50),
                epoch_axis_end(31, 50),
                epoch_axis_end(50, 50),
                epoch_axis_end(2, 2)
            ],
            [4, 6, 40, 50, 2]
        );
    }
}
