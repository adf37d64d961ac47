//! The confusion matrix: rows are true classes, columns predicted ones.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::mode_words;
use super::{InspectPane, Mode};
use crate::tui::layout::Layout;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::messages::{Action, InspectAction};
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{Pen, draw_rule, width};
use crate::tui::widgets::shade::{self, Meaning};
use crate::tui::widgets::table::first_line;

/// The maximum columns of a class name at the left.
const NAMES: u16 = 12;

/// Returns the columns of the class names at the left.
fn name_columns(report: &PredictionReport) -> u16 {
    report.inspection.classes().iter().map(|name| width(name)).max().unwrap_or(0).clamp(4, NAMES)
}

/// Returns the columns of a cell: the largest count and two brackets. The width is the same in all modes, so that the
/// matrix does not move.
fn cell_columns(report: &PredictionReport) -> u16 {
    let most = report.confusion.cells().map(|(_, _, images)| images).max().unwrap_or(0);
    width(&most.to_string()).max(3) + 2
}

fn class_count(report: &PredictionReport) -> u16 {
    u16::try_from(report.confusion.classes()).unwrap_or(u16::MAX)
}

/// Returns the columns of the whole matrix.
pub(super) fn columns(report: &PredictionReport) -> u16 {
    cell_columns(report).saturating_mul(class_count(report)).saturating_add(name_columns(report) + 2)
}

/// Returns the rows of the whole matrix, with title and headings.
pub(super) fn rows(report: &PredictionReport) -> u16 {
    class_count(report).saturating_add(2)
}

/// Returns the text of a cell, and the meaning and strength of its shade.
pub(super) fn cell(
    report: &PredictionReport,
    mode: Mode,
    truth: usize,
    predicted: usize,
) -> (String, Option<(Meaning, f64)>) {
    let number = report.confusion.count(truth, predicted);
    let share = report.confusion.share(truth, predicted);
    let right = truth == predicted;
    let meaning = if right { Meaning::Good } else { Meaning::Bad };
    match (mode, &report.against) {
        (Mode::Difference, Some(Ok(other))) => {
            let points = (share - other.confusion.share(truth, predicted)) * 100.0;
            let text =
                if number == other.confusion.count(truth, predicted) { "·".into() } else { format!("{points:+.0}") };
            let better = right == (points > 0.0);
            // A change of 20 points has the strongest shade.
            let strength = points.abs() / 20.0;
            (text, (strength >= 0.05).then_some((if better { Meaning::Good } else { Meaning::Bad }, strength)))
        }
        _ if number == 0 => ("·".into(), None),
        (Mode::Counts, _) => (number.to_string(), Some((meaning, share))),
        _ => (format!("{:.0}", share * 100.0), Some((meaning, share))),
    }
}

/// Draws the matrix, scrolled to the cursor.
pub(super) fn render(state: &State, report: &PredictionReport, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let (names, cells, mode) = (name_columns(report), cell_columns(report), inspect.mode());
    let classes = report.inspection.classes();
    let across = usize::from(area.width.saturating_sub(names + 2) / cells);
    let down = usize::from(area.height.saturating_sub(2));
    let (truth, predicted) = inspect.cell;
    let (left, top) = (first_line(predicted, classes.len(), across), first_line(truth, classes.len(), down));
    let focus = if inspect.pane == InspectPane::Matrix { theme.accent() } else { theme.strong() };
    let part = across < classes.len() || down < classes.len();
    let note = if part { format!("of {} classes", classes.len()) } else { String::new() };
    let title = format!("{}: truth ↓ predicted →", mode_words(mode));
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&title, focus)], &note);
    let mut head = Pen::new(buffer, theme, area, 1);
    head.skip(names + 2);
    for (column, name) in headings(classes, cells - 1).iter().enumerate().skip(left).take(across) {
        let style = if column == predicted { theme.strong() } else { theme.dim() };
        head.right(name, cells - 1, style).skip(1);
    }
    for (row, (line, name)) in (2..).zip(classes.iter().enumerate().skip(top).take(down)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        let style = if line == truth { theme.strong() } else { theme.text() };
        pen.skip(1).left(name, names, style).skip(1);
        for column in (left..classes.len()).take(across) {
            let (text, strength) = cell(report, mode, line, column);
            let (x, y) = pen.position();
            let place = Rect { x, y, width: cells, height: 1 };
            layout.targets.push((place, Action::Inspect(InspectAction::Cell(line, column))));
            let here = (line, column) == inspect.cell;
            draw(theme, &mut pen, &text, cells, style_of(theme, strength, line == column), here);
        }
    }
}

/// Returns the style of a cell; the diagonal is bold and underlined for terminals without colours.
fn style_of(theme: &Theme, strength: Option<(Meaning, f64)>, right: bool) -> Style {
    let style = strength.map_or_else(|| theme.dim(), |(meaning, share)| shade::style(theme, meaning, share));
    if right { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { style }
}

/// Draws `  19 `, or ` [19]` under the cursor.
fn draw(theme: &Theme, pen: &mut Pen<'_>, text: &str, columns: u16, style: Style, here: bool) {
    let pad = " ".repeat(usize::from((columns - 2).saturating_sub(width(text))));
    if here {
        let frame = theme.accent();
        pen.write(&pad, theme.text()).write("[", frame);
        pen.write(text, theme.strong().patch(theme.selected())).write("]", frame);
    } else {
        // The shade includes the padding, the underline only the number.
        let under = if style.bg.is_some() { style.remove_modifier(Modifier::UNDERLINED) } else { theme.text() };
        pen.skip(1).write(&pad, under).write(text, style).skip(1);
    }
}

/// Draws a sentence on the cell under the cursor, where no faces are next to the matrix.
pub(super) fn draw_cell_sentence(state: &State, report: &PredictionReport, buffer: &mut Buffer, area: Rect) {
    let (truth, predicted) = state.inspect.cell;
    let (Some(name), Some(other)) =
        (report.inspection.classes().get(truth), report.inspection.classes().get(predicted))
    else {
        return;
    };
    let taken = if truth == predicted { "recognized".to_owned() } else { format!("taken for {other}") };
    let text = format!(
        "{} of {} {name} {taken}; Tab: classes, faces",
        report.confusion.count(truth, predicted),
        report.confusion.support(truth)
    );
    Pen::new(buffer, &state.theme, area, 1).skip(1).write(&text, state.theme.text());
}

/// Returns names cut to this many columns: their beginnings, or their ends where those are more distinct.
fn headings(names: &[String], columns: u16) -> Vec<String> {
    let cut = |from_end: bool| -> Vec<String> {
        names.iter().map(|name| if from_end { end(name, columns) } else { beginning(name, columns) }).collect()
    };
    let (beginnings, ends) = (cut(false), cut(true));
    let different = |cut: &[String]| cut.iter().collect::<HashSet<_>>().len();
    if different(&ends) > different(&beginnings) { ends } else { beginnings }
}

fn beginning(name: &str, columns: u16) -> String {
    let mut cut = String::new();
    for c in name.chars() {
        if width(&format!("{cut}{c}")) > columns {
            break;
        }
        cut.push(c);
    }
    cut
}

fn end(name: &str, columns: u16) -> String {
    let mut cut = name;
    while width(cut) > columns {
        let mut chars = cut.chars();
        chars.next();
        cut = chars.as_str();
    }
    cut.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_distinguish_the_classes() {
        let cut = |names: &[&str]| headings(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), 4);
        assert_eq!(cut(&["angry", "disgust", "sad"]), ["angr", "disg", "sad"]);
        assert_eq!(cut(&["class-01", "class-02"]), ["s-01", "s-02"]);
        assert_eq!(cut(&["悲しい", "嬉しい"]), ["悲し", "嬉し"]);
    }
}
