//! Requests to workers: stop, pause, continue, change limits, evaluate again. A request is remembered until the
//! worker's events answer it.

use super::super::{LimitsForm, PendingRequest, Request, RunsPurpose};
use super::{ask, confirm, targets};
use crate::domain::{Limits, RunId, RunState};
use crate::runs::queue::QueueMove;
use crate::tui::library::RunView;
use crate::tui::messages::{Effect, RunsEffect};
use crate::tui::screens::retest;
use crate::tui::state::{Overlay, State};

/// Remembers a request until it is answered.
pub(super) fn remember(state: &mut State, id: &RunId, request: Request) {
    state.runs.pending.retain(|pending| pending.id != *id || pending.request == Request::Stop);
    state.runs.pending.push(PendingRequest { id: id.clone(), request, at: state.now });
}

/// Returns the targets of a key in one of these states, or shows the reason why there is none.
fn in_state(state: &mut State, accepts: fn(RunState) -> bool, why_not: &str) -> Vec<RunView> {
    let now = state.now;
    let targets = targets::all(state);
    let runs: Vec<RunView> = targets.iter().filter(|run| run.state(now).is_some_and(accepts)).cloned().collect();
    if runs.is_empty() {
        match targets.as_slice() {
            [] => {}
            [one] => match one.state(now) {
                Some(run_state) => state.fail(&format!("{} is {run_state}: {why_not}", one.id)),
                None => state.fail(&format!("{} cannot be read", one.id)),
            },
            several => state.fail(&format!("{} marked runs: {why_not}", several.len())),
        }
    }
    runs
}

fn ids(runs: &[RunView]) -> Vec<RunId> {
    runs.iter().map(|run| run.id.clone()).collect()
}

pub(super) fn stop(state: &mut State) -> Vec<Effect> {
    let runs = in_state(state, RunState::is_active, "there is nothing to stop");
    if let [run] = runs.as_slice()
        && run.ignores_stop(state.now)
    {
        offer_to_kill(state, run);
        return Vec::new();
    }
    let names: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    // A run that is paused before it began waits, too.
    let is_waiting = |run: &&RunView| {
        let has_begun = run.summary.as_ref().is_ok_and(|summary| summary.started);
        run.state(state.now) == Some(RunState::Queued) || !has_begun
    };
    let waiting = runs.iter().filter(is_waiting).count();
    let mut lines = match names.as_slice() {
        [] => return Vec::new(),
        [one] => vec![format!("Stop {one}?")],
        several => vec![format!("Stop {} of the marked runs?", several.len()), several.join(", ")],
    };
    lines.push(consequence(runs.len() - waiting, waiting).into());
    lines.extend(state.runs.remark_on_marks(&ids(&runs), &state.library));
    confirm(state, "stop", lines, "yes, stop", vec![Effect::Runs(RunsEffect::Stop(ids(&runs)))]);
    Vec::new()
}

/// Returns the consequence of a stop for runs that train and for those that wait.
fn consequence(training: usize, waiting: usize) -> &'static str {
    match (training, waiting) {
        (1, 0) => "It ends after the current batch and saves its position; R resumes it from there.",
        (_, 0) => "Each ends after its current batch and saves its position; R resumes it from there.",
        (0, 1) => "It leaves the queue before its first step; R queues it again, at the end.",
        (0, _) => "They leave the queue before their first steps; R queues them again, at the end.",
        _ => "Each ends after its current batch, or leaves the queue; R resumes it from its saved position.",
    }
}

/// Asks whether to kill the worker of a run that ignores a request to stop.
fn offer_to_kill(state: &mut State, run: &RunView) {
    let then = match run.summary.as_ref().ok().and_then(|summary| summary.saved) {
        None => "R then starts it again.".into(),
        Some(saved) => format!("R then resumes {saved}; later steps are lost."),
    };
    let asked = state.now.saturating_sub(run.stop_requested_at.unwrap_or(state.now)) / 1_000;
    let lines = vec![
        format!("{} does not answer. Kill its worker?", run.id),
        format!("It was asked to stop {asked} s ago and has not stopped."),
        then,
    ];
    confirm(state, "kill", lines, "yes, kill", vec![Effect::Runs(RunsEffect::Kill(run.id.clone()))]);
}

/// Resumes the ended runs and continues the paused ones.
pub(super) fn resume(state: &mut State) -> Vec<Effect> {
    const RESUMABLE: fn(RunState) -> bool = |run_state| {
        use RunState::{Failed, Interrupted, Lost, Paused, Stopped};
        matches!(run_state, Stopped | Interrupted | Lost | Failed | Paused)
    };
    if let [run] = targets::all(state).as_slice()
        && run.state(state.now) == Some(RunState::Finished)
    {
        state.fail(&super::describe_finished(&run.id));
        return Vec::new();
    }
    let runs = in_state(state, RESUMABLE, "there is nothing to resume");
    if let [run] = runs.as_slice() {
        state.runs.selected = Some(run.id.clone());
    }
    let (paused, mut ended): (Vec<RunView>, Vec<RunView>) =
        runs.into_iter().partition(|run| run.state(state.now) == Some(RunState::Paused));
    // The order in which they were queued first.
    ended.sort_by_key(|run| run.summary.as_ref().map_or(0, |summary| summary.recipe.created_at));
    let mut resumed = Vec::new();
    for run in ended {
        match retest::refusal(state, &run) {
            Some(words) => state.fail(&words),
            None => resumed.push(run.id),
        }
    }
    let resume = (!resumed.is_empty()).then_some(Effect::Runs(RunsEffect::Resume(resumed)));
    resume.into_iter().chain(send(state, ids(&paused), Request::Continue)).collect()
}

/// Remembers a pause or its end for these runs. Returns the effects that request it.
fn send(state: &mut State, runs: Vec<RunId>, request: Request) -> Vec<Effect> {
    let effect = |id: RunId| {
        remember(state, &id, request);
        Effect::Runs(if request == Request::Pause { RunsEffect::Pause(id) } else { RunsEffect::Continue(id) })
    };
    runs.into_iter().map(effect).collect()
}

/// Pauses the running ones; if there are none, continues the paused ones. A pause that is not answered yet is
/// withdrawn.
pub(super) fn pause(state: &mut State) -> Vec<Effect> {
    let runs = in_state(state, RunState::is_active, "there is nothing to pause");
    let is_idle = |run: &RunView| {
        run.state(state.now) == Some(RunState::Paused)
            || state.runs.pending_request(&run.id).map(|pending| pending.request) == Some(Request::Pause)
    };
    let (idle, at_work): (Vec<RunView>, Vec<RunView>) = runs.into_iter().partition(is_idle);
    if !at_work.is_empty() {
        return send(state, ids(&at_work), Request::Pause);
    }
    let (at_pause, unanswered): (Vec<RunView>, Vec<RunView>) =
        idle.into_iter().partition(|run| run.state(state.now) == Some(RunState::Paused));
    state.runs.pending.retain(|pending| unanswered.iter().all(|run| run.id != pending.id));
    let withdrawn: Vec<Effect> =
        ids(&unanswered).into_iter().map(|id| Effect::Runs(RunsEffect::Continue(id))).collect();
    withdrawn.into_iter().chain(send(state, ids(&at_pause), Request::Continue)).collect()
}

/// Moves waiting runs among the runs that wait for the same device. Several keep their order.
pub(super) fn move_in_queue(state: &mut State, to: &QueueMove) -> Vec<Effect> {
    let waits = |run_state| run_state == RunState::Queued;
    let mut runs = in_state(state, waits, "only waiting runs are moved in the queue");
    let order: Vec<RunId> = state.runs.visible(&state.library).map(|run| run.id.clone()).collect();
    runs.sort_by_key(|run| order.iter().position(|id| *id == run.id));
    if *to == QueueMove::Down {
        runs.reverse();
    }
    runs.into_iter().map(|run| Effect::Runs(RunsEffect::Move(run.id, to.clone()))).collect()
}

/// Opens the prompt for epochs and patience of the targets.
pub(super) fn ask_limits(state: &mut State) {
    let runs = targets::all(state);
    if let Some(damaged) = runs.iter().find(|run| run.summary.is_err()) {
        return state.fail(&format!("{} cannot be read", damaged.id));
    }
    let limits: Vec<Limits> = runs.iter().filter_map(|run| Some(run.summary.as_ref().ok()?.limits)).collect();
    if limits.is_empty() {
        return;
    }
    let (ids, form) = (ids(&runs), LimitsForm::new(&limits));
    let (text, cursor) = form.line();
    let named = targets::name(&ids);
    let title = if runs.iter().any(|run| run.is_active(state.now)) {
        format!("epochs and patience of {named}")
    } else {
        format!("extend {named} and resume {}", if ids.len() == 1 { "it" } else { "them" })
    };
    state.runs.limits_form = Some(form);
    ask(state, RunsPurpose::Limits(ids), title, String::new(), &text);
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.input.replace(&text, cursor);
    }
}

pub(super) fn evaluate(state: &mut State) -> Vec<Effect> {
    if let [run] = targets::all(state).as_slice() {
        let id = run.id.clone();
        if run.is_active(state.now) {
            state.fail(&format!("{id} is active: it is tested when its training has ended"));
            return Vec::new();
        } else if !run.has_best_weights {
            state.fail(&format!("{id} has saved no weights to test"));
            return Vec::new();
        }
    }
    let runs = in_state(state, |run_state| !run_state.is_active(), "all are active: they are tested at their end");
    retest::request(state, runs.into_iter().filter(|run| run.has_best_weights).collect())
}
