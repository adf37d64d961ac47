//! Lines typed on the Runs screen: checks and live changes while typing, and the effects of Enter.

use super::super::{Filter, Request, RunsPurpose, columns, parse_limits};
use super::{detail, keep_list_view, predictions, requests, targets};
use crate::domain::hyperparameter::Patience;
use crate::domain::{Limits, RunId, text::printable};
use crate::runs::annotations::{AnnotationChange, Note};
use crate::runs::query::{Query, SortKey};
use crate::runs::{describe_limits, describe_schedule_change};
use crate::tui::messages::{Action, Effect, RunsEffect};
use crate::tui::state::{Overlay, State};

/// Applies a key to the two fields of the limits. Returns the line and the position of the cursor; `None` where the
/// line is text.
pub(in crate::tui::screens::runs) fn edit_line(state: &mut State, action: Action) -> Option<(String, usize)> {
    if !matches!(state.runs.prompt, Some(RunsPurpose::Limits(_))) || matches!(action, Action::Back | Action::Enter) {
        return None;
    }
    let mut form = state.runs.limits_form.take()?;
    if !form.edit(action) {
        return (action == Action::ClearLine).then(|| (String::new(), 0));
    }
    let line = form.line();
    state.runs.limits_form = Some(form);
    Some(line)
}

fn put_sort(state: &mut State, sort: Option<SortKey>) {
    state.runs.sort = sort;
    state.runs.arrange(&state.library, state.now);
}

/// Checks the line after a change and applies live changes.
pub(in crate::tui::screens::runs) fn check_line(state: &mut State, text: &str) -> Result<(), String> {
    let Some(purpose) = state.runs.prompt.clone() else { return Ok(()) };
    match &purpose {
        RunsPurpose::Filter { .. } => {
            let query = Query::parse(text).map_err(|error| {
                // The position helps in a long line.
                let word = text.get(error.at.clone()).unwrap_or_default();
                let column = text.get(..error.at.start).map_or(0, |before| before.chars().count()) + 1;
                crate::domain::text::printable(&format!("'{word}' at {column}: {}", error.reason))
            })?;
            put_filter(state, Filter { text: text.trim().to_owned(), query });
            Ok(())
        }
        RunsPurpose::Sort { before } => {
            let before = *before;
            let sort = columns::parse_sort(text);
            put_sort(state, sort.as_ref().ok().copied().unwrap_or(before));
            sort.map(drop)
        }
        RunsPurpose::Columns { .. } => {
            state.runs.columns = columns::parse_columns(text)?;
            Ok(())
        }
        RunsPurpose::Rename(id) => new_name(state, id, text).map(drop),
        RunsPurpose::Predict(_) | RunsPurpose::Export(_) => Ok(()),
        RunsPurpose::Tag(_) => changes(text).map(drop),
        RunsPurpose::Note(_) => Note::new(text).map(drop).map_err(|error| error.to_string()),
        RunsPurpose::Limits(ids) => {
            let limits = limits(state, ids, text)?;
            explain(state, &limits);
            Ok(())
        }
        RunsPurpose::Search { .. } => {
            text.clone_into(&mut state.runs.log.search);
            Ok(())
        }
    }
}

/// Accepts the line. Returns the effects to request.
pub(in crate::tui::screens::runs) fn accept_line(state: &mut State, text: &str) -> Result<Vec<Effect>, String> {
    let Some(purpose) = state.runs.prompt.clone() else { return Ok(Vec::new()) };
    match &purpose {
        RunsPurpose::Filter { .. } => {
            check_line(state, text)?;
            let index = state.runs.position(&state.library);
            state.runs.select(index, &state.library);
            Ok(Vec::new())
        }
        RunsPurpose::Sort { .. } | RunsPurpose::Columns { .. } => {
            check_line(state, text)?;
            Ok(vec![keep_list_view(state)])
        }
        RunsPurpose::Rename(id) => {
            let to = new_name(state, id, text)?;
            let rename = RunsEffect::Rename { from: id.clone(), to: to.clone() };
            Ok(if to == *id { Vec::new() } else { vec![Effect::Runs(rename)] })
        }
        RunsPurpose::Predict(_) if text.trim().is_empty() => Err("type the path of a picture or a folder".into()),
        RunsPurpose::Export(_) if text.trim().is_empty() => Err("type the path of a file or a folder".into()),
        RunsPurpose::Export(id) => {
            let path = text.trim().to_owned();
            state.notify(format!("{id} is being written to {}", printable(&path)));
            Ok(vec![Effect::Runs(RunsEffect::Export(id.clone(), path))])
        }
        RunsPurpose::Predict(runs) => Ok(predictions::start(state, runs.clone(), text, false)),
        RunsPurpose::Tag(ids) => {
            let changes = changes(text)?;
            Ok(annotate(state, ids.iter().map(|id| (id.clone(), changes.clone())).collect()))
        }
        RunsPurpose::Note(ids) => {
            let note = Note::new(text).map_err(|error| error.to_string())?;
            let mut notes = ids.iter().filter_map(|id| Some(&state.library.runs.find(id)?.annotations.note));
            let differ = notes.next().is_some_and(|first| notes.any(|other| other != first));
            if differ && text.trim().is_empty() {
                state.notify(format!("the notes of {} are unchanged", targets::name(ids)));
                return Ok(Vec::new());
            }
            let differs = |id: &&RunId| state.library.runs.find(id).is_some_and(|run| run.annotations.note != note);
            let changes = ids.iter().filter(differs);
            let changes = changes.map(|id| (id.clone(), vec![AnnotationChange::Note(note.clone())])).collect();
            Ok(annotate(state, changes))
        }
        RunsPurpose::Limits(ids) => {
            let limits = limits(state, ids, text)?;
            change(state, &limits)
        }
        RunsPurpose::Search { .. } => {
            text.clone_into(&mut state.runs.log.search);
            if !text.is_empty() {
                detail::search(state, false, true);
            }
            Ok(Vec::new())
        }
    }
}

/// Undoes live changes after the prompt was cancelled.
pub(in crate::tui::screens::runs) fn cancel_line(state: &mut State) {
    match state.runs.prompt.take() {
        Some(RunsPurpose::Filter { before: text }) => {
            let query = Query::parse(&text).unwrap_or_default();
            put_filter(state, Filter { text, query });
        }
        Some(RunsPurpose::Sort { before }) => put_sort(state, before),
        Some(RunsPurpose::Columns { before }) => state.runs.columns = before,
        Some(RunsPurpose::Search { before }) => state.runs.log.search = before,
        _ => {}
    }
}

fn put_filter(state: &mut State, filter: Filter) {
    state.runs.filter = filter;
    state.runs.arrange(&state.library, state.now);
}

fn new_name(state: &State, id: &RunId, text: &str) -> Result<RunId, String> {
    let to = RunId::of_new_run(text).map_err(|error| error.to_string())?;
    if to != *id && state.library.runs.find(&to).is_some() {
        return Err(format!("a run {to} already exists: choose another name"));
    }
    Ok(to)
}

/// Parses a line into changes of tags.
fn changes(text: &str) -> Result<Vec<AnnotationChange>, String> {
    text.split_whitespace().map(|word| AnnotationChange::of_tag(word).map_err(|error| error.to_string())).collect()
}

/// Changes the annotations of runs, also in the library. Every change is written, even one without an effect here,
/// because the library may be outdated.
fn annotate(state: &mut State, mut changes: Vec<(RunId, Vec<AnnotationChange>)>) -> Vec<Effect> {
    changes.retain(|(id, changes)| {
        let run = state.library.runs.list.iter_mut().find(|run| run.id == *id && !changes.is_empty());
        run.map(|run| std::sync::Arc::make_mut(&mut run.annotations).apply(changes.clone())).is_some()
    });
    if changes.is_empty() { Vec::new() } else { vec![Effect::Runs(RunsEffect::Annotate(changes))] }
}

/// Returns the typed limits of each run.
fn limits(state: &State, ids: &[RunId], text: &str) -> Result<Vec<(RunId, Limits)>, String> {
    let of = |id: &RunId| {
        let run = state.library.runs.find(id).ok_or_else(|| format!("{id} is gone"))?;
        let limits = parse_limits(text, run.summary.as_ref().map_err(Clone::clone)?.limits)?;
        Ok((id.clone(), limits))
    };
    let name_run = |id: &RunId, error: String| if ids.len() == 1 { error } else { format!("{id}: {error}") };
    ids.iter().map(|id| of(id).map_err(|error| name_run(id, error))).collect()
}

/// The most runs whose consequences are shown.
const EXPLAINED: usize = 3;

/// Shows below the line the consequences of the typed limits.
fn explain(state: &mut State, limits: &[(RunId, Limits)]) {
    let described = |(id, limits): &(RunId, Limits)| {
        let run = state.library.runs.find(id)?;
        let summary = run.summary.as_ref().ok()?;
        let words = format!(
            "{}{}. In force: {} epochs, patience {}.",
            describe_limits(summary, *limits),
            describe_schedule_change(summary, *limits).map_or_else(String::new, |words| format!("; {words}")),
            summary.limits.epochs,
            Patience(summary.limits.patience)
        );
        Some(words)
    };
    let mut words: Vec<String> = match limits {
        [one] => described(one).into_iter().collect(),
        several => {
            several.iter().take(EXPLAINED).filter_map(|one| Some(format!("{}: {}", one.0, described(one)?))).collect()
        }
    };
    let more = limits.len().saturating_sub(EXPLAINED);
    if more > 0 {
        words.push(format!("And {more} more."));
    }
    words.push(
        "↑ ↓ choose the field, digits replace it, + and - step it, +10 adds ten; epochs 1 to 10000, patience 1 to 1000 \
         or off."
            .into(),
    );
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.explanation = words.join(" ");
    }
}

/// Requests the limits of each run. If one of them is refused, no run is changed.
fn change(state: &mut State, limits: &[(RunId, Limits)]) -> Result<Vec<Effect>, String> {
    let mut effects = Vec::new();
    let mut unchanged = Vec::new();
    let mut requested = Vec::new();
    for (id, limits) in limits {
        let run = state.library.runs.find(id).ok_or_else(|| format!("{id} is gone"))?;
        let summary = run.summary.as_ref().map_err(Clone::clone)?;
        let Limits { epochs, patience } = *limits;
        if run.is_active(state.now) {
            if summary.limits == *limits {
                unchanged.push(id.clone());
            } else {
                requested.push((id.clone(), *limits));
                effects.push(Effect::Runs(RunsEffect::Limits { id: id.clone(), epochs, patience }));
            }
            continue;
        }
        let (done, waited) = (summary.epoch(), summary.early_stopping.waited);
        if !limits.allow_another_epoch(done, waited) {
            let needed = match (epochs <= done, patience <= waited) {
                (true, true) => format!("more than {done} epochs and a patience above {waited}"),
                (true, false) => format!("more than {done} epochs"),
                (false, _) => format!("a patience above {waited}"),
            };
            return Err(format!("nothing would be left to train of {id}: use {needed}"));
        }
        if !run.has_best_weights && done > 0 {
            state.fail(&format!("{id} has saved no weights to resume from"));
            return Ok(Vec::new());
        }
        effects.push(Effect::Runs(RunsEffect::Extend { id: id.clone(), epochs, patience }));
    }
    if effects.is_empty() {
        state.notify(format!("the limits of {} are unchanged", targets::name(&unchanged)));
    }
    requested.into_iter().for_each(|(id, limits)| requests::remember(state, &id, Request::Limits(limits)));
    Ok(effects)
}
