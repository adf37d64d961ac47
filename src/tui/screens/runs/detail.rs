//! The detail of one run: curves, progress, early stopping, final metrics, and log.
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

use super::Pane;
use crate::domain::RunState;
use crate::domain::number_text::clock_time;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};

use super::{bars, curves, log, panel, scores, status};

/// Columns of the panel to the right of the curves.
const PANEL: u16 = 32;

/// The fewest rows in which curves are readable.
const CURVE_ROWS: u16 = 7;

/// Cuts `rows` rows off the top of `area` and returns them.
fn take(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let top = Rect { height: rows, ..*area };
    *area = Rect { y: area.y + rows, height: area.height - rows, ..*area };
    top
}

/// Draws the detail, with the log if `with_log`.
pub(super) fn render(state: &State, run: &RunView, with_log: bool, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let mut rest = area;
    let (summary, run_state) = match (&run.summary, run.state(state.now)) {
        (Ok(summary), Some(run_state)) => (summary, run_state),
        (Err(reason), _) => {
            draw_rule(buffer, theme, take(&mut rest, 1), &[(run.id.as_str(), theme.strong())], "");
            for (row, line) in (0..).zip(wrap(reason, rest.width.saturating_sub(3))) {
                Pen::new(buffer, theme, rest, row).skip(1).write(&line, theme.bad());
            }
            return;
        }
        (Ok(_), None) => return,
    };
    let alone = state.runs.whole && state.runs.pane_whole;
    let plot_columns = rest.width.saturating_sub(if alone { 0 } else { PANEL });
    curves::draw_title(state, run, plot_columns, buffer, take(&mut rest, 1));
    let pending = state.runs.pending_request(&run.id).map(|pending| (pending.describe(state.now), theme.warning()));
    if alone {
        return match state.runs.pane {
            Pane::Log => log::render(state, run, buffer, rest),
            Pane::Curves => curves::render(state, run, summary, run_state, buffer, rest),
        };
    }
    let damage = (!run.damage.is_none()).then(|| {
        let sentence = format!("event log: {}; the rest is shown; details: `mien runs --check {}`", run.damage, run.id);
        (sentence, theme.warning())
    });
    let times = state.runs.queue.of(&run.id);
    let clock = |at: u64| clock_time(at, state.now, &state.zone);
    let expected = times.begins.filter(|_| run_state == RunState::Queued).map(|begins| {
        let ahead = state.runs.queue.ahead(&run.id).map_or_else(String::new, |ahead| format!("{ahead} ahead of it; "));
        let ends = times.ends.map_or_else(String::new, |ends| format!(", ends by {}", clock(ends)));
        (format!("{ahead}begins about {}{ends}", clock(begins)), theme.text())
    });
    let job = run.job.clone().map(|words| (words, theme.dim()));
    // A submitted run waits for its cluster, and not for a device of this machine.
    let described = (!run.submitted)
        .then(|| status::describe_state(theme, summary, run_state, run.worker_death.as_ref()))
        .flatten();
    for (sentence, style) in pending.into_iter().chain(damage).chain(expected).chain(job).chain(described) {
        let lines = wrap(&sentence, rest.width.saturating_sub(2));
        let rows = u16::try_from(lines.len()).unwrap_or(1).min(3);
        let place = take(&mut rest, rows);
        for (row, line) in (0..rows).zip(&lines) {
            Pen::new(buffer, theme, place, row).skip(1).write(line, style);
        }
    }
    let bars = bars::rows(summary, run_state);
    let tested = scores::rows(summary);
    let with_scores = tested > 0 && rest.height >= CURVE_ROWS + bars + tested;
    let free = rest.height.saturating_sub(CURVE_ROWS + bars + if with_scores { tested } else { 0 });
    // The log takes at most half of the rows that the curves can spare.
    let wanted = log::rows(run, rest.width).saturating_add(1);
    let log_rows = match (state.runs.whole && state.runs.pane == Pane::Log, free) {
        // While the log has the keyboard focus, it takes half of the rows.
        _ if !with_log => 0,
        (true, _) => (rest.height.saturating_sub(bars) / 2).max(3),
        (false, 3..) => (free / 2).clamp(3, 16).min(wanted.max(3)),
        (false, _) => 0,
    };
    let with_scores = with_scores && rest.height >= log_rows + bars + tested + 4;
    let curve_rows = rest.height.saturating_sub(bars + log_rows + if with_scores { tested } else { 0 });
    let top = take(&mut rest, curve_rows);
    let plot = Rect { width: top.width.saturating_sub(PANEL), ..top };
    curves::render(state, run, summary, run_state, buffer, plot);
    let beside = Rect { x: plot.right(), width: top.width - plot.width, ..top };
    panel::render(state, summary, run_state, !with_scores, buffer, beside);
    if bars > 0 {
        bars::render(state, summary, buffer, take(&mut rest, bars));
    }
    if with_scores {
        scores::render(state, summary, buffer, take(&mut rest, tested));
    }
    if log_rows > 0 {
        log::render(state, run, buffer, rest);
    }
}
