//! Choosing the inspected run and the run to compare with, and requesting predictions.

use super::list;
use crate::domain::{DataFold, RunId, RunState, Split, text::printable};
use crate::runs::Summary;
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::inspect::PredictionRequest;
use crate::tui::messages::{Effect, InspectEffect};
use crate::tui::state::State;

fn summary(run: &RunView) -> Option<&Summary> {
    run.summary.as_ref().ok().map(AsRef::as_ref)
}

/// Returns whether the run may have predictions.
pub(in crate::tui::screens::inspect) fn has_predictions(run: &RunView) -> bool {
    summary(run).is_some_and(|summary| summary.test.is_some() || !summary.epochs.is_empty())
}

/// Chooses a run, unless one is chosen and no other was selected on the Runs screen since.
pub(super) fn follow(state: &mut State) {
    let runs = &state.library.runs;
    // Also a run without predictions: the screen then states why. Otherwise another run would pass for the selected
    // one.
    let selected = state.runs.current(&state.library).filter(|run| run.summary.is_ok()).map(|run| run.id.clone());
    let inspect = &mut state.inspect;
    let moved = selected.is_some() && selected != inspect.followed;
    // Another screen chose the run to inspect.
    let given = inspect.run.is_some() && inspect.run != inspect.subject.as_ref().map(|subject| subject.run.clone());
    let gone = inspect.run.as_ref().is_none_or(|run| runs.find(run).is_none());
    if gone || (moved && !given) {
        let finished = |run: &&RunView| summary(run).is_some_and(|summary| summary.test.is_some());
        let newest = runs.list.iter().filter(finished).max_by_key(|run| summary(run).map(|one| one.recipe.created_at));
        inspect.run = selected.clone().or_else(|| newest.map(|run| run.id.clone()));
        inspect.epoch = None;
        let tested =
            inspect.run.as_ref().and_then(|run| summary(runs.find(run)?)).is_some_and(|one| one.test.is_some());
        if !tested {
            inspect.split = Split::Validation;
        } else if inspect.split == Split::Validation {
            inspect.split = Split::Test;
        }
    }
    if inspect.against.as_ref().is_some_and(|id| runs.find(id).is_none() || inspect.run.as_ref() == Some(id)) {
        inspect.against = None;
    }
    inspect.followed = selected;
}

/// Returns the inspected run.
pub(super) fn run(state: &State) -> Option<&RunView> {
    state.library.runs.find(state.inspect.run.as_ref()?)
}

/// Returns the run's dataset, if it is unchanged.
pub(super) fn dataset(state: &State) -> Option<&DatasetView> {
    let recipe = &summary(run(state)?)?.recipe;
    state.library.datasets.find(&recipe.dataset).filter(|dataset| dataset.fingerprint == recipe.fingerprint)
}

/// Returns the fold of the inspected run.
pub(super) fn fold(state: &State) -> Option<DataFold> {
    summary(run(state)?)?.recipe.fold
}

/// Requests the predictions to show, unless they are shown or already requested.
pub(super) fn request(state: &mut State) -> Vec<Effect> {
    let wanted = subject(state);
    if wanted == state.inspect.subject && wanted.is_some() {
        // The list may be of a cell although the suspects are wanted.
        list::refill(&mut state.inspect);
        return list::request_images(state);
    }
    read(state, wanted)
}

fn read(state: &mut State, wanted: Option<PredictionRequest>) -> Vec<Effect> {
    state.inspect.subject.clone_from(&wanted);
    state.inspect.stamp = stamp(state);
    if let Some(known) =
        wanted.as_ref().zip(state.inspect.answer.as_ref()).map(|(wanted, (request, _))| wanted == request)
        && known
    {
        list::refill(&mut state.inspect);
    }
    let known = run(state).filter(|run| has_predictions(run)).and_then(summary);
    let (Some(subject), Some(summary)) = (wanted, known) else { return Vec::new() };
    let classes = summary.classes.iter().map(|name| printable(name)).collect();
    let best = summary.test.as_ref().map_or(summary.early_stopping.best_epoch, |test| test.epoch);
    vec![Effect::Inspect(InspectEffect::LoadPredictions { subject, classes, best })]
}

fn subject(state: &State) -> Option<PredictionRequest> {
    let inspect = &state.inspect;
    let run = run(state)?;
    let summary = summary(run)?;
    let best = || (!active(state, run) && summary.test.is_some()).then_some(summary.early_stopping.best_epoch);
    let epoch = match inspect.split {
        Split::Validation => inspect.epoch.or_else(best),
        Split::Train | Split::Test => None,
    };
    Some(PredictionRequest { run: run.id.clone(), against: inspect.against.clone(), split: inspect.split, epoch })
}

fn active(state: &State, run: &RunView) -> bool {
    run.state(state.now).is_some_and(RunState::is_active)
}

/// Returns a value that changes when there may be new predictions.
fn stamp(state: &State) -> (usize, bool, bool) {
    let Some(run) = run(state) else { return (0, false, false) };
    let (epochs, tested) = summary(run).map_or((0, false), |one| (one.epochs.len(), one.test.is_some()));
    (epochs, tested, active(state, run))
}

/// Requests the predictions again if there may be new ones.
pub(super) fn request_if_changed(state: &mut State) -> Vec<Effect> {
    if stamp(state) == state.inspect.stamp {
        return Vec::new();
    }
    let wanted = subject(state);
    read(state, wanted)
}

/// Inspects the run `by` positions further in the list of runs with predictions.
pub(super) fn other_run(state: &mut State, by: isize) -> Vec<Effect> {
    let ids: Vec<RunId> =
        state.library.runs.list.iter().filter(|run| has_predictions(run)).map(|run| run.id.clone()).collect();
    let Some(next) = step(&ids, state.inspect.run.as_ref(), by) else { return Vec::new() };
    let inspect = &mut state.inspect;
    if inspect.against.as_ref() == Some(&next) {
        inspect.against = None;
    }
    inspect.run = Some(next);
    inspect.epoch = None;
    request(state)
}

/// Compares with the next run: marked runs first, then others on the same images, after the last one none.
pub(super) fn other_against(state: &mut State) -> Vec<Effect> {
    let Some(own) = run(state).and_then(summary) else { return Vec::new() };
    let same = |run: &&RunView| {
        summary(run).is_some_and(|other| other.recipe.same_images(&own.recipe)) && has_predictions(run)
    };
    let marked = state.runs.marked.iter().filter_map(|id| state.library.runs.find(id));
    let others = state.library.runs.list.iter().filter(same).filter(|run| !state.runs.marked.contains(&run.id));
    let ids: Vec<RunId> = marked.chain(others).map(|run| run.id.clone()).filter(|id| *id != own.id).collect();
    let next = match &state.inspect.against {
        None => ids.first().cloned(),
        Some(here) => ids.iter().position(|id| id == here).and_then(|at| ids.get(at + 1)).cloned(),
    };
    if ids.is_empty() {
        state.notify("there is no other run on the same images to compare with".into());
    }
    state.inspect.against = next;
    request(state)
}

fn step(ids: &[RunId], here: Option<&RunId>, by: isize) -> Option<RunId> {
    let count = isize::try_from(ids.len()).ok().filter(|count| *count > 0)?;
    let at = here.and_then(|here| isize::try_from(ids.iter().position(|id| id == here)?).ok());
    let to = at.map_or(0, |at| (at + by).rem_euclid(count));
    ids.get(usize::try_from(to).ok()?).cloned()
}
