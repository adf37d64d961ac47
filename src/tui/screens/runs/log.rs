//! A run's log: its end, or the part to which the user scrolled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::LogLine;
use crate::tui::library::RunView;
use crate::tui::messages;
use crate::tui::state::State;
use crate::tui::widgets::number_text::time_of_day;
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};

/// Columns of the time.
const TIME: u16 = 10;

/// Returns the number of rows of the last 40 lines, without the rule.
pub(super) fn rows(run: &RunView, columns: u16) -> u16 {
    let lines = run.log.iter().rev().take(40).map(|line| wrap(&line.text, columns.saturating_sub(TIME + 1)).len());
    u16::try_from(lines.sum::<usize>()).unwrap_or(u16::MAX - 1)
}

/// Returns the note on the rule above the log: search text and scroll position.
fn note(state: &State, run: &RunView) -> String {
    let log = &state.runs.log;
    let position = if log.follows() {
        String::new()
    } else if log.back == 0 {
        "paused, f: follow".into()
    } else {
        format!("{} newer below, f: follow", log.back)
    };
    if log.search.is_empty() {
        return position;
    }
    let hits = run.log.iter().filter(|line| log.matches(line)).count();
    let found = format!("'{}': {hits}", crate::domain::text::printable(&log.search));
    if position.is_empty() { found } else { format!("{found} · {position}") }
}

/// A row on the screen: the time or nothing, a part of a line, and whether the line is a match.
type Piece = (String, String, bool);

/// Returns the rows of the shown part. Its last line is at the bottom, and a line that begins above the first row has
/// an ellipsis. In a short log, newer lines fill the remaining rows.
fn pieces(state: &State, run: &RunView, columns: u16, room: usize) -> Vec<Piece> {
    let log = &state.runs.log;
    let broken = |entry: &LogLine| -> Vec<Piece> {
        let hit = log.matches(entry);
        let time = |row: usize| if row == 0 { time_of_day(entry.at, &state.zone) } else { String::new() };
        let lines = wrap(&entry.text, columns.saturating_sub(TIME + 1));
        lines.into_iter().enumerate().map(|(row, text)| (time(row), text, hit)).collect()
    };
    let last = run.log.len().saturating_sub(log.back);
    let mut shown: Vec<Piece> = Vec::new();
    for entry in run.log.iter().take(last).rev() {
        let mut pieces = broken(entry);
        if shown.is_empty() {
            pieces.truncate(room);
        }
        let cut = (shown.len() + pieces.len()).saturating_sub(room);
        if cut > 0 {
            pieces.drain(..cut);
            if let Some(first) = pieces.first_mut() {
                state.theme.glyphs.ellipsis.clone_into(&mut first.0);
            }
        }
        pieces.append(&mut shown);
        shown = pieces;
        if shown.len() >= room {
            return shown;
        }
    }
    shown.extend(run.log.iter().skip(last).flat_map(broken));
    shown.truncate(room);
    shown
}

/// Draws the shown part; long lines are wrapped, never cut.
pub(super) fn render(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let here = state.context() == messages::runs::LOG;
    let title = if here { theme.accent() } else { theme.strong() };
    let word = if here { format!("{} log", theme.glyphs.focus) } else { "log".into() };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&word, title)], &note(state, run));
    let room = usize::from(area.height.saturating_sub(1));
    for (row, (time, text, hit)) in (1..).zip(pieces(state, run, area.width, room)) {
        let wrong = text.starts_with("warning") || text.starts_with("failed");
        let style = if wrong { theme.bad() } else { theme.text() };
        let style = if hit { style.patch(theme.selected()) } else { style };
        Pen::new(buffer, theme, area, row).skip(1).left(&time, TIME - 1, theme.dim()).write(&text, style);
    }
}
