//! Curves over epochs, in braille dots. Every column keeps its smallest and largest value, so no spike is lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::figures::real;
use super::paint::{Pen, width};
use super::scale;
use crate::tui::theme::Theme;

/// One curve.
#[derive(Debug, Clone)]
pub struct Series {
    /// Points (epochs, value), in the order of time. What is no number interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub style: Style,
    /// Its name, written where it ends; empty for none.
    pub label: &'static str,
}

/// Several curves over the same axes.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The curves; later ones lie over earlier ones.
    pub series: Vec<Series>,
    /// The axis goes from 0 to this epoch.
    pub end: f64,
    /// The point to mark.
    pub mark: Option<(f64, f64)>,
    /// What to say while there is no point.
    pub empty: &'static str,
}

/// What falls into one column of dots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
}

/// Sorts points into `columns` columns of an axis from 0 to `end`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be within the columns
pub fn columns(points: &[(f64, f64)], end: f64, columns: usize) -> Vec<Option<Span>> {
    let mut spans: Vec<Option<Span>> = vec![None; columns];
    let scale = real(columns.saturating_sub(1) as u64) / end.max(f64::MIN_POSITIVE);
    for &(x, y) in points {
        let place = (x * scale).round();
        if !y.is_finite() || place < 0.0 || place >= real(columns as u64) {
            continue;
        }
        let span = spans[place as usize].get_or_insert(Span { min: y, max: y, first: y, last: y });
        span.min = span.min.min(y);
        span.max = span.max.max(y);
        span.last = y;
    }
    spans
}

/// Smallest and largest value of all curves within the axis, a little apart; `None` without points.
fn bounds(curve: &Curve) -> Option<(f64, f64)> {
    let points = curve.series.iter().flat_map(|series| &series.points);
    let values = points.map(|point| point.1).filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return None;
    }
    let margin = if high > low { (high - low) * 0.03 } else { (high.abs() * 0.1).max(0.01) };
    Some((low - margin, high + margin))
}

/// Braille dots with a colour per cell.
struct Dots {
    width: usize,
    height: usize,
    cells: Vec<(u8, Style)>,
}

impl Dots {
    /// Bits of the eight dots of a cell, by row and column.
    const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

    fn new(width: usize, height: usize) -> Self {
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
}

impl Curve {
    /// Draws axes, curves, their names and the mark.
    pub fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        if area.width < 16 || area.height < 4 {
            return;
        }
        let Some((low, high)) = bounds(self) else {
            let middle = area.height / 2;
            let text = self.empty;
            Pen::new(buffer, theme, area, middle)
                .skip(area.width.saturating_sub(width(text)) / 2)
                .write(text, theme.dim());
            return;
        };
        let rows = area.height - 2;
        let step = scale::step(high - low, rows.div_ceil(2).min(8));
        let ticks = scale::ticks(low, high, step);
        let decimals = scale::decimals(step).max(1);
        let plain = low.abs().max(high.abs()) < 1e5;
        let label = |tick: &f64| if plain { format!("{tick:.decimals$}") } else { format!("{tick:.1e}") };
        let labels: Vec<String> = ticks.iter().map(label).collect();
        let left = labels.iter().map(|label| width(label)).max().unwrap_or(1) + 1;
        let names = self.series.iter().map(|series| width(series.label)).max().unwrap_or(0);
        let right = if names > 0 && area.width > left + 28 { names + 1 } else { 0 };
        if area.width < left + 6 + right {
            return;
        }
        let plot = Rect { x: area.x + left + 1, y: area.y, width: area.width - left - 1 - right, height: rows };
        let to_dot = |y: f64| dot(y, low, high, rows);
        for row in 0..rows {
            Pen::new(buffer, theme, area, row).skip(left).write(theme.glyphs.bar, theme.dim());
        }
        for (tick, label) in ticks.iter().zip(&labels) {
            let row = u16::try_from(to_dot(*tick) / 4).unwrap_or(0);
            Pen::new(buffer, theme, area, row).right(label, left, theme.dim()).write(theme.glyphs.tick_y, theme.dim());
        }
        self.draw_epochs(buffer, theme, area, left, plot.width);
        self.draw_dots(buffer, plot, to_dot);
        self.draw_names(buffer, theme, plot, right, to_dot);
        if let Some((x, y)) = self.mark.filter(|(_, y)| y.is_finite()) {
            let row = u16::try_from(to_dot(y) / 4).unwrap_or(0);
            let column = place(x, self.end, usize::from(plot.width) * 2) / 2;
            Pen::new(buffer, theme, plot, row)
                .skip(u16::try_from(column).unwrap_or(0))
                .write(theme.glyphs.best, theme.validation().patch(theme.strong()));
        }
    }

    fn draw_dots(&self, buffer: &mut Buffer, plot: Rect, to_dot: impl Fn(f64) -> usize) {
        let mut dots = Dots::new(plot.width.into(), plot.height.into());
        for series in &self.series {
            let mut before: Option<(usize, f64)> = None;
            for (x, span) in columns(&series.points, self.end, usize::from(plot.width) * 2).into_iter().enumerate() {
                let Some(span) = span else { continue };
                if let Some((from, value)) = before {
                    for between in from + 1..=x {
                        let share = |at: usize| {
                            value + (span.first - value) * real((at - from) as u64) / real((x - from) as u64)
                        };
                        dots.stroke(between, to_dot(share(between - 1)), to_dot(share(between)), series.style);
                    }
                }
                dots.stroke(x, to_dot(span.min), to_dot(span.max), series.style);
                before = Some((x, span.last));
            }
        }
        for (index, (bits, style)) in dots.cells.iter().enumerate().filter(|(_, (bits, _))| *bits != 0) {
            let (row, column) = (index / dots.width, index % dots.width);
            let position = (plot.x + u16::try_from(column).unwrap_or(0), plot.y + u16::try_from(row).unwrap_or(0));
            if let (Some(cell), Some(braille)) = (buffer.cell_mut(position), char::from_u32(0x2800 + u32::from(*bits)))
            {
                cell.set_char(braille).set_style(*style);
            }
        }
    }

    fn draw_epochs(&self, buffer: &mut Buffer, theme: &Theme, area: Rect, left: u16, columns: u16) {
        let rows = area.height - 2;
        let mut axis = Pen::new(buffer, theme, area, rows);
        axis.skip(left).write(theme.glyphs.corner, theme.dim());
        axis.write(&theme.glyphs.line.repeat(columns.into()), theme.dim());
        let step = scale::step(self.end, (columns / 7).max(1)).max(1.0);
        for tick in scale::ticks(step, self.end, step) {
            let column = u16::try_from(place(tick, self.end, usize::from(columns) * 2) / 2).unwrap_or(0);
            Pen::new(buffer, theme, area, rows).skip(left + 1 + column).write(theme.glyphs.tick_x, theme.dim());
            let label = format!("{tick:.0}");
            let start = (left + 2 + column).saturating_sub(width(&label).div_ceil(2));
            if start + width(&label) + 7 <= left + 1 + columns {
                Pen::new(buffer, theme, area, rows + 1).skip(start).write(&label, theme.dim());
            }
        }
        Pen::new(buffer, theme, Rect { width: left + 1 + columns, ..area }, rows + 1).flush_right("epoch", theme.dim());
    }

    /// Writes each curve's name right of the plot, at the height where the curve ends; names never share a line.
    fn draw_names(&self, buffer: &mut Buffer, theme: &Theme, plot: Rect, room: u16, to_dot: impl Fn(f64) -> usize) {
        if room == 0 {
            return;
        }
        let mut names: Vec<(u16, &Series)> = Vec::new();
        for series in self.series.iter().filter(|series| !series.label.is_empty()) {
            if let Some((_, y)) = series.points.iter().rfind(|(_, y)| y.is_finite()) {
                names.push((u16::try_from(to_dot(*y) / 4).unwrap_or(0), series));
            }
        }
        names.sort_by_key(|(row, _)| *row);
        let mut free = 0;
        let count = u16::try_from(names.len()).unwrap_or(0);
        for ((row, series), after) in names.into_iter().zip((0..count).rev()) {
            let row = row.max(free).min(plot.height.saturating_sub(1 + after));
            free = row + 1;
            let place = Rect { x: plot.right() + 1, width: room - 1, ..plot };
            Pen::new(buffer, theme, place, row).write(series.label, series.style);
        }
    }
}

/// The row of dots of a value, from the top.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the dots
fn dot(y: f64, low: f64, high: f64, rows: u16) -> usize {
    let last = f64::from(rows) * 4.0 - 1.0;
    ((high - y) / (high - low) * last).round().clamp(0.0, last) as usize
}

/// The column of dots of an epoch.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the dots
fn place(x: f64, end: f64, columns: usize) -> usize {
    let last = real(columns.saturating_sub(1) as u64);
    (x / end.max(f64::MIN_POSITIVE) * last).round().clamp(0.0, last) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_spike_survives(
            values in proptest::collection::vec(-1e6..1e6_f64, 1..2_000), width in 2_usize..200
        ) {
            let count = real(values.len() as u64);
            let points: Vec<(f64, f64)> = (1..).zip(&values).map(|(x, y)| (f64::from(x), *y)).collect();
            let spans: Vec<Span> = columns(&points, count, width).into_iter().flatten().collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(spans.iter().any(|span| span.min.to_bits() == low.to_bits()));
            prop_assert!(spans.iter().any(|span| span.max.to_bits() == high.to_bits()));
            prop_assert!(spans.iter().all(|span| span.min <= span.first && span.last <= span.max));
        }

        #[test]
        fn any_points_on_any_area_are_drawn_without_a_fault(
            values in proptest::collection::vec(any::<f64>(), 0..50), end in 0.0..60.0_f64,
            width in 0_u16..90, height in 0_u16..30
        ) {
            let points: Vec<(f64, f64)> = (0..).zip(values).map(|(x, y)| (f64::from(x), y)).collect();
            let series = Series { points, style: Style::new(), label: "train" };
            let area = Rect::new(0, 0, width, height);
            let mark = series.points.first().copied();
            let curve = Curve { series: vec![series], end, mark, empty: "nothing yet" };
            curve.render(&mut Buffer::empty(area), &Theme::detect(|_| None), area);
        }
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let spans = columns(&[(0.0, f64::NAN), (1.0, 2.0), (2.0, f64::INFINITY)], 2.0, 3);
        assert_eq!(spans.iter().flatten().count(), 1);
    }
}
