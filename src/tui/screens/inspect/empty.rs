//! The texts shown where there are no predictions to inspect.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Split;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, wrap};

fn lines<'a>(
    state: &State,
    words: impl IntoIterator<Item = (&'a str, ratatui::style::Style)>,
    buffer: &mut Buffer,
    area: Rect,
) {
    let mut row = 0;
    for (words, style) in words {
        for line in wrap(words, area.width.saturating_sub(4)) {
            Pen::new(buffer, &state.theme, area, row).skip(2).write(&line, style);
            row += 1;
        }
    }
}

/// Draws a text for a home without predictions.
pub(super) fn draw_no_run(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let words = if !state.library.runs.loaded {
        [("reading the runs …", theme.text()), ("", theme.text())]
    } else if state.library.runs.list.is_empty() {
        [
            ("There is no run yet.", theme.strong()),
            ("Press 2 to train one. Its mistakes appear here after the first epoch.", theme.text()),
        ]
    } else {
        [
            ("No run has completed an epoch yet.", theme.strong()),
            ("A run's mistakes appear here after its first epoch. Press 3 to see the runs.", theme.text()),
        ]
    };
    lines(state, words, buffer, below);
}

/// Draws the reason why a run has no predictions, and what to do.
pub(super) fn draw_no_predictions(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let (reason, advice) = match run.state(state.now) {
        Some(run_state) if run_state.is_active() => (
            format!("{} has no predictions yet: it is {}.", run.id, run_state.name()),
            "They appear after its first epoch.",
        ),
        Some(run_state) => (
            format!("{} has no predictions: it is {} and has completed no epoch.", run.id, run_state.name()),
            "R on Runs (3) resumes it.",
        ),
        None => (format!("{} cannot be read.", run.id), ""),
    };
    let advice = format!("{advice} < and > show other runs.");
    lines(state, [(reason.as_str(), theme.strong()), (advice.as_str(), theme.text())], buffer, area);
}

pub(super) fn reading(state: &State, buffer: &mut Buffer, area: Rect) {
    lines(state, [("reading the predictions …", state.theme.dim())], buffer, area);
}

/// Draws the reason why predictions cannot be read, and the keys that help.
pub(super) fn draw_unreadable(state: &State, reason: &str, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let way_out = match state.inspect.split {
        Split::Train | Split::Test if super::run(state).is_some_and(|run| run.has_best_weights) => {
            "E starts a worker that tests the run again, in the background. t shows other images, < and > other runs."
        }
        _ => "t shows other images, < and > other runs.",
    };
    lines(state, [(reason, theme.warning()), ("", theme.text()), (way_out, theme.text())], buffer, area);
}
