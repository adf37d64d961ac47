//! The texts shown where there are no predictions to inspect.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Split;
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
pub(super) fn no_run(state: &State, buffer: &mut Buffer, area: Rect) {
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

pub(super) fn reading(state: &State, buffer: &mut Buffer, area: Rect) {
    lines(state, [("reading the predictions …", state.theme.dim())], buffer, area);
}

/// Draws the reason why predictions cannot be read, and the keys that help.
pub(super) fn unreadable(state: &State, reason: &str, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let way_out = match state.inspect.split {
        Split::Validation => "t shows other images, < and > other runs.",
        Split::Train | Split::Test => {
            "E starts a worker that tests the run again, in the background. t shows other images, < and > other runs."
        }
    };
    lines(state, [(reason, theme.warning()), ("", theme.text()), (way_out, theme.text())], buffer, area);
}
