//! The progress bars of a run: the epoch and the whole run, or the computed features.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::RunState;
use crate::runs::Summary;
use crate::tui::state::State;
use crate::tui::widgets::figures::{clock, percent, real, share, thousands};
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::progress;

use super::status;

/// Returns the number of rows of the bars.
pub(super) fn rows(summary: &Summary, run_state: RunState) -> u16 {
    match run_state {
        RunState::Running | RunState::Paused if summary.features.is_some() => 1,
        RunState::Running | RunState::Paused if !status::has_trained(summary) => 2,
        _ => 0,
    }
}

/// Returns the completed share of the epoch, from 0 to 1, and its remaining seconds.
fn epoch_left(summary: &Summary, now: u64) -> (f64, f64) {
    let Some(progress) = summary.progress else { return (0.0, f64::NAN) };
    let done = f64::from(progress.step) / f64::from(progress.steps.max(1));
    let updated = summary.updated_at.unwrap_or(progress.started_at);
    let spent = real(updated.saturating_sub(progress.started_at)) / 1_000.0;
    // The remaining time does not shrink during a pause.
    let since = if summary.paused { 0.0 } else { real(now.saturating_sub(updated)) / 1_000.0 };
    if done > 0.0 { (done, (spent * (1.0 - done) / done - since).max(0.0)) } else { (done, f64::NAN) }
}

/// Returns the completed share of a run of all its epochs, from 0 to 1, and its remaining seconds.
fn run_left(summary: &Summary, now: u64) -> (f64, f64) {
    let all = f64::from(summary.limits.epochs.max(1));
    let (done, seconds) = epoch_left(summary, now);
    let share = (f64::from(summary.epoch()) + done) / all;
    let recent: Vec<f64> = summary.epochs.iter().rev().take(5).map(|epoch| epoch.seconds).collect();
    let under_way = u32::from(summary.progress.is_some());
    let after = f64::from(summary.limits.epochs.saturating_sub(summary.epoch() + under_way));
    if recent.is_empty() {
        let whole = if done > 0.0 { seconds / (1.0 - done).max(1e-9) } else { f64::NAN };
        return (share, seconds + after * whole);
    }
    let mean = recent.iter().sum::<f64>() / real(recent.len() as u64);
    let this = if seconds.is_finite() { seconds } else { mean * f64::from(under_way) };
    (share, this + after * mean)
}

/// A bar as label, share, remaining time, and count.
type Line = (String, f64, String, String);

fn of_epochs(summary: &Summary, now: u64) -> Vec<Line> {
    let epoch = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
    let (done, left) = epoch_left(summary, now);
    let steps =
        summary.progress.map_or_else(String::new, |progress| format!("step {}/{}", progress.step, progress.steps));
    let (run_done, run_left) = run_left(summary, now);
    let at_most = if summary.limits.patience < summary.limits.epochs { "at most " } else { "" };
    vec![
        (format!("epoch {epoch}"), done, format!("{} left", clock(left)), steps),
        (
            "run".into(),
            run_done,
            format!("{at_most}{} left", clock(run_left)),
            format!("{epoch}/{} epochs", summary.limits.epochs),
        ),
    ]
}

fn lines(summary: &Summary, now: u64) -> Vec<Line> {
    let Some(features) = summary.features else { return of_epochs(summary, now) };
    let (done, total) = (features.done, features.total);
    let since =
        if summary.paused { 0.0 } else { real(now.saturating_sub(summary.updated_at.unwrap_or(now))) / 1_000.0 };
    let left = real(total.saturating_sub(done) as u64) / features.images_per_second - since;
    let of = format!("{}/{}", thousands(done), thousands(total));
    vec![("features".into(), share(done, total), format!("{} left", clock(left.max(0.0))), of)]
}

pub(super) fn render(state: &State, summary: &Summary, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    for (row, (name, share, left, of)) in (0..).zip(lines(summary, state.now)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(&name, 10, theme.text());
        let columns = pen.room().saturating_sub(44).clamp(10, 80);
        progress::render(&mut pen, theme, share, columns);
        pen.right(&percent(share, 0), 5, theme.strong()).skip(2).left(&left, 21, theme.text());
        if pen.room() >= width(&of) {
            pen.write(&of, theme.dim());
        }
    }
}
