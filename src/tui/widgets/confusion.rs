//! A small confusion matrix: rows are true classes, columns predictions, and cells percent of the row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{Pen, width};
use crate::domain::Confusion;
use crate::tui::theme::Theme;

/// The width of a column, in cells.
const COLUMN: u16 = 5;

/// Returns the width of the matrix, in cells.
#[must_use]
pub fn columns(confusion: &Confusion, classes: &[String]) -> u16 {
    let names = classes.iter().map(|name| width(name)).max().unwrap_or(0).min(12);
    names + 2 + COLUMN * u16::try_from(confusion.classes()).unwrap_or(u16::MAX / 16).min(200)
}

/// Draws the matrix. Its diagonal holds the correct predictions.
pub fn render(buffer: &mut Buffer, theme: &Theme, area: Rect, confusion: &Confusion, classes: &[String]) {
    let names = classes.iter().map(|name| width(name)).max().unwrap_or(0).min(12);
    let mut head = Pen::new(buffer, theme, area, 0);
    head.skip(names + 2);
    for name in classes {
        let short: String = name.chars().take(4).collect();
        head.right(&short, COLUMN, theme.dim());
    }
    for (row, (truth, name)) in (1..).zip(classes.iter().enumerate().take(confusion.rows().len())) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(name, names + 1, theme.text());
        for predicted in 0..confusion.classes() {
            let (count, part) = (confusion.count(truth, predicted), confusion.share(truth, predicted));
            let style = match (truth == predicted, part >= 0.1) {
                (true, _) => theme.good().patch(theme.strong()),
                (false, true) => theme.text(),
                (false, false) => theme.dim(),
            };
            let text = if count == 0 { "·".into() } else { format!("{:.0}", part * 100.0) };
            pen.right(&text, COLUMN, style);
        }
    }
}
