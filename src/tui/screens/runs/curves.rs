//! The curves of a run: one chart, or two side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Curves, EpochPositions};
use crate::domain::{EpochMetrics, RunState};
use crate::runs::Summary;
use crate::runs::steps::{Axis, Bucket, StepMetric};
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::curve::{Curve, Mark, MeanPoint, Series, Unit, single, smooth};
use crate::tui::widgets::number_text::{clock, decimal, rate, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, width};

use super::status;

/// The fewest columns for two charts side by side.
const BOTH: u16 = 68;

/// Draws the title of a run: its name, state and dataset, and how its curves are shown.
pub(super) fn draw_title(state: &State, run: &RunView, columns: u16, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let Ok(summary) = &run.summary else { return };
    let what = format!("  {} on {}", summary.recipe.strategy, summary.recipe.dataset);
    let (word, style) = status::list_label(state, run);
    let chart = &state.runs.chart;
    let mut notes = shown(state, run);
    if columns < BOTH {
        let name = chart.curves.name();
        let next = format!("{name}, m: {}", chart.curves.next().name());
        notes.insert(0, if notes.is_empty() { next } else { name.into() });
    }
    // Notes that do not fit are dropped, the last one first.
    let room = area.width.saturating_sub(width(&what) + width(&word) + width(run.id.as_str()) + 11);
    while notes.len() > 1 && width(&notes.join(" · ")) > room {
        notes.pop();
    }
    draw_rule(
        buffer,
        theme,
        area,
        &[(run.id.as_str(), theme.strong()), ("  ", style), (&word, style), (&what, theme.dim())],
        &notes.join(" · "),
    );
}

/// Returns notes on smoothing, scale and zoom that differ from the initial view.
fn shown(state: &State, run: &RunView) -> Vec<String> {
    let chart = &state.runs.chart;
    let mut notes = Vec::new();
    if chart.smoothing() > 0.0 {
        notes.push(format!("smooth {}", chart.smoothing()));
    }
    if chart.log {
        notes.push("log".into());
    }
    let whole = EpochPositions::of(run, chart.axis)
        .zip(run.state(state.now))
        .map(|(positions, run_state)| positions.whole(run_state));
    if let (Some(window), Some(whole)) = (chart.window, whole) {
        let window = window.within(whole);
        let step = window.span() / 10.0;
        let label = |x| chart.unit().label(x, step);
        notes.push(format!("{} to {}", label(window.from), label(window.to)));
        notes.push("0: all".into());
    }
    notes
}

pub(super) fn render(
    state: &State,
    run: &RunView,
    summary: &Summary,
    run_state: RunState,
    buffer: &mut Buffer,
    area: Rect,
) {
    let first = state.runs.chart.curves;
    if area.width < BOTH {
        return draw_chart(state, run, summary, run_state, first, false, buffer, area);
    }
    let half = area.width / 2;
    let areas = [Rect { width: half, ..area }, Rect { x: area.x + half, width: area.width - half, ..area }];
    for (place, which) in areas.into_iter().zip([first, first.next()]) {
        draw_chart(state, run, summary, run_state, which, true, buffer, place);
    }
}

/// Draws one chart: its name where `named`, the values at the cursor, the curves.
#[allow(clippy::too_many_arguments)] // all of them plain values that only this function takes apart
fn draw_chart(
    state: &State,
    run: &RunView,
    summary: &Summary,
    run_state: RunState,
    which: Curves,
    named: bool,
    buffer: &mut Buffer,
    area: Rect,
) {
    let theme = &state.theme;
    let Some(curve) = curve(state, run, summary, run_state, which) else { return };
    let mut rest = area;
    let read = readout(state, &curve, which);
    if (named || !read.is_empty()) && area.height > 5 {
        let mut pen = Pen::new(buffer, theme, area, 0);
        pen.skip(1);
        if named {
            pen.write(which.name(), theme.strong()).skip(2);
        }
        for (text, style) in &read {
            if pen.room() > width(text) {
                pen.write(text, *style).skip(2);
            }
        }
        rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    curve.render(buffer, theme, rest);
}

/// Returns the position of the cursor and the curves' values there.
fn readout(state: &State, curve: &Curve, which: Curves) -> Vec<(String, Style)> {
    let Some(x) = curve.cursor else { return Vec::new() };
    let place = match curve.unit {
        Unit::Time => clock(x),
        Unit::Steps => format!("step {x:.0}"),
        Unit::Epochs => format!("epoch {x:.1}"),
        Unit::Recall => format!("recall {x:.2}"),
    };
    let text = |y: f64| match which {
        Curves::LearningRate => rate(y),
        Curves::Speed => thousands(whole(y)),
        _ => decimal(y, 4),
    };
    let named = curve.series.iter().filter(|series| !series.label.is_empty());
    let values = named.filter_map(|series| Some((format!("{} {}", series.label, text(series.at(x)?)), series.style)));
    std::iter::once((place, state.theme.accent())).chain(values).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to what fits
fn whole(value: f64) -> usize {
    if value.is_finite() { value.clamp(0.0, 1e12).round() as usize } else { 0 }
}

/// A function from an epoch to a metric.
type OfEpoch = fn(&EpochMetrics) -> f64;

/// Returns the metrics of a chart's curves, within epochs, of training and of validation, and the first curve's label.
fn metrics(which: Curves) -> (Option<StepMetric>, OfEpoch, Option<OfEpoch>, &'static str) {
    match which {
        Curves::Loss => (Some(StepMetric::Loss), |epoch| epoch.train_loss, Some(|epoch| epoch.val_loss), "train"),
        Curves::Accuracy => {
            (Some(StepMetric::Accuracy), |epoch| epoch.train_accuracy, Some(|epoch| epoch.val_accuracy), "train")
        }
        Curves::LearningRate => (None, |epoch| epoch.learning_rate, None, "lr"),
        Curves::Speed => (None, |epoch| epoch.images_per_second, None, "img/s"),
        Curves::Gap => (None, |epoch| epoch.val_loss - epoch.train_loss, None, "gap"),
    }
}

fn curve(state: &State, run: &RunView, summary: &Summary, run_state: RunState, which: Curves) -> Option<Curve> {
    let (theme, chart) = (&state.theme, &state.runs.chart);
    let positions = EpochPositions::of(run, chart.axis)?;
    let window = chart.visible(positions.whole(run_state));
    let (within, of_train, of_val, name) = metrics(which);
    let epochs = |metric: OfEpoch| -> Vec<(f64, f64)> {
        summary.epochs.iter().map(|epoch| (positions.end_of(epoch.epoch), metric(epoch))).collect()
    };
    let weight = chart.smoothing();
    let mut series = Vec::new();
    let mut put = |points: Vec<(f64, f64)>, style: Style, label: &str| {
        series.push(Series { points, style, label: label.into() });
    };
    let buckets = run.curves.as_deref().map(crate::runs::Steps::buckets).unwrap_or_default();
    if let Some(metric) = within {
        let raw = run.curves.iter().flat_map(|steps| steps.points(chart.axis, metric)).collect();
        put(raw, theme.steps(), "");
    }
    let smoothed_steps = within.filter(|_| weight > 0.0 && !buckets.is_empty());
    match smoothed_steps {
        Some(metric) => put(smooth(stretches(buckets, chart.axis, metric), weight), theme.train(), name),
        None if summary.epochs.is_empty() && within.is_some() => {
            // Before the first epoch ends, the steps are the only data.
            let steps = series.first().map(|steps| steps.points.clone()).unwrap_or_default();
            series.push(Series { points: steps, style: theme.train(), label: name.into() });
        }
        None => raw_and_smooth(&mut series, epochs(of_train), weight, (theme.dim(), theme.train()), name),
    }
    if let Some(of_val) = of_val {
        raw_and_smooth(&mut series, epochs(of_val), weight, (theme.dim(), theme.validation()), "val");
    }
    let mark = |best: &EpochMetrics| Mark {
        x: positions.end_of(best.epoch),
        y: of_val.unwrap_or(of_train)(best),
        style: theme.validation().patch(theme.strong()),
    };
    Some(Curve {
        series,
        window,
        unit: chart.unit(),
        log: chart.log,
        marks: summary.best().map(mark).into_iter().collect(),
        cursor: chart.cursor.filter(|x| window.contains(*x)),
        empty: empty(run_state, within.is_some()).into(),
    })
}

fn empty(run_state: RunState, within: bool) -> &'static str {
    match (run_state.is_active(), within) {
        (true, true) => "curves begin with the first steps",
        (true, false) => "curves begin after the first epoch",
        (false, _) => "no epoch was completed",
    }
}

/// Adds a curve, or the smoothed curve over a faint raw one.
fn raw_and_smooth(
    series: &mut Vec<Series>,
    points: Vec<(f64, f64)>,
    weight: f64,
    (faint, style): (Style, Style),
    label: &str,
) {
    let label = String::from(label);
    if weight > 0.0 {
        let smoothed = smooth(single(&points), weight);
        series.push(Series { points, style: faint, label: String::new() });
        series.push(Series { points: smoothed, style, label });
    } else {
        series.push(Series { points, style, label });
    }
}

/// Returns a metric of the buckets as stretches for smoothing.
fn stretches(buckets: &[Bucket], axis: Axis, metric: StepMetric) -> impl Iterator<Item = MeanPoint> + '_ {
    buckets.iter().map(move |bucket| {
        let extent = match metric {
            StepMetric::Loss => bucket.loss,
            StepMetric::Accuracy => bucket.accuracy,
        };
        let (mean, count) = extent.map_or((f64::NAN, 1), |extent| (extent.mean(), extent.count));
        (bucket.to.on(axis), mean, count)
    })
}
