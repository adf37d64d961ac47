//! The result of drawing a frame: positions of tabs and lines, and lengths of lists. The runtime passes it to `update`
//! with each frame.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::messages::Action;
use super::screen::Screen;
use super::widgets::faces::Pictures;

/// The positions of tabs and lines on a drawn screen, and the lengths of its lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Each tab with its area.
    pub tabs: Vec<(Rect, Screen)>,
    /// Clickable lines, each with its distance from the selected line: positive below it, negative above.
    pub lines: Vec<(Rect, isize)>,
    /// Clickable headings of a list, each with the index of its column.
    pub headings: Vec<(Rect, usize)>,
    /// Areas that perform an action when they are clicked, such as cells and hints.
    pub targets: Vec<(Rect, Action)>,
    /// The index of the first line on the last page of the overlay.
    pub last_page: usize,
    /// The number of pictures that fit on a page.
    pub pictures: usize,
    /// The number of pictures in a row.
    pub pictures_across: usize,
}

impl Layout {
    /// Returns the screen whose tab covers a position.
    #[must_use]
    pub fn tab(&self, at: Position) -> Option<Screen> {
        self.tabs.iter().find(|(area, _)| area.contains(at)).map(|(_, screen)| *screen)
    }

    /// Returns the distance from the selected line to the line that covers a position.
    #[must_use]
    pub fn line(&self, at: Position) -> Option<isize> {
        self.lines.iter().find(|(area, _)| area.contains(at)).map(|(_, steps)| *steps)
    }

    /// Returns the index of the column whose heading covers a position.
    #[must_use]
    pub fn heading(&self, at: Position) -> Option<usize> {
        self.headings.iter().find(|(area, _)| area.contains(at)).map(|(_, column)| *column)
    }

    /// Returns the action of the area that covers a position; of several areas, the one that was drawn last.
    #[must_use]
    pub fn target(&self, at: Position) -> Option<Action> {
        self.targets.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, action)| *action)
    }

    /// Adds lines by their indices; `selected` is the index of the selected line.
    pub fn add_lines(&mut self, lines: impl Iterator<Item = (usize, Rect)>, selected: usize) {
        let steps = |index: usize| index.cast_signed() - selected.cast_signed();
        self.lines.extend(lines.map(|(index, area)| (area, steps(index))));
    }
}

/// The target of a screen's drawing.
pub struct Canvas<'a> {
    /// The cells of the frame.
    pub buffer: &'a mut Buffer,
    /// Pictures for the terminal's own graphics.
    pub pictures: &'a mut Pictures,
    /// The layout of what was drawn so far.
    pub layout: Layout,
    /// The position of the terminal's cursor, if it is shown.
    pub cursor: Option<Position>,
}
