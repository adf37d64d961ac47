//! Curves over epochs, steps or time, in braille dots. Every column keeps its smallest and largest value, so no spike
//! is lost, whatever part is shown.

mod axes;
mod dots;
mod smooth;
mod window;

pub use axes::Unit;
pub use dots::{Span, columns};
pub use smooth::{Stretch, single, smooth};
pub use window::Window;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::figures::real;
use super::paint::{Pen, width};
use crate::tui::theme::Theme;
use dots::{Dots, pieces};

/// One curve.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Points (place on the axis, value), in the order of places. What is no number interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub style: Style,
    /// Its name, written where it ends; empty for none. Safe to print.
    pub label: String,
}

impl Series {
    /// The last value at or before a place, or the first one after it.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<f64> {
        let after = self.points.partition_point(|(place, _)| *place <= x);
        self.points.get(after.saturating_sub(1)).map(|(_, y)| *y).filter(|y| y.is_finite())
    }
}

/// A point to mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Its place on the axis.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// Its colour.
    pub style: Style,
}

/// Several curves over the same axes.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The curves; later ones lie over earlier ones.
    pub series: Vec<Series>,
    /// The part of the axis that is shown.
    pub window: Window,
    /// What the axis counts.
    pub unit: Unit,
    /// Whether equal distances upwards are equal ratios. What is not above 0 is then left out.
    pub log: bool,
    /// Points to mark, such as best epochs.
    pub marks: Vec<Mark>,
    /// A place on the axis with a line through it.
    pub cursor: Option<f64>,
    /// What to say while there is no point.
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

/// What upwards means: which values the lowest and the highest row of dots stand for, as logarithms where `log`.
#[derive(Debug, Clone, Copy)]
struct Upwards {
    low: f64,
    high: f64,
    log: bool,
    rows: u16,
}

impl Upwards {
    /// The row of dots of a value that was lifted already, from the top.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the dots
    fn dot(self, y: f64) -> usize {
        let last = f64::from(self.rows) * 4.0 - 1.0;
        ((self.high - y) / (self.high - self.low) * last).round().clamp(0.0, last) as usize
    }

    /// The line of cells of such a value.
    fn line(self, y: f64) -> u16 {
        u16::try_from(self.dot(y) / 4).unwrap_or(0)
    }

    fn lift(self, y: f64) -> f64 {
        lift(y, self.log)
    }
}

/// A value as the axis takes it.
fn lift(y: f64, log: bool) -> f64 {
    match log {
        false => y,
        true if y > 0.0 => y.log10(),
        true => f64::NAN,
    }
}

impl Curve {
    /// The unbroken pieces of a curve that are shown, lifted.
    fn pieces(&self, series: &Series) -> Vec<Vec<(f64, f64)>> {
        if self.log {
            let lifted: Vec<_> = series.points.iter().map(|(x, y)| (*x, lift(*y, true))).collect();
            return pieces(&lifted, self.window).collect();
        }
        pieces(&series.points, self.window).collect()
    }

    /// Draws axes, curves, their names and the marks.
    pub fn render(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        if area.width < 16 || area.height < 4 {
            return;
        }
        let drawn: Vec<Vec<Vec<(f64, f64)>>> = self.series.iter().map(|series| self.pieces(series)).collect();
        let rows = area.height - 2;
        let Some(upwards) = bounds(&drawn, rows, self.log) else { return self.say_empty(buffer, theme, area) };
        let ticks = axes::up(upwards.low, upwards.high, rows.div_ceil(2).min(8), self.log);
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
            let mut pen = Pen::new(buffer, theme, area, upwards.line(*tick));
            pen.right(label, left, theme.dim()).write(theme.glyphs.tick_y, theme.dim());
        }
        self.draw_across(buffer, theme, area, left, plot.width);
        self.draw_cursor(buffer, theme, plot);
        let mut dots = Dots::new(plot.width.into(), plot.height.into());
        for (series, pieces) in self.series.iter().zip(&drawn) {
            for piece in pieces {
                dots.line(piece, self.window, series.style, &|y| upwards.dot(y));
            }
        }
        dots.show(buffer, plot);
        self.draw_names(buffer, theme, plot, right, &drawn, upwards);
        for mark in self.marks.iter().filter(|mark| self.window.contains(mark.x)) {
            let y = upwards.lift(mark.y);
            if y.is_finite() {
                let mut pen = Pen::new(buffer, theme, plot, upwards.line(y));
                pen.skip(self.cell(mark.x, plot.width)).write(theme.glyphs.best, mark.style);
            }
        }
    }

    fn say_empty(&self, buffer: &mut Buffer, theme: &Theme, area: Rect) {
        let any = self.series.iter().flat_map(|series| &series.points).any(|(_, y)| y.is_finite());
        let text = match (any, self.log) {
            (true, true) => "nothing above 0 here, which a logarithmic scale needs",
            (true, false) => "nothing in this part",
            (false, _) => &self.empty,
        };
        Pen::new(buffer, theme, area, area.height / 2)
            .skip((area.width.saturating_sub(width(text)) / 2).max(1))
            .write(text, theme.dim());
    }

    /// The cell of a place on an axis of so many.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the cells
    fn cell(&self, x: f64, cells: u16) -> u16 {
        let last = real(u64::from(cells) * 2).max(1.0) - 1.0;
        ((x - self.window.from) / self.window.span() * last).round().clamp(0.0, last) as u16 / 2
    }

    fn draw_across(&self, buffer: &mut Buffer, theme: &Theme, area: Rect, left: u16, columns: u16) {
        let rows = area.height - 2;
        let mut axis = Pen::new(buffer, theme, area, rows);
        axis.skip(left).write(theme.glyphs.corner, theme.dim());
        axis.write(&theme.glyphs.line.repeat(columns.into()), theme.dim());
        let name = self.unit.name();
        let mut free = 0;
        for (tick, label) in axes::across(self.window, self.unit, columns) {
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

    /// Writes each curve's name right of the plot, at the height where the curve ends; names never share a line.
    fn draw_names(
        &self,
        buffer: &mut Buffer,
        theme: &Theme,
        plot: Rect,
        room: u16,
        drawn: &[Vec<Vec<(f64, f64)>>],
        upwards: Upwards,
    ) {
        if room == 0 {
            return;
        }
        let mut names: Vec<(u16, &Series)> = Vec::new();
        for (series, pieces) in self.series.iter().zip(drawn).filter(|(series, _)| !series.label.is_empty()) {
            if let Some((_, y)) = pieces.last().and_then(|piece| piece.last()) {
                names.push((upwards.line(*y), series));
            }
        }
        names.sort_by_key(|(row, _)| *row);
        let mut free = 0;
        let count = u16::try_from(names.len()).unwrap_or(0);
        for ((row, series), after) in names.into_iter().zip((0..count).rev()) {
            let row = row.max(free).min(plot.height.saturating_sub(1 + after));
            free = row + 1;
            let place = Rect { x: plot.right() + 1, width: room - 1, ..plot };
            Pen::new(buffer, theme, place, row).write(&series.label, series.style);
        }
    }
}

/// Smallest and largest lifted value that is shown, a little apart; `None` without points.
fn bounds(drawn: &[Vec<Vec<(f64, f64)>>], rows: u16, log: bool) -> Option<Upwards> {
    let values = drawn.iter().flatten().flatten().map(|point| point.1).filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    if low > high {
        return None;
    }
    // What only rounding tells apart is level.
    let level = high - low <= low.abs().max(high.abs()) * 1e-9;
    let margin = match (!level, log) {
        (true, _) => (high - low) * 0.03,
        (false, true) => 0.1,
        // Around a level curve: enough to be seen, and of its own size, be that a learning rate's.
        (false, false) if low == 0.0 => 0.01,
        (false, false) => low.abs() * 0.1,
    };
    Some(Upwards { low: low - margin, high: high + margin, log, rows })
}

#[cfg(test)]
mod tests;
