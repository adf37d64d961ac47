//! The final metrics by class, their macro averages, and the confusion matrix to their right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::reference::ReferenceScores;
use crate::domain::text::printable;
use crate::domain::{self, Scores};
use crate::runs::Summary;
use crate::runs::summary::TestResult;
use crate::tui::state::State;
use crate::tui::widgets::confusion;
use crate::tui::widgets::number_text::{decimal, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, width};

/// Returns the number of rows of the final metrics; 0 before the test.
pub(super) fn rows(summary: &Summary) -> u16 {
    match &summary.test {
        // The further rows are a rule, a heading, the averages, the accuracy, and the reference's averages.
        Some(test) => {
            let reference = u16::from(reference(summary).is_some());
            u16::try_from(test.confusion.classes()).unwrap_or(u16::MAX / 2) + 4 + reference
        }
        None => 0,
    }
}

/// Returns the published scores to compare with the run's, if there are such.
pub(super) fn reference(summary: &Summary) -> Option<ReferenceScores> {
    domain::reference::reference(&summary.recipe, summary.images?, summary.classes.len())
}

fn class_names(summary: &Summary, classes: usize) -> Vec<String> {
    let name =
        |label: usize| summary.classes.get(label).map_or_else(|| format!("class {label}"), |name| printable(name));
    (0..classes).map(name).collect()
}

/// Columns of a score.
const FIGURE: u16 = 10;

pub(super) fn render(state: &State, summary: &Summary, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let Some(test) = &summary.test else { return };
    let names = class_names(summary, test.confusion.classes());
    let total = usize::try_from(test.confusion.total()).unwrap_or(usize::MAX);
    let of = format!(": {} images, weights of epoch {}", thousands(total), test.epoch);
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("test", theme.strong()), (&of, theme.dim())], "");
    let first = names.iter().map(|name| width(name)).max().unwrap_or(0).clamp(9, 14);
    let scores = test.confusion.scores();
    let rows = classes(state, &names, &scores, first, buffer, area);
    let below = Rect { y: area.y + rows, height: area.height.saturating_sub(rows), ..area };
    averages(state, summary, test, first, buffer, below);
    let used = 1 + first + 4 * FIGURE + 2;
    if used + confusion::columns(&test.confusion, &names) <= area.width {
        let place = Rect { x: area.x + used, y: area.y + 1, width: area.width - used, height: area.height - 1 };
        confusion::render(buffer, theme, place, &test.confusion, &names);
        Pen::new(buffer, theme, place, place.height - 1)
            .skip(1)
            .write("rows: truth, columns: predicted, % of row", theme.dim());
    }
}

/// Draws the heading and a line for each class. Returns the number of rows used, with the rule above them.
fn classes(state: &State, names: &[String], scores: &Scores, first: u16, buffer: &mut Buffer, area: Rect) -> u16 {
    let theme = &state.theme;
    let mut head = Pen::new(buffer, theme, area, 1);
    head.skip(1).left("CLASS", first, theme.dim());
    for title in ["PRECISION", "RECALL", "F1", "SUPPORT"] {
        head.right(title, FIGURE, theme.dim());
    }
    let mut row = 2;
    for (name, class) in names.iter().zip(&scores.per_class) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(name, first, theme.text());
        for value in [class.precision, class.recall, class.f1] {
            pen.right(&decimal(value, 3), FIGURE, theme.text());
        }
        pen.right(&thousands(usize::try_from(class.support).unwrap_or(usize::MAX)), FIGURE, theme.dim());
        row += 1;
    }
    row
}

/// Draws the macro averages and the accuracy, with the published ones if there are such.
fn averages(state: &State, summary: &Summary, test: &TestResult, first: u16, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let (scores, reference) = (test.confusion.scores(), reference(summary));
    let mut lines = vec![("macro", [scores.precision, scores.recall, scores.f1], theme.strong())];
    lines.extend(reference.map(|them| ("reference", [them.precision, them.recall, them.f1], theme.dim())));
    let mut row = 0;
    for (name, values, style) in lines {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(name, first, style);
        for value in values {
            pen.right(&decimal(value, 4), FIGURE, style);
        }
        row += 1;
    }
    let mut pen = Pen::new(buffer, theme, area, row);
    pen.skip(1).left("accuracy", first, theme.strong()).right(&decimal(scores.accuracy, 4), FIGURE, theme.strong());
    if let Some(them) = reference {
        pen.skip(2).write(&format!("reference {}", decimal(them.accuracy, 4)), theme.dim());
    }
    if let Some((views, result)) = &summary.test_views {
        let accuracy = decimal(result.confusion.scores().accuracy, 4);
        pen.skip(2).write(&format!("{views} views {accuracy}"), theme.strong());
    }
    pen.skip(2).write(&format!("loss {}", decimal(test.loss, 4)), theme.dim());
}
