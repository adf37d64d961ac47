//! What lies where on the screen, for the mouse, and what the screen says, for copying. Found by drawing it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::render;
use crate::tui::state::{Screen, State};
use crate::tui::widgets::faces::Pictures;
use crate::tui::widgets::paint::width;

/// The screen whose tab lies at this column and row.
#[must_use]
pub(in crate::tui) fn tab_at((column, row): (u16, u16)) -> Option<Screen> {
    let mut x = width(super::NAME);
    for (number, screen) in (1..).zip(Screen::ALL) {
        let end = x + width(&super::tab(number, screen));
        if row == 0 && (x..end).contains(&column) {
            return Some(screen);
        }
        x = end;
    }
    None
}

/// The row of the selected line, if one lies in this column.
#[must_use]
pub(in crate::tui) fn selected_row(state: &State, column: u16, size: (u16, u16)) -> Option<u16> {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    render(state, &mut buffer, area, &mut Pictures::new(false));
    let at = |column: u16, row: u16| buffer.cell((column, row)).is_some_and(|cell| state.theme.is_selected(cell));
    // Between the columns of a table a selected line may have gaps.
    let selected = |row: &u16| (0..=column).any(|x| at(x, *row)) && (column..size.0).any(|x| at(x, *row));
    (1..size.1.saturating_sub(1)).find(selected)
}
