//! The mouse: clicks on tabs and lines, and the wheel. It does nothing that a key does not, and launches, stops or deletes nothing.
//!
//! Where the lines of a screen lie is not told by the screens: a line is selected by moving there as the arrow keys do, and only
//! if that ends on the line that was clicked.

use super::{Action, Effect, State, apply, go};
use crate::tui::screens;

/// The most lines that a click moves by: more than a terminal has.
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

/// How many times the action has to be done until the line that was clicked is the selected one; `None` if it never is.
fn steps(state: &State, at: (u16, u16), size: (u16, u16), action: Action) -> Option<usize> {
    let row = |state: &State| screens::selected_row(state, at.0, size);
    let mut moving = state.clone();
    let mut here = row(&moving)?;
    for step in 0..FARTHEST {
        if here == at.1 {
            return Some(step);
        }
        let towards = if action == Action::Down { here < at.1 } else { here > at.1 };
        if !towards {
            return None;
        }
        apply(&mut moving, action);
        let next = row(&moving)?;
        if next == here {
            return None;
        }
        here = next;
    }
    None
}
