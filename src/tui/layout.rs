//! What drawing hands back: where things lie on the screen, and how long its lists are. The runtime gives it to
//! `update` with each frame.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::screen::Screen;
use super::widgets::faces::Pictures;

/// Where things lie on a drawn screen, and how long its lists are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The tabs.
    pub tabs: Vec<(Rect, Screen)>,
    /// Lines that can be clicked, each with its distance from the selected line: positive below it, negative above.
    pub lines: Vec<(Rect, isize)>,
    /// The line that begins the last page of what lies over the screen.
    pub last_page: usize,
    /// How many pictures fit on a page.
    pub pictures: usize,
    /// How many pictures lie side by side.
    pub pictures_across: usize,
}

impl Layout {
    /// The screen whose tab covers a position.
    #[must_use]
    pub fn tab(&self, at: Position) -> Option<Screen> {
        self.tabs.iter().find(|(area, _)| area.contains(at)).map(|(_, screen)| *screen)
    }

    /// The distance from the selected line to the line that covers a position.
    #[must_use]
    pub fn line(&self, at: Position) -> Option<isize> {
        self.lines.iter().find(|(area, _)| area.contains(at)).map(|(_, steps)| *steps)
    }

    /// Adds lines by their indices, of which `selected` is selected.
    pub fn add_lines(&mut self, lines: impl Iterator<Item = (usize, Rect)>, selected: usize) {
        let steps = |index: usize| index.cast_signed() - selected.cast_signed();
        self.lines.extend(lines.map(|(index, area)| (area, steps(index))));
    }
}

/// What a screen draws into.
pub struct Canvas<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// Pictures that the terminal may draw itself.
    pub pictures: &'a mut Pictures,
    /// What lies where.
    pub layout: Layout,
    /// Where the terminal's cursor belongs, if it is shown.
    pub cursor: Option<Position>,
}
