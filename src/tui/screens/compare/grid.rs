//! A table whose columns are runs: the first stays, the others move so that the selected one is in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::table::first_line;

/// A text and how it looks.
pub(super) type Cell = (String, Style);

/// Most cells of a line's name.
const NAME: u16 = 18;

/// Most cells of a column.
const MOST: u16 = 22;

/// Cells between columns.
const GAP: u16 = 2;

/// One line: its name, and a cell for each column.
pub(super) struct Line {
    pub name: String,
    pub cells: Vec<Cell>,
}

/// The table.
pub(super) struct Grid {
    /// Over the columns.
    pub heads: Vec<Cell>,
    /// Lines that stay below the headings.
    pub fixed: Vec<Line>,
    /// Lines that scroll.
    pub lines: Vec<Line>,
    /// The line that the keyboard is on.
    pub cursor: usize,
    /// Whether the keyboard is here.
    pub focused: bool,
    /// The selected column.
    pub selected: usize,
}

impl Grid {
    /// Rows that it would like to have.
    pub(super) fn rows(&self) -> u16 {
        u16::try_from(1 + self.fixed.len() + self.lines.len()).unwrap_or(u16::MAX)
    }

    /// Columns of the terminal that it would like to have.
    pub(super) fn wanted(&self) -> u16 {
        let columns = u16::try_from(self.heads.len()).unwrap_or(u16::MAX);
        let all = (0..self.heads.len()).map(|column| self.natural(column)).fold(0, u16::saturating_add);
        1 + self.name_width() + all.saturating_add(columns.saturating_mul(GAP))
    }

    /// Lines that have no room on so many rows.
    pub(super) fn hidden(&self, rows: u16) -> usize {
        (1 + self.fixed.len() + self.lines.len()).saturating_sub(rows.into()).min(self.lines.len())
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        self.fixed.iter().chain(&self.lines)
    }

    fn name_width(&self) -> u16 {
        self.all().map(|line| width(&line.name)).max().unwrap_or(0).min(NAME)
    }

    /// The column with all that it holds.
    fn natural(&self, column: usize) -> u16 {
        let head = self.heads.get(column).map_or(0, |(text, _)| width(text));
        head.max(self.needed(column)).min(MOST)
    }

    /// The column with figures whole, and a heading that may be cut.
    fn needed(&self, column: usize) -> u16 {
        let cells = self.all().filter_map(|line| line.cells.get(column)).map(|(text, _)| width(text));
        cells.max().unwrap_or(0).clamp(6, MOST)
    }

    /// The columns shown, and their widths.
    fn shown(&self, room: u16) -> Vec<(usize, u16)> {
        let count = self.heads.len();
        let natural: Vec<u16> = (0..count).map(|column| self.natural(column) + GAP).collect();
        if natural.iter().copied().fold(0, u16::saturating_add) <= room {
            return natural.into_iter().enumerate().collect();
        }
        let mut widths: Vec<u16> = (0..count).map(|column| self.needed(column) + GAP).collect();
        let total = |columns: &[usize], widths: &[u16]| columns.iter().map(|column| widths[*column]).sum::<u16>();
        let mut shown: Vec<usize> = (0..count).collect();
        // Where not all fit, how many are left out stands behind them.
        let room = if total(&shown, &widths) > room { room.saturating_sub(3) } else { room };
        while total(&shown, &widths) > room && shown.len() > 1 {
            // From the end that the selected column is further from; the first column stays.
            let at = shown.iter().position(|column| *column == self.selected).unwrap_or(0);
            let from_end = at <= 1 || shown.len() - 1 - at >= at - 1;
            shown.remove(if from_end { shown.len() - 1 } else { 1 });
        }
        let mut left = room.saturating_sub(total(&shown, &widths));
        while let Some(narrow) = shown.iter().copied().find(|column| left > 0 && widths[*column] < natural[*column]) {
            // What is left over goes to the headings, evenly.
            let least = shown.iter().copied().filter(|column| widths[*column] < natural[*column]);
            let column = least.min_by_key(|column| widths[*column]).unwrap_or(narrow);
            widths[column] += 1;
            left -= 1;
        }
        shown.into_iter().map(|column| (column, widths[column])).collect()
    }

    /// Draws it.
    pub(super) fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        let names = self.name_width();
        let shown = self.shown(area.width.saturating_sub(names + 2));
        let mut head = Pen::new(buffer, theme, area, 0);
        head.skip(1 + names);
        for (column, columns) in &shown {
            let (text, style) = &self.heads[*column];
            let style = if *column == self.selected { style.patch(theme.selected()) } else { *style };
            head.skip(GAP).right(text, columns - GAP, style);
        }
        let hidden = self.heads.len() - shown.len();
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
