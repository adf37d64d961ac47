//! The changes that keys and events make on the Runs screen; this file has those of the list and its marks.

mod detail;
mod manage;
pub(super) mod prompts;
mod requests;

use super::{Filter, Pane, Request, RunsPurpose, RunsState};
use crate::domain::RunId;
use crate::runs::comparison::MAX_RUNS;
use crate::runs::query::SortKey;
use crate::runs::queue::QueueMove;
use crate::supervise::LaunchError;
use crate::tui::library::{Library, RunView};
use crate::tui::messages::{Action, ActionError, Effect, RunsAction, RunsEffect, RunsEvent, moved};
use crate::tui::screen::Screen;
use crate::tui::screens::{entry, go_to, prompt};
use crate::tui::state::{Input, Overlay, Prompt, State};
use crate::tui::widgets::figures::count;

/// The maximum number of characters of a typed line.
const LINE: usize = 2_000;

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Back => back(state),
        Action::Open => {
            state.runs.whole = state.runs.current(&state.library).is_some();
            state.runs.pane = Pane::Curves;
            state.runs.pane_whole = false;
        }
        Action::Runs(action) => return apply_own(state, action),
        Action::Left | Action::Right => detail::cursor(state, action == Action::Right),
        movement if state.runs.whole && state.runs.pane == Pane::Log => detail::scroll(state, movement),
        movement => {
            let runs = &mut state.runs;
            let to = moved(runs.position(&state.library), movement, runs.shown.len());
            runs.select(to, &state.library);
        }
    }
    Vec::new()
}

fn apply_own(state: &mut State, action: RunsAction) -> Vec<Effect> {
    match action {
        RunsAction::Stop => return requests::stop(state),
        RunsAction::Resume => return requests::resume(state),
        RunsAction::Repeat => return repeat(state),
        RunsAction::Mark => mark(state),
        RunsAction::Unmark => state.runs.marked.clear(),
        RunsAction::MarkShown => mark_shown(state),
        RunsAction::Sort => sort(state),
        RunsAction::Reverse => reverse(state),
        RunsAction::Filter => ask_filter(state),
        RunsAction::Rename => manage::rename(state),
        RunsAction::Tag => manage::tag(state),
        RunsAction::Note => manage::note(state),
        RunsAction::Delete => return manage::delete(state),
        RunsAction::Pause => return requests::pause(state),
        RunsAction::Earlier => return requests::move_in_queue(state, QueueMove::Up),
        RunsAction::Later => return requests::move_in_queue(state, QueueMove::Down),
        RunsAction::RestartQueue => return vec![Effect::Runs(RunsEffect::RestartQueue)],
        RunsAction::Limits => requests::ask_limits(state),
        RunsAction::Evaluate => return requests::evaluate(state),
        shown => detail::apply(state, shown),
    }
    Vec::new()
}

/// Applies an event. Returns the effects to request.
pub fn on_event(state: &mut State, event: RunsEvent) -> Vec<Effect> {
    match event {
        RunsEvent::Done(Ok(words)) => state.notify(words),
        RunsEvent::Done(Err(error)) => state.fail(&error),
        RunsEvent::Requested(id, result) => {
            if let Err(error) = result {
                state.runs.pending.retain(|asked| asked.id != id);
                state.fail(&error);
            }
        }
        RunsEvent::ResumeFinished(id, Ok(())) => {
            let words = format!("{id} continues");
            state.notify_of_active(id, words);
        }
        RunsEvent::ResumeFinished(id, Err(error)) => show_resume_error(state, &id, &error),
        RunsEvent::StopFinished(id, Ok(())) => on_stop_requested(state, &id),
        RunsEvent::StopFinished(_, Err(error)) => state.fail(&error.to_string()),
        RunsEvent::QueueLost(0) => {}
        RunsEvent::QueueLost(runs) => {
            let runs = count(runs, "queued run has lost its worker", "queued runs have lost their workers");
            state.notify(format!("{runs}: Q on Runs, or `mien queue restart`, restarts them"));
        }
        RunsEvent::Renamed { from, result } => manage::renamed(state, &from, result),
        RunsEvent::Measured(sizes) => manage::measured(state, &sizes),
        RunsEvent::Deleted(gone, error) => manage::deleted(state, &gone, error),
    }
    Vec::new()
}

/// Shows the reason why a run was not resumed, with a key instead of a shell command.
fn show_resume_error(state: &mut State, id: &RunId, error: &ActionError) {
    let words = match error {
        ActionError::Launch(error) => match &**error {
            LaunchError::Finished { .. } => describe_finished(id),
            LaunchError::Busy { id } => format!("{id} already has a worker"),
            error => error.to_string(),
        },
        error => error.to_string(),
    };
    state.fail(&words);
}

/// Returns the reason why a finished run is not resumed.
fn describe_finished(id: &RunId) -> String {
    format!("{id} is finished: e extends it, r repeats its settings")
}

/// Remembers the request to stop, which is now in the run's folder.
fn on_stop_requested(state: &mut State, id: &RunId) {
    requests::remember(state, id, Request::Stop);
    state.notify(format!("asked {id} to stop: it ends after the current batch"));
}

/// A function that puts read runs into the library and returns messages.
type PutRuns = fn(&mut RunsState, &mut Library, Vec<RunView>, u64) -> Vec<String>;

/// Puts read runs into the library. Returns the effects to request.
pub fn on_runs(state: &mut State, list: Vec<RunView>, put: PutRuns) -> Vec<Effect> {
    state.library.runs.error = None;
    let messages = put(&mut state.runs, &mut state.library, list, state.now);
    show_answer(state, messages);
    if !state.key_pressed && !state.library.runs.list.is_empty() {
        // A user who has runs wants to see them first.
        state.screen = Screen::Runs;
    }
    entry(state.screen).on_runs(state)
}

/// Shows the last message about new runs, unless an error is shown.
fn show_answer(state: &mut State, words: Vec<String>) {
    let errs = state.message.as_ref().is_some_and(|message| message.error);
    if let (Some(words), false) = (words.into_iter().next_back(), errs) {
        state.notify(words);
    }
}

/// Goes back from a pane to the run, from the run to the list, and from a filtered list to all runs.
fn back(state: &mut State) {
    let runs = &mut state.runs;
    if runs.pane_whole {
        runs.pane_whole = false;
    } else if runs.whole {
        runs.whole = false;
        runs.pane = Pane::Curves;
    } else if !runs.filter.text.is_empty() {
        runs.filter = Filter::default();
        runs.arrange(&state.library, state.now);
    }
}

/// Opens a prompt of the Runs screen.
fn ask(state: &mut State, purpose: RunsPurpose, title: String, explanation: String, text: &str) {
    let input = Input::default().with_max_length(LINE);
    // The prompt does not cover the list or the log, which these change while the user types.
    let live = matches!(purpose, RunsPurpose::Filter { .. } | RunsPurpose::Search { .. });
    state.runs.prompt = Some(purpose);
    let mut prompt = Prompt { title, explanation, input, error: None, live };
    prompt.input.paste(text);
    prompt::open(state, prompt);
}

/// Returns the selected run, or shows an error that there is none.
fn current(state: &mut State) -> Option<RunView> {
    let run = state.runs.current(&state.library).cloned();
    if run.is_none() {
        state.fail("no run is selected");
    }
    run
}

fn repeat(state: &mut State) -> Vec<Effect> {
    let Some(run) = current(state) else { return Vec::new() };
    let Ok(summary) = &run.summary else {
        state.fail(&format!("{} cannot be read", run.id));
        return Vec::new();
    };
    let (form, choices) = state.form_and_choices();
    form.copy_run(run.id.clone(), &summary.recipe_in_force(), &choices);
    state.runs.selected = Some(run.id.clone());
    go_to(state, Screen::Train)
}

/// Marks the selected run, or unmarks it, and selects the next one.
fn mark(state: &mut State) {
    let runs = &mut state.runs;
    let Some(id) = runs.current(&state.library).map(|run| run.id.clone()) else { return };
    if let Some(at) = runs.marked.iter().position(|marked| *marked == id) {
        runs.marked.remove(at);
    } else {
        runs.marked.push(id);
    }
    if !runs.whole {
        let next = (runs.position(&state.library) + 1).min(runs.shown.len().saturating_sub(1));
        runs.select(next, &state.library);
    }
    warn_of_many(state);
}

fn mark_shown(state: &mut State) {
    let runs = &mut state.runs;
    let shown: Vec<_> = runs.visible(&state.library).map(|run| run.id.clone()).collect();
    let new: Vec<_> = shown.into_iter().filter(|id| !runs.marked.contains(id)).collect();
    runs.marked.extend(new);
    let marked = runs.marked.len();
    state.notify(format!("{marked} marked"));
    warn_of_many(state);
}

fn warn_of_many(state: &mut State) {
    let marked = state.runs.marked.len();
    if marked > MAX_RUNS {
        state.notify(format!("{marked} marked: Compare shows the first {MAX_RUNS}, actions apply to all"));
    }
}

/// Sorts by the next field; after the last field in the default order.
fn sort(state: &mut State) {
    let here = state.runs.sort.and_then(|key| SortKey::FIELDS.iter().position(|field| *field == key.by));
    let next = here.map_or(0, |here| here + 1);
    state.runs.sort = SortKey::FIELDS.get(next).and_then(|field| SortKey::by(*field));
    state.runs.arrange(&state.library, state.now);
}

fn reverse(state: &mut State) {
    match state.runs.sort {
        Some(key) => {
            state.runs.sort = Some(key.reversed());
            state.runs.arrange(&state.library, state.now);
        }
        None => state.fail("the list is in its default order, active runs first: o sorts it by a column"),
    }
}

fn ask_filter(state: &mut State) {
    const EXPLANATION: &str = "words, and fields with a value: state:running val_acc>0.6 strategy:cnn tag:night age<2h; \
                               a leading ! negates; empty shows all runs";
    let before = state.runs.filter.text.clone();
    let purpose = RunsPurpose::Filter { before: before.clone() };
    ask(state, purpose, "filter".into(), EXPLANATION.into(), &before);
}

/// Asks for confirmation before an irreversible action.
fn confirm(state: &mut State, title: &'static str, lines: Vec<String>, yes: &'static str, effects: Vec<Effect>) {
    state.overlay = Some(Overlay::Confirm(crate::tui::state::Confirm { title, lines, yes, effects }));
}
