//! The Inspect screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::action::Action;
use crate::tui::state::State;
use crate::tui::widgets::paint::Pen;

pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    Pen::new(buffer, theme, area, 1).skip(2).write("Mark runs with Space on the Runs screen.", theme.text());
}

/// Whether an action would do anything now.
pub(super) fn applies(_state: &State, _action: Action) -> bool {
    true
}
