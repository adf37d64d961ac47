//! The changes that keys and events make on the Runs screen; this file has those of the list and its marks.

mod detail;
mod manage;
mod predictions;
pub(super) mod prompts;
mod requests;
mod targets;

use super::{Filter, Pane, Request, RunsPurpose, RunsState, columns};
use crate::domain::{RunId, RunState};
use crate::runs::ListView;
use crate::runs::comparison::MAX_RUNS;
use crate::runs::query::SortKey;
use crate::runs::queue::QueueMove;
use crate::supervise::LaunchError;
use crate::tui::library::{Library, RunView};
use crate::tui::messages::{Action, ActionError, Effect, RunsAction, RunsEffect, RunsEvent, moved};
use crate::tui::screen::Screen;
use crate::tui::screens::{entry, go_to, prompt, retest};
use crate::tui::state::{Input, Overlay, Prompt, Report, State};
use crate::tui::widgets::number_text::count;

/// The age in milliseconds up to which the end of a run is news for the bottom line.
const RECENT: u64 = 60_000;

/// The maximum number of characters of a typed line.
const LINE: usize = 2_000;

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    if state.runs.predictions.is_some() {
        return predictions::apply(state, action);
    }
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
        RunsAction::Predict => predictions::ask_sources(state),
        RunsAction::Export => manage::ask_export(state),
        RunsAction::Mark => mark(state),
        RunsAction::Unmark => state.runs.marked.clear(),
        RunsAction::MarkShown => mark_shown(state),
        RunsAction::Sort => ask_sort(state),
        RunsAction::SortByColumn(column) => return sort_by_column(state, column),
        RunsAction::Columns => ask_columns(state),
        RunsAction::Settings => show_settings(state),
        RunsAction::Reverse => return reverse(state),
        RunsAction::Filter => ask_filter(state),
        RunsAction::Rename => manage::rename(state),
        RunsAction::Tag => manage::tag(state),
        RunsAction::Note => manage::note(state),
        RunsAction::Delete => return manage::delete(state),
        RunsAction::Pause => return requests::pause(state),
        RunsAction::Earlier => return requests::move_in_queue(state, &QueueMove::Up),
        RunsAction::Later => return requests::move_in_queue(state, &QueueMove::Down),
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
        RunsEvent::TestRequested(id, result) => retest::on_requested(state, &id, result),
        RunsEvent::Done(Ok(words)) => state.notify(words),
        RunsEvent::Done(Err(error)) => state.fail(&error),
        RunsEvent::LastLook(at) => return on_last_look(state, at),
        RunsEvent::ListViewRead(ListView { columns, sort }) => {
            (state.runs.columns, state.runs.sort) = (columns, sort);
            state.runs.arrange(&state.library, state.now);
        }
        RunsEvent::Requested(id, result) => {
            if let Err(error) = result {
                state.runs.pending.retain(|asked| asked.id != id);
                state.fail(&error);
            }
        }
        RunsEvent::ResumeFinished(results) => on_resumed(state, &results),
        RunsEvent::StopFinished(results) => on_stop_requested(state, results),
        RunsEvent::ListStateRecorded | RunsEvent::PredictionEnded | RunsEvent::LostRunsCounted(0) => {}
        RunsEvent::LostRunsCounted(runs) => {
            let runs = count(runs, "queued run has lost its worker", "queued runs have lost their workers");
            state.notify(format!("{runs}: Q on Runs, or `mien queue restart`, restarts them"));
        }
        RunsEvent::SourcesCompleted(completion) => prompt::complete(state, &completion),
        RunsEvent::Predicted(number, news) => return predictions::on_news(state, number, news),
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

/// Shows which runs were resumed, and the reasons of the others.
fn on_resumed(state: &mut State, results: &[(RunId, Result<(), ActionError>)]) {
    let resumed: Vec<&RunId> = results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| id).collect();
    match resumed[..] {
        [] => {}
        [id] => state.notify_of_active(id.clone(), format!("{id} continues")),
        _ => state.notify(format!("{} runs continue: {}", resumed.len(), names(&resumed))),
    }
    for (id, result) in results {
        if let Err(error) = result {
            show_resume_error(state, id, error);
        }
    }
}

/// Remembers the requests to stop, which are now in the runs' folders, and shows the reasons of the others.
fn on_stop_requested(state: &mut State, results: Vec<(RunId, Result<(), ActionError>)>) {
    let asked: Vec<&RunId> = results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| id).collect();
    for id in &asked {
        requests::remember(state, id, Request::Stop);
    }
    match asked[..] {
        [] => {}
        [id] => {
            let waits = state.library.runs.find(id).and_then(|run| run.state(state.now)) == Some(RunState::Queued);
            let end = if waits { "ends before its first step" } else { "ends after the current batch" };
            state.notify(format!("asked {id} to stop: it {end}"));
        }
        _ => state.notify(format!("asked {} runs to stop: {}", asked.len(), names(&asked))),
    }
    for (_, result) in results {
        if let Err(error) = result {
            state.fail(&error.to_string());
        }
    }
}

/// Returns the names of runs, separated by commas.
fn names(ids: &[&RunId]) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}

/// A function that puts read runs into the library and returns messages.
type PutRuns = fn(&mut RunsState, &mut Library, Vec<RunView>, u64) -> Vec<String>;

/// Puts read runs into the library. Returns the effects to request.
pub fn on_runs(state: &mut State, list: Vec<RunView>, put: PutRuns) -> Vec<Effect> {
    state.library.runs.error = None;
    let first = !state.library.runs.loaded;
    let messages = put(&mut state.runs, &mut state.library, list, state.now);
    state.notices.read(&state.library, state.now);
    let ended = report_endings(state, first || !messages.is_empty());
    show_answer(state, if messages.is_empty() { ended } else { messages });
    retest::report(state);
    if !state.key_pressed && !state.library.runs.list.is_empty() {
        // A user who has runs wants to see them first.
        state.screen = Screen::Runs;
    }
    entry(state.screen).on_runs(state)
}

/// Writes the ends that were not reported yet to the messages. Returns them to show, unless they are `quiet`.
fn report_endings(state: &mut State, quiet: bool) -> Vec<String> {
    let ended = state.runs.news.read(&state.library, state.now);
    let mut shown = Vec::new();
    for ending in ended {
        let recent = state.now.saturating_sub(ending.at) < RECENT;
        if recent && !quiet {
            shown.push(ending.text);
        } else {
            state.record(ending.text, ending.state == RunState::Failed || ending.state == RunState::Lost, ending.at);
        }
    }
    // The last one is recorded when it is shown.
    for text in shown.iter().rev().skip(1).rev() {
        state.record(text.clone(), false, state.now);
    }
    shown
}

/// Records that the ends on the screen were seen, because a key was pressed. Returns the effect that remembers it.
pub fn see_endings(state: &mut State) -> Vec<Effect> {
    let hidden = state.screen != Screen::Runs || state.overlay.is_some() || state.runs.predictions.is_some();
    if hidden || !state.runs.news.see() {
        return Vec::new();
    }
    vec![Effect::Runs(RunsEffect::RecordLook(state.now))]
}

/// Sets the time of the last look. The first look of a home begins now.
fn on_last_look(state: &mut State, at: Option<u64>) -> Vec<Effect> {
    state.runs.news.begin(at.unwrap_or(state.now));
    let ended = report_endings(state, true);
    show_answer(state, ended);
    if at.is_some() { Vec::new() } else { vec![Effect::Runs(RunsEffect::RecordLook(state.now))] }
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
    let live = matches!(
        purpose,
        RunsPurpose::Filter { .. }
            | RunsPurpose::Search { .. }
            | RunsPurpose::Sort { .. }
            | RunsPurpose::Columns { .. }
    );
    state.runs.prompt = Some(purpose);
    let mut prompt = Prompt { title, explanation, input, error: None, live };
    prompt.input.paste(text);
    prompt::open(state, prompt);
}

fn repeat(state: &mut State) -> Vec<Effect> {
    let Some(run) = targets::one(state) else { return Vec::new() };
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

fn ask_sort(state: &mut State) {
    let explanation = format!(
        "the beginning of a column: {}, or a setting; - before it reverses; empty: active first",
        columns::names()
    );
    let before = state.runs.sort;
    ask(state, RunsPurpose::Sort { before }, "sort by".into(), explanation, "");
}

fn ask_columns(state: &mut State) {
    let explanation = format!(
        "names in the order of the list, or their beginnings: {}, or a setting; empty: the usual",
        columns::names()
    );
    let before = state.runs.columns.clone();
    let text = columns::chosen(&state.runs);
    ask(state, RunsPurpose::Columns { before }, "columns".into(), explanation, &text);
}

/// Sorts by a column that was clicked; a second time in the opposite direction.
fn sort_by_column(state: &mut State, column: usize) -> Vec<Effect> {
    let shown = columns::shown(&state.runs);
    let Some(key) = shown.get(column).and_then(|(field, _)| SortKey::by(*field)) else { return Vec::new() };
    let again = state.runs.sort.filter(|sort| sort.by == key.by);
    state.runs.sort = Some(again.map_or(key, SortKey::reversed));
    state.runs.arrange(&state.library, state.now);
    vec![keep_list_view(state)]
}

/// Returns the effect that keeps the columns and the order of the list.
fn keep_list_view(state: &State) -> Effect {
    let (columns, sort) = (state.runs.columns.clone(), state.runs.sort);
    Effect::Runs(RunsEffect::RecordListView(ListView { columns, sort }))
}

/// Shows settings, tags and note of the selected run.
fn show_settings(state: &mut State) {
    let Some(run) = targets::one(state) else { return };
    let mut lines = super::settings::lines(&run);
    if lines.is_empty() {
        return state.fail(&format!("{} cannot be read", run.id));
    }
    let key = |name| state.keymap.key(name);
    let keys = [("tags", key("runs.tag")), ("note", key("runs.note")), ("name", key("runs.rename"))];
    let keys = keys.map(|(what, key)| format!("{key} {what}"));
    lines.extend([String::new(), format!("to change on the list: {}", keys.join(", "))]);
    state.overlay = Some(Overlay::Report(Report { title: format!("settings of {}", run.id), lines, first: 0 }));
}

fn reverse(state: &mut State) -> Vec<Effect> {
    let Some(key) = state.runs.sort else {
        state.fail("the list is in its default order, active runs first: o sorts it by a column");
        return Vec::new();
    };
    state.runs.sort = Some(key.reversed());
    state.runs.arrange(&state.library, state.now);
    vec![keep_list_view(state)]
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
