//! Line charts as SVG: readable on light and dark backgrounds, in print, and by screen readers.

use std::fmt::Write as _;

/// Colours that differ for people with any colour vision (Okabe and Ito, 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Strokes by which lines differ without colour.
const DASHES: [&str; 6] = ["", "6 3", "2 2", "8 3 2 3", "12 3", "1 4"];

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
/// Margins: left, top, right, bottom. The title and up to six names of lines are above the plot; more names take more.
const MARGINS: [f64; 4] = [52.0, 60.0, 16.0, 36.0];

/// Names of lines in a row of the legend.
const NAMES: usize = 3;
/// Points a line has at most; a longer one is thinned.
const POINTS: usize = 800;

/// A line of a chart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    /// Points in the order of x, without NaN.
    pub(super) points: Vec<(f64, f64)>,
    /// A point with a dot, such as the best epoch.
    pub(super) mark: Option<(f64, f64)>,
}

/// A bar behind the lines.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// Its left edge.
    pub(super) from: f64,
    /// Its right edge.
    pub(super) to: f64,
    /// Its height.
    pub(super) value: f64,
    /// The share of images that it is of, by which it is darker.
    pub(super) images: f64,
}

/// A line chart, with bars behind the lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
    /// The limits of x where they are known.
    pub(super) x_limits: Option<(f64, f64)>,
    /// The limits of y where they are known.
    pub(super) limits: Option<(f64, f64)>,
}

impl Chart {
    /// Returns the chart as an SVG element for an HTML page, which sets its colours.
    pub(super) fn element(&self) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\"><title>{}</title>",
            escape(&self.description()),
            escape(&self.title)
        );
        self.draw(&mut out);
        out.push_str("</svg>");
        out
    }

    /// Returns the chart as a file of its own, with colours for light and dark backgrounds.
    pub(super) fn file(&self) -> String {
        let style = "<style>svg{color:#222;background:#fff;font:12px system-ui,sans-serif}@media (prefers-color-scheme:dark)\
                     {svg{color:#ddd;background:#181a1f}}</style>";
        self.element().replacen("</title>", &format!("</title>{style}"), 1).replacen(
            "<svg ",
            &format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" "),
            1,
        )
    }

    /// Returns the chart in words: each line from its first to its last value.
    pub(super) fn description(&self) -> String {
        let mut parts = vec![format!("{}: {} over {}", self.title, self.y, self.x)];
        for line in &self.lines {
            if let (Some(first), Some(last)) = (line.points.first(), line.points.last()) {
                parts.push(format!("{} from {} to {}", line.name, number(first.1), number(last.1)));
            }
        }
        parts.join("; ")
    }

    fn draw(&self, out: &mut String) {
        let [left, _, right, bottom] = MARGINS;
        #[allow(clippy::cast_precision_loss)] // a handful of lines
        let top = MARGINS[1] + 16.0 * self.lines.len().div_ceil(NAMES).saturating_sub(2) as f64;
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let (x_low, x_high) = bounds(points().map(|point| point.0), self.x_limits);
        let (y_low, y_high) = bounds(points().map(|point| point.1), self.limits);
        let x = |value: f64| left + (value - x_low) / (x_high - x_low) * (WIDTH - left - right);
        let y = |value: f64| HEIGHT - bottom - (value - y_low) / (y_high - y_low) * (HEIGHT - top - bottom);
        for tick in ticks(y_low, y_high, 5) {
            let (at, label) = (y(tick), number(tick));
            let _ = write!(
                out,
                "<path d=\"M{left} {at:.1}H{}\" stroke=\"currentColor\" stroke-opacity=\".15\"/><text x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"currentColor\">{label}</text>",
                WIDTH - right,
                left - 6.0,
                at + 4.0
            );
        }
        for tick in ticks(x_low, x_high, 6) {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
                x(tick),
                HEIGHT - bottom + 16.0,
                number(tick)
            );
        }
        let _ = write!(
            out,
            "<text x=\"{left}\" y=\"14\" font-weight=\"600\" fill=\"currentColor\">{}</text>",
            escape(&self.title)
        );
        let (axis, base) = (left + (WIDTH - left - right) / 2.0, HEIGHT - bottom);
        let _ = write!(
            out,
            "<path d=\"M{left} {top}V{base}H{}\" stroke=\"currentColor\" fill=\"none\"/><text x=\"{axis}\" y=\"{}\" \
             text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
            WIDTH - right,
            HEIGHT - 4.0,
            escape(&self.x)
        );
        for bar in &self.bars {
            let _ = write!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\" fill-opacity=\"{:.2}\">\
                 <title>{}–{}: {:.1} % of the images, {}</title></rect>",
                x(bar.from) + 0.5,
                y(bar.value),
                x(bar.to) - x(bar.from) - 1.0,
                base - y(bar.value),
                COLOURS[0],
                0.15 + 0.5 * bar.images.sqrt(),
                number(bar.from),
                number(bar.to),
                100.0 * bar.images,
                number(bar.value)
            );
        }
        for (index, line) in self.lines.iter().enumerate() {
            Self::draw_line(out, index, line, (&x, &y));
        }
    }

    fn draw_line(out: &mut String, index: usize, line: &Line, (x, y): (&dyn Fn(f64) -> f64, &dyn Fn(f64) -> f64)) {
        // From the seventh line on, colours come with other dashes.
        let dash = DASHES[(index + index / COLOURS.len()) % DASHES.len()];
        let colour = COLOURS[index % COLOURS.len()];
        let mut path = String::new();
        for (number, point) in thin(&line.points).enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if number == 0 { 'M' } else { 'L' }, x(point.0), y(point.1));
        }
        let _ = write!(
            out,
            "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\" fill=\"none\"/>"
        );
        if let Some(mark) = line.mark {
            let _ = write!(out, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/>", x(mark.0), y(mark.1));
        }
        #[allow(clippy::cast_precision_loss)] // a handful of lines
        let (row, key) = (
            32.0 + 16.0 * (index / NAMES) as f64,
            MARGINS[0] + (WIDTH - MARGINS[0]) / NAMES as f64 * (index % NAMES) as f64,
        );
        let _ = write!(
            out,
            "<path d=\"M{key} {}H{}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/><text x=\"{}\" \
             y=\"{row}\" fill=\"currentColor\">{}</text>",
            row - 4.0,
            key + 26.0,
            key + 32.0,
            escape(&line.name)
        );
    }
}

/// Returns the least and the greatest value, apart from each other; the limits where they are given.
fn bounds(values: impl Iterator<Item = f64>, limits: Option<(f64, f64)>) -> (f64, f64) {
    if let Some(limits) = limits {
        return limits;
    }
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match (low, high) {
        _ if low > high => (0.0, 1.0),
        _ if high - low < f64::EPSILON * high.abs() => (low - 0.5, high + 0.5),
        _ => (low, high),
    }
}

/// Returns round values from `low` to `high`, about `count` of them, at steps of 1, 2 or 5 times a power of ten.
fn ticks(low: f64, high: f64, count: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    (0..=2 * count)
        .map(|index| (first + f64::from(index)) * step)
        .take_while(|tick| *tick <= high + step * 1e-9)
        .collect()
}

/// Returns every nth point, so that at most [`POINTS`] are left, and always the last.
fn thin(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let every = points.len().div_ceil(POINTS).max(1);
    points.iter().enumerate().filter(move |(at, _)| at % every == 0 || at + 1 == points.len()).map(|(_, point)| *point)
}

/// Returns a number in at most four significant digits.
#[allow(clippy::cast_possible_truncation)] // a clamped exponent
fn number(value: f64) -> String {
    let value = if value.abs() < 1e-12 { 0.0 } else { value };
    let decimals =
        if value == 0.0 || value.abs() >= 1000.0 { 0 } else { 3 - value.abs().log10().floor().clamp(-6.0, 3.0) as i32 };
    let text = format!("{value:.*}", usize::try_from(decimals).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_limits() {
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(1.0, 50.0, 6), [10.0, 20.0, 30.0, 40.0, 50.0]);
        for (low, high) in [(0.3, 0.31), (-5.0, 7.0), (1e-9, 2e-9), (1.0, 1e6)] {
            let found = ticks(low, high, 5);
            assert!((2..=11).contains(&found.len()), "{low} {high} {found:?}");
            assert!(found.iter().all(|tick| *tick >= low - 1e-12 && *tick <= high + high.abs() * 1e-9), "{found:?}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let texts =
            [(0.0, "0"), (0.5, "0.5"), (0.66975, "0.6697"), (12.0, "12"), (1234.5, "1234"), (0.00012, "0.00012")];
        for (value, text) in texts {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_long_line_is_thinned_and_ends_where_it_ended() {
        let points: Vec<(f64, f64)> = (0..10_000).map(|at| (f64::from(at), 1.0)).collect();
        let thinned: Vec<_> = thin(&points).collect();
        assert!(thinned.len() <= POINTS + 1 && thinned.last() == points.last());
    }

    #[test]
    fn names_from_outside_are_escaped() {
        let line = Line { name: "<script>".into(), points: vec![(1.0, f64::from(2))], mark: None };
        let chart =
            Chart { title: "a\"b".into(), x: "epoch".into(), y: "loss".into(), lines: vec![line], ..Chart::default() };
        assert!(!chart.element().contains("<script>") && !chart.file().contains("a\"b"));
    }
}
