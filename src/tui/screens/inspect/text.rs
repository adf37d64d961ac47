//! The confusion matrix as plain text for the clipboard.

use std::fmt::Write;

use super::matrix::cell;
use super::{mode_words, run};
use crate::runs::inspection::images_of;
use crate::tui::state::State;

/// Returns the matrix as shown, in aligned columns under a line that describes it; empty where none is shown.
#[must_use]
pub(super) fn as_text(state: &State) -> String {
    let (Some(run), Some(report)) = (run(state), state.inspect.report()) else { return String::new() };
    let (mode, classes) = (state.inspect.mode(), report.inspection.classes());
    let epoch = report.epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
    let against = state.inspect.against.as_ref().map(|other| format!(" against {other}")).unwrap_or_default();
    let what = images_of(state.inspect.split);
    let mut text = format!(
        "{}{against}, {} {what}{epoch}, {}, rows: truth, columns: predicted\n",
        run.id,
        report.inspection.images(),
        mode_words(mode),
    );
    let number = |truth, predicted| cell(report, mode, truth, predicted).0.replace('·', "0");
    let rows: Vec<Vec<String>> = (0..classes.len())
        .map(|truth| (0..classes.len()).map(|predicted| number(truth, predicted)).collect())
        .collect();
    let length = |text: &String| text.chars().count();
    let first = classes.iter().map(length).max().unwrap_or(0);
    let columns: Vec<usize> =
        (0..classes.len()).map(|predicted| rows.iter().map(|row| length(&row[predicted])).max().unwrap_or(0)).collect();
    let widths: Vec<usize> = columns.iter().zip(classes).map(|(column, name)| (*column).max(length(name))).collect();
    let mut line = |name: &str, cells: &[String]| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{name:first$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    };
    line("", classes);
    for (name, row) in classes.iter().zip(&rows) {
        line(name, row);
    }
    text
}
