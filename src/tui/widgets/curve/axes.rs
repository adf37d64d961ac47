//! The ticks of a chart's axes and their labels.

use super::Window;
use crate::tui::widgets::number_text::clock;
use crate::tui::widgets::scale;

/// The unit of the horizontal axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Epochs.
    #[default]
    Epochs,
    /// Optimizer steps.
    Steps,
    /// Seconds.
    Time,
    /// Shares of the images of a class.
    Recall,
}

impl Unit {
    /// Returns the name at the end of the axis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epoch",
            Self::Steps => "step",
            Self::Time => "time",
            Self::Recall => "recall",
        }
    }

    /// Returns the distance between ticks, so that at most `most` are shown.
    fn step(self, span: f64, most: u16) -> f64 {
        const CLOCK: [f64; 16] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
            43_200.0,
        ];
        match self {
            // Ticks are on whole epochs, unless the window shows at most two.
            Self::Epochs | Self::Steps if span > 2.0 => scale::tick_step(span, most).max(1.0),
            Self::Time if span > 2.0 => {
                let fits = |step: &f64| span / step <= f64::from(most.max(1));
                CLOCK.into_iter().find(fits).unwrap_or_else(|| scale::tick_step(span / 86_400.0, most) * 86_400.0)
            }
            _ => scale::tick_step(span, most),
        }
    }

    /// Returns the label of a position; `step` sets its precision.
    #[must_use]
    pub fn label(self, x: f64, step: f64) -> String {
        let decimals = scale::decimals(step);
        match self {
            Self::Time if step >= 1.0 => clock(x),
            Self::Time => format!("{x:.decimals$}s"),
            Self::Steps if x >= 1e6 && step >= 1e4 => format!("{}M", format_short(x / 1e6)),
            Self::Steps if x >= 1e3 && step >= 1e2 => format!("{}k", format_short(x / 1e3)),
            Self::Epochs | Self::Steps | Self::Recall => format!("{x:.decimals$}"),
        }
    }
}

/// Formats a value with at most two decimals, without trailing zeros.
fn format_short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns the ticks of a horizontal axis of `columns` cells, with their labels.
pub(super) fn x_ticks(window: Window, unit: Unit, columns: u16) -> Vec<(f64, String)> {
    let wide = if unit == Unit::Time { 8 } else { 7 };
    let step = unit.step(window.span(), (columns / wide).max(1));
    let ticks = scale::ticks(window.from, window.to, step).into_iter();
    // The corner of the axes has no tick.
    ticks.filter(|tick| *tick > 0.0).map(|tick| (tick, unit.label(tick, step))).collect()
}

/// Returns at most `most` ticks from `low` to `high` with their labels. Where `log`, the bounds are logarithms to base
/// 10.
pub(super) fn y_ticks(low: f64, high: f64, most: u16, log: bool) -> Vec<(f64, String)> {
    if log && high - low >= 1.0 {
        let factors: &[f64] = if (high - low) * 3.0 <= f64::from(most) { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = scale::tick_step(high - low, most).max(1.0);
        let powers = scale::ticks(low.floor(), high, every).into_iter();
        let ticks = powers.flat_map(|power| factors.iter().map(move |factor| (factor.log10() + power, *factor, power)));
        let inside = ticks.filter(|(tick, ..)| (low..=high).contains(tick));
        return inside.map(|(tick, factor, power)| (tick, format_power(factor * 10_f64.powf(power)))).collect();
    }
    let (from, to) = if log { (10_f64.powf(low), 10_f64.powf(high)) } else { (low, high) };
    let step = scale::tick_step(to - from, most);
    let decimals = scale::decimals(step).max(1);
    let largest = from.abs().max(to.abs());
    let digits = digits(largest, step);
    let label = |tick: f64| match largest {
        large if large >= 1e5 => format!("{tick:.digits$e}"),
        // Small steps occur with learning rates.
        _ if step < 1e-4 => format!("{tick:.digits$e}"),
        large if large >= 1e3 && step >= 1.0 => format!("{tick:.0}"),
        _ => format!("{tick:.decimals$}"),
    };
    let position = |tick: f64| if log { tick.log10() } else { tick };
    scale::ticks(from, to, step).into_iter().map(|tick| (position(tick), label(tick))).collect()
}

/// Returns the decimals in scientific notation that distinguish ticks: 1 to 6.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 1 to 6
fn digits(largest: f64, step: f64) -> usize {
    (largest.log10().floor() - step.log10().floor()).clamp(1.0, 6.0) as usize
}

fn format_power(value: f64) -> String {
    if (1e-3..1e5).contains(&value) { format_value(value) } else { format!("{value:.0e}") }
}

fn format_value(value: f64) -> String {
    let decimals = scale::decimals(value);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(ticks: &[(f64, String)]) -> Vec<&str> {
        ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn each_unit_has_its_own_labels() {
        let at = |from, to, unit| x_ticks(Window { from, to }, unit, 40);
        assert_eq!(labels_of(&at(0.0, 20.0, Unit::Epochs)), ["5", "10", "15", "20"]);
        assert_eq!(labels_of(&at(3.0, 4.0, Unit::Epochs)), ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]);
        assert_eq!(labels_of(&at(0.0, 8_000.0, Unit::Steps)), ["2k", "4k", "6k", "8k"]);
        assert_eq!(labels_of(&at(0.0, 500.0, Unit::Time)), ["2:00", "4:00", "6:00", "8:00"]);
        assert_eq!(labels_of(&at(0.0, 40_000.0, Unit::Time)), ["4:00:00", "8:00:00"]);
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_at_round_values() {
        assert_eq!(labels_of(&y_ticks(-1.0, 1.0, 8, true)), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(labels_of(&y_ticks(-6.0, 0.0, 4, true)), ["1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(labels_of(&y_ticks(9.5e-4, 1.05e-3, 3, false)), ["9.50e-4", "1.00e-3", "1.05e-3"]);
        let narrow = y_ticks(0.0, 0.3, 5, true);
        assert!(narrow.len() >= 2 && narrow.iter().all(|(position, _)| (0.0..=0.301).contains(position)), "{narrow:?}");
    }
}
