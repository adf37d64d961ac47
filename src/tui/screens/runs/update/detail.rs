//! The keys of the selected run's curves and log.

use super::super::{EpochPositions, Pane, RunsPurpose};
use super::ask;
use crate::domain::RunState;
use crate::tui::messages::{Action, RunsAction, moved};
use crate::tui::state::State;
use crate::tui::widgets::curve::Window;

/// Returns the whole axis of the selected run's curves and the center of zooming. That is the newest data of a running
/// run, else the middle of the visible part.
fn axis(state: &State) -> Option<(Window, f64)> {
    let run = state.runs.current(&state.library)?;
    let run_state = run.state(state.now)?;
    let positions = EpochPositions::of(run, state.runs.chart.axis)?;
    let whole = positions.whole(run_state);
    let shown = state.runs.chart.visible(whole);
    let newest = positions.reached();
    let live = run_state == RunState::Running && shown.contains(newest);
    Some((whole, if live { newest } else { shown.from.midpoint(shown.to) }))
}

pub(super) fn cursor(state: &mut State, forward: bool) {
    if let Some((whole, _)) = axis(state) {
        state.runs.chart.move_cursor(whole, forward);
    }
}

pub(super) fn apply(state: &mut State, action: RunsAction) {
    match action {
        RunsAction::ToggleCurve => state.runs.chart.curves = state.runs.chart.curves.next(),
        RunsAction::Smooth => state.runs.chart.smooth_more(),
        RunsAction::LogScale => state.runs.chart.log = !state.runs.chart.log,
        RunsAction::Axis => state.runs.chart.next_axis(),
        RunsAction::ZoomReset => state.runs.chart.reset(),
        RunsAction::ZoomIn | RunsAction::ZoomOut => {
            if let Some((whole, here)) = axis(state) {
                state.runs.chart.zoom(whole, here, action == RunsAction::ZoomIn);
            }
        }
        RunsAction::PanLeft | RunsAction::PanRight => {
            if let Some((whole, _)) = axis(state) {
                state.runs.chart.pan(whole, action == RunsAction::PanRight);
            }
        }
        RunsAction::Pane => {
            state.runs.pane = match state.runs.pane {
                Pane::Curves => Pane::Log,
                Pane::Log => Pane::Curves,
            };
        }
        RunsAction::PaneWhole => {
            state.runs.pane_whole = !(state.runs.whole && state.runs.pane_whole);
            state.runs.whole |= state.runs.current(&state.library).is_some();
        }
        RunsAction::Follow => state.runs.log.toggle_following(),
        RunsAction::Search => {
            let before = state.runs.log.search.clone();
            let explanation = "any part of a line; n and N go to the next and the previous match";
            ask(
                state,
                RunsPurpose::Search { before: before.clone() },
                "search the log".into(),
                explanation.into(),
                &before,
            );
        }
        RunsAction::NextHit => search(state, true, false),
        RunsAction::PreviousHit => search(state, false, false),
        _ => {}
    }
}

/// Shows the next match, or an error if there is none.
pub(super) fn search(state: &mut State, towards_end: bool, from_here: bool) {
    let Some(log) = state.runs.current(&state.library).map(|run| run.log.clone()) else { return };
    if state.runs.log.search.is_empty() {
        return state.fail("there is no search text: / starts a search");
    }
    if !state.runs.log.find(&log, towards_end, from_here) {
        let words = format!("the log does not contain '{}'", state.runs.log.search);
        state.fail(&words);
    }
}

/// Scrolls the log; up is towards its beginning.
pub(super) fn scroll(state: &mut State, movement: Action) {
    let count = state.runs.current(&state.library).map_or(0, |run| run.log.len());
    let here = count.saturating_sub(1 + state.runs.log.back);
    let to = moved(here, movement, count);
    let by = isize::try_from(here).unwrap_or(0) - isize::try_from(to).unwrap_or(0);
    state.runs.log.scroll(by, count);
}
