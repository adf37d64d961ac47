//! A table with runs as columns. The first column is always visible, and the others scroll to the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{Pen, fit_name, width};
use crate::tui::widgets::table::first_line;

/// A text with its style.
pub(super) type Cell = (String, Style);

/// The maximum width of a line's name.
const NAME: u16 = 18;

/// The maximum width of a column.
const MOST: u16 = 22;

/// The gap between columns.
const GAP: u16 = 2;

/// A line of the table: its name, and a cell for each column.
pub(super) struct Line {
    pub name: String,
    pub cells: Vec<Cell>,
}

/// The table.
pub(super) struct Grid {
    /// The headings of the columns.
    pub heads: Vec<Cell>,
    /// Lines that stay below the headings.
    pub fixed: Vec<Line>,
    /// Lines that scroll.
    pub lines: Vec<Line>,
    /// The line with the cursor.
    pub cursor: usize,
    /// Whether the table has the keyboard focus.
    pub focused: bool,
    /// The selected column.
    pub selected: usize,
}

impl Grid {
    /// Returns the number of rows at which no line is hidden.
    pub(super) fn rows(&self) -> u16 {
        u16::try_from(1 + self.fixed.len() + self.lines.len()).unwrap_or(u16::MAX)
    }

    /// Returns the width at which no column is hidden or cut.
    pub(super) fn wanted(&self) -> u16 {
        let columns = u16::try_from(self.heads.len()).unwrap_or(u16::MAX);
        let all = (0..self.heads.len()).map(|column| self.full_width(column)).fold(0, u16::saturating_add);
        1 + self.name_width() + all.saturating_add(columns.saturating_mul(GAP))
    }

    /// Returns the number of columns hidden at a width.
    pub(super) fn hidden_columns(&self, width: u16) -> usize {
        self.heads.len() - self.shown(width.saturating_sub(self.name_width() + 2)).len()
    }

    /// Returns the number of lines hidden on so many rows.
    pub(super) fn hidden(&self, rows: u16) -> usize {
        (1 + self.fixed.len() + self.lines.len()).saturating_sub(rows.into()).min(self.lines.len())
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        self.fixed.iter().chain(&self.lines)
    }

    fn name_width(&self) -> u16 {
        self.all().map(|line| width(&line.name)).max().unwrap_or(0).min(NAME)
    }

    /// Returns the width at which neither heading nor cells of a column are cut.
    fn full_width(&self, column: usize) -> u16 {
        let head = self.heads.get(column).map_or(0, |(text, _)| width(text));
        head.max(self.cell_width(column)).min(MOST)
    }

    /// Returns the width at which the cells of a column are not cut; the heading may be.
    fn cell_width(&self, column: usize) -> u16 {
        let cells = self.all().filter_map(|line| line.cells.get(column)).map(|(text, _)| width(text));
        cells.max().unwrap_or(0).clamp(6, MOST)
    }

    /// Returns the visible columns and their widths, gaps included.
    fn shown(&self, room: u16) -> Vec<(usize, u16)> {
        let count = self.heads.len();
        let full: Vec<u16> = (0..count).map(|column| self.full_width(column) + GAP).collect();
        if full.iter().copied().fold(0, u16::saturating_add) <= room {
            return full.into_iter().enumerate().collect();
        }
        let mut widths: Vec<u16> = (0..count).map(|column| self.cell_width(column) + GAP).collect();
        let total = |columns: &[usize], widths: &[u16]| columns.iter().map(|column| widths[*column]).sum::<u16>();
        let mut shown: Vec<usize> = (0..count).collect();
        // The number of hidden columns is drawn after the visible ones.
        let room = if total(&shown, &widths) > room { room.saturating_sub(3) } else { room };
        while total(&shown, &widths) > room && shown.len() > 1 {
            // Columns are hidden at the end further from the selected one; the first column stays.
            let at = shown.iter().position(|column| *column == self.selected).unwrap_or(0);
            let from_end = at <= 1 || shown.len() - 1 - at >= at - 1;
            shown.remove(if from_end { shown.len() - 1 } else { 1 });
        }
        let mut left = room.saturating_sub(total(&shown, &widths));
        while let Some(narrow) = shown.iter().copied().find(|column| left > 0 && widths[*column] < full[*column]) {
            // The remaining width is distributed evenly to cut headings.
            let least = shown.iter().copied().filter(|column| widths[*column] < full[*column]);
            let column = least.min_by_key(|column| widths[*column]).unwrap_or(narrow);
            widths[column] += 1;
            left -= 1;
        }
        shown.into_iter().map(|column| (column, widths[column])).collect()
    }

    /// Draws the table.
    pub(super) fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        let names = self.name_width();
        let shown = self.shown(area.width.saturating_sub(names + 2));
        let mut head = Pen::new(buffer, theme, area, 0);
        head.skip(1 + names);
        for (column, columns) in &shown {
            let (text, style) = &self.heads[*column];
            let style = if *column == self.selected { style.patch(theme.selected()) } else { *style };
            head.skip(GAP).right(&fit_name(text, columns - GAP, theme), columns - GAP, style);
        }
        let hidden = self.hidden_columns(area.width);
        if hidden > 0 {
            head.write(&format!(" +{hidden}"), theme.accent());
        }
        let mut row = 1;
        for line in &self.fixed {
            Self::line(Pen::new(buffer, theme, area, row), theme, line, " ", names, &shown);
            row += 1;
        }
        let visible = usize::from(area.height.saturating_sub(row));
        let first = first_line(self.cursor, self.lines.len(), visible);
        for (index, line) in self.lines.iter().enumerate().skip(first).take(visible) {
            let here = self.focused && index == self.cursor;
            let mark = if here { theme.glyphs.focus } else { " " };
            Self::line(Pen::new(buffer, theme, area, row), theme, line, mark, names, &shown);
            row += 1;
        }
    }

    fn line(mut pen: Pen<'_>, theme: &Theme, line: &Line, mark: &str, names: u16, shown: &[(usize, u16)]) {
        let style = if mark == " " { theme.text() } else { theme.strong() };
        pen.left(mark, 1, theme.accent()).left(&line.name, names, style);
        for (column, columns) in shown {
            pen.skip(GAP);
            match line.cells.get(*column) {
                Some((text, style)) => pen.right(text, columns - GAP, *style),
                None => pen.skip(columns - GAP),
            };
        }
    }
}
