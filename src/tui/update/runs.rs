//! The Runs screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, moved};
use crate::domain::RunState;
use crate::tui::action::RunsAction;
use crate::tui::event::RunsEvent;
use crate::tui::state::{Confirm, Curves, Overlay, RunView};

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let now = state.now;
    let runs = &mut state.runs;
    match action {
        Action::Back => runs.whole = false,
        Action::ToggleCurve => {
            runs.curves = match runs.curves {
                Curves::Loss => Curves::Accuracy,
                Curves::Accuracy => Curves::Loss,
            };
        }
        Action::Open => runs.whole = runs.current().is_some(),
        Action::Stop | Action::Resume | Action::Repeat => {
            let Some(run) = runs.current().cloned() else { return Vec::new() };
            let Some(stands) = run.state(now) else {
                fail(state, &format!("{} cannot be read", run.id));
                return Vec::new();
            };
            return match action {
                Action::Stop => stop(state, &run, stands),
                Action::Resume => resume(state, &run, stands),
                _ => repeat(state, &run),
            };
        }
        Action::Runs(RunsAction::Mark) => mark(state),
        Action::Runs(RunsAction::Unmark) => runs.marked.clear(),
        movement => {
            let to = moved(runs.position(), movement, runs.list.len());
            runs.selected = runs.list.get(to).map(|run| run.id.clone());
        }
    }
    Vec::new()
}

fn stop(state: &mut State, run: &RunView, stands: RunState) -> Vec<Effect> {
    if stands.is_active() {
        let lines = [
            &format!("Stop {}?", run.id),
            "It ends after the current batch.",
            "R resumes it after the last completed epoch.",
        ];
        state.overlay = Some(Overlay::Confirm(Confirm {
            title: "stop",
            lines: lines.map(str::to_owned).to_vec(),
            yes: "yes, stop it",
            effects: vec![Effect::Stop(run.id.clone())],
        }));
    } else {
        fail(state, &format!("{} is {stands}: there is nothing to stop", run.id));
    }
    Vec::new()
}

fn resume(state: &mut State, run: &RunView, stands: RunState) -> Vec<Effect> {
    if matches!(stands, RunState::Stopped | RunState::Lost | RunState::Failed) {
        state.runs.selected = Some(run.id.clone());
        return vec![Effect::Resume(run.id.clone())];
    }
    let hint = if stands.is_active() { "nothing to resume" } else { "r repeats its settings" };
    fail(state, &format!("{} is {stands}: {hint}", run.id));
    Vec::new()
}

fn repeat(state: &mut State, run: &RunView) -> Vec<Effect> {
    let Ok(summary) = &run.summary else { return Vec::new() };
    let (form, ground) = state.form_on_ground();
    form.fill(&summary.recipe, &ground);
    state.runs.selected = Some(run.id.clone());
    go(state, Screen::Train)
}

/// Takes news in.
pub(super) fn heard(_state: &mut State, event: RunsEvent) -> Vec<Effect> {
    match event {}
}

/// Marks the selected run, or takes the mark off it, and goes on to the next one.
fn mark(state: &mut State) {
    let runs = &mut state.runs;
    let Some(id) = runs.current().map(|run| run.id.clone()) else { return };
    if let Some(at) = runs.marked.iter().position(|marked| *marked == id) {
        runs.marked.remove(at);
    } else {
        runs.marked.push(id);
    }
    if !runs.whole {
        let next = (runs.position() + 1).min(runs.list.len().saturating_sub(1));
        runs.selected = runs.list.get(next).map(|run| run.id.clone());
    }
}
