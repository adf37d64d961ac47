//! A line that is being typed over a screen, whatever it is for.

use super::train::change;
use super::{State, data, runs};
use crate::tui::messages::{Action, DataEffect, Effect};
use crate::tui::state::{ImportPurpose, Overlay, Prompt, Purpose};

/// Opens a line to type.
pub(super) fn open(state: &mut State, prompt: Prompt) {
    state.overlay = Some(Overlay::Prompt(prompt));
    check(state);
}

/// Does what the user asked for while a line is typed.
pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt)) = &mut state.overlay else { return Vec::new() };
    match action {
        Action::Back => {
            let purpose = prompt.purpose.clone();
            state.overlay = None;
            return left(state, &purpose);
        }
        Action::Enter => {
            let (purpose, text) = (prompt.purpose.clone(), prompt.input.text().to_owned());
            match entered(state, &purpose, &text) {
                Ok(effects) => {
                    // Unless what was entered opened another one.
                    if matches!(&state.overlay, Some(Overlay::Prompt(prompt)) if prompt.purpose == purpose) {
                        state.overlay = None;
                    }
                    return effects;
                }
                Err(error) => {
                    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
                        prompt.error = Some(error);
                    }
                }
            }
        }
        Action::Complete => {
            return match prompt.purpose {
                Purpose::Import(ImportPurpose::Source) => {
                    vec![Effect::Data(DataEffect::Complete(prompt.input.text().to_owned()))]
                }
                Purpose::Import(ImportPurpose::Name(_)) | Purpose::Runs(_) => Vec::new(),
            };
        }
        edit => {
            change(&mut prompt.input, edit);
            check(state);
        }
    }
    Vec::new()
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.input.paste(text);
        check(state);
    }
    Vec::new()
}

/// Looks at the line after every change, and says what is wrong with it.
fn check(state: &mut State) {
    let Some(Overlay::Prompt(prompt)) = &state.overlay else { return };
    let (purpose, text) = (prompt.purpose.clone(), prompt.input.text().to_owned());
    let error = typed(state, &purpose, &text).err();
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.error = error;
    }
}

/// What a change of the line does at once, such as filtering.
fn typed(state: &mut State, purpose: &Purpose, text: &str) -> Result<(), String> {
    match purpose {
        Purpose::Runs(purpose) => runs::typed(state, purpose, text),
        Purpose::Import(purpose) => data::typed(state, purpose, text),
    }
}

/// What becomes of the line.
fn entered(state: &mut State, purpose: &Purpose, text: &str) -> Result<Vec<Effect>, String> {
    match purpose {
        Purpose::Runs(purpose) => runs::entered(state, purpose, text),
        Purpose::Import(purpose) => data::entered(state, purpose, text),
    }
}

/// The line was left without being taken.
fn left(state: &mut State, purpose: &Purpose) -> Vec<Effect> {
    match purpose {
        Purpose::Runs(purpose) => runs::left(state, purpose),
        Purpose::Import(_) => Vec::new(),
    }
}
