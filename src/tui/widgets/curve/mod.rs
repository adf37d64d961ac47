//! Line charts over epochs, steps or time, in braille dots. Every column shows its smallest and largest value, so that
//! no spike is lost.

mod axes;
mod dots;
mod smooth;
mod window;

pub use axes::Unit;
pub use dots::{ColumnRange, columns};
pub use smooth::{MeanPoint, single, smooth};
pub use window::Window;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::number_text::real;
use super::paint::{Pen, width};
use crate::tui::theme::Theme;
use dots::{Dots, segments};

/// A curve of a chart.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Points (x, y), in the order of x. NaN interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// The style of the curve.
    pub style: Style,
    /// The name at the end of the curve, safe to print; empty for none.
    pub label: String,
}

impl Series {
    /// Returns the last value at or before `x`, or the first one after it; `None` for NaN.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<f64> {
        let after = self.points.partition_point(|(at, _)| *at <= x);
        self.points.get(after.saturating_sub(1)).map(|(_, y)| *y).filter(|y| y.is_finite())
    }
}

/// A marked point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The position on the horizontal axis.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The style of the mark.
    pub style: Style,
}

/// A chart of several curves.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The curves; later ones are drawn over earlier ones.
    pub series: Vec<Series>,
    /// The visible part of the horizontal axis.
    pub window: Window,
    /// The unit of the horizontal axis.
    pub unit: Unit,
    /// Whether the vertical axis is logarithmic. Values up to 0 are then left out.
    pub log: bool,
    /// Marked points, such as best epochs.
    pub marks: Vec<Mark>,
    /// The position of the vertical cursor line.
    pub cursor: Option<f64>,
    /// The text shown while there is no point.
    pub empty: String,
}

impl Default for Curve {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            window: Window::until(1.0),
            unit: Unit::Epochs,
            log: false,
            marks: Vec::new(),
            cursor: None,
            empty: String::new(),
        }
    }
}

/// The vertical axis: the values of the lowest and the highest row of dots, as logarithms where `log`.
#[derive(Debug, Clone, Copy)]
struct ValueAxis {
    low: f64,
    high: f64,
    log: bool,
    rows: u16,
}

impl ValueAxis {
    /// Returns the row of dots of a scaled value, from the top.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the dots
    fn dot(self, y: f64) -> usize {
        let last = f64::from(self.rows) * 4.0 - 1.0;
        ((self.high - y) / (self.high - self.low) * last).round().clamp(0.0, last) as usize
    }

    /// Returns the row of cells of a scaled value, from the top.
    fn line(self, y: f64) -> u16 {
        u16::try_from(self.dot(y) / 4).unwrap_or(0)
    }

    fn scaled(self, y: f64) -> f64 {
        scaled(y, self.log)
    }
}

/// Scales a value for the vertical axis: its logarithm where `log`.
fn scaled(y: f64, log: bool) -> f64 {
    match log {
        false => y,
        true if y > 0.0 => y.log10(),
        true => f64::NAN,
    }
}

impl Curve {
    /// Returns the visible segments of a curve, scaled.
    fn segments(&self, series: &Series) -> Vec<Vec<(f64, f64)>> {
        if self.log {
            let scaled_points: Vec<_> = series.points.iter().map(|(x, y)| (*x, scaled(*y, true))).collect();
            return segments(&scaled_points, self.window).collect();
        }
        segments(&series.points, self.window).collect()
    }

    /// Draws axes, curves, their names, and marks.
    pub fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        if area.width < 16 || area.height < 4 {
            return;
        }
        let drawn: Vec<Vec<Vec<(f64, f64)>>> = self.series.iter().map(|series| self.segments(series)).collect();
        let rows = area.height - 2;
        let Some(axis) = bounds(&drawn, rows, self.log) else { return self.draw_empty(buffer, theme, area) };
        let ticks = axes::y_ticks(axis.low, axis.high, rows.div_ceil(2).min(8), self.log);
        let left = ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(1) + 1;
        let names = self.series.iter().map(|series| width(&series.label)).max().unwrap_or(0).min(area.width / 4);
        let right = if names > 0 && area.width > left + 28 { names + 1 } else { 0 };
        if area.width < left + 6 + right {
            return;
        }
        let plot = Rect { x: area.x + left + 1, y: area.y, width: area.width - left - 1 - right, height: rows };
        for row in 0..rows {
            Pen::new(buffer, theme, area, row).skip(left).write(theme.glyphs.bar, theme.dim());
        }
        for (tick, label) in &ticks {
            let mut pen = Pen::new(buffer, theme, area, axis.line(*tick));
            pen.right(label, left, theme.dim()).write(theme.glyphs.tick_y, theme.dim());
        }
        self.draw_x_axis(buffer, theme, area, left, plot.width);
        self.draw_cursor(buffer, theme, plot);
        let mut dots = Dots::new(plot.width.into(), plot.height.into());
        for (series, segments) in self.series.iter().zip(&drawn) {
            for segment in segments {
                dots.line(segment, self.window, series.style, &|y| axis.dot(y));
            }
        }
        dots.write(buffer, plot);
        self.draw_names(buffer, theme, plot, right, &drawn, axis);
        for mark in self.marks.iter().filter(|mark| self.window.contains(mark.x)) {
            let y = axis.scaled(mark.y);
            if y.is_finite() {
                let mut pen = Pen::new(buffer, theme, plot, axis.line(y));
                pen.skip(self.cell(mark.x, plot.width)).write(theme.glyphs.best, mark.style);
            }
        }
    }

    fn draw_empty(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        let any = self.series.iter().flat_map(|series| &series.points).any(|(_, y)| y.is_finite());
        let text = match (any, self.log) {
            (true, true) => "no value above 0, which a logarithmic scale needs",
            (true, false) => "no points in this range",
            (false, _) => &self.empty,
        };
        Pen::new(buffer, theme, area, area.height / 2)
            .skip((area.width.saturating_sub(width(text)) / 2).max(1))
            .write(text, theme.dim());
    }

    /// Returns the cell of a position on an axis of `cells` cells.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the cells
    fn cell(&self, x: f64, cells: u16) -> u16 {
        let last = real(u64::from(cells) * 2).max(1.0) - 1.0;
        ((x - self.window.from) / self.window.span() * last).round().clamp(0.0, last) as u16 / 2
    }

    fn draw_x_axis(&self, buffer: &mut Buffer, theme: &Theme, area: Rect, left: u16, columns: u16) {
        let rows = area.height - 2;
        let mut axis = Pen::new(buffer, theme, area, rows);
        axis.skip(left).write(theme.glyphs.corner, theme.dim());
        axis.write(&theme.glyphs.line.repeat(columns.into()), theme.dim());
        let name = self.unit.name();
        let mut free = 0;
        for (tick, label) in axes::x_ticks(self.window, self.unit, columns) {
            let column = self.cell(tick, columns);
            Pen::new(buffer, theme, area, rows).skip(left + 1 + column).write(theme.glyphs.tick_x, theme.dim());
            let start = (left + 2 + column).saturating_sub(width(&label).div_ceil(2));
            if start >= free && start + width(&label) + width(name) + 2 <= left + 1 + columns {
                Pen::new(buffer, theme, area, rows + 1).skip(start).write(&label, theme.dim());
                free = start + width(&label) + 1;
            }
        }
        Pen::new(buffer, theme, Rect { width: left + 1 + columns, ..area }, rows + 1).flush_right(name, theme.dim());
    }

    fn draw_cursor(&self, buffer: &mut Buffer, theme: &Theme, plot: Rect) {
        let Some(x) = self.cursor.filter(|x| self.window.contains(*x)) else { return };
        let column = self.cell(x, plot.width);
        for row in 0..=plot.height {
            let glyph = if row < plot.height { theme.glyphs.bar } else { theme.glyphs.tick_x };
            Pen::new(buffer, theme, Rect { height: plot.height + 1, ..plot }, row)
                .skip(column)
                .write(glyph, theme.accent());
        }
    }

    /// Writes each curve's name right of the plot, at the height of its end; two names never share a line.
    fn draw_names(
        &self,
        buffer: &mut Buffer,
        theme: &Theme,
        plot: Rect,
        room: u16,
        drawn: &[Vec<Vec<(f64, f64)>>],
        axis: ValueAxis,
    ) {
        if room == 0 {
            return;
        }
        let mut names: Vec<(u16, &Series)> = Vec::new();
        for (series, segments) in self.series.iter().zip(drawn).filter(|(series, _)| !series.label.is_empty()) {
            if let Some((_, y)) = segments.last().and_then(|segment| segment.last()) {
                names.push((axis.line(*y), series));
            }
        }
        names.sort_by_key(|(row, _)| *row);
        let mut free = 0;
        let count = u16::try_from(names.len()).unwrap_or(0);
        for ((row, series), after) in names.into_iter().zip((0..count).rev()) {
            let row = row.max(free).min(plot.height.saturating_sub(1 + after));
            free = row + 1;
            let area = Rect { x: plot.right() + 1, width: room - 1, ..plot };
            Pen::new(buffer, theme, area, row).write(&series.label, series.style);
        }
    }
}

/// Returns the vertical axis for the visible values, with a margin; `None` without points.
fn bounds(drawn: &[Vec<Vec<(f64, f64)>>], rows: u16, log: bool) -> Option<ValueAxis> {
    let values = drawn.iter().flatten().flatten().map(|point| point.1).filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return None;
    }
    // Values that differ only by rounding count as equal.
    let is_constant = high - low <= low.abs().max(high.abs()) * 1e-9;
    let margin = match (!is_constant, log) {
        (true, _) => (high - low) * 0.03,
        (false, true) => 0.1,
        // The margin around a constant curve is relative to its value, which may be as small as a learning rate.
        (false, false) if low == 0.0 => 0.01,
        (false, false) => low.abs() * 0.1,
    };
    Some(ValueAxis { low: low - margin, high: high + margin, log, rows })
}

#[cfg(test)]
mod tests;
