//! Draws the messages so far, newest first, each with its time.

use ratatui::layout::Rect;

use super::overlay::draw_frame;
use crate::tui::layout::Canvas;
use crate::tui::state::{Message, State};
use crate::tui::widgets::number_text::time_of_day;
use crate::tui::widgets::paint::{Pen, wrap};

/// The widest list of messages, in columns.
const WIDEST: u16 = 100;

/// The columns of a time of day and a space.
const TIME: u16 = 9;

/// A line: the message, whether the line is its first, and the text.
type Line<'s> = (&'s Message, bool, String);

fn lines(state: &State, columns: u16) -> Vec<Line<'_>> {
    let room = columns.saturating_sub(TIME + 4);
    let of = |message: &'_ Message| {
        wrap(&message.text, room).into_iter().enumerate().map(|(at, text)| (at == 0, text)).collect::<Vec<_>>()
    };
    state
        .messages
        .iter()
        .rev()
        .flat_map(|message| of(message).into_iter().map(move |(first, text)| (message, first, text)))
        .collect()
}

/// Draws the messages from the `first`th on.
pub(super) fn render(state: &State, first: usize, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    canvas.layout.last_page = state.messages.len().saturating_sub(1);
    let theme = &state.theme;
    let columns = area.width.saturating_sub(2).min(WIDEST);
    let lines = lines(state, columns.saturating_sub(2));
    let height = u16::try_from(lines.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
    let inside = draw_frame(state, buffer, area, (columns, height), " messages, newest first ");
    if lines.is_empty() {
        Pen::new(buffer, theme, inside, 0).skip(1).write("no messages yet", theme.dim());
        return;
    }
    // The list scrolls by whole messages, so that none is cut at the top.
    let begin = lines.iter().enumerate().filter(|(_, (_, begins, _))| *begins).nth(first).map_or(0, |(line, _)| line);
    let visible = usize::from(inside.height);
    let begin = begin.min(lines.len().saturating_sub(visible));
    for (row, (message, begins, text)) in (0..).zip(lines.iter().skip(begin).take(visible)) {
        let time = if *begins { time_of_day(message.at, &state.zone) } else { String::new() };
        let style = if message.error { theme.bad() } else { theme.text() };
        let sign = if message.error && *begins { theme.glyphs.states[5] } else { "" };
        Pen::new(buffer, theme, inside, row)
            .skip(1)
            .left(&time, TIME, theme.dim())
            .left(sign, 2, style)
            .write(text, style);
    }
    let below = lines.len().saturating_sub(begin + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
}
