//! The end of a run's log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

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

/// Draws the newest lines, the last one at the bottom; long lines are broken, never cut.
pub(super) fn render(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    rule(buffer, theme, Rect { height: 1, ..area }, &[("log", theme.strong())], "");
    let room = usize::from(area.height.saturating_sub(1));
    let mut lines: Vec<(String, String)> = Vec::new();
    for entry in run.log.iter().rev() {
        let broken = wrap(&entry.text, area.width.saturating_sub(TIME + 1));
        if lines.len() + broken.len() > room && !lines.is_empty() {
            break;
        }
        let time = |row: usize| if row == 0 { time_of_day(entry.at, &state.zone) } else { String::new() };
        lines.extend(broken.into_iter().enumerate().map(|(row, text)| (time(row), text)).rev());
    }
    lines.reverse();
    lines.truncate(room);
    for (row, (time, text)) in (1..).zip(&lines) {
        let style = if text.starts_with("warning") || text.starts_with("failed") { theme.bad() } else { theme.text() };
        Pen::new(buffer, theme, area, row).skip(1).left(time, TIME - 1, theme.dim()).write(text, style);
    }
}
