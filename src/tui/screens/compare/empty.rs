//! The text shown while fewer than two runs are marked: how to mark runs, and a suggestion.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::choice::{compared, left_out, suggested};
use crate::domain::text::printable;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{age, decimal};
use crate::tui::widgets::paint::{Pen, wrap};

fn describe_run(state: &State, run: &RunView) -> String {
    let Ok(summary) = &run.summary else { return String::new() };
    let accuracy = summary.test.as_ref().map(|test| test.confusion.scores().accuracy);
    let accuracy = accuracy.map(|value| format!(", test accuracy {}", decimal(value, 3))).unwrap_or_default();
    let recipe = &summary.recipe;
    let created = age(state.now.saturating_sub(recipe.created_at));
    format!("{} on {}{accuracy}, {created} old", recipe.strategy, recipe.dataset)
}

/// Returns the lines of the text.
fn lines(state: &State) -> Vec<(String, Style)> {
    let theme = &state.theme;
    let marked = compared(state);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let heading = match marked.as_slice() {
        [] => "No runs are marked: mark two to six to compare them side by side.".to_owned(),
        [one, ..] => format!("Only {} is marked: mark another one to compare them side by side.", one.id),
    };
    lines.push((heading, theme.strong()));
    for (id, reason) in left_out(state) {
        lines.push((format!("{id} is marked but not shown: {}", printable(&reason)), theme.bad()));
    }
    lines.push((String::new(), theme.text()));
    let suggested = suggested(state);
    if marked.len() + suggested.len() < 2 {
        lines.push(("Press 3 for the runs, then Space on each that you want to compare.".into(), theme.accent()));
        lines.push(("There are fewer than two finished runs to suggest: press 2 to train one.".into(), theme.text()));
        return lines;
    }
    let heading = if marked.is_empty() {
        "Enter marks the newest two finished runs:"
    } else {
        "Enter marks the newest run to compare it with:"
    };
    lines.push((heading.into(), theme.accent()));
    for run in suggested.iter().filter_map(|id| state.library.runs.find(id)) {
        lines.push((format!("  {}   {}", run.id, describe_run(state, run)), theme.text()));
    }
    lines.push((String::new(), theme.text()));
    lines.push(("Or press 3 for the runs, then Space on each that you want to compare.".into(), theme.text()));
    lines.push(("From a shell:  mien compare RUN RUN".into(), theme.dim()));
    lines
}

/// Draws the text.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    if !state.library.runs.loaded {
        Pen::new(buffer, theme, area, 1).skip(2).write("reading the runs …", theme.dim());
        return;
    }
    let mut row = 1;
    for (text, style) in lines(state) {
        let indented = text.starts_with(' ');
        let wrapped = if indented { vec![text] } else { wrap(&text, area.width.saturating_sub(4)) };
        for line in wrapped {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, style);
            row += 1;
        }
    }
}
