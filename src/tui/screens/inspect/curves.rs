//! The quality of the probabilities: accuracy by confidence, and precision by recall of the selected class.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::InspectPane;
use crate::runs::probabilities::Bin;
use crate::tui::layout::Layout;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::curve::{Curve, Series, Unit, Window};
use crate::tui::widgets::number_text::{decimal, real, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};
use crate::tui::widgets::table::{Column, Row, Table};

/// The fewest columns with both parts side by side.
const WIDE: u16 = 76;

/// The columns of a bin's range, its images and its accuracy, with the gaps around them.
const VALUE_COLUMNS: u16 = 26;

/// The fewest rows of the chart.
const CHART: u16 = 8;

/// The gap between confidence and accuracy from which a bar has a colour.
const GAP: f64 = 0.05;

const COLUMNS: [Column; 3] =
    [Column::left("CLASS", 16, 0), Column::right("AVERAGE PRECISION", 0), Column::right("IMAGES", 1)];

/// ```text
/// ── calibration ──────────────── ECE 0.051 ──  ── happy: precision by recall ───────
///     SURE       IMAGES            ACCURACY      1.0┤⠉⠉⠉⠒⠒⠤⠤⣀
///  0.47–0.53      1,131  █████▏ |      0.42      0.5┤        ⠉⠒⠤⣀
///  0.53–0.60        987  ██████ |      0.49         └───────────────────── recall
/// by temperature 1.243: ECE 0.012               CLASS      AVERAGE PRECISION  IMAGES
/// ```
pub(super) fn render(state: &State, report: &PredictionReport, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    if area.width < WIDE {
        return match state.inspect.pane {
            InspectPane::Table => precision_recall(state, report, buffer, layout, area),
            _ => calibration(state, report, buffer, area),
        };
    }
    let left = Rect { width: (area.width / 2).min(80), ..area };
    let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
    calibration(state, report, buffer, left);
    precision_recall(state, report, buffer, layout, right);
}

/// Draws a bar for each bin with images or above one, and the temperature.
fn calibration(state: &State, report: &PredictionReport, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let metrics = &report.probabilities;
    let note = metrics.reliability.as_ref().map(|found| format!("ECE {}", decimal(found.ece, 4))).unwrap_or_default();
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("calibration", theme.accent())], &note);
    let Some(reliability) = &metrics.reliability else { return };
    let mut sentences =
        vec![format!("Largest gap {}, loss {}.", decimal(reliability.mce, 3), decimal(reliability.loss, 3))];
    sentences.push(match &metrics.scaled {
        Ok((temperature, scaled)) => format!(
            "By temperature {} ({temperature}): ECE {}, largest gap {}, loss {}.",
            decimal(temperature.value, 3),
            decimal(scaled.ece, 4),
            decimal(scaled.mce, 3),
            decimal(scaled.loss, 3)
        ),
        Err(reason) => format!("No temperature: {reason}."),
    });
    sentences.insert(0, format!("{} marks the mean probability of a bar's images.", theme.glyphs.bar));
    let columns = area.width.saturating_sub(2);
    let words: Vec<String> = sentences.iter().flat_map(|sentence| wrap(sentence, columns)).collect();
    let first = reliability.bins.iter().position(|bin| bin.images > 0).unwrap_or(0);
    let bins = &reliability.bins[first..];
    let below = u16::try_from(words.len()).unwrap_or(u16::MAX);
    let shown = usize::from(area.height.saturating_sub(2 + below)).min(bins.len());
    let mut head = Pen::new(buffer, theme, area, 1);
    head.skip(1).left("SURE", 9, theme.dim()).skip(1).right("IMAGES", 7, theme.dim()).skip(1);
    head.flush_right("ACCURACY", theme.dim());
    // The surest bins, where there is no room for all.
    for (row, bin) in (2..).zip(&bins[bins.len() - shown..]) {
        draw_bin(theme, buffer, Rect { y: area.y + row, height: 1, ..area }, bin);
    }
    let row = u16::try_from(shown).unwrap_or(0) + 2;
    for (row, line) in (row..area.height).zip(&words) {
        Pen::new(buffer, theme, area, row).skip(1).write(line, theme.text());
    }
}

/// Draws a bin: its range, its images, a bar of its accuracy with a mark at its confidence.
fn draw_bin(theme: &Theme, buffer: &mut Buffer, area: Rect, bin: &Bin) {
    let mut pen = Pen::new(buffer, theme, area, 0);
    let (low, high) = (decimal(bin.low, 2), decimal(bin.high, 2));
    pen.skip(1).left(&format!("{low}–{high}"), 9, theme.text()).skip(1);
    pen.right(&thousands(bin.images), 7, theme.dim()).skip(1);
    if bin.images == 0 {
        return;
    }
    let columns = area.width.saturating_sub(VALUE_COLUMNS).max(1);
    let style = match bin.accuracy - bin.confidence {
        gap if gap < -GAP => theme.bad(),
        gap if gap > GAP => theme.warning(),
        _ => theme.good(),
    };
    let (x, y) = pen.position();
    pen.left(&bar(bin.accuracy, columns, theme), columns, style).skip(1);
    pen.right(&decimal(bin.accuracy, 2), 5, theme.text());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the columns
    let mark = (bin.confidence * f64::from(columns)).floor().clamp(0.0, f64::from(columns - 1)) as u16;
    let place = Rect { x: x + mark, y, width: 1, height: 1 };
    Pen::new(buffer, theme, place, 0).write(theme.glyphs.bar, theme.strong());
}

/// Draws the curve of the selected class above the average precision of all classes.
fn precision_recall(state: &State, report: &PredictionReport, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let (theme, class) = (&state.theme, state.inspect.cell.0);
    let classes = report.inspection.classes();
    let name = classes.get(class).map_or("", String::as_str);
    let averages = &report.probabilities.average_precision;
    let note = averages.mean.map(|mean| format!("mean {}", decimal(mean, 4))).unwrap_or_default();
    let title = format!("{name}: precision by recall");
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&title, theme.accent())], &note);
    let listed = u16::try_from(classes.len() + 1).unwrap_or(u16::MAX);
    let rows = listed.min(area.height.saturating_sub(1 + CHART)).max(3).min(area.height.saturating_sub(1));
    let chart = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + rows), ..area };
    let points = report.curves.get(class).cloned().unwrap_or_default();
    // The precision of guesses, which no useful curve falls below.
    let guessed = real(report.confusion.support(class)) / real(report.confusion.total().max(1));
    let chance = if points.is_empty() { Vec::new() } else { vec![(0.0, guessed), (1.0, guessed)] };
    let curve = Curve {
        series: vec![
            Series { points: chance, style: theme.dim(), label: "guesses".into() },
            Series { points, style: theme.validation(), label: String::new() },
        ],
        window: Window::until(1.0),
        unit: Unit::Recall,
        empty: format!("{name} has no images here"),
        ..Curve::default()
    };
    curve.render(buffer, theme, chart);
    let row = |(label, name): (usize, &String)| -> Row {
        let average = averages.per_class.get(label).copied().flatten();
        let support = usize::try_from(report.confusion.support(label)).unwrap_or(usize::MAX);
        vec![
            (name.clone(), theme.text()),
            (decimal(average.unwrap_or(f64::NAN), 3), theme.strong()),
            (thousands(support), theme.dim()),
        ]
    };
    let lines: Vec<Row> = classes.iter().enumerate().map(row).collect();
    let table = Table { columns: &COLUMNS, rows: &lines, selected: Some(class), marked: true, gap: 2 };
    let place = Rect { y: chart.bottom(), height: rows, ..area };
    table.render(buffer, theme, place);
    layout.add_lines(table.visible_lines(place), class);
}
