//! The entries of the command palette: commands, runs and themes, found by fuzzy matching.

use super::screens::entry;
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::tui::messages::Action;
use crate::tui::state::{Overlay, State};
use crate::tui::theme::ThemeName;
use crate::tui::widgets::fuzzy;

/// The effect of choosing an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Performs the action of a key.
    Perform(Action),
    /// Shows a run on the Runs screen.
    ShowRun(RunId),
    /// Applies a theme of this name.
    UseTheme(&'static str, ThemeName),
}

/// An entry of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The text that is shown and searched, safe to print.
    pub(super) label: String,
    /// The binding's name in the config file; empty for entries without a binding.
    pub(super) name: &'static str,
    /// The key of the binding; empty for none.
    pub(super) key: String,
    /// The effect of choosing it.
    pub(super) command: Command,
}

/// Returns all entries that apply on the current screen.
fn entries(state: &State) -> Vec<Entry> {
    let context = state.screen_context();
    let bound = state
        .keymap
        .of(context)
        .filter(|binding| !is_movement(binding.action))
        .filter(|binding| entry(state.screen).applies(state, binding.action));
    let mut entries: Vec<Entry> = bound
        .map(|binding| Entry {
            label: binding.description.to_owned(),
            name: binding.name,
            key: state.keymap.keys(binding).first().map(|key| state.theme.key(*key)).unwrap_or_default(),
            command: Command::Perform(binding.action),
        })
        .collect();
    // An action with two bindings, such as quitting, is listed once.
    let mut seen = Vec::new();
    entries.retain(|entry| {
        let first = !seen.contains(&entry.command);
        seen.push(entry.command.clone());
        first
    });
    let plain = |label: String, command| Entry { label, name: "", key: String::new(), command };
    entries.extend(state.library.runs.list.iter().map(|run| {
        let name = printable(run.id.as_str());
        plain(format!("go to run {name}"), Command::ShowRun(run.id.clone()))
    }));
    entries.extend(ThemeName::ALL.map(|(word, name)| plain(format!("theme {word}"), Command::UseTheme(word, name))));
    entries
}

/// Returns whether an action moves the cursor or edits text, so that nobody searches for it.
fn is_movement(action: Action) -> bool {
    matches!(
        action,
        Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::First
            | Action::Last
            | Action::PageUp
            | Action::PageDown
            | Action::Back
            | Action::Palette
            | Action::Insert(_)
            | Action::Backspace
            | Action::Delete
            | Action::ClearLine
            | Action::DeleteWord
            | Action::LineStart
            | Action::LineEnd
    )
}

/// Returns the entries that match the typed text, the best first; all in the tables' order while it is empty.
pub(super) fn matches(state: &State) -> Vec<Entry> {
    let Some(Overlay::Palette(palette)) = &state.overlay else { return Vec::new() };
    let query = palette.input.text();
    let mut matches: Vec<(i32, Entry)> = entries(state)
        .into_iter()
        .filter_map(|entry| {
            let by_label = fuzzy::score(query, &entry.label);
            let by_name = fuzzy::score(query, entry.name);
            Some((by_label.max(by_name)?, entry))
        })
        .collect();
    matches.sort_by_key(|(score, _)| -score);
    matches.into_iter().map(|(_, entry)| entry).collect()
}
