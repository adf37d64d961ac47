//! The Runs screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, moved};
use crate::domain::RunState;
use crate::tui::state::{Curves, Overlay, RunView};

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
        movement => {
            let to = moved(runs.position(), movement, runs.list.len());
            runs.selected = runs.list.get(to).map(|run| run.id.clone());
        }
    }
    Vec::new()
}

fn stop(state: &mut State, run: &RunView, stands: RunState) -> Vec<Effect> {
    if stands.is_active() {
        state.overlay = Some(Overlay::ConfirmStop(run.id.clone()));
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
