//! A run's log: its end, or what was scrolled to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::keymap::Context;
use crate::tui::state::{RunView, State};
use crate::tui::widgets::figures::time_of_day;
use crate::tui::widgets::paint::{Pen, rule, wrap};

/// Columns that the time takes.
const TIME: u16 = 10;

/// Rows that all of it would take, without the rule.
pub(super) fn rows(run: &RunView, columns: u16) -> u16 {
    let lines = run.log.iter().rev().take(40).map(|line| wrap(&line.text, columns.saturating_sub(TIME + 1)).len());
    u16::try_from(lines.sum::<usize>()).unwrap_or(u16::MAX - 1)
}

/// What the rule over the log says of the part that is shown.
fn note(state: &State, run: &RunView) -> String {
    let log = &state.runs.log;
    let place = if log.follows() {
        String::new()
    } else if log.back == 0 {
        "held, f: follow".into()
    } else {
        format!("{} newer below, f: follow", log.back)
    };
    if log.search.is_empty() {
        return place;
    }
    let hits = run.log.iter().filter(|line| log.hits(line)).count();
    let found = format!("'{}': {hits}", crate::domain::text::printable(&log.search));
    if place.is_empty() { found } else { format!("{found} · {place}") }
}

/// Draws the lines up to the last one that is to be seen, that one at the bottom; long lines are broken, never cut.
pub(super) fn render(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let here = state.context() == Context::RunLog;
    let title = if here { theme.accent() } else { theme.strong() };
    let word = if here { format!("{} log", theme.glyphs.focus) } else { "log".into() };
    rule(buffer, theme, Rect { height: 1, ..area }, &[(&word, title)], &note(state, run));
    let room = usize::from(area.height.saturating_sub(1));
    let mut lines: Vec<(String, String, bool)> = Vec::new();
    for entry in run.log.iter().rev().skip(state.runs.log.back) {
        let broken = wrap(&entry.text, area.width.saturating_sub(TIME + 1));
        if lines.len() + broken.len() > room && !lines.is_empty() {
            break;
        }
        let time = |row: usize| if row == 0 { time_of_day(entry.at, &state.zone) } else { String::new() };
        let hit = state.runs.log.hits(entry);
        lines.extend(broken.into_iter().enumerate().map(|(row, text)| (time(row), text, hit)).rev());
    }
    lines.reverse();
    lines.truncate(room);
    for (row, (time, text, hit)) in (1..).zip(&lines) {
        let wrong = text.starts_with("warning") || text.starts_with("failed");
        let style = if wrong { theme.bad() } else { theme.text() };
        let style = if *hit { style.patch(theme.selected()) } else { style };
        Pen::new(buffer, theme, area, row).skip(1).left(time, TIME - 1, theme.dim()).write(text, style);
    }
}
