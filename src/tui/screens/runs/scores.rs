//! The final metrics: per class, macro averages, and the confusion matrix beside them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::text::printable;
use crate::runs::Summary;
use crate::tui::state::State;
use crate::tui::widgets::confusion;
use crate::tui::widgets::figures::{decimal, thousands};
use crate::tui::widgets::paint::{Pen, rule, width};

/// Rows that the final metrics take; 0 before the test.
pub(super) fn rows(summary: &Summary) -> u16 {
    match &summary.test {
        // A rule, a heading, the classes, the averages, the accuracy.
        Some(test) => u16::try_from(test.confusion.classes()).unwrap_or(u16::MAX / 2) + 4,
        None => 0,
    }
}

fn class_names(summary: &Summary, classes: usize) -> Vec<String> {
    let name =
        |label: usize| summary.classes.get(label).map_or_else(|| format!("class {label}"), |name| printable(name));
    (0..classes).map(name).collect()
}

pub(super) fn render(state: &State, summary: &Summary, buffer: &mut Buffer, area: Rect) {
    const FIGURE: u16 = 9;
    let theme = &state.theme;
    let Some(test) = &summary.test else { return };
    let scores = test.confusion.scores();
    let names = class_names(summary, test.confusion.classes());
    let total = usize::try_from(test.confusion.total()).unwrap_or(usize::MAX);
    let of = format!(": {} images, weights of epoch {}", thousands(total), test.epoch);
    rule(buffer, theme, Rect { height: 1, ..area }, &[("test", theme.strong()), (&of, theme.dim())], "");
    let first = names.iter().map(|name| width(name)).max().unwrap_or(0).clamp(9, 14);
    let mut head = Pen::new(buffer, theme, area, 1);
    head.skip(1).left("CLASS", first, theme.dim());
    for title in ["PRECISION", "RECALL", "F1", "SUPPORT"] {
        head.right(title, FIGURE + 1, theme.dim());
    }
    for (row, (name, class)) in (2..).zip(names.iter().zip(&scores.per_class)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(name, first, theme.text());
        for value in [class.precision, class.recall, class.f1] {
            pen.right(&decimal(value, 3), FIGURE + 1, theme.text());
        }
        pen.right(&thousands(usize::try_from(class.support).unwrap_or(usize::MAX)), FIGURE + 1, theme.dim());
    }
    let last = area.height - 2;
    let mut pen = Pen::new(buffer, theme, area, last);
    pen.skip(1).left("macro", first, theme.strong());
    for value in [scores.precision, scores.recall, scores.f1] {
        pen.right(&decimal(value, 4), FIGURE + 1, theme.strong());
    }
    let mut pen = Pen::new(buffer, theme, area, last + 1);
    pen.skip(1).left("accuracy", first, theme.strong()).right(&decimal(scores.accuracy, 4), FIGURE + 1, theme.strong());
    pen.skip(2).write(&format!("loss {}", decimal(test.loss, 4)), theme.dim());
    let used = 1 + first + 4 * (FIGURE + 1) + 2;
    if used + confusion::columns(&test.confusion, &names) <= area.width {
        let place = Rect { x: area.x + used, y: area.y + 1, width: area.width - used, height: area.height - 1 };
        confusion::render(buffer, theme, place, &test.confusion, &names);
        Pen::new(buffer, theme, place, place.height - 1)
            .skip(1)
            .write("rows: truth, columns: predicted, % of row", theme.dim());
    }
}
