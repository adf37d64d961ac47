//! What works on every screen: help, palette, messages, copying, pasting where nothing takes text, the first steps.

use crossterm::event::KeyCode;

use super::apply;
use crate::tui::key::Key;
use crate::tui::messages::{Action, Effect, moved};
use crate::tui::palette::{self, Command};
use crate::tui::screen::Screen;
use crate::tui::screens::{entry, go_to};
use crate::tui::state::{Help, Input, Message, Overlay, State};

/// Characters of what is looked for in the help and the palette.
pub(super) const LONGEST_FILTER: usize = 60;

/// The most that is copied, in bytes. In base64 it is just below the 100,000 that terminals accept.
const LARGEST_COPY: usize = 74_000;

/// Takes the first steps off the screen; whether the key was spent on that. Keys that would confirm or leave something
/// are; any other one does what it always does.
pub(super) fn ends_tour(state: &mut State, key: Key) -> bool {
    let spent = matches!(key.code, KeyCode::Enter | KeyCode::Esc | KeyCode::Char(' '));
    std::mem::take(&mut state.tour) && spent
}

pub(super) fn help(state: &mut State, action: Action) {
    let end = state.layout.last_page;
    let Some(Overlay::Help(help)) = &mut state.overlay else { return };
    match (action, &mut help.filter) {
        (Action::Back, Some(_)) => *help = Help::default(),
        (Action::Back, None) => state.overlay = None,
        (Action::Filter, _) => help.filter = Some(filter("")),
        (Action::Insert(c), None) => *help = Help { line: 0, filter: Some(filter(c.encode_utf8(&mut [0; 4]))) },
        (Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last, _) => {
            help.line = moved(help.line, action, end + 1);
        }
        (edit, Some(input)) => {
            input.edit(edit);
            help.line = 0;
        }
        _ => {}
    }
}

fn filter(text: &str) -> Input {
    Input::new(text).with_max_length(LONGEST_FILTER)
}

pub(super) fn messages(state: &mut State, line: usize, action: Action) {
    let end = state.layout.last_page;
    state.overlay = match action {
        Action::Back => None,
        _ => Some(Overlay::Messages(moved(line, action, end + 1))),
    };
}

pub(super) fn palette(state: &mut State, action: Action) -> Vec<Effect> {
    let found = palette::found(state);
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return Vec::new() };
    match action {
        Action::Back => state.overlay = None,
        Action::Enter => {
            let Some(entry) = found.into_iter().nth(palette.selected) else { return Vec::new() };
            state.overlay = None;
            return perform(state, entry.command);
        }
        Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
            palette.selected = moved(palette.selected, action, found.len());
        }
        edit => {
            palette.input.edit(edit);
            palette.selected = 0;
        }
    }
    Vec::new()
}

fn perform(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Do(action) => return apply(state, action),
        Command::Show(run) => {
            state.runs.selected = Some(run);
            return go_to(state, Screen::Runs);
        }
        Command::Wear(word, name) => {
            state.theme = state.theme.clone().named(name);
            state.notify(format!("theme {word}; to keep it: [theme] name = \"{word}\" in the config file"));
        }
    }
    Vec::new()
}

/// Takes the first line of a paste where a filter is typed; says where nothing takes text.
pub(super) fn paste(state: &mut State, text: &str) {
    match &mut state.overlay {
        Some(Overlay::Palette(palette)) => {
            palette.input.paste(text);
            palette.selected = 0;
        }
        Some(Overlay::Help(Help { line, filter: Some(input) })) => {
            input.paste(text);
            *line = 0;
        }
        _ => state.notify(format!("nothing here takes text: {} pasted bytes were left out", text.len())),
    }
}

pub(super) fn toggle_mouse(state: &mut State) {
    state.mouse = !state.mouse;
    let words = if state.mouse {
        "the mouse works: click tabs and lines, turn the wheel; hold Shift to select text"
    } else {
        "the mouse selects text again"
    };
    state.notify(words.into());
}

/// Copies what is selected, or the error that was shown when the key was pressed.
pub(super) fn yank(state: &mut State, shown: Option<&Message>) -> Vec<Effect> {
    let Some((what, text)) = selection(state, shown) else {
        state.fail("there is nothing to copy here");
        return Vec::new();
    };
    if text.len() > LARGEST_COPY {
        state.fail(&format!("{what} has {} bytes: terminals take {LARGEST_COPY} at most", text.len()));
        return Vec::new();
    }
    state.notify(format!("copied {what}"));
    vec![Effect::Copy(text)]
}

/// What would be copied: its name, and its text.
fn selection(state: &State, shown: Option<&Message>) -> Option<(String, String)> {
    if let Some(Overlay::Messages(_)) = &state.overlay {
        return state.messages.last().map(|message| ("the newest message".into(), message.text.clone()));
    }
    if let Some(error) = shown.filter(|message| message.error) {
        return Some(("the error".into(), error.text.clone()));
    }
    entry(state.screen).selection(state)
}
