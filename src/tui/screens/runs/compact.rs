//! The Runs screen on a small terminal: a short list, and the facts of the selected run.

use ratatui::layout::Rect;

use super::{list, panel, status};
use crate::domain::hyperparameter::Patience;
use crate::domain::number_text::{clock_time, ready_at};
use crate::runs::estimate::run_left;
use crate::tui::layout::Canvas;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{clock, decimal};
use crate::tui::widgets::paint::{Pen, wrap};

/// The rows of the facts, of which the sentence on the state may take two.
const FACTS: u16 = 5;

/// Draws the list and the facts of the selected run.
pub(super) fn render(state: &State, run: &RunView, canvas: &mut Canvas<'_>, area: Rect) {
    let count = u16::try_from(state.library.runs.list.len()).unwrap_or(u16::MAX / 2);
    let wanted = count + 1 + list::heading_rows(state);
    let rows = wanted.min(area.height.saturating_sub(FACTS)).max(3).min(area.height);
    list::render(state, canvas.buffer, &mut canvas.layout, Rect { height: rows, ..area });
    let below = Rect { y: area.y + rows, height: area.height - rows, ..area };
    for (row, line) in (0..below.height).zip(facts(state, run, area.width.saturating_sub(2))) {
        Pen::new(canvas.buffer, &state.theme, below, row).skip(1).write(&line, state.theme.text());
    }
}

/// Returns epoch, validation loss, early stopping, remaining time and state, a line each.
fn facts(state: &State, run: &RunView, columns: u16) -> Vec<String> {
    let (Ok(summary), Some(run_state)) = (&run.summary, run.state(state.now)) else {
        return wrap(run.summary.as_ref().err().map_or("", String::as_str), columns);
    };
    let limits = summary.limits;
    let loss = summary.epochs.last().map_or_else(|| "–".into(), |last| decimal(last.val_loss, 4));
    let mut lines = vec![format!("epoch {} of {}, val loss {loss}", summary.epoch(), summary.last_epoch())];
    let stopping = &summary.early_stopping;
    if stopping.best_epoch > 0 {
        let patience = Patience(limits.patience);
        let waited = if patience.is_off() {
            "early stopping off".to_owned()
        } else {
            format!("waited {} of {patience}", stopping.waited)
        };
        let metric = panel::monitor(summary.recipe.early_stopping.monitor);
        let best = format!("best {metric} {} at epoch {}", decimal(stopping.best_value, 4), stopping.best_epoch);
        let both = format!("{best}, {waited}");
        if both.chars().count() <= usize::from(columns) { lines.push(both) } else { lines.extend([best, waited]) }
    }
    let (_, left) = run_left(summary, state.now);
    if run_state.is_active() && left.is_finite() && !summary.paused && !status::has_trained(summary) {
        let ready = ready_at(state.now, left).map(|at| clock_time(at, state.now, &state.zone)).unwrap_or_default();
        lines.push(format!("at most {} left, ready {ready}", clock(left)));
    }
    let death = run.worker_death.as_ref();
    let sentence = status::describe_state(&state.theme, summary, run_state, death);
    lines.extend(sentence.iter().flat_map(|(text, _)| wrap(text, columns)));
    lines
}
