//! The comparison as plain text for the clipboard: tables with tabs between their columns, and sentences.

use super::{tables, verdicts};
use crate::tui::state::State;

/// Returns the tables with tabs between columns, then the verdicts in words; empty while nothing is compared.
#[must_use]
pub(super) fn as_text(state: &State) -> String {
    let Some(comparison) = &state.compare.comparison else { return String::new() };
    let mut text = String::new();
    let grids = [
        ("metric", tables::metrics(state, comparison)),
        ("F1", tables::classes(state, comparison, u16::MAX)),
        ("setting", tables::settings(state, comparison)),
    ];
    for (title, grid) in grids {
        if grid.lines.is_empty() {
            continue;
        }
        let heads: Vec<&str> = grid.heads.iter().map(|(head, _)| head.as_str()).collect();
        line(&mut text, title, &heads);
        for row in grid.fixed.iter().chain(&grid.lines) {
            let cells: Vec<&str> = row.cells.iter().map(|(cell, _)| cell.as_str()).collect();
            line(&mut text, &row.name, &cells);
        }
        text.push('\n');
    }
    for block in verdicts::blocks(state, comparison) {
        for (sentence, _) in &block.sentences {
            line(&mut text, &block.about, &[sentence]);
        }
    }
    text
}

fn line(text: &mut String, name: &str, cells: &[&str]) {
    text.push_str(name);
    for cell in cells {
        text.push('\t');
        text.push_str(cell);
    }
    text.push('\n');
}
