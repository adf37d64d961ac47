//! A text field of one line. A long text scrolls so that the cursor stays visible.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::paint::{Pen, width};
use crate::tui::theme::Theme;

/// Draws a text on the first line of the area. `cursor` is a position in characters. Returns the cursor's cell.
pub fn render(buffer: &mut Buffer, theme: &Theme, area: Rect, text: &str, cursor: usize, style: Style) -> Position {
    let before: String = text.chars().take(cursor).collect();
    let hidden = usize::from(width(&before)).saturating_sub(usize::from(area.width.saturating_sub(1)));
    let mut skipped = 0;
    let is_hidden = |c: &char| {
        let skip = skipped < hidden;
        skipped += usize::from(width(c.encode_utf8(&mut [0; 4])));
        skip
    };
    let shown: String = text.chars().skip_while(is_hidden).collect();
    Pen::new(buffer, theme, area, 0).write(&shown, style);
    let column = width(&before).saturating_sub(u16::try_from(hidden).unwrap_or(u16::MAX));
    Position::new((area.x + column).min(area.right().saturating_sub(1)), area.y)
}
