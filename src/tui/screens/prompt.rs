//! The overlay in which a line is typed. The screen decides how the line is checked and used.

use super::entry;
use crate::tui::messages::{Action, Completion, Effect};
use crate::tui::state::{Overlay, Prompt, State};

/// Opens a prompt and checks its initial line.
pub(in crate::tui) fn open(state: &mut State, prompt: Prompt) {
    state.overlay = Some(Overlay::Prompt(prompt));
    check(state);
}

/// Applies an action while a line is typed. Returns the effects to request.
pub(in crate::tui) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let screen = entry(state.screen);
    if let Some((text, cursor)) = screen.edit_line(state, action)
        && let Some(Overlay::Prompt(prompt)) = &mut state.overlay
    {
        prompt.input.replace(&text, cursor);
        check(state);
        return Vec::new();
    }
    let Some(Overlay::Prompt(prompt)) = &mut state.overlay else { return Vec::new() };
    match action {
        Action::Back => {
            state.overlay = None;
            screen.cancel_line(state);
        }
        Action::Enter => return enter(state),
        Action::Complete => {
            let line = prompt.input.text().to_owned();
            return screen.complete_line(state, &line);
        }
        edit => {
            prompt.input.edit(edit);
            check(state);
        }
    }
    Vec::new()
}

/// Lets the screen accept the line, which may open another prompt. An invalid line stays, with the reason.
fn enter(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Prompt(mut prompt)) = state.overlay.take() else { return Vec::new() };
    entry(state.screen).accept_line(state, prompt.input.text()).unwrap_or_else(|error| {
        prompt.error = Some(error);
        state.overlay = Some(Overlay::Prompt(prompt));
        Vec::new()
    })
}

/// Pastes a text into the line.
pub(in crate::tui) fn paste(state: &mut State, text: &str) {
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.input.paste(text);
        check(state);
    }
}

/// Replaces the line by its completion, unless it has changed since the request.
pub(in crate::tui) fn complete(state: &mut State, completion: &Completion) {
    let Completion { typed, completed, .. } = completion;
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay
        && prompt.input.text() == typed
    {
        prompt.input.replace(completed, completed.chars().count());
        check(state);
        if let Some(remark) = completion.remark() {
            state.notify(remark);
        }
    }
}

/// Lets the screen check the line after a change.
fn check(state: &mut State) {
    let Some(Overlay::Prompt(prompt)) = &state.overlay else { return };
    let line = prompt.input.text().to_owned();
    let error = entry(state.screen).check_line(state, &line).err();
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.error = error;
    }
}
