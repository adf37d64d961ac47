//! The runs' curves in one chart, each with its run's letter and name at its end.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::tables::letter;
use super::{CompareCurve, CurveView};
use crate::domain::{EpochMetrics, RunState};
use crate::runs::Summary;
use crate::tui::state::State;
use crate::tui::theme::Depth;
use crate::tui::widgets::curve::{Curve, Mark, Series, Unit, Window, single, smooth};
use crate::tui::widgets::scale;

/// The lengths of strokes and gaps in columns, by which curves are distinguished without colours; none for an unbroken
/// curve.
const DASHES: [&[f64]; 6] =
    [&[], &[4.0, 2.0], &[1.0, 1.0], &[6.0, 1.5, 1.0, 1.5], &[2.0, 2.0], &[6.0, 1.0, 1.0, 1.0, 1.0, 1.0]];

/// Returns the note on the rule: `val loss over epochs, smoothed 0.3`.
pub(super) fn note(view: CurveView) -> String {
    let over = if view.time { "time" } else { "epochs" };
    let log = if view.log { ", logarithmic" } else { "" };
    let smooth = if view.smoothing > 0 { format!(", smoothed {:.1}", weight(view)) } else { String::new() };
    format!("{} over {over}{log}{smooth}", view.shown.name())
}

/// Returns the weight of the preceding value in each smoothed value, from 0 to 1.
fn weight(view: CurveView) -> f64 {
    f64::from(view.smoothing) / f64::from(CurveView::SMOOTHEST + 1)
}

/// Returns the metric of an epoch that a curve shows.
fn value(shown: CompareCurve, epoch: &EpochMetrics) -> f64 {
    match shown {
        CompareCurve::ValLoss => epoch.val_loss,
        CompareCurve::ValAccuracy => epoch.val_accuracy,
        CompareCurve::TrainLoss => epoch.train_loss,
    }
}

/// Returns the epochs of a run as points. Time is the sum over epochs, so that a resumed run has no gap.
fn points(run: &Summary, view: CurveView) -> Vec<(f64, f64)> {
    let mut seconds = 0.0;
    let point = |epoch: &EpochMetrics| {
        seconds += epoch.seconds;
        (if view.time { seconds } else { f64::from(epoch.epoch) }, value(view.shown, epoch))
    };
    run.epochs.iter().map(point).collect()
}

/// Returns the end of the axis, with room to grow while a run is active.
fn end(state: &State, all: &[Series]) -> f64 {
    let last = |series: &Series| series.points.last().map_or(0.0, |point| point.0);
    let reached = all.iter().map(last).fold(0.0, f64::max);
    let compare = &state.compare;
    if compare.curves.time {
        return reached;
    }
    let active = |run: &Summary| {
        state.library.runs.find(&run.id).and_then(|run| run.state(state.now)).is_some_and(RunState::is_active)
    };
    let growing = compare.runs.iter().filter(|run| active(run));
    growing.map(|run| f64::from(scale::epoch_axis_end(run.epoch(), run.limits.epochs))).fold(reached.max(1.0), f64::max)
}

/// Returns the line with gaps; `dashes` are lengths in columns, `column` is the width of one.
fn dashed(points: &[(f64, f64)], dashes: &[f64], column: f64) -> Vec<(f64, f64)> {
    let period: f64 = dashes.iter().sum::<f64>() * column;
    if dashes.is_empty() || column <= 0.0 {
        return points.to_vec();
    }
    let on = |x: f64| {
        let mut within = x % period / column;
        for (index, length) in dashes.iter().enumerate() {
            if within < *length {
                return index % 2 == 0;
            }
            within -= length;
        }
        true
    };
    let Some((first, last)) = points.first().zip(points.last()) else { return Vec::new() };
    let mut drawn = vec![*first];
    let (mut at, mut next) = (first.0, 1);
    while at < last.0 {
        at = (at + column / 2.0).min(last.0);
        while next + 1 < points.len() && points[next].0 < at {
            next += 1;
        }
        let Some((before, after)) = points.get(next - 1).zip(points.get(next)) else { break };
        let share = (at - before.0) / (after.0 - before.0).max(f64::MIN_POSITIVE);
        let y = before.1 + (after.1 - before.1) * share;
        drawn.push((at, if on(at) { y } else { f64::NAN }));
    }
    // The last point is never a gap, because the name is drawn next to it.
    drawn.push(*last);
    drawn
}

/// Returns the curves of all runs for the chart widget.
fn curve(state: &State, columns: u16) -> Curve {
    let (theme, compare) = (&state.theme, &state.compare);
    let view = compare.curves;
    let series = |(index, run): (usize, &std::sync::Arc<Summary>)| {
        let raw = points(run, view);
        let points = if view.smoothing > 0 { smooth(single(&raw), weight(view)) } else { raw };
        let short: String = run.id.as_str().chars().take(16).collect();
        let label = if columns >= 56 { format!("{} {short}", letter(index)) } else { letter(index).to_owned() };
        Series { points, style: theme.run_color(index), label }
    };
    let mut all: Vec<Series> = compare.runs.iter().enumerate().map(series).collect();
    let end = end(state, &all);
    let mark = |(index, run): (usize, &std::sync::Arc<Summary>)| {
        let points = &all[index].points;
        let best = run.epochs.iter().position(|epoch| epoch.epoch == run.early_stopping.best_epoch)?;
        let (x, y) = *points.get(best)?;
        Some(Mark { x, y, style: theme.run_color(index).patch(theme.strong()) })
    };
    let marks = compare.runs.iter().enumerate().filter_map(mark).collect();
    if theme.depth == Depth::Mono {
        let column = end / f64::from(columns.max(1));
        for (index, series) in all.iter_mut().enumerate() {
            series.points = dashed(&series.points, DASHES[index % DASHES.len()], column);
        }
    }
    Curve {
        series: all,
        window: Window::until(end),
        unit: if view.time { Unit::Time } else { Unit::Epochs },
        log: view.log,
        marks,
        empty: "no run has completed an epoch yet".into(),
        ..Curve::default()
    }
}

/// Draws the curves.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) {
    curve(state, area.width).render(buffer, &state.theme, area);
}
