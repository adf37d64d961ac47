//! What works on every screen: help, palette, messages, copying, pasting where nothing takes text, the first steps.

use crossterm::event::KeyCode;

use super::train::change;
use super::{State, apply, fail, go, info, moved};
use crate::domain::text::printable;
use crate::tui::key::Key;
use crate::tui::messages::{Action, Effect};
use crate::tui::screen::Screen;
use crate::tui::screens::palette::Command;
use crate::tui::screens::{help, messages, palette as entries};
use crate::tui::state::{Help, Input, Message, Overlay};

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

/// Keeps what is scrolled within a terminal of another size.
pub(super) fn resized(state: &mut State) {
    let end = match &state.overlay {
        Some(Overlay::Help(_)) => help::end(state),
        Some(Overlay::Messages(_)) => messages::end(state),
        _ => return,
    };
    if let Some(Overlay::Help(Help { line, .. }) | Overlay::Messages(line)) = &mut state.overlay {
        *line = (*line).min(end);
    }
}

pub(super) fn help(state: &mut State, action: Action) {
    let end = help::end(state);
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
            change(input, edit);
            help.line = 0;
        }
        _ => {}
    }
}

fn filter(text: &str) -> Input {
    Input::new(text).of_at_most(LONGEST_FILTER)
}

pub(super) fn messages(state: &mut State, line: usize, action: Action) {
    let end = messages::end(state);
    state.overlay = match action {
        Action::Back => None,
        _ => Some(Overlay::Messages(moved(line, action, end + 1))),
    };
}

pub(super) fn palette(state: &mut State, action: Action) -> Vec<Effect> {
    let found = entries::found(state);
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
            change(&mut palette.input, edit);
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
            return go(state, Screen::Runs);
        }
        Command::Wear(word, name) => {
            state.theme = state.theme.clone().named(name);
            info(state, format!("theme {word}; to keep it: [theme] name = \"{word}\" in the config file"));
        }
    }
    Vec::new()
}

/// Takes the first line of a paste where a filter is typed; says where nothing takes text.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Palette(palette)) => {
            palette.input.paste(text);
            palette.selected = 0;
        }
        Some(Overlay::Help(Help { line, filter: Some(input) })) => {
            input.paste(text);
            *line = 0;
        }
        _ => info(state, format!("nothing here takes text: {} pasted bytes were left out", text.len())),
    }
    Vec::new()
}

pub(super) fn toggle_mouse(state: &mut State) {
    state.mouse = !state.mouse;
    let words = if state.mouse {
        "the mouse works: click tabs and lines, turn the wheel; hold Shift to select text"
    } else {
        "the mouse selects text again"
    };
    info(state, words.into());
}

/// Copies what is selected, or the error that was shown when the key was pressed.
pub(super) fn yank(state: &mut State, shown: Option<&Message>) -> Vec<Effect> {
    let Some((what, text)) = selection(state, shown) else {
        fail(state, "there is nothing to copy here");
        return Vec::new();
    };
    if text.len() > LARGEST_COPY {
        fail(state, &format!("{what} has {} bytes: terminals take {LARGEST_COPY} at most", text.len()));
        return Vec::new();
    }
    info(state, format!("copied {what}"));
    vec![Effect::Copy(text)]
}

/// A text of several lines, and how many they are; `None` where it is empty.
fn table(what: &str, text: String) -> Option<(String, String)> {
    let lines = text.lines().count();
    (lines > 0).then(|| (format!("{what}, {lines} lines"), text))
}

/// What would be copied: what it is called, and its text.
fn selection(state: &State, shown: Option<&Message>) -> Option<(String, String)> {
    if let Some(Overlay::Messages(_)) = &state.overlay {
        return state.messages.last().map(|message| ("the newest message".into(), message.text.clone()));
    }
    if let Some(error) = shown.filter(|message| message.error) {
        return Some(("the error".into(), error.text.clone()));
    }
    match state.screen {
        Screen::Data => {
            let entry = state.data.entries.get(state.data.selected)?;
            Some((format!("the dataset's name, {}", printable(entry.name.as_str())), entry.name.to_string()))
        }
        Screen::Runs => {
            let run = state.runs.current()?;
            Some((format!("the run's name, {}", run.id), run.id.to_string()))
        }
        // The name that the next run would have.
        Screen::Train => Some(state.train.name.text().to_owned())
            .filter(|name| !name.is_empty())
            .map(|name| ("the run's name".into(), name)),
        Screen::Compare => table("the comparison", crate::tui::screens::compare::as_text(state)),
        Screen::Inspect => table("the matrix", crate::tui::screens::inspect::as_text(state)),
    }
}
