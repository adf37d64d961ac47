//! Tables that omit their least important columns where space is short.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::paint::{Pen, width};
use crate::tui::theme::Theme;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// Whether cells are aligned on the right, as numbers are.
    pub right: bool,
    /// The largest width, in cells.
    pub max_width: u16,
    /// The order of omission: the highest rank is omitted first; 0 never is.
    pub rank: u8,
}

impl Column {
    /// Returns a column of texts.
    #[must_use]
    pub const fn left(title: &'static str, max_width: u16, rank: u8) -> Self {
        Self { title, right: false, max_width, rank }
    }

    /// Returns a column of numbers.
    #[must_use]
    pub const fn right(title: &'static str, rank: u8) -> Self {
        Self { title, right: true, max_width: 24, rank }
    }
}

/// A line of a table: a text and style for each column. In a line with fewer cells than columns, the last cell takes
/// the rest of the line.
pub type Row = Vec<(String, Style)>;

/// The columns and lines of a table, with the selected one.
pub struct Table<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// The lines.
    pub rows: &'a [Row],
    /// The index of the selected line.
    pub selected: Option<usize>,
    /// Whether the selected line is highlighted, because it has the keyboard's focus.
    pub marked: bool,
    /// The cells between columns.
    pub gap: u16,
}

impl Table<'_> {
    /// Returns the widths of all columns for `room` cells; 0 for omitted columns.
    #[must_use]
    pub fn widths(&self, room: u16) -> Vec<u16> {
        let natural = |(index, column): (usize, &Column)| {
            let spans = |row: &Row| row.len() < self.columns.len() && index + 1 >= row.len();
            let rows = self.rows.iter().filter(|row| !spans(row));
            let cells = rows.filter_map(|row| row.get(index)).map(|(text, _)| width(text));
            cells.chain([width(column.title)]).max().unwrap_or(0).min(column.max_width)
        };
        let wanted: Vec<u16> = self.columns.iter().enumerate().map(natural).collect();
        let fits = |widths: &[u16]| {
            let shown = widths.iter().filter(|width| **width > 0);
            let gaps = self.gap * u16::try_from(shown.clone().count().max(1) - 1).unwrap_or(0);
            shown.sum::<u16>() + gaps <= room
        };
        let mut by_rank: Vec<usize> = (0..wanted.len()).filter(|index| self.columns[*index].rank > 0).collect();
        by_rank.sort_by_key(|index| self.columns[*index].rank);
        let mut widths = wanted.clone();
        for least in by_rank.iter().rev() {
            if fits(&widths) {
                break;
            }
            widths[*least] = 0;
        }
        // A narrow column may fit where a wide one was omitted.
        for index in by_rank {
            let without = std::mem::replace(&mut widths[index], wanted[index]);
            if !fits(&widths) {
                widths[index] = without;
            }
        }
        widths
    }

    /// Draws headings and lines, scrolled so that the selected line is visible.
    pub fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        let widths = self.widths(area.width.saturating_sub(2));
        let titles: Row = self.columns.iter().map(|column| (column.title.to_owned(), theme.dim())).collect();
        self.draw(buffer, theme, area, &widths, &titles);
    }

    /// Draws the table with given widths, 0 for omitted columns, and headings. A caller that has only the visible lines
    /// computes them from all.
    pub fn draw(&self, buffer: &mut Buffer, theme: &Theme, area: Rect, widths: &[u16], titles: &Row) {
        self.line(Pen::new(buffer, theme, area, 0), widths, titles, " ", theme);
        for (index, line) in self.visible_lines(area) {
            let is_selected = self.marked && self.selected == Some(index);
            let mark = if is_selected { theme.glyphs.focus } else { " " };
            self.line(Pen::new(buffer, theme, line, 0), widths, &self.rows[index], mark, theme);
            if is_selected {
                buffer.set_style(line.intersection(buffer.area), theme.selected());
            }
        }
    }

    /// Returns the indices of the lines visible in an area, with their areas.
    pub fn visible_lines(&self, area: Rect) -> impl Iterator<Item = (usize, Rect)> + use<> {
        let visible = usize::from(area.height.saturating_sub(1));
        let first = first_line(self.selected.unwrap_or(0), self.rows.len(), visible);
        let rows = (1..area.height).map(move |row| Rect { y: area.y + row, height: 1, ..area });
        (first..self.rows.len()).zip(rows)
    }

    fn line(&self, mut pen: Pen<'_>, widths: &[u16], row: &Row, mark: &str, theme: &Theme) {
        pen.left(mark, 1, theme.accent());
        let mut gap = 0;
        let last = row.len().checked_sub(1).filter(|last| last + 1 < self.columns.len());
        for (index, ((column, columns), (text, style))) in self.columns.iter().zip(widths).zip(row).enumerate() {
            if Some(index) == last {
                pen.skip(gap).write(text, *style);
            } else if *columns > 0 {
                pen.skip(gap);
                gap = self.gap;
                if column.right {
                    pen.right(text, *columns, *style)
                } else {
                    pen.left(text, *columns, *style)
                };
            }
        }
    }
}

/// Returns the first of `count` lines to show, so that the selected one is among the `visible` with lines around it.
#[must_use]
pub fn first_line(selected: usize, count: usize, visible: usize) -> usize {
    selected.saturating_sub(visible / 2).min(count.saturating_sub(visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_columns_are_omitted_first() {
        let columns = [Column::left("RUN", 20, 0), Column::right("EPOCH", 2), Column::right("AGE", 1)];
        let plain = |text: &str| (text.to_owned(), Style::new());
        let rows = [vec![plain("calm-heron"), plain("12/50"), plain("8m")]];
        let table = Table { columns: &columns, rows: &rows, selected: None, marked: false, gap: 1 };
        assert_eq!(table.widths(30), [10, 5, 3]);
        assert_eq!(table.widths(15), [10, 0, 3]);
        assert_eq!(table.widths(5), [10, 0, 0]);
        assert_eq!(table.widths(14), [10, 0, 3]);
        let columns = [Column::left("RUN", 20, 0), Column::left("A LONG ONE", 20, 1), Column::right("AGE", 2)];
        let table = Table { columns: &columns, ..table };
        assert_eq!(table.widths(16), [10, 0, 3], "the narrow one fits, though it matters less");
    }

    #[test]
    fn the_last_cell_of_a_short_line_takes_the_rest_of_it_and_widens_nothing() {
        let columns = [Column::left("RUN", 20, 0), Column::right("EPOCH", 2), Column::right("AGE", 1)];
        let plain = |text: &str| (text.to_owned(), Style::new());
        let rows = [vec![plain("plain-finch"), plain("waits for calm-heron")]];
        let table = Table { columns: &columns, rows: &rows, selected: None, marked: false, gap: 1 };
        assert_eq!(table.widths(60), [11, 5, 3]);
        let area = Rect::new(0, 0, 40, 2);
        let mut buffer = Buffer::empty(area);
        table.render(&mut buffer, &Theme::detect(|_| None), area);
        let line: String = (0..40).map(|x| buffer[(x, 1)].symbol()).collect();
        assert_eq!(line.trim_end(), " plain-finch waits for calm-heron");
    }

    #[test]
    fn the_selected_line_is_always_visible() {
        for (selected, count, visible) in [(0, 3, 10), (9, 10, 4), (5, 10, 4), (0, 0, 0), (3, 9, 1)] {
            let first = first_line(selected, count, visible);
            assert!(count == 0 || (first <= selected && selected < first + visible), "{selected} {count} {visible}");
        }
    }
}
