//! Draws the help: all keys in force with their actions, from the key tables. First come the keys that work at the
//! keyboard focus, then those of the screen's other parts, of several screens, and of other screens.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::overlay::{draw_frame, draw_input};
use crate::tui::layout::Canvas;
use crate::tui::messages::{self, Binding, Context};
use crate::tui::screen::Screen;
use crate::tui::state::{Help, State};
use crate::tui::widgets::paint::{Pen, width};

/// The heading of the keys that work in overlays.
const OVERLAYS: &str = "Dialogs, lists and this help";

/// The fewest columns of the frame. A filtered list must not narrow with every letter.
const FEWEST_COLUMNS: u16 = 70;

/// A line of the help: a heading, or keys and their action.
enum Line {
    Heading(String),
    Keys(String, &'static str),
}

/// The keys of a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    /// Keys that work where the keyboard focus is, and on no other screen.
    Here,
    /// Keys of other parts of the current screen, by the names of the parts.
    Parts(Vec<&'static str>),
    /// Keys of several screens.
    Everywhere,
    /// Keys of one other screen, or of overlays, by its title.
    Other(&'static str),
}

impl Group {
    /// Returns the group of a binding. A binding of several screens is listed once.
    fn of(binding: &Binding, state: &State) -> Self {
        let title = |context: Context| context.screen.map_or(OVERLAYS, Screen::title);
        let mut titles: Vec<&str> = binding.contexts().map(title).collect();
        titles.dedup();
        match titles.as_slice() {
            [here] if *here == state.screen.title() && binding.works_in(state.screen_context()) => Self::Here,
            [here] if *here == state.screen.title() => {
                let mut parts: Vec<&str> = binding.contexts().map(Context::part).collect();
                parts.dedup();
                Self::Parts(parts)
            }
            [one] => Self::Other(one),
            _ => Self::Everywhere,
        }
    }

    fn heading(&self, screen: Screen) -> String {
        match self {
            Self::Here => screen.title().into(),
            Self::Parts(parts) => format!("{}: {}", screen.title(), parts.join(", ")),
            Self::Everywhere => "Everywhere".into(),
            Self::Other(title) => (*title).into(),
        }
    }
}

/// Returns the keys that match the filter, with a heading for each group.
fn lines(state: &State, filter: &str) -> Vec<Line> {
    let words: Vec<String> = filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let section = |group: Group| {
        let found: Vec<Line> = messages::all()
            .filter(|binding| Group::of(binding, state) == group)
            .filter_map(|binding| {
                let keys = key_names(state, binding)?;
                let text = format!("{keys} {} {}", binding.description, binding.name).to_lowercase();
                words.iter().all(|word| text.contains(word)).then_some(Line::Keys(keys, binding.description))
            })
            .collect();
        // A section without keys needs no heading.
        let heading = (!found.is_empty()).then(|| Line::Heading(group.heading(state.screen)));
        heading.into_iter().chain(found)
    };
    let mut parts: Vec<Group> = Vec::new();
    for group in messages::all().map(|binding| Group::of(binding, state)) {
        if matches!(group, Group::Parts(_)) && !parts.contains(&group) {
            parts.push(group);
        }
    }
    let here = state.screen.title();
    let others = Screen::ALL.into_iter().rev().map(Screen::title).filter(|title| *title != here).chain([OVERLAYS]);
    let groups = [Group::Here].into_iter().chain(parts).chain([Group::Everywhere]).chain(others.map(Group::Other));
    groups.flat_map(section).collect()
}

/// Returns the names of a binding's keys; `None` if it has none.
fn key_names(state: &State, binding: &'static Binding) -> Option<String> {
    let keys: Vec<String> = state.keymap.keys(binding).iter().map(|key| state.theme.key(*key)).collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

/// Draws the keys that match the filter, from the scrolled line on.
pub(super) fn render(state: &State, help: &Help, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let theme = &state.theme;
    let filter = help.filter.text();
    let lines = lines(state, filter);
    // A filtered list keeps its full height; otherwise it would jump with every letter.
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = if filter.is_empty() { rows } else { u16::MAX };
    let title = if filter.is_empty() { " keys: type to filter " } else { " matching keys " };
    let keys = lines.iter().map(|line| if let Line::Keys(keys, _) = line { width(keys) } else { 0 }).max().unwrap_or(0);
    let keys = keys.min(16) + 2;
    let meaning = |line: &Line| if let Line::Keys(_, meaning) = line { width(meaning) } else { 0 };
    // The margins are four cells within the frame, which has a cell on each side.
    let columns = (lines.iter().map(meaning).max().unwrap_or(0) + keys + 6).max(FEWEST_COLUMNS);
    let inside = draw_frame(state, buffer, area, (columns, height), title);
    let list = if filter.is_empty() {
        inside
    } else {
        canvas.cursor = Some(draw_input(state, &help.filter, buffer, inside));
        Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside }
    };
    let visible = usize::from(list.height);
    canvas.layout.last_page = lines.len().saturating_sub(visible);
    let first = help.line.min(canvas.layout.last_page);
    for (row, line) in (0..).zip(lines.iter().skip(first).take(visible)) {
        let mut pen = Pen::new(buffer, theme, list, row);
        match line {
            Line::Heading(title) => pen.skip(1).write(title, theme.strong()),
            Line::Keys(names, meaning) => pen.skip(3).left(names, keys, theme.accent()).write(meaning, Style::new()),
        };
    }
    if lines.is_empty() {
        let hint = format!("no key matches; {} shows all keys", state.keymap.key("help.close"));
        Pen::new(buffer, theme, list, 0).skip(1).write(&hint, theme.dim());
    }
    let below = lines.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
}
