//! The Compare screen: the marked runs side by side, their differences, and whether these are due to chance.
//!
//! ```text
//! ── ▸ metrics ───────────────────── A is the baseline ──
//!               A quiet-lynx   B calm-heron
//!  state              ✓ done         ✓ done
//!  accuracy           0.6226       ▲ 0.6550
//! ── val loss over epochs ───────────────────────────────
//! ── is it luck? ───────── on the same 7,178 test images ──
//!  B − A  accuracy +3.2 points: 612 images gained, 382 lost (McNemar p < 0.001): more than chance
//! ```

mod backend;
pub(in crate::tui) mod choice;
mod curves;
mod empty;
mod grid;
mod panes;
mod state;
mod tables;
mod text;
mod update;
mod verdicts;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text_selection;
use crate::tui::layout::Canvas;
use crate::tui::messages::{Action, Binding, CompareAction, Effect};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
use crate::tui::widgets::number_text::count;
use crate::tui::widgets::paint::{Pen, draw_rule, wrap};
pub(super) use backend::run_effect;
use choice::{compared, left_out, suggested};
use panes::{PaneSizes, arrange};
pub use state::{CompareCurve, ComparePane, CompareState, CurveView, VerdictStatus};
pub use update::on_event;

/// The Compare screen's entry in the table of screens.
pub(super) struct Compare;

impl ScreenEntry for Compare {
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
        draw(state, canvas, area);
    }

    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn hint(&self, state: &State, binding: &Binding) -> &'static str {
        match binding.action {
            Action::Open if state.compare.comparison.is_none() => "mark two",
            Action::Back if state.compare.zoomed => "all panes",
            Action::Back => "runs",
            _ => binding.hint,
        }
    }

    fn applies(&self, state: &State, action: Action) -> bool {
        applies(state, action)
    }

    fn on_show(&self, state: &mut State) -> Vec<Effect> {
        update::refresh(state)
    }

    fn on_runs(&self, state: &mut State) -> Vec<Effect> {
        update::refresh(state)
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        text_selection("the comparison", text::as_text(state))
    }
}

fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let theme = &state.theme;
    if let Some(error) = &state.library.runs.error {
        for (row, line) in (1..).zip(wrap(error, area.width.saturating_sub(4))) {
            Pen::new(buffer, theme, area, row).skip(2).write(&line, theme.bad());
        }
        return;
    }
    let Some(comparison) = &state.compare.comparison else { return empty::render(state, buffer, area) };
    let metrics = tables::metrics(state, comparison);
    let classes = tables::classes(state, comparison, area.width / 2);
    let settings = tables::settings(state, comparison);
    let blocks = verdicts::blocks(state, comparison);
    let sizes = PaneSizes {
        metrics: metrics.rows() + 1,
        metrics_width: metrics.wanted() + 1,
        classes: classes.rows() + 1,
        classes_width: classes.wanted() + 1,
        verdicts: verdicts::rows(&blocks, area.width) + 1,
    };
    for (pane, place) in arrange(&state.compare, &sizes, area) {
        let rows = place.height.saturating_sub(1);
        let table = match pane {
            ComparePane::Metrics => Some(&metrics),
            ComparePane::Classes => Some(&classes),
            ComparePane::Settings => Some(&settings),
            ComparePane::Curves | ComparePane::Verdicts => None,
        };
        let hidden = table.map_or((0, 0), |table| (table.hidden_columns(place.width), table.hidden(rows)));
        let inside = head(state, pane, hidden, buffer, place);
        match pane {
            ComparePane::Metrics => metrics.render(buffer, theme, inside),
            ComparePane::Curves => curves::render(state, buffer, inside),
            ComparePane::Classes if comparison.classes.is_empty() => {
                let words = match tables::other_images(state) {
                    Some(images) => format!("the runs are on {images}: their classes are not compared"),
                    None => "no run is tested yet, or their classes differ".into(),
                };
                note(state, buffer, inside, &words);
            }
            ComparePane::Classes => tables::classes(state, comparison, inside.width).render(buffer, theme, inside),
            ComparePane::Settings if comparison.settings.is_empty() => {
                note(state, buffer, inside, "their settings are the same");
            }
            ComparePane::Settings => settings.render(buffer, theme, inside),
            ComparePane::Verdicts => verdicts::render(state, &blocks, buffer, inside),
        }
    }
}

fn note(state: &State, buffer: &mut Buffer, area: Rect, words: &str) {
    for (row, line) in (0..).zip(wrap(words, area.width.saturating_sub(2))) {
        Pen::new(buffer, &state.theme, area, row).skip(1).write(&line, state.theme.dim());
    }
}

/// Draws the rule above a pane, of which so many columns and rows are hidden. Returns the area below it.
fn head(state: &State, pane: ComparePane, (columns, rows): (usize, usize), buffer: &mut Buffer, area: Rect) -> Rect {
    let theme = &state.theme;
    let compare = &state.compare;
    let unseen = left_out(state).len();
    let focused = compare.pane == pane;
    let note = match pane {
        ComparePane::Metrics => match tables::other_images(state) {
            Some(images) => format!("{images}: no best"),
            None if unseen > 0 => format!("{} of {} marked runs", compare.runs.len(), compare.runs.len() + unseen),
            None if compare.has_seeds() && !compare.fold => "f folds seeds".to_owned(),
            None => "A is the baseline".to_owned(),
        },
        ComparePane::Curves => curves::note(compare.curves),
        ComparePane::Verdicts => verdicts::note(state),
        ComparePane::Classes | ComparePane::Settings => String::new(),
    };
    let columns = (columns > 0).then(|| format!("{} →", count(columns, "more run", "more runs")));
    let rows = (rows > 0).then(|| format!("{} ↓", count(rows, "more row", "more rows")));
    let note = (!note.is_empty()).then_some(note);
    let note = [note, columns, rows].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let style = if focused { theme.accent() } else { theme.strong() };
    let sign = if focused { format!("{} ", theme.glyphs.focus) } else { String::new() };
    draw_rule(
        buffer,
        theme,
        Rect { height: 1.min(area.height), ..area },
        &[(&sign, style), (pane.title(), style)],
        &note,
    );
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// Returns whether an action would have an effect now.
fn applies(state: &State, action: Action) -> bool {
    let compare = &state.compare;
    let Some(comparison) = &compare.comparison else {
        return match action {
            Action::Open => compared(state).len() + suggested(state).len() > 1,
            _ => !matches!(action, Action::Compare(_) | Action::Left | Action::Right),
        };
    };
    match action {
        Action::Compare(CompareAction::Baseline | CompareAction::MoveLeft) => compare.position() > 0,
        Action::Compare(CompareAction::Reference) => !comparison.references.is_empty(),
        Action::Compare(CompareAction::Fold) => compare.has_seeds(),
        _ => true,
    }
}
