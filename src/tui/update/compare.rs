//! The Compare screen's part of `update`.

use super::{Action, Effect, State};
use crate::tui::event::CompareEvent;

/// Does what the user asked for.
pub(super) fn apply(_state: &mut State, _action: Action) -> Vec<Effect> {
    Vec::new()
}

/// Takes news in.
pub(super) fn heard(_state: &mut State, event: CompareEvent) -> Vec<Effect> {
    match event {}
}

/// What is wanted when the screen comes to the front.
pub(super) fn shown(_state: &mut State) -> Vec<Effect> {
    Vec::new()
}
