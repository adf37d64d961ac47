//! Mouse input: clicks on tabs, headings, lines, cells and hints, and the wheel. Each acts like a key; only a hint,
//! which names the action, can launch or stop something.

use ratatui::layout::Position;

use super::apply;
use crate::tui::messages::{Action, Effect, RunsAction};
use crate::tui::screens::go_to;
use crate::tui::state::{Overlay, State};

/// The most lines that one scroll event moves by.
const MAX_LINES: usize = 400;

/// Moves up by `-lines` where `lines` is negative, else down.
pub(super) fn scroll(state: &mut State, lines: isize) -> Vec<Effect> {
    let action = if lines < 0 { Action::Up } else { Action::Down };
    let scrolls = match state.overlay {
        // A dialog has no lines to move through.
        Some(Overlay::Confirm(_) | Overlay::Prompt(_)) => false,
        Some(_) => true,
        // In a form an arrow key would leave the field.
        None => !state.context().is_form(),
    };
    if scrolls { repeat(state, action, lines.unsigned_abs().min(MAX_LINES)) } else { Vec::new() }
}

/// Shows the screen of the clicked tab, performs the action of the clicked cell or hint, or moves to the clicked line.
pub(super) fn click(state: &mut State, at: Position) -> Vec<Effect> {
    state.key_pressed = true;
    state.message = None;
    state.tour = false;
    let target = state.layout.target(at);
    if state.overlay.is_some() {
        // The hints below an overlay are its own.
        let hint = target.filter(|_| at.y + 1 == state.rows);
        return hint.map_or_else(Vec::new, |action| apply(state, action));
    }
    if let Some(screen) = state.layout.tab(at) {
        return go_to(state, screen);
    }
    if let Some(column) = state.layout.heading(at) {
        return apply(state, Action::Runs(RunsAction::SortByColumn(column)));
    }
    if let Some(action) = target {
        return apply(state, action);
    }
    let Some(steps) = state.layout.line(at) else { return Vec::new() };
    let action = if steps < 0 { Action::Up } else { Action::Down };
    repeat(state, action, steps.unsigned_abs())
}

fn repeat(state: &mut State, action: Action, times: usize) -> Vec<Effect> {
    (0..times).flat_map(|_| apply(state, action)).collect()
}
