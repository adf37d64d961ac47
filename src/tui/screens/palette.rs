//! The command palette: everything that can be done here, found by a few letters of its name.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::applies;
use super::overlay::{frame, typed};
use crate::domain::RunId;
use crate::domain::text::printable;
use crate::tui::messages::Action;
use crate::tui::state::{Overlay, Palette, State};
use crate::tui::theme::ThemeName;
use crate::tui::widgets::fuzzy;
use crate::tui::widgets::paint::{Pen, fit, width};

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Command {
    /// What a key would.
    Do(Action),
    /// Goes to a run.
    Show(RunId),
    /// Puts another theme on, which is called so.
    Wear(&'static str, ThemeName),
}

/// One thing that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Entry {
    /// In words, safe to print.
    pub(in crate::tui) words: String,
    /// What it is called in the config file; empty for what no key can be bound to.
    pub(in crate::tui) name: &'static str,
    /// Its key; empty for none.
    pub(in crate::tui) key: String,
    /// What it does.
    pub(in crate::tui) command: Command,
}

/// Everything that can be done where the palette was opened.
fn entries(state: &State) -> Vec<Entry> {
    let context = state.screen_context();
    let bound = state
        .keymap
        .of(context)
        .filter(|binding| !is_movement(binding.action))
        .filter(|binding| applies(state, binding.action));
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
    entries.extend(state.runs.list.iter().map(|run| {
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
pub(in crate::tui) fn found(state: &State) -> Vec<Entry> {
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

/// ```text
/// ╭ do ────────────────────────────────────────────────╮
/// │ sto                                                │
/// │▸ask the run to end after the current batch        S│
/// ╰────────────────────────────────────────────────────╯
/// ```
pub(super) fn render(state: &State, palette: &Palette, buffer: &mut Buffer, area: Rect) -> Position {
    let theme = &state.theme;
    let found = found(state);
    let inside = frame(state, buffer, area, (76, area.height.saturating_sub(2).min(20)), " do ");
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let visible = usize::from(list.height);
    let selected = palette.selected.min(found.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(visible);
    for (row, (place, entry)) in (0..).zip(found.iter().enumerate().skip(first).take(visible)) {
        let here = place == selected;
        let (text, key) = if here { (theme.selected(), theme.selected()) } else { (theme.text(), theme.accent()) };
        let mut pen = Pen::new(buffer, theme, list, row);
        let focus = if here { theme.glyphs.focus } else { "" };
        let room = list.width.saturating_sub(4 + width(&entry.key));
        let words = fit(&entry.words, room, theme);
        let gap = " ".repeat(usize::from(room.saturating_sub(width(&words))) + 2);
        pen.left(focus, 1, theme.accent()).write(&words, text).write(&gap, text).write(&entry.key, key);
    }
    if found.is_empty() {
        Pen::new(buffer, theme, list, 0).skip(1).write("nothing here is called so", theme.dim());
    }
    let below = found.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
    typed(state, &palette.input, buffer, inside)
}
