//! Actions that work on every screen: help, palette, messages, copying, the mouse and the first steps. A paste without
//! a text field ends here too.

use crossterm::event::KeyCode;

use super::apply;
use crate::tui::key::Key;
use crate::tui::messages::{Action, Effect, moved};
use crate::tui::palette::{self, Command};
use crate::tui::screen::Screen;
use crate::tui::screens::{entry, go_to};
use crate::tui::state::{Help, Input, Message, Overlay, State};

/// The longest filter of the help and the palette, in characters.
pub(super) const LONGEST_FILTER: usize = 60;

/// The time in milliseconds within which a second request to quit loses a changed form.
const QUIT_AGAIN: u64 = 10_000;

/// The longest text that is copied, in bytes. In base64 it is just below the 100,000 bytes that terminals accept.
const LARGEST_COPY: usize = 74_000;

/// Hides the first steps. Returns whether the key has no other effect. Only digits, which show a screen, `?`, `:` and
/// `q` have one, as the first steps say: others would change something under them.
pub(super) fn hide_tour(state: &mut State, key: Key) -> bool {
    let has_effect = matches!(key.code, KeyCode::Char('0'..='9' | '?' | ':' | 'q'));
    std::mem::take(&mut state.tour) && !has_effect
}

/// Ends the dashboard. Where that would lose typed settings, only if it is requested twice.
pub(super) fn quit(state: &mut State) {
    let is_repeated = state.quit_asked_at.is_some_and(|at| state.now.saturating_sub(at) < QUIT_AGAIN);
    if state.screen == Screen::Train && !is_repeated && state.train.is_changed(&state.form_choices()) {
        state.quit_asked_at = Some(state.now);
        state.notify("the changed settings of this form would be lost: quit again to leave them".into());
    } else {
        state.quit = true;
    }
}

pub(super) fn apply_to_help(state: &mut State, action: Action) {
    let end = state.layout.last_page;
    let Some(Overlay::Help(help)) = &mut state.overlay else { return };
    let is_empty = help.filter.text().is_empty();
    match action {
        // The key that opened the help closes it too.
        Action::Back | Action::Insert('?') if is_empty => state.overlay = None,
        Action::Back => (help.line, help.filter) = (0, Input::default().with_max_length(LONGEST_FILTER)),
        // People who know other programs begin a search with it.
        Action::Insert('/') if is_empty => {}
        Action::Up | Action::Down | Action::PageUp | Action::PageDown => help.line = moved(help.line, action, end + 1),
        Action::LineStart | Action::LineEnd if is_empty => {
            help.line = if action == Action::LineStart { 0 } else { end };
        }
        edit => {
            help.filter.edit(edit);
            help.line = 0;
        }
    }
}

pub(super) fn apply_to_messages(state: &mut State, line: usize, action: Action) {
    let end = state.layout.last_page;
    state.overlay = match action {
        Action::Back => None,
        _ => Some(Overlay::Messages(moved(line, action, end + 1))),
    };
}

pub(super) fn apply_to_palette(state: &mut State, action: Action) -> Vec<Effect> {
    let matches = palette::matches(state);
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return Vec::new() };
    match action {
        Action::Back => state.overlay = None,
        Action::Enter => {
            let Some(entry) = matches.into_iter().nth(palette.selected) else { return Vec::new() };
            state.overlay = None;
            return run_command(state, entry.command);
        }
        Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
            palette.selected = moved(palette.selected, action, matches.len());
        }
        edit => {
            palette.input.edit(edit);
            palette.selected = 0;
        }
    }
    Vec::new()
}

fn run_command(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Perform(action) => return apply(state, action),
        Command::ShowRun(run) => {
            state.runs.selected = Some(run);
            return go_to(state, Screen::Runs);
        }
        Command::UseTheme(word, name) => {
            state.theme = state.theme.clone().named(name);
            state.notify(format!("theme {word}; to keep it, write name = \"{word}\" under [theme] in the config file"));
        }
        Command::Explain(words) => state.notify(words),
    }
    Vec::new()
}

/// Pastes the first line of a text into the filter; without a text field, shows a message.
pub(super) fn paste(state: &mut State, text: &str) {
    match &mut state.overlay {
        Some(Overlay::Palette(palette)) => {
            palette.input.paste(text);
            palette.selected = 0;
        }
        Some(Overlay::Help(Help { line, filter })) => {
            filter.paste(text);
            *line = 0;
        }
        _ => state.notify(format!("no text field here: {} pasted bytes were ignored", text.len())),
    }
}

pub(super) fn toggle_mouse(state: &mut State) {
    state.mouse = !state.mouse;
    let text = if state.mouse {
        "mouse on: click tabs, lines, cells and hints; the wheel scrolls; hold Shift to select text"
    } else {
        "mouse off: the terminal selects text again"
    };
    state.notify(text.into());
}

/// Copies the selection. While an error is shown, nothing is copied.
pub(super) fn copy_selection(state: &mut State, shown: Option<&Message>) -> Vec<Effect> {
    if shown.is_some_and(|message| message.error) {
        // The user may have expected a question that the error replaced.
        state.fail("there was no question to answer: nothing was done; ! and then y copies the error");
        return Vec::new();
    }
    let Some((what, text)) = selection(state) else {
        state.fail("nothing is selected to copy");
        return Vec::new();
    };
    if text.len() > LARGEST_COPY {
        state.fail(&format!(
            "cannot copy {what}: it has {} bytes, and terminals accept at most {LARGEST_COPY}",
            text.len()
        ));
        return Vec::new();
    }
    state.notify(format!("copied {what}"));
    vec![Effect::Copy(text)]
}

/// Returns the name of what would be copied, and its text.
fn selection(state: &State) -> Option<(String, String)> {
    if let Some(Overlay::Messages(_)) = &state.overlay {
        return state.messages.last().map(|message| ("the newest message".into(), message.text.clone()));
    }
    entry(state.screen).selection(state)
}
