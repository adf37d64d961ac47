//! The command palette as it is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::overlay::{frame, typed};
use crate::tui::palette::found;
use crate::tui::state::{Palette, State};
use crate::tui::widgets::paint::{Pen, fit, width};

/// ```text
/// ╭ do ────────────────────────────────────────────────╮
/// │ sto                                                │
/// │▸stop the run after the current batch              S│
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
