//! Which values get a tick on the axes of a curve, and how they are written.

use super::Window;
use crate::tui::widgets::figures::clock;
use crate::tui::widgets::scale;

/// What the axis below a curve counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Epochs.
    #[default]
    Epochs,
    /// Optimizer steps.
    Steps,
    /// Seconds.
    Time,
}

impl Unit {
    /// The word at the end of the axis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epoch",
            Self::Steps => "step",
            Self::Time => "time",
        }
    }

    /// The distance of ticks, so that at most `most` of them are shown.
    fn step(self, span: f64, most: u16) -> f64 {
        const CLOCK: [f64; 16] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
            43_200.0,
        ];
        match self {
            // Between epochs there is nothing to point at, unless one looks into one.
            Self::Epochs | Self::Steps if span > 2.0 => scale::tick_step(span, most).max(1.0),
            Self::Time if span > 2.0 => {
                let fits = |step: &f64| span / step <= f64::from(most.max(1));
                CLOCK.into_iter().find(fits).unwrap_or_else(|| scale::tick_step(span / 86_400.0, most) * 86_400.0)
            }
            _ => scale::tick_step(span, most),
        }
    }

    /// A place on the axis as people write it; `step` tells how exactly.
    #[must_use]
    pub fn label(self, x: f64, step: f64) -> String {
        let decimals = scale::decimals(step);
        match self {
            Self::Time if step >= 1.0 => clock(x),
            Self::Time => format!("{x:.decimals$}s"),
            Self::Steps if x >= 1e6 && step >= 1e4 => format!("{}M", trimmed(x / 1e6)),
            Self::Steps if x >= 1e3 && step >= 1e2 => format!("{}k", trimmed(x / 1e3)),
            Self::Epochs | Self::Steps => format!("{x:.decimals$}"),
        }
    }
}

/// At most two decimals, and none that say nothing.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Ticks of an axis of `columns` cells, and their labels.
pub(super) fn across(window: Window, unit: Unit, columns: u16) -> Vec<(f64, String)> {
    let wide = if unit == Unit::Time { 8 } else { 7 };
    let step = unit.step(window.span(), (columns / wide).max(1));
    let ticks = scale::ticks(window.from, window.to, step).into_iter();
    // The beginning is where the axes meet.
    ticks.filter(|tick| *tick > 0.0).map(|tick| (tick, unit.label(tick, step))).collect()
}

/// At most `most` ticks from `low` to `high`, both logarithms of ten where `log`, and their labels.
pub(super) fn up(low: f64, high: f64, most: u16, log: bool) -> Vec<(f64, String)> {
    if log && high - low >= 1.0 {
        let factors: &[f64] = if (high - low) * 3.0 <= f64::from(most) { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = scale::tick_step(high - low, most).max(1.0);
        let powers = scale::ticks(low.floor(), high, every).into_iter();
        let ticks = powers.flat_map(|power| factors.iter().map(move |factor| (factor.log10() + power, *factor, power)));
        let inside = ticks.filter(|(tick, ..)| (low..=high).contains(tick));
        return inside.map(|(tick, factor, power)| (tick, magnitude(factor * 10_f64.powf(power)))).collect();
    }
    let (from, to) = if log { (10_f64.powf(low), 10_f64.powf(high)) } else { (low, high) };
    let step = scale::tick_step(to - from, most);
    let decimals = scale::decimals(step).max(1);
    let largest = from.abs().max(to.abs());
    let digits = digits(largest, step);
    let label = |tick: f64| match largest {
        large if large >= 1e5 => format!("{tick:.digits$e}"),
        // Learning rates.
        _ if step < 1e-4 => format!("{tick:.digits$e}"),
        large if large >= 1e3 && step >= 1.0 => format!("{tick:.0}"),
        _ => format!("{tick:.decimals$}"),
    };
    let place = |tick: f64| if log { tick.log10() } else { tick };
    scale::ticks(from, to, step).into_iter().map(|tick| (place(tick), label(tick))).collect()
}

/// Decimals in powers of ten that tell ticks apart: at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 1 to 6
fn digits(largest: f64, step: f64) -> usize {
    (largest.log10().floor() - step.log10().floor()).clamp(1.0, 6.0) as usize
}

fn magnitude(value: f64) -> String {
    if (1e-3..1e5).contains(&value) { trimmed_to(value) } else { format!("{value:.0e}") }
}

fn trimmed_to(value: f64) -> String {
    let decimals = scale::decimals(value);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(ticks: &[(f64, String)]) -> Vec<&str> {
        ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn each_axis_is_written_in_its_own_way() {
        let at = |from, to, unit| across(Window { from, to }, unit, 40);
        assert_eq!(words(&at(0.0, 20.0, Unit::Epochs)), ["5", "10", "15", "20"]);
        assert_eq!(words(&at(3.0, 4.0, Unit::Epochs)), ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]);
        assert_eq!(words(&at(0.0, 8_000.0, Unit::Steps)), ["2k", "4k", "6k", "8k"]);
        assert_eq!(words(&at(0.0, 500.0, Unit::Time)), ["2:00", "4:00", "6:00", "8:00"]);
        assert_eq!(words(&at(0.0, 40_000.0, Unit::Time)), ["4:00:00", "8:00:00"]);
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_at_round_values() {
        assert_eq!(words(&up(-1.0, 1.0, 8, true)), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(words(&up(-6.0, 0.0, 4, true)), ["1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(words(&up(9.5e-4, 1.05e-3, 3, false)), ["9.50e-4", "1.00e-3", "1.05e-3"]);
        let narrow = up(0.0, 0.3, 5, true);
        assert!(narrow.len() >= 2 && narrow.iter().all(|(place, _)| (0.0..=0.301).contains(place)), "{narrow:?}");
    }
}
