//! What lies where on the screen, for the mouse, and what the screen says, for copying. Found by drawing it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::render;
use crate::tui::screen::Screen;
use crate::tui::state::State;
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

/// The cells of the screen, and what the mouse has to know of them.
pub(in crate::tui) struct Cells {
    buffer: Buffer,
    /// Which of them look selected.
    selected: Vec<bool>,
    /// What points at the selected line, and is no part of what it says.
    focus: &'static str,
}

impl Cells {
    /// Draws the screen.
    #[must_use]
    pub(in crate::tui) fn of(state: &State, size: (u16, u16)) -> Self {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        render(state, &mut buffer, area, &mut Pictures::new(false));
        let selected = buffer.content.iter().map(|cell| state.theme.is_selected(cell)).collect();
        Self { buffer, selected, focus: state.theme.glyphs.focus }
    }

    /// The selected line that crosses this column: its row, and its first and last column.
    #[must_use]
    pub(in crate::tui) fn selected(&self, column: u16) -> Option<(u16, [u16; 2])> {
        let Rect { width, height, .. } = self.buffer.area;
        (1..height.saturating_sub(1)).find_map(|row| {
            let start = usize::from(row) * usize::from(width);
            let line = self.selected.get(start..start + usize::from(width))?;
            let (first, last) = (line.iter().position(|is| *is)?, line.iter().rposition(|is| *is)?);
            let ends = [u16::try_from(first).ok()?, u16::try_from(last).ok()?];
            // Between the columns of a table a selected line may have gaps.
            (ends[0]..=ends[1]).contains(&column).then_some((row, ends))
        })
    }

    /// What a row says between two columns.
    #[must_use]
    pub(in crate::tui) fn text(&self, row: u16, [first, last]: [u16; 2]) -> String {
        let symbols =
            (first..=last).filter_map(|column| self.buffer.cell((column, row))).map(ratatui::buffer::Cell::symbol);
        symbols.map(|symbol| if symbol == self.focus { " " } else { symbol }).collect::<String>().trim().to_owned()
    }
}
