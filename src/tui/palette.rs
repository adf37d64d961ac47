//! The command palette: everything that can be done now, found by a few letters of its name.

use super::screens::entry;
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::tui::messages::Action;
use crate::tui::state::{Overlay, State};
use crate::tui::theme::ThemeName;
use crate::tui::widgets::fuzzy;

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// What a key would.
    Do(Action),
    /// Goes to a run.
    Show(RunId),
    /// Puts another theme on, which is called so.
    Wear(&'static str, ThemeName),
}

/// One thing that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// In words, safe to print.
    pub(super) words: String,
    /// What it is called in the config file; empty for what no key can be bound to.
    pub(super) name: &'static str,
    /// Its key; empty for none.
    pub(super) key: String,
    /// What it does.
    pub(super) command: Command,
}

/// Everything that can be done where the palette was opened.
fn entries(state: &State) -> Vec<Entry> {
    let context = state.screen_context();
    let bound = state
        .keymap
        .of(context)
        .filter(|binding| !is_movement(binding.action))
        .filter(|binding| entry(state.screen).applies(state, binding.action));
    let mut entries: Vec<Entry> = bound
        .map(|binding| Entry {
            words: binding.description.to_owned(),
            name: binding.name,
            key: state.keymap.keys(binding).first().map(|key| state.theme.key(*key)).unwrap_or_default(),
            command: Command::Do(binding.action),
        })
        .collect();
    // One thing under two names, such as quitting here and anywhere, stands there once.
    let mut seen = Vec::new();
    entries.retain(|entry| {
        let first = !seen.contains(&entry.command);
        seen.push(entry.command.clone());
        first
    });
    let plain = |words: String, command| Entry { words, name: "", key: String::new(), command };
    entries.extend(state.library.runs.list.iter().map(|run| {
        let name = printable(run.id.as_str());
        plain(format!("go to run {name}"), Command::Show(run.id.clone()))
    }));
    entries.extend(ThemeName::ALL.map(|(word, name)| plain(format!("theme {word}"), Command::Wear(word, name))));
    entries
}

/// What one would not look for by its name.
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

/// What fits what is typed, the best first; without anything typed all, in the tables' order.
pub(super) fn found(state: &State) -> Vec<Entry> {
    let Some(Overlay::Palette(palette)) = &state.overlay else { return Vec::new() };
    let wanted = palette.input.text();
    let mut found: Vec<(i32, Entry)> = entries(state)
        .into_iter()
        .filter_map(|entry| {
            let by_words = fuzzy::score(wanted, &entry.words);
            let by_name = fuzzy::score(wanted, entry.name);
            Some((by_words.max(by_name)?, entry))
        })
        .collect();
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, entry)| entry).collect()
}
