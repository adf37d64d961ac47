//! The curves of a run: loss, accuracy, or both where there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{EpochMetrics, RunState};
use crate::runs::steps::{Axis, Figure};
use crate::runs::{Steps, Summary};
use crate::tui::state::{Curves, RunView, State};
use crate::tui::widgets::curve::{Curve, Mark, Series, Window};
use crate::tui::widgets::paint::{Pen, rule};
use crate::tui::widgets::scale;

use super::verdict;

/// Columns from which both curves stand side by side.
const BOTH: u16 = 68;

/// The rule over the run: its name, what it trains on, and which curve is shown.
pub(super) fn title(state: &State, run: &RunView, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let Ok(summary) = &run.summary else { return };
    let what = format!("  {} on {}", summary.recipe.strategy, summary.recipe.dataset);
    let (word, style) = verdict::word(state, run);
    let curves = match state.runs.curves {
        Curves::Loss => "loss, m: accuracy",
        Curves::Accuracy => "accuracy, m: loss",
    };
    let note = if area.width >= BOTH + 32 { "" } else { curves };
    rule(
        buffer,
        theme,
        area,
        &[(run.id.as_str(), theme.strong()), ("  ", style), (&word, style), (&what, theme.dim())],
        note,
    );
}

pub(super) fn render(
    state: &State,
    run: &RunView,
    summary: &Summary,
    stands: RunState,
    buffer: &mut Buffer,
    area: Rect,
) {
    let steps = run.curves.as_deref();
    if area.width < BOTH {
        curve(state, summary, steps, stands, state.runs.curves).render(buffer, &state.theme, area);
        return;
    }
    let half = area.width / 2;
    let places = [Rect { width: half, ..area }, Rect { x: area.x + half, width: area.width - half, ..area }];
    for (place, (which, name)) in places.into_iter().zip([(Curves::Loss, "loss"), (Curves::Accuracy, "accuracy")]) {
        Pen::new(buffer, &state.theme, place, 0).skip(1).write(name, state.theme.strong());
        let below = Rect { y: place.y + 1, height: place.height.saturating_sub(1), ..place };
        curve(state, summary, steps, stands, which).render(buffer, &state.theme, below);
    }
}

fn curve(state: &State, summary: &Summary, steps: Option<&Steps>, stands: RunState, which: Curves) -> Curve {
    /// The figure of the step curve, and how an epoch gives one for the training and validation curves.
    type Figures = (Figure, fn(&EpochMetrics) -> f64, fn(&EpochMetrics) -> f64);
    let (of_step, of_train, of_val): Figures = match which {
        Curves::Loss => (Figure::Loss, |epoch| epoch.train_loss, |epoch| epoch.val_loss),
        Curves::Accuracy => (Figure::Accuracy, |epoch| epoch.train_accuracy, |epoch| epoch.val_accuracy),
    };
    let theme = &state.theme;
    let epochs = |figure: fn(&EpochMetrics) -> f64, style: Style, label: &str| Series {
        points: summary.history.iter().map(|epoch| (f64::from(epoch.epoch), figure(epoch))).collect(),
        style,
        label: String::from(label),
    };
    let mut train = epochs(of_train, theme.train(), "train");
    let steps: Vec<(f64, f64)> = steps.into_iter().flat_map(|steps| steps.points(Axis::Epochs, of_step)).collect();
    if train.points.is_empty() {
        // Before the first epoch ends its steps are all there is.
        train.points.clone_from(&steps);
    }
    let reached = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
    let end = if stands.is_active() { scale::epochs(reached, summary.recipe.epochs) } else { reached.max(1) };
    let mark = |best: &EpochMetrics| Mark {
        x: f64::from(best.epoch),
        y: of_val(best),
        style: theme.validation().patch(theme.strong()),
    };
    Curve {
        series: vec![
            Series { points: steps, style: theme.steps(), label: String::new() },
            train,
            epochs(of_val, theme.validation(), "val"),
        ],
        window: Window::until(f64::from(end)),
        marks: summary.best().map(mark).into_iter().collect(),
        empty: (if stands.is_active() { "the curve begins with the first steps" } else { "no epoch was completed" })
            .into(),
        ..Curve::default()
    }
}
