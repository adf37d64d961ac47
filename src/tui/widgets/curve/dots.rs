//! Braille dots with a style per cell, and the assignment of points to columns.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Window;
use crate::tui::widgets::number_text::real;

/// The values in one column of dots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnRange {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
}

/// Returns the values in each of `columns` columns of a window; `None` for columns without points.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be within the columns
pub fn columns(points: &[(f64, f64)], window: Window, columns: usize) -> Vec<Option<ColumnRange>> {
    let mut ranges: Vec<Option<ColumnRange>> = vec![None; columns];
    let scale = real(columns.saturating_sub(1) as u64) / window.span().max(f64::MIN_POSITIVE);
    for &(x, y) in points {
        let column = ((x - window.from) * scale).round();
        if !y.is_finite() || !window.contains(x) || !(0.0..real(columns as u64)).contains(&column) {
            continue;
        }
        let range = ranges[column as usize].get_or_insert(ColumnRange { min: y, max: y, first: y, last: y });
        range.min = range.min.min(y);
        range.max = range.max.max(y);
        range.last = y;
    }
    ranges
}

/// Returns the segments of a curve within a window. A line that leaves the window ends at its border, so that a window
/// between two points still shows the line between them.
pub(super) fn segments(points: &[(f64, f64)], window: Window) -> impl Iterator<Item = Vec<(f64, f64)>> + '_ {
    points.split(|(x, y)| !(x.is_finite() && y.is_finite())).filter_map(move |segment| {
        let begin = segment.partition_point(|(x, _)| *x < window.from);
        let end = segment.partition_point(|(x, _)| *x <= window.to).max(begin);
        let border = |at: f64, after: usize| {
            let ((x, y), (next_x, next_y)) = (*segment.get(after.checked_sub(1)?)?, *segment.get(after)?);
            Some((at, y + (next_y - y) * (at - x) / (next_x - x).max(f64::MIN_POSITIVE)))
        };
        let (before, after) = (border(window.from, begin), border(window.to, end));
        let clipped: Vec<_> = before.into_iter().chain(segment[begin..end].iter().copied()).chain(after).collect();
        (!clipped.is_empty()).then_some(clipped)
    })
}

/// A canvas of braille dots with a style per cell.
pub(super) struct Dots {
    width: usize,
    height: usize,
    cells: Vec<(u8, Style)>,
}

impl Dots {
    /// The bits of a cell's eight dots, by row and column.
    const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![(0, Style::new()); width * height] }
    }

    /// Sets the dots of a column between two rows, both included.
    fn stroke(&mut self, x: usize, from: usize, to: usize, style: Style) {
        for y in from.min(to)..=from.max(to) {
            if x < self.width * 2 && y < self.height * 4 {
                let cell = &mut self.cells[y / 4 * self.width + x / 2];
                cell.0 |= Self::BITS[y % 4][x % 2];
                cell.1 = style;
            }
        }
    }

    /// Draws a segment; `to_dot` returns the row of a value.
    pub(super) fn line(&mut self, points: &[(f64, f64)], window: Window, style: Style, to_dot: &impl Fn(f64) -> usize) {
        let mut before: Option<(usize, f64)> = None;
        for (x, range) in columns(points, window, self.width * 2).into_iter().enumerate() {
            let Some(range) = range else { continue };
            if let Some((from, value)) = before {
                for between in from + 1..=x {
                    let share =
                        |at: usize| value + (range.first - value) * real((at - from) as u64) / real((x - from) as u64);
                    self.stroke(between, to_dot(share(between - 1)), to_dot(share(between)), style);
                }
            }
            self.stroke(x, to_dot(range.min), to_dot(range.max), style);
            before = Some((x, range.last));
        }
    }

    /// Writes the dots to the buffer.
    pub(super) fn write(&self, buffer: &mut Buffer, plot: Rect) {
        for (index, (bits, style)) in self.cells.iter().enumerate().filter(|(_, (bits, _))| *bits != 0) {
            let (row, column) = (index / self.width, index % self.width);
            let position = (plot.x + u16::try_from(column).unwrap_or(0), plot.y + u16::try_from(row).unwrap_or(0));
            if let (Some(cell), Some(braille)) = (buffer.cell_mut(position), char::from_u32(0x2800 + u32::from(*bits)))
            {
                cell.set_char(braille).set_style(*style);
            }
        }
    }
}
