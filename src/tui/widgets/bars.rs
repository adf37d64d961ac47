//! Horizontal bars with a resolution of an eighth of a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::number_text::decimal;
use super::paint::{Pen, width};
use crate::tui::theme::Theme;

/// The columns of a probability.
const VALUE: u16 = 5;

/// The probability of a class as a line with a bar.
#[derive(Debug, Clone)]
pub struct ProbabilityBar<'a> {
    /// The class.
    pub name: &'a str,
    /// The probability that the bar shows.
    pub value: f32,
    /// The style of the bar.
    pub style: Style,
    /// Probabilities of the class by several runs, shown as numbers.
    pub further: &'a [f32],
    /// A remark at the end; empty without one.
    pub note: &'a str,
}

/// Draws a line for each bar, as many as fit. `classes` decide the width of the names, so that it is the same for every
/// image.
pub fn render(buffer: &mut Buffer, theme: &Theme, area: Rect, bars: &[ProbabilityBar<'_>], classes: &[String]) {
    let longest = name_columns(classes);
    let note = bars.iter().map(|bar| width(bar.note)).max().unwrap_or(0);
    for (line, row) in (0..area.height).zip(bars) {
        let mut pen = Pen::new(buffer, theme, area, line);
        pen.skip(1).left(row.name, longest, theme.text()).skip(1);
        let further = VALUE * u16::try_from(row.further.len()).unwrap_or(0);
        let columns = pen.room().saturating_sub(VALUE + further + note);
        // A probability shown as 0.00 has no bar.
        let length = if row.value < 0.005 { 0.0 } else { row.value.into() };
        pen.left(&bar(length, columns, theme), columns, row.style);
        pen.right(&decimal(row.value.into(), 2), VALUE, theme.text());
        for value in row.further {
            pen.right(&decimal((*value).into(), 2), VALUE, theme.dim());
        }
        pen.write(row.note, theme.good());
    }
}

/// Returns the columns of the names of classes.
#[must_use]
pub fn name_columns(classes: &[String]) -> u16 {
    classes.iter().map(|name| width(name)).max().unwrap_or(0).clamp(4, 10)
}

/// Returns a bar that fills a share of `columns`, at most all. A share above 0 has at least an eighth.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 to 8 × columns
pub fn bar(share: f64, columns: u16, theme: &Theme) -> String {
    let all = f64::from(columns) * 8.0;
    let filled = (share * all).clamp(0.0, all).round() as usize;
    let eighths = if share > 0.0 { filled.max(1) } else { 0 };
    let glyphs = &theme.glyphs.eighths;
    format!("{}{}", glyphs[8].repeat(eighths / 8), glyphs[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_longer() {
        let theme = Theme::detect(|_| None).with_glyphs(&crate::tui::theme::UNICODE);
        let table = [(0.0, ""), (0.001, "▏"), (0.5, "██"), (0.53, "██▏"), (1.0, "████"), (7.0, "████"), (f64::NAN, "")];
        for (share, expected) in table {
            assert_eq!(bar(share, 4, &theme), expected, "{share}");
        }
    }
}
