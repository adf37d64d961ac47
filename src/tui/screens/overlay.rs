//! What lies over a screen: the keys, and the question whether to stop a run.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::tui::keymap::{self, Context};
use crate::tui::state::{Overlay, Screen, State};
use crate::tui::widgets::paint::Pen;

/// Draws the overlay, if there is one.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    match &state.overlay {
        None => {}
        Some(Overlay::Help(line)) => help(state, buffer, area, *line),
        Some(Overlay::ConfirmStop(id)) => {
            let lines = [
                format!("Stop {id}?"),
                "It ends after the current batch.".into(),
                "R resumes it after the last completed epoch.".into(),
                String::new(),
                "y yes, stop it      n no".into(),
            ];
            let inside = frame(state, buffer, area, (66, 7), " stop ");
            for (row, line) in (0..).zip(&lines) {
                let style = if row == 0 { state.theme.strong() } else { state.theme.text() };
                Pen::new(buffer, &state.theme, inside, row).skip(1).write(line, style);
            }
        }
    }
}

/// Clears the middle of the area and draws a border around it.
fn frame(state: &State, buffer: &mut Buffer, area: Rect, size: (u16, u16), title: &str) -> Rect {
    let place = area.centered(
        ratatui::layout::Constraint::Length(size.0.min(area.width)),
        ratatui::layout::Constraint::Length(size.1.min(area.height)),
    );
    Clear.render(place, buffer);
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(state.theme.accent()).title(title);
    let inside = block.inner(place);
    block.render(place, buffer);
    inside
}

/// A line of the help: a heading, or keys and what they do.
enum Line {
    Heading(&'static str),
    Keys(String, &'static str),
}

/// The help: the keys of this screen, then those that work on several, then the others.
fn lines(screen: Screen) -> Vec<Line> {
    let groups: [(&str, &[Context]); 4] = [
        ("Runs", &[Context::Runs, Context::RunDetail]),
        ("Train", &[Context::Train, Context::TrainNumber, Context::TrainName]),
        ("Data", &[Context::Data]),
        ("Questions and this help", &[Context::ConfirmStop, Context::Help]),
    ];
    let group_of = |binding: &keymap::Binding| {
        let touched = |contexts: &[Context]| binding.contexts.iter().any(|context| contexts.contains(context));
        let mut touched = (0..groups.len()).filter(|group| touched(groups[*group].1));
        let first = touched.next();
        // What works on several screens stands once, at the top.
        if touched.next().is_some() { None } else { first }
    };
    let line = |binding: &keymap::Binding| {
        let keys: Vec<String> = binding.keys.iter().map(|key| keymap::name(*key)).collect();
        Line::Keys(keys.join(" "), binding.description)
    };
    let section = |title, group: Option<usize>| {
        let keys = keymap::TABLE.iter().filter(move |binding| group_of(binding) == group).map(line);
        std::iter::once(Line::Heading(title)).chain(keys)
    };
    let here = groups.iter().position(|(title, _)| *title == screen.title()).unwrap_or(0);
    let mut lines: Vec<Line> = section(groups[here].0, Some(here)).chain(section("Everywhere", None)).collect();
    for (group, (title, _)) in groups.iter().enumerate().filter(|(group, _)| *group != here) {
        lines.extend(section(title, Some(group)));
    }
    lines
}

/// The line that the help begins with when it is scrolled to its end, on a terminal of this many rows. Tabs, bottom line
/// and border take four.
pub(in crate::tui) fn help_end(rows: u16) -> usize {
    lines(Screen::Runs).len().saturating_sub(rows.saturating_sub(4).into())
}

fn help(state: &State, buffer: &mut Buffer, area: Rect, first: usize) {
    let theme = &state.theme;
    let lines = lines(state.screen);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = frame(state, buffer, area, (68, height), " keys ");
    let visible = usize::from(inside.height);
    let first = first.min(lines.len().saturating_sub(visible));
    for (row, line) in (0..).zip(lines.iter().skip(first).take(visible)) {
        let mut pen = Pen::new(buffer, theme, inside, row);
        match line {
            Line::Heading(title) => pen.skip(1).write(title, theme.strong()),
            Line::Keys(keys, meaning) => pen.skip(3).left(keys, 18, theme.accent()).write(meaning, Style::new()),
        };
    }
    let below = lines.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
}
