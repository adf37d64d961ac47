//! The table of each class's precision, recall, F1 and support, with the differences to another run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::InspectPane;
use crate::domain::Scores;
use crate::tui::layout::Layout;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::number_text::{decimal, thousands};
use crate::tui::widgets::paint::draw_rule;
use crate::tui::widgets::table::{Column, Row, Table};

/// Returns the number of rows of the table: a title, a heading, the classes, the averages.
pub(super) fn rows(report: &PredictionReport) -> u16 {
    u16::try_from(report.confusion.classes()).unwrap_or(u16::MAX).saturating_add(3)
}

const ONE_RUN: [Column; 5] = [
    Column::left("CLASS", 14, 0),
    Column::right("PRECISION", 2),
    Column::right("RECALL", 1),
    Column::right("F1", 0),
    Column::right("SUPPORT", 3),
];

const TWO_RUNS: [Column; 8] = [
    Column::left("CLASS", 14, 0),
    Column::right("PRECISION", 4),
    Column::right("±", 6),
    Column::right("RECALL", 3),
    Column::right("±", 5),
    Column::right("F1", 0),
    Column::right("±", 0),
    Column::right("SUPPORT", 2),
];

pub(super) fn render(state: &State, report: &PredictionReport, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let focused = inspect.pane == InspectPane::Table;
    let style = if focused { theme.accent() } else { theme.strong() };
    let other = report.against.as_ref().and_then(|other| other.as_ref().ok()).map(|other| &other.scores);
    let note = if other.is_some() { "±: difference to the other run" } else { "" };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("per class", style)], note);
    let names = report.inspection.classes().iter().enumerate();
    let mut lines: Vec<Row> = names.map(|(label, name)| class(theme, name, label, &report.scores, other)).collect();
    lines.push(macro_average(theme, &report.scores, other));
    let columns: &[Column] = if other.is_some() { &TWO_RUNS } else { &ONE_RUN };
    let table = Table { columns, rows: &lines, selected: Some(inspect.cell.0), marked: focused, gap: 2 };
    let place = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table.render(buffer, theme, place);
    if focused {
        let classes = report.confusion.classes();
        layout.add_lines(table.visible_lines(place).filter(|(index, _)| *index < classes), inspect.cell.0);
    }
}

fn class(theme: &Theme, name: &str, label: usize, scores: &Scores, other: Option<&Scores>) -> Row {
    let own = &scores.per_class[label];
    let theirs = other.and_then(|other| other.per_class.get(label));
    let values = [own.precision, own.recall, own.f1];
    let theirs = theirs.map(|them| [them.precision, them.recall, them.f1]);
    let support = thousands(usize::try_from(own.support).unwrap_or(usize::MAX));
    line(theme, name, values, theirs, support, theme.text())
}

fn macro_average(theme: &Theme, scores: &Scores, other: Option<&Scores>) -> Row {
    let values = [scores.precision, scores.recall, scores.f1];
    let theirs = other.map(|them| [them.precision, them.recall, them.f1]);
    line(theme, "macro", values, theirs, String::new(), theme.strong())
}

fn line(theme: &Theme, name: &str, own: [f64; 3], theirs: Option<[f64; 3]>, support: String, style: Style) -> Row {
    let mut row = vec![(name.to_owned(), style)];
    for (index, value) in own.into_iter().enumerate() {
        row.push((decimal(value, 3), style));
        if let Some(theirs) = theirs {
            let change = value - theirs[index];
            let style = match change {
                change if change >= 0.0005 => theme.good(),
                change if change <= -0.0005 => theme.bad(),
                _ => theme.dim(),
            };
            row.push((format!("{change:+.3}"), style));
        }
    }
    row.push((support, theme.dim()));
    row
}
