//! Text tables whose columns line up in a terminal for every script.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) use crate::domain::number_text::{age, duration, thousands};
use crate::domain::text::printable;

/// The side to which a column's text is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The narrowest last column for which other columns are omitted.
const LEAST_LAST: usize = 16;

/// A table of text with headings. Control characters in cells are replaced.
#[derive(Debug)]
pub(super) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table with these headings and no rows.
    pub(super) fn new<const N: usize>(columns: [(&str, Side); N]) -> Self {
        Self::of(&columns)
    }

    /// Returns a table with these headings and no rows, for a number of columns known only at run time.
    pub(super) fn of(columns: &[(&str, Side)]) -> Self {
        let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        Self { sides: columns.iter().map(|(_, side)| *side).collect(), rows: vec![headings] }
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row(&mut self, cells: &[String]) {
        debug_assert_eq!(cells.len(), self.sides.len());
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// Omits the columns of these headings, the first one first, until the table is at most `columns` wide. The last
    /// column counts as [`LEAST_LAST`], because it is text that may be cut.
    pub(super) fn fit(&mut self, columns: usize, omitted_first: &[&str]) {
        for heading in omitted_first {
            if self.least_width() <= columns {
                return;
            }
            let Some(column) = self.rows[0].iter().position(|cell| cell == heading) else { continue };
            self.sides.remove(column);
            self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }

    /// Returns the width of the table with a short last column.
    fn least_width(&self) -> usize {
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let last = self.sides.len().saturating_sub(1);
        (0..last).map(|column| width(column) + 2).sum::<usize>() + width(last).min(LEAST_LAST)
    }

    /// Returns the table as lines, with two spaces between columns and none at the end of a line.
    pub(super) fn render(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, side), width) in row.iter().zip(&self.sides).zip(&widths) {
                let space = " ".repeat(width - cell.width());
                match side {
                    Side::Left => line.extend([cell.as_str(), &space, "  "]),
                    Side::Right => line.extend([&space, cell.as_str(), "  "]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Returns the text with each line cut to `columns`; `…` marks a cut.
pub(super) fn cut_lines(text: &str, columns: usize) -> String {
    let cut = |line: &str| {
        if line.width() <= columns {
            return format!("{line}\n");
        }
        let mut used = 1;
        let fits = |letter: &char| {
            used += letter.width().unwrap_or(0);
            used <= columns
        };
        format!("{}…\n", line.chars().take_while(fits).collect::<String>().trim_end())
    };
    text.lines().map(cut).collect()
}

/// Returns a number with four decimals, or a dash for `None`.
pub(super) fn metric_text(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_width_on_screen() {
        let mut table = Table::new([("CLASS", Side::Left), ("TRAIN", Side::Right)]);
        table.row(&["悲しい".into(), "12".into()]);
        table.row(&["x\u{1b}".into(), "3".into()]);
        assert_eq!(table.render(), "CLASS   TRAIN\n悲しい     12\nx·          3\n");
    }

    #[test]
    fn columns_are_omitted_in_order_until_the_table_fits() {
        let table = |width| {
            let mut table =
                Table::new([("RUN", Side::Left), ("AGE", Side::Right), ("F1", Side::Right), ("WHY", Side::Left)]);
            table.row(&["calm-heron".into(), "12m".into(), "0.5".into(), "a long sentence that may be cut".into()]);
            table.fit(width, &["AGE", "NONE", "F1"]);
            table.rows[0].join(" ")
        };
        assert_eq!((table(38), table(37)), ("RUN AGE F1 WHY".into(), "RUN F1 WHY".into()));
        assert_eq!((table(33), table(32), table(5)), ("RUN F1 WHY".into(), "RUN WHY".into(), "RUN WHY".into()));
    }

    #[test]
    fn lines_are_cut_at_the_width_of_the_screen() {
        assert_eq!(cut_lines("12345\n123456\n悲しい\n悲しいで\n", 5), "12345\n1234…\n悲し…\n悲し…\n");
        assert_eq!(cut_lines("a b  c\n", 5), "a b…\n", "no spaces before the mark");
        assert_eq!(cut_lines("悲しい\n", 6), "悲しい\n");
    }

    #[test]
    fn a_figure_that_is_not_there_is_a_dash() {
        assert_eq!((metric_text(None), metric_text(Some(0.5))), ("–".into(), "0.5000".into()));
    }
}
