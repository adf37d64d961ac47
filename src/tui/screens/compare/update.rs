//! The changes that keys and events make on the Compare screen.

use std::sync::Arc;

use super::choice::{compared, suggested};
use super::{ComparePane, CurveView};
use crate::runs::Summary;
use crate::tui::messages::compare::RunPair;
use crate::tui::messages::{Action, CompareAction, CompareEffect, CompareEvent, Effect, moved};
use crate::tui::screen::Screen;
use crate::tui::screens::go_to;
use crate::tui::state::State;

/// The maximum number of verdicts in memory. Beyond it, those of runs that are not compared are removed.
const KEPT: usize = 64;

/// Applies an action. Returns the effects to request.
pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let compare = &mut state.compare;
    if compare.comparison.is_none() {
        return match action {
            Action::Open => accept(state),
            Action::Back => go_to(state, Screen::Runs),
            _ => Vec::new(),
        };
    }
    match action {
        Action::Left => select(state, -1),
        Action::Right => select(state, 1),
        Action::Open => return open(state),
        Action::Back if compare.zoomed => compare.zoomed = false,
        Action::Back => return go_to(state, Screen::Runs),
        Action::Compare(action) => return apply_own(state, action),
        movement => {
            let pane = compare.pane;
            compare.lines[pane as usize] = moved(compare.line(pane), movement, compare.count(pane));
        }
    }
    Vec::new()
}

fn apply_own(state: &mut State, action: CompareAction) -> Vec<Effect> {
    let compare = &mut state.compare;
    let curves = &mut compare.curves;
    match action {
        CompareAction::NextPane => focus(state, 1),
        CompareAction::PreviousPane => focus(state, -1),
        CompareAction::Zoom => compare.zoomed = !compare.zoomed,
        CompareAction::Reference => compare.references = !compare.references,
        CompareAction::Fold => fold(state),
        CompareAction::Curve => curves.shown = curves.shown.next(),
        CompareAction::Axis => curves.time = !curves.time,
        CompareAction::Log => curves.log = !curves.log,
        CompareAction::Smoother => curves.smoothing = (curves.smoothing + 1).min(CurveView::SMOOTHEST),
        CompareAction::Rougher => curves.smoothing = curves.smoothing.saturating_sub(1),
        CompareAction::Baseline => return move_run(state, |_, _| 0),
        CompareAction::MoveLeft => return move_run(state, |at, _| at.saturating_sub(1)),
        CompareAction::MoveRight => return move_run(state, |at, last| (at + 1).min(last)),
        CompareAction::Unmark => return unmark(state),
        CompareAction::Inspect => return inspect(state),
    }
    Vec::new()
}

/// Applies an event. Returns the effects to request.
pub fn on_event(state: &mut State, event: CompareEvent) -> Vec<Effect> {
    match event {
        CompareEvent::VerdictComputed(pair, verdict) => {
            let compare = &mut state.compare;
            if compare.requested.as_ref() == Some(&pair) {
                compare.requested = None;
            }
            if compare.verdicts.len() >= KEPT {
                let runs = &compare.runs;
                compare.verdicts.retain(|pair, _| runs.iter().any(|run| run.id == pair.run.id));
            }
            // The key contains the times of both runs' events, so that an outdated verdict is never shown.
            compare.verdicts.insert(pair, verdict);
            refresh(state)
        }
    }
}

/// Compares the marked runs as they are now, and requests the next missing verdict. Only one is requested at a time, so
/// that a new baseline does not wait for verdicts of the old one.
pub(super) fn refresh(state: &mut State) -> Vec<Effect> {
    if state.screen != Screen::Compare {
        return Vec::new();
    }
    let runs: Vec<Arc<Summary>> =
        compared(state).iter().filter_map(|run| run.summary.as_ref().ok()).map(Arc::clone).collect();
    let compare = &mut state.compare;
    compare.set_runs(runs);
    if compare.comparison.is_none() || compare.requested.is_some() {
        return Vec::new();
    }
    let Some((baseline, others)) = compare.runs.split_first() else { return Vec::new() };
    let missing =
        |run: &&Arc<Summary>| run.test.is_some() && !compare.verdicts.contains_key(&RunPair::of(baseline, run));
    let Some(run) = others.iter().find(missing).filter(|_| baseline.test.is_some()) else { return Vec::new() };
    let (baseline, run) = (Arc::clone(baseline), Arc::clone(run));
    compare.requested = Some(RunPair::of(&baseline, &run));
    vec![Effect::Compare(CompareEffect::ComputeVerdict { baseline, run })]
}

fn focus(state: &mut State, by: isize) {
    let compare = &mut state.compare;
    compare.pane = compare.pane.step(by);
    if compare.pane == ComparePane::Verdicts {
        compare.lines[ComparePane::Verdicts as usize] = compare.position().saturating_sub(1);
    }
    if !matches!(compare.pane, ComparePane::Metrics | ComparePane::Verdicts) {
        compare.middle = Some(compare.pane);
    }
}

/// Selects the column `by` positions to the right.
fn select(state: &mut State, by: isize) {
    let compare = &mut state.compare;
    let columns = compare.columns();
    let here = compare.position();
    let at = columns.iter().position(|runs| runs.contains(&here)).unwrap_or(0);
    let to = at.saturating_add_signed(by).min(columns.len().saturating_sub(1));
    let run = columns.get(to).and_then(|runs| compare.runs.get(*runs.first()?));
    compare.selected = run.map(|run| run.id.clone());
}

fn fold(state: &mut State) {
    if !state.compare.has_seeds() {
        state.notify("no two of these runs differ only in the seed: there is nothing to fold".into());
        return;
    }
    state.compare.fold = !state.compare.fold;
    select(state, 0);
}

/// Moves the selected run among the marked ones. `to` maps its index and the last index to the new one; index 0 is the
/// baseline.
fn move_run(state: &mut State, to: impl Fn(usize, usize) -> usize) -> Vec<Effect> {
    let Some(id) = state.compare.current().map(|run| run.id.clone()) else { return Vec::new() };
    // Only visible runs are reordered, because an unreadable marked run has no column.
    let mut order: Vec<_> = state.compare.runs.iter().map(|run| run.id.clone()).collect();
    let from = state.compare.position();
    let to = to(from, order.len() - 1);
    let moved = order.remove(from);
    order.insert(to, moved);
    let rest = state.runs.marked.iter().filter(|id| !order.contains(id)).cloned().collect::<Vec<_>>();
    state.runs.marked = order.into_iter().chain(rest).collect();
    state.compare.selected = Some(id);
    refresh(state)
}

fn unmark(state: &mut State) -> Vec<Effect> {
    let at = state.compare.position();
    let Some(id) = state.compare.current().map(|run| run.id.clone()) else { return Vec::new() };
    state.runs.marked.retain(|marked| *marked != id);
    let effects = refresh(state);
    let next = state.compare.runs.get(at).or(state.compare.runs.last());
    state.compare.selected = next.map(|run| run.id.clone());
    state.notify(format!("{id} is unmarked; Space on the Runs screen marks it again"));
    effects
}

/// Shows the selected run on the Runs screen.
fn open(state: &mut State) -> Vec<Effect> {
    let Some(id) = state.compare.current().map(|run| run.id.clone()) else { return Vec::new() };
    let effects = go_to(state, Screen::Runs);
    state.runs.selected = Some(id);
    state.runs.whole = true;
    effects
}

/// Inspects the selected run against the baseline, or the baseline by itself.
fn inspect(state: &mut State) -> Vec<Effect> {
    let compare = &state.compare;
    let (Some(baseline), Some(run)) = (compare.runs.first(), compare.current()) else { return Vec::new() };
    if run.test.is_none() {
        let words = format!("{} is not tested yet: there are no predictions to inspect", run.id);
        state.fail(&words);
        return Vec::new();
    }
    let (baseline, run) = (baseline.id.clone(), run.id.clone());
    state.runs.selected = Some(run.clone());
    state.inspect.followed = Some(run.clone());
    state.inspect.against = Some(baseline).filter(|baseline| *baseline != run);
    state.inspect.run = Some(run);
    go_to(state, Screen::Inspect)
}

/// Marks the runs that the empty screen suggests.
fn accept(state: &mut State) -> Vec<Effect> {
    let suggested = suggested(state);
    if compared(state).len() + suggested.len() < 2 {
        return go_to(state, Screen::Runs);
    }
    state.runs.marked.extend(suggested);
    refresh(state)
}
