//! The mouse: clicks on tabs and lines, and the wheel. It does nothing that a key does not, and launches, stops or
//! deletes nothing.
//!
//! Where the lines of a screen lie is not told by the screens: a line is selected by moving there as the arrow keys do,
//! and only if that ends on a line that says what the clicked one said.

use super::{State, apply, go};
use crate::tui::messages::{Action, Effect};
use crate::tui::screens::{self, Cells};

/// The most lines that a turn of the wheel moves by.
const FARTHEST: usize = 400;

pub(super) fn scroll(state: &mut State, lines: isize) -> Vec<Effect> {
    let action = if lines < 0 { Action::Up } else { Action::Down };
    // In the form an arrow leaves the field; a question has no lines.
    if state.screen == super::Screen::Train && state.overlay.is_none() {
        return Vec::new();
    }
    match state.overlay {
        Some(super::Overlay::Confirm(_) | super::Overlay::Prompt(_)) => Vec::new(),
        _ => (0..lines.unsigned_abs().min(FARTHEST)).flat_map(|_| apply(state, action)).collect(),
    }
}

pub(super) fn click(state: &mut State, at: (u16, u16), size: (u16, u16)) -> Vec<Effect> {
    state.touched = true;
    state.message = None;
    state.tour = false;
    if state.overlay.is_some() {
        return Vec::new();
    }
    if let Some(screen) = screens::tab_at(at) {
        return go(state, screen);
    }
    if at.1 == 0 || at.1 + 1 >= size.1 {
        return Vec::new();
    }
    for action in [Action::Down, Action::Up] {
        if let Some(steps) = steps(state, at, size, action) {
            return (0..steps).flat_map(|_| apply(state, action)).collect();
        }
    }
    Vec::new()
}

/// How many times the action has to be done until the selected line says what the line that was clicked said; `None` if
/// none of the lines on the way does. The list may scroll meanwhile, so the row tells nothing.
fn steps(state: &State, at: (u16, u16), size: (u16, u16), action: Action) -> Option<usize> {
    let before = Cells::of(state, size);
    let (row, _) = before.selected(at.0)?;
    if (action == Action::Up) != (at.1 < row) {
        return None;
    }
    let mut moving = state.clone();
    for step in 0..=usize::from(row.abs_diff(at.1)) {
        let now = Cells::of(&moving, size);
        let (row, ends) = now.selected(at.0)?;
        let wanted = before.text(at.1, ends);
        if !wanted.is_empty() && now.text(row, ends) == wanted {
            return Some(step);
        }
        apply(&mut moving, action);
    }
    None
}
