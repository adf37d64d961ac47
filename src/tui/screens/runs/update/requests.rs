//! Requests to workers: stop, pause, continue, change limits, evaluate again. A request is remembered until the
//! worker's events answer it.

use super::super::{PendingRequest, Request, RunsPurpose};
use super::{ask, confirm, current};
use crate::domain::hyperparameter::Patience;
use crate::domain::{RunId, RunState};
use crate::runs::queue::QueueMove;
use crate::tui::library::RunView;
use crate::tui::messages::{Effect, RunsEffect};
use crate::tui::state::State;

/// Remembers a request until it is answered.
pub(super) fn remember(state: &mut State, id: &RunId, request: Request) {
    state.runs.pending.retain(|pending| pending.id != *id || pending.request == Request::Stop);
    state.runs.pending.push(PendingRequest { id: id.clone(), request, at: state.now });
}

/// Returns the active runs among the targets, or shows the reason why there is none.
fn active(state: &mut State, what: &str) -> Vec<RunView> {
    let now = state.now;
    let targets = state.runs.targets(&state.library);
    let runs: Vec<RunView> =
        targets.iter().filter_map(|id| state.library.runs.find(id)).filter(|run| run.is_active(now)).cloned().collect();
    if runs.is_empty() {
        let words = match targets.as_slice() {
            [] => "no run is selected".into(),
            [one] => match state.library.runs.find(one).and_then(|run| run.state(now)) {
                Some(run_state) => format!("{one} is {run_state}: there is nothing to {what}"),
                None => format!("{one} cannot be read"),
            },
            several => format!("none of the {} marked runs is active: there is nothing to {what}", several.len()),
        };
        state.fail(&words);
    }
    runs
}

pub(super) fn stop(state: &mut State) -> Vec<Effect> {
    let runs = active(state, "stop");
    if let [run] = runs.as_slice()
        && run.ignores_stop(state.now)
    {
        offer_to_kill(state, run);
        return Vec::new();
    }
    let names: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let lines = match names.as_slice() {
        [] => return Vec::new(),
        [one] => [format!("Stop {one}?"), "It ends after the current batch.".into(), "R resumes it from there.".into()],
        several => [
            format!("Stop {} runs?", several.len()),
            several.join(", "),
            "Each ends after its current batch; R resumes it from there.".into(),
        ],
    };
    let effects = runs.iter().map(|run| Effect::Runs(RunsEffect::Stop(run.id.clone()))).collect();
    confirm(state, "stop", lines.to_vec(), "yes, stop", effects);
    Vec::new()
}

/// Asks whether to kill the worker of a run that ignores a request to stop.
fn offer_to_kill(state: &mut State, run: &RunView) {
    let epoch = run.summary.as_ref().map_or(0, |summary| summary.epoch());
    let then = match epoch {
        0 => "R then starts it again.".into(),
        epoch => format!("R then resumes after epoch {epoch}; later steps are lost."),
    };
    let asked = state.now.saturating_sub(run.stop_requested_at.unwrap_or(state.now)) / 1_000;
    let lines = vec![
        format!("{} does not answer. Kill its worker?", run.id),
        format!("It was asked to stop {asked} s ago and has not stopped."),
        then,
    ];
    confirm(state, "kill", lines, "yes, kill", vec![Effect::Runs(RunsEffect::Kill(run.id.clone()))]);
}

pub(super) fn resume(state: &mut State) -> Vec<Effect> {
    let Some(run) = current(state) else { return Vec::new() };
    let id = run.id.clone();
    match run.state(state.now) {
        Some(RunState::Stopped | RunState::Interrupted | RunState::Lost | RunState::Failed) => {
            state.runs.selected = Some(id.clone());
            return vec![Effect::Runs(RunsEffect::Resume(id))];
        }
        Some(RunState::Paused) => return pause(state),
        Some(RunState::Finished) => {
            state.fail(&super::describe_finished(&id));
        }
        Some(run_state) => state.fail(&format!("{id} is {run_state}: nothing to resume")),
        None => state.fail(&format!("{id} cannot be read")),
    }
    Vec::new()
}

/// Pauses the selected run, or continues it if it is paused.
pub(super) fn pause(state: &mut State) -> Vec<Effect> {
    let Some(run) = current(state) else { return Vec::new() };
    let id = run.id.clone();
    let pause_pending = state.runs.pending_request(&id).map(|pending| pending.request) == Some(Request::Pause);
    match run.state(state.now) {
        Some(RunState::Paused) => {
            remember(state, &id, Request::Continue);
            vec![Effect::Runs(RunsEffect::Continue(id))]
        }
        // The pause was requested a moment ago and is withdrawn.
        Some(run_state) if run_state.is_active() && pause_pending => {
            state.runs.pending.retain(|pending| pending.id != id);
            vec![Effect::Runs(RunsEffect::Continue(id))]
        }
        Some(run_state) if run_state.is_active() => {
            remember(state, &id, Request::Pause);
            vec![Effect::Runs(RunsEffect::Pause(id))]
        }
        Some(run_state) => {
            state.fail(&format!("{id} is {run_state}: there is nothing to pause"));
            Vec::new()
        }
        None => {
            state.fail(&format!("{id} cannot be read"));
            Vec::new()
        }
    }
}

/// Moves the selected run among the runs that wait for the same device.
pub(super) fn move_in_queue(state: &mut State, to: QueueMove) -> Vec<Effect> {
    let Some(run) = current(state) else { return Vec::new() };
    let id = run.id.clone();
    match run.state(state.now) {
        Some(RunState::Queued) => return vec![Effect::Runs(RunsEffect::Move(id, to))],
        Some(run_state) => state.fail(&format!("{id} is {run_state}: only waiting runs are moved in the queue")),
        None => state.fail(&format!("{id} cannot be read")),
    }
    Vec::new()
}

/// Opens the prompt for epochs and patience.
pub(super) fn ask_limits(state: &mut State) {
    let Some(run) = current(state) else { return };
    let (Ok(summary), id) = (&run.summary, run.id.clone()) else {
        return state.fail(&format!("{} cannot be read", run.id));
    };
    let limits = summary.limits;
    let text = format!("epochs {} patience {}", limits.epochs, Patience(limits.patience));
    let title = if run.is_active(state.now) {
        format!("epochs and patience of {id}")
    } else {
        format!("extend {id} and resume it")
    };
    ask(state, RunsPurpose::Limits(id), title, String::new(), &text);
}

pub(super) fn evaluate(state: &mut State) -> Vec<Effect> {
    let Some(run) = current(state) else { return Vec::new() };
    let id = run.id.clone();
    if run.is_active(state.now) {
        state.fail(&format!("{id} is active: it is tested when its training has ended"));
    } else if run.has_best_weights {
        return vec![Effect::Runs(RunsEffect::Evaluate(id))];
    } else {
        state.fail(&format!("{id} has saved no weights to test"));
    }
    Vec::new()
}
