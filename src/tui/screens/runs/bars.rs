//! The progress bars of a run: the epoch and the whole run, or the computed features.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::RunState;
use crate::domain::number_text::{clock_time, ready_at};
use crate::runs::Summary;
use crate::runs::estimate::{epoch_left, run_left};
use crate::tui::state::State;
use crate::tui::widgets::number_text::{clock, percent, real, share, thousands};
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

/// A bar as label, share, remaining time, and count.
type Line = (String, f64, String, String);

fn of_epochs(state: &State, summary: &Summary) -> Vec<Line> {
    let now = state.now;
    let epoch = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
    let (done, left) = epoch_left(summary, now);
    let steps =
        summary.progress.map_or_else(String::new, |progress| format!("step {}/{}", progress.step, progress.steps));
    let (run_done, run_left) = run_left(summary, now);
    let ready = match ready_at(now, run_left).filter(|_| !summary.paused) {
        Some(at) => format!(", ready {}", clock_time(at, now, &state.zone)),
        None => String::new(),
    };
    let at_most = if summary.limits.patience < summary.limits.epochs { "at most " } else { "" };
    vec![
        (format!("epoch {epoch}"), done, left_text(summary, "", left), steps),
        (
            "run".into(),
            run_done,
            left_text(summary, at_most, run_left),
            // The list counts the epoch that is being trained, too.
            format!("{}/{} done{ready}", summary.epoch(), summary.last_epoch()),
        ),
    ]
}

/// Returns the remaining time. A paused run says so, because its time does not pass.
fn left_text(summary: &Summary, at_most: &str, left: f64) -> String {
    if summary.paused { format!("paused, {} to go", clock(left)) } else { format!("{at_most}{} left", clock(left)) }
}

fn lines(state: &State, summary: &Summary) -> Vec<Line> {
    let now = state.now;
    let Some(features) = summary.features else { return of_epochs(state, summary) };
    let (done, total) = (features.done, features.total);
    let since =
        if summary.paused { 0.0 } else { real(now.saturating_sub(summary.updated_at.unwrap_or(now))) / 1_000.0 };
    let left = real(total.saturating_sub(done) as u64) / features.images_per_second - since;
    let of = format!("{}/{}", thousands(done), thousands(total));
    vec![("features".into(), share(done, total), left_text(summary, "", left.max(0.0)), of)]
}

pub(super) fn render(state: &State, summary: &Summary, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    for (row, (name, share, left, of)) in (0..).zip(lines(state, summary)) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(&name, 10, theme.text());
        let columns = pen.room().saturating_sub(52).clamp(10, 80);
        progress::render(&mut pen, theme, share, columns);
        pen.right(&percent(share, 0), 5, theme.strong()).skip(2).left(&left, 21, theme.text());
        if pen.room() >= width(&of) {
            pen.write(&of, theme.dim());
        }
    }
}
