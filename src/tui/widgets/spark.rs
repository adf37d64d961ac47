//! Sparklines: curves of one line, with one column per epoch.

use super::number_text::real;
use crate::tui::theme::{Theme, UNICODE};

const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_LEVELS: [&str; 8] = ["_", ".", ",", "-", "~", "=", "+", "#"];

/// Returns the column of the `index`th of `count` values. Each value has its own column if there are enough.
#[must_use]
pub fn column(index: usize, count: usize, columns: u16) -> u16 {
    let columns = usize::from(columns).max(1);
    let column = if count <= columns { index } else { index * columns / count };
    u16::try_from(column.min(columns - 1)).unwrap_or(0)
}

/// Returns a character per column, whose height shows the value between the smallest and the largest. Where values
/// share a column, the last one is shown. A dot stands for NaN.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of 7
pub fn line(values: &[f64], columns: u16, theme: &Theme) -> Vec<&'static str> {
    let levels = if theme.glyphs.eighths[8] == UNICODE.eighths[8] { LEVELS } else { ASCII_LEVELS };
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let level = |value: f64| {
        if !value.is_finite() {
            return ".";
        }
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        levels[((share * real(7)).round() as usize).min(7)]
    };
    let mut drawn = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let at = usize::from(column(index, values.len(), columns));
        drawn.truncate(at);
        drawn.push(level(*value));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_value_is_lowest_and_every_value_has_a_column() {
        let theme = Theme::detect(|name| (name == "LANG").then(|| "C.UTF-8".into()));
        assert_eq!(line(&[1.0, 0.5, 0.0, f64::NAN], 10, &theme).concat(), "█▅▁.");
        assert_eq!(line(&[2.0, 2.0], 10, &theme).concat(), "▅▅");
        assert_eq!(line(&[0.0, 1.0, 2.0, 3.0], 2, &theme).len(), 2);
        assert_eq!(line(&[], 10, &theme).len(), 0);
        assert_eq!([column(3, 4, 10), column(3, 4, 2), column(0, 100, 10)], [3, 1, 0]);
    }
}
