//! Draws the command palette.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::overlay::{draw_frame, draw_input};
use crate::tui::palette::matches;
use crate::tui::state::{Palette, State};
use crate::tui::widgets::paint::{Pen, fit, width};

/// Draws the palette. Returns the position of the cursor.
///
/// ```text
/// ╭ commands ──────────────────────────────────────────╮
/// │ sto                                                │
/// │▸stop the run after the current batch              S│
/// ╰────────────────────────────────────────────────────╯
/// ```
pub(super) fn render(state: &State, palette: &Palette, buffer: &mut Buffer, area: Rect) -> Position {
    let theme = &state.theme;
    let matches = matches(state);
    let inside = draw_frame(state, buffer, area, (76, area.height.saturating_sub(2).min(20)), " commands ");
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let visible = usize::from(list.height);
    let selected = palette.selected.min(matches.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(visible);
    for (row, (index, entry)) in (0..).zip(matches.iter().enumerate().skip(first).take(visible)) {
        let here = index == selected;
        let (text, key) = if here { (theme.selected(), theme.selected()) } else { (theme.text(), theme.accent()) };
        let mut pen = Pen::new(buffer, theme, list, row);
        let focus = if here { theme.glyphs.focus } else { "" };
        let room = list.width.saturating_sub(4 + width(&entry.key));
        let label = fit(&entry.label, room, theme);
        let gap = " ".repeat(usize::from(room.saturating_sub(width(&label))) + 2);
        pen.left(focus, 1, theme.accent()).write(&label, text).write(&gap, text).write(&entry.key, key);
    }
    if matches.is_empty() {
        Pen::new(buffer, theme, list, 0).skip(1).write("no command, run or theme matches", theme.dim());
    }
    let below = matches.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
    draw_input(state, &palette.input, buffer, inside)
}
