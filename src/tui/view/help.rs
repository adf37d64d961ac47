//! The help: every key in force and what it does, made from the key tables, this screen's first.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::overlay::{frame, typed};
use crate::tui::layout::Canvas;
use crate::tui::messages::{self, Binding, Context};
use crate::tui::screen::Screen;
use crate::tui::state::{Help, Input, State};
use crate::tui::widgets::paint::{Pen, width};

/// The heading for the keys of what lies over a screen.
const OVER: &str = "Questions, lists and this help";

/// A line of the help: a heading, or keys and what they do.
enum Line {
    Heading(&'static str),
    Keys(String, &'static str),
}

/// The keys of this screen, then those that work on several, then the others; of all of them what fits the filter.
fn lines(state: &State, filter: Option<&Input>) -> Vec<Line> {
    let place = |context: Context| context.screen.map_or(OVER, Screen::title);
    let group_of = |binding: &Binding| {
        let mut places: Vec<&str> = binding.contexts().map(place).collect();
        places.dedup();
        // What works on several screens stands once, at the top.
        if let [one] = places.as_slice() { Some(*one) } else { None }
    };
    let words: Vec<String> = filter
        .map(|input| input.text().to_lowercase())
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let section = |title: &'static str, group: Option<&'static str>| {
        let found: Vec<Line> = messages::all()
            .filter(|binding| group_of(binding) == group)
            .filter_map(|binding| {
                let keys = written(state, binding)?;
                let text = format!("{keys} {} {}", binding.description, binding.name).to_lowercase();
                words.iter().all(|word| text.contains(word)).then_some(Line::Keys(keys, binding.description))
            })
            .collect();
        // A screen without keys needs no heading.
        let heading = (!found.is_empty()).then_some(Line::Heading(title));
        heading.into_iter().chain(found)
    };
    let here = state.screen.title();
    let others = Screen::ALL.into_iter().rev().map(Screen::title).filter(|title| *title != here).chain([OVER]);
    let first = section(here, Some(here)).chain(section("Everywhere", None));
    first.chain(others.flat_map(|title| section(title, Some(title)))).collect()
}

/// The keys of a binding as people write them; `None` if it has none.
fn written(state: &State, binding: &'static Binding) -> Option<String> {
    let keys: Vec<String> = state.keymap.keys(binding).iter().map(|key| state.theme.key(*key)).collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

/// Draws the keys that fit the filter, from the line on that the state says.
pub(super) fn render(state: &State, help: &Help, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let theme = &state.theme;
    let filter = help.filter.as_ref();
    let lines = lines(state, filter);
    // While it is filtered it keeps its height, so that it does not jump with every letter.
    let height =
        if filter.is_some() { u16::MAX } else { u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2) };
    let title = if filter.is_some() { " keys that fit " } else { " keys: type to filter " };
    let inside = frame(state, buffer, area, (70, height), title);
    let list = match filter {
        Some(input) => {
            canvas.cursor = Some(typed(state, input, buffer, inside));
            Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside }
        }
        None => inside,
    };
    let visible = usize::from(list.height);
    canvas.layout.last_page = lines.len().saturating_sub(visible);
    let first = help.line.min(canvas.layout.last_page);
    let keys = lines.iter().map(|line| if let Line::Keys(keys, _) = line { width(keys) } else { 0 }).max().unwrap_or(0);
    for (row, line) in (0..).zip(lines.iter().skip(first).take(visible)) {
        let mut pen = Pen::new(buffer, theme, list, row);
        match line {
            Line::Heading(title) => pen.skip(1).write(title, theme.strong()),
            Line::Keys(written, meaning) => {
                pen.skip(3).left(written, keys.min(16) + 2, theme.accent()).write(meaning, Style::new())
            }
        };
    }
    if lines.is_empty() {
        let words = format!("no key fits; {} shows all", state.keymap.key("help.unfilter"));
        Pen::new(buffer, theme, list, 0).skip(1).write(&words, theme.dim());
    }
    let below = lines.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
}
