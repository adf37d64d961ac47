//! One run: its curves, its progress, where early stopping stands, its final metrics, its log.
//!
//! ```text
//! ── calm-heron · loss ────────────────── m: accuracy ── ┌ early stopping
//!  1.4┤⡇                                                 │ best      epoch 9
//!  1.2┤ ⠣⡀                                 val           │ waited    3 of 6  ■■■□□□
//!  1.0┤  ⠈⠢⢄⡀                              train         │ stops at  epoch 15, unless …
//!  epoch 12 ━━━━━━━━━━━━━━━━━━━━━╸──────── 71%  0:02 left
//!  run      ━━━━━━━╸────────────────────── 24%  4:10 left
//! ── log ──────────────────────────────────────────────────────────────────
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::RunState;
use crate::runs::Summary;
use crate::tui::state::{RunView, State};
use crate::tui::widgets::figures::{clock, percent, real};
use crate::tui::widgets::paint::{Pen, rule, width, wrap};
use crate::tui::widgets::progress;

use super::{curves, log, panel, scores, verdict};

/// Columns of the figures beside the curves.
const PANEL: u16 = 32;

/// The fewest rows that curves are readable in.
const CURVE_ROWS: u16 = 7;

/// Cuts `rows` rows off the top of `area`.
fn take(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let top = Rect { height: rows, ..*area };
    *area = Rect { y: area.y + rows, height: area.height - rows, ..*area };
    top
}

pub(super) fn render(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let mut rest = area;
    let (summary, stands) = match (&run.summary, run.state(state.now)) {
        (Ok(summary), Some(stands)) => (summary, stands),
        (Err(reason), _) => {
            rule(buffer, theme, take(&mut rest, 1), &[(run.id.as_str(), theme.strong())], "");
            for (row, line) in (0..).zip(wrap(reason, rest.width.saturating_sub(3))) {
                Pen::new(buffer, theme, rest, row).skip(1).write(&line, theme.bad());
            }
            return;
        }
        (Ok(_), None) => return,
    };
    curves::title(state, run, buffer, take(&mut rest, 1));
    if let Some((sentence, style)) = verdict::sentence(theme, summary, stands) {
        let lines = wrap(&sentence, rest.width.saturating_sub(2));
        let rows = u16::try_from(lines.len()).unwrap_or(1).min(3);
        let place = take(&mut rest, rows);
        for (row, line) in (0..rows).zip(&lines) {
            Pen::new(buffer, theme, place, row).skip(1).write(line, style);
        }
    }
    let bars = if stands == RunState::Running && !verdict::trained(summary) { 2 } else { 0 };
    let tested = scores::rows(summary);
    let with_scores = tested > 0 && rest.height >= CURVE_ROWS + bars + tested;
    let free = rest.height.saturating_sub(CURVE_ROWS + bars + if with_scores { tested } else { 0 });
    // The log gets what the curves can spare, at most a third.
    let wanted = log::rows(run, rest.width).saturating_add(1);
    let log_rows = if free >= 3 { (free / 2).clamp(3, 16).min(wanted.max(3)) } else { 0 };
    let curve_rows = rest.height.saturating_sub(bars + log_rows + if with_scores { tested } else { 0 });
    let top = take(&mut rest, curve_rows);
    let plot = Rect { width: top.width.saturating_sub(PANEL), ..top };
    curves::render(state, summary, stands, buffer, plot);
    let beside = Rect { x: plot.right(), width: top.width - plot.width, ..top };
    panel::render(state, summary, stands, !with_scores, buffer, beside);
    if bars > 0 {
        bars_of(state, summary, buffer, take(&mut rest, bars));
    }
    if with_scores {
        scores::render(state, summary, buffer, take(&mut rest, tested));
    }
    if log_rows > 0 {
        log::render(state, run, buffer, rest);
    }
}

/// Share of the epoch that is done and seconds that it still takes.
fn epoch_left(summary: &Summary, now: u64) -> (f64, f64) {
    let Some(progress) = summary.progress else { return (0.0, f64::NAN) };
    let done = f64::from(progress.step) / f64::from(progress.steps.max(1));
    let updated = summary.updated_at.unwrap_or(progress.started_at);
    let spent = real(updated.saturating_sub(progress.started_at)) / 1_000.0;
    let since = real(now.saturating_sub(updated)) / 1_000.0;
    if done > 0.0 { (done, (spent * (1.0 - done) / done - since).max(0.0)) } else { (done, f64::NAN) }
}

/// Share of the run that is done, were it to use all its epochs, and seconds that it then still takes.
fn run_left(summary: &Summary, now: u64) -> (f64, f64) {
    let all = f64::from(summary.recipe.epochs.max(1));
    let (done, seconds) = epoch_left(summary, now);
    let share = (f64::from(summary.epoch()) + done) / all;
    let recent: Vec<f64> = summary.history.iter().rev().take(5).map(|epoch| epoch.seconds).collect();
    let under_way = u32::from(summary.progress.is_some());
    let after = f64::from(summary.recipe.epochs.saturating_sub(summary.epoch() + under_way));
    if recent.is_empty() {
        let whole = if done > 0.0 { seconds / (1.0 - done).max(1e-9) } else { f64::NAN };
        return (share, seconds + after * whole);
    }
    let mean = recent.iter().sum::<f64>() / real(recent.len() as u64);
    let this = if seconds.is_finite() { seconds } else { mean * f64::from(under_way) };
    (share, this + after * mean)
}

fn bars_of(state: &State, summary: &Summary, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let epoch = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
    let (done, left) = epoch_left(summary, state.now);
    let steps =
        summary.progress.map_or_else(String::new, |progress| format!("step {}/{}", progress.step, progress.steps));
    let (run_done, run_left) = run_left(summary, state.now);
    let at_most = if summary.recipe.early_stopping.patience < summary.recipe.epochs { "at most " } else { "" };
    let lines = [
        (format!("epoch {epoch}"), done, format!("{} left", clock(left)), steps),
        (
            "run".into(),
            run_done,
            format!("{at_most}{} left", clock(run_left)),
            format!("{epoch}/{} epochs", summary.recipe.epochs),
        ),
    ];
    for (row, (name, share, left, of)) in (0..).zip(lines) {
        let mut pen = Pen::new(buffer, theme, area, row);
        pen.skip(1).left(&name, 10, theme.text());
        let columns = pen.room().saturating_sub(44).clamp(10, 80);
        progress::line(&mut pen, theme, share, columns);
        pen.right(&percent(share, 0), 5, theme.strong()).skip(2).left(&left, 21, theme.text());
        if pen.room() >= width(&of) {
            pen.write(&of, theme.dim());
        }
    }
}
