//! The entries of the command palette: commands, runs and themes. A typed name that is exactly one of theirs comes
//! first; the others are found by fuzzy matching.

use super::screens::entry;
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::tui::messages::{self, Action, Binding};
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
    /// Shows a message: the command works elsewhere.
    Explain(String),
}

/// An entry of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The text that is shown and searched, safe to print.
    pub(super) label: String,
    /// The names in the config file, and others: exactly one of them chooses the entry.
    pub(super) names: Vec<&'static str>,
    /// The key of the binding; empty for none.
    pub(super) key: String,
    /// The effect of choosing it.
    pub(super) command: Command,
}

/// Returns the last part of a binding's name: `stop` of `runs.stop`.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Returns how exactly a query names a binding: 2 for its name or an alias, 1 for the last part of its name, else 0.
fn exactness(query: &str, binding: &Binding) -> u8 {
    let is = |name: &str| name.eq_ignore_ascii_case(query);
    if is(binding.name) || binding.aliases.iter().any(|alias| is(alias)) {
        2
    } else {
        u8::from(is(last_part(binding.name)))
    }
}

/// Returns the entry of a binding of the current context.
fn entry_of(state: &State, binding: &'static Binding) -> Entry {
    Entry {
        label: binding.description.to_owned(),
        names: std::iter::once(binding.name).chain(binding.aliases.iter().copied()).collect(),
        key: state.keymap.keys(binding).first().map(|key| state.theme.key(*key)).unwrap_or_default(),
        command: Command::Perform(binding.action),
    }
}

/// Returns the entry of a binding that works on another screen, or in another part of this one.
fn entry_elsewhere(state: &State, binding: &'static Binding) -> Option<Entry> {
    let screen = binding.contexts().find_map(|context| context.screen)?;
    let place = if screen == state.screen {
        format!("another part of {}", screen.title())
    } else {
        format!("{} ({})", screen.title(), screen as usize + 1)
    };
    let words = format!("{} works on {place}: {}", last_part(binding.name), binding.description);
    let label = format!("{} · on {place}", binding.description);
    Some(Entry { label, names: vec![binding.name], key: String::new(), command: Command::Explain(words) })
}

/// Returns the commands of the current screen that have an effect now, all runs, and the themes.
fn entries(state: &State) -> Vec<Entry> {
    let context = state.screen_context();
    let bound = state
        .keymap
        .of(context)
        .filter(|binding| !is_movement(binding.action))
        .filter(|binding| entry(state.screen).applies(state, binding.action));
    let mut entries: Vec<Entry> = bound.map(|binding| entry_of(state, binding)).collect();
    // An action with two bindings, such as quitting, is listed once.
    remove_repeated(&mut entries);
    let plain = |label: String, command| Entry { label, names: Vec::new(), key: String::new(), command };
    entries.extend(state.library.runs.list.iter().map(|run| {
        let name = printable(run.id.as_str());
        plain(format!("go to run {name}"), Command::ShowRun(run.id.clone()))
    }));
    entries.extend(ThemeName::ALL.map(|(word, name)| plain(format!("theme {word}"), Command::UseTheme(word, name))));
    entries
}

/// Returns the entries that a query names exactly, also those without an effect now: their action says why. Otherwise
/// `pause` on a finished run would choose the command whose letters come nearest.
fn named(state: &State, query: &str) -> Vec<Entry> {
    let context = state.screen_context();
    let mut found: Vec<(u8, bool, Entry)> = messages::all()
        .filter_map(|binding| {
            let exactness = exactness(query, binding);
            let here = binding.works_in(context);
            let entry = if here { Some(entry_of(state, binding)) } else { entry_elsewhere(state, binding) };
            entry.filter(|_| exactness > 0).map(|entry| (exactness, here, entry))
        })
        .collect();
    // Commands of other screens only stand in for those of this one.
    if found.iter().any(|(_, here, _)| *here) {
        found.retain(|(_, here, _)| *here);
    }
    found.sort_by_key(|(exactness, ..)| std::cmp::Reverse(*exactness));
    let mut entries: Vec<Entry> = found.into_iter().map(|(.., entry)| entry).collect();
    remove_repeated(&mut entries);
    let run = state.library.runs.list.iter().find(|run| run.id.as_str() == query);
    entries.extend(run.map(|run| Entry {
        label: format!("go to run {}", printable(run.id.as_str())),
        names: Vec::new(),
        key: String::new(),
        command: Command::ShowRun(run.id.clone()),
    }));
    entries
}

/// Keeps the first of the entries with the same effect.
fn remove_repeated(entries: &mut Vec<Entry>) {
    let mut seen = Vec::new();
    entries.retain(|entry| {
        let first = !seen.contains(&entry.command);
        seen.push(entry.command.clone());
        first
    });
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

/// Returns the entries that the typed text names exactly, then those that match it, the best first. An empty text gives
/// all in the tables' order.
pub(super) fn matches(state: &State) -> Vec<Entry> {
    let Some(Overlay::Palette(palette)) = &state.overlay else { return Vec::new() };
    let query = palette.input.text().trim();
    let mut matches: Vec<(i32, Entry)> = entries(state)
        .into_iter()
        .filter_map(|entry| {
            let by_label = fuzzy::score(query, &entry.label);
            let by_name = entry.names.iter().filter_map(|name| fuzzy::score(query, name)).max();
            Some((by_label.max(by_name)?, entry))
        })
        .collect();
    matches.sort_by_key(|(score, _)| -score);
    // Where some hold the typed words, scattered letters of others are chance: `sort` is none of `quit the dashboard`.
    let holds_query = |entry: &Entry| {
        let names = entry.names.iter().copied().chain([entry.label.as_str()]);
        names.map(str::to_lowercase).any(|text| query.to_lowercase().split_whitespace().all(|word| text.contains(word)))
    };
    if matches.iter().any(|(_, entry)| holds_query(entry)) {
        matches.retain(|(_, entry)| holds_query(entry));
    }
    let mut entries = named(state, query);
    entries.extend(matches.into_iter().map(|(_, entry)| entry));
    remove_repeated(&mut entries);
    entries
}
