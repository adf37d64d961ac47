//! The changes that keys and events make on the Inspect screen.

mod choose;
mod list;

pub(super) use choose::has_predictions;

use super::{InspectPane, Mode, heat_map};
use crate::data::marked::Doubt;
use crate::domain::Split;
use crate::tui::library::DatasetView;
use crate::tui::messages::inspect::{PredictionReport, PredictionRequest};
use crate::tui::messages::{Action, Effect, InspectAction, InspectEffect, InspectEvent};
use crate::tui::screens::retest;
use crate::tui::state::State;

/// Applies an action. Returns the effects to request.
pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    match action {
        Action::Inspect(action) => return apply_own(state, action),
        Action::Open if !inspect.list.is_empty() => inspect.pager = !inspect.pager,
        Action::Back if inspect.pager => inspect.pager = false,
        Action::Back if inspect.suspects => return suspects(state),
        Action::Back if inspect.curves => inspect.curves = false,
        Action::Back => inspect.pane = InspectPane::Matrix,
        Action::PageUp => inspect.pick = inspect.pick.saturating_sub(10),
        Action::PageDown => inspect.pick += 10,
        // The curves have a cursor over the classes alone.
        Action::Left | Action::Right if inspect.curves && !inspect.pager && !inspect.suspects => {}
        movement if inspect.pager || inspect.suspects || (inspect.pane == InspectPane::Faces && !inspect.curves) => {
            let across = if inspect.pager { state.layout.pictures_across.max(1) } else { 1 };
            list::step(&mut state.inspect, movement, across);
        }
        movement => return cell(state, movement),
    }
    list::request_images(state)
}

fn apply_own(state: &mut State, action: InspectAction) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    match action {
        InspectAction::NextPane | InspectAction::PreviousPane if inspect.curves => {
            inspect.pane = match inspect.pane {
                InspectPane::Table => InspectPane::Matrix,
                InspectPane::Matrix | InspectPane::Faces => InspectPane::Table,
            };
        }
        InspectAction::NextPane => inspect.pane = inspect.pane.step(true),
        InspectAction::PreviousPane => inspect.pane = inspect.pane.step(false),
        InspectAction::Cell(truth, predicted) => {
            (inspect.pane, inspect.cell) = (InspectPane::Matrix, (truth, predicted));
            list::refill(inspect);
        }
        InspectAction::NextFace => inspect.pick += 1,
        InspectAction::PreviousFace => inspect.pick = inspect.pick.saturating_sub(1),
        InspectAction::Mode => mode(state),
        InspectAction::Order => {
            list::reorder(inspect);
            return list::request_images(state);
        }
        InspectAction::Source => {
            let next = match inspect.split {
                Split::Test => Split::Validation,
                Split::Validation => Split::Train,
                Split::Train => Split::Test,
            };
            return source(state, next);
        }
        InspectAction::NextRun => return choose::other_run(state, 1),
        InspectAction::PreviousRun => return choose::other_run(state, -1),
        InspectAction::CompareNext => return choose::other_against(state),
        InspectAction::CompareNone => {
            inspect.against = None;
            return choose::request(state);
        }
        InspectAction::EpochBack | InspectAction::EpochOn | InspectAction::EpochFirst | InspectAction::EpochLast => {
            return epoch(state, action);
        }
        InspectAction::Suspects => return suspects(state),
        InspectAction::Curves => {
            let shown = inspect.curves && !inspect.pager && !inspect.suspects;
            inspect.curves = !shown;
            inspect.pager = false;
            if inspect.suspects {
                return suspects(state);
            }
        }
        InspectAction::HeatMap => return heat_map::next(state),
        InspectAction::Mark => return mark(state),
        InspectAction::Relabel => return relabel(state),
        InspectAction::Evaluate => return evaluate(state),
    }
    list::request_images(state)
}

/// Moves the cursor over the cells of the matrix, or over the rows of the table of classes.
fn cell(state: &mut State, movement: Action) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    let Some(last) = inspect.report().map(|report| report.confusion.classes().saturating_sub(1)) else {
        return Vec::new();
    };
    let (truth, predicted) = inspect.cell;
    let matrix = inspect.pane == InspectPane::Matrix;
    let to = match movement {
        Action::Up => (truth.saturating_sub(1), predicted),
        Action::Down => (truth + 1, predicted),
        Action::Left if matrix => (truth, predicted.saturating_sub(1)),
        Action::Right if matrix => (truth, predicted + 1),
        Action::First => (0, predicted),
        Action::Last => (last, predicted),
        _ => return Vec::new(),
    };
    inspect.cell = (to.0.min(last), to.1.min(last));
    list::refill(inspect);
    list::request_images(state)
}

fn mode(state: &mut State) {
    let inspect = &mut state.inspect;
    let refused = inspect.report().and_then(|report| report.against.as_ref()?.as_ref().err().cloned());
    // The other run's predictions may still be loading. The difference is shown once they are read.
    let two = inspect.against.is_some() && refused.is_none();
    inspect.mode = match inspect.mode {
        Mode::Counts => Mode::Shares,
        Mode::Shares if two => Mode::Difference,
        Mode::Shares | Mode::Difference => Mode::Counts,
    };
    let counts = inspect.mode == Mode::Counts && !two;
    match refused {
        Some(reason) if counts => state.fail(&reason),
        None if counts => {
            state.notify("counts; a compares with another run, and n then also shows the difference".into());
        }
        _ => {}
    }
}

/// Shows the predictions for this split.
fn source(state: &mut State, split: Split) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    inspect.split = split;
    inspect.suspects = false;
    inspect.pager = false;
    choose::request(state)
}

/// Shows the suspects, or goes back to the previous images.
fn suspects(state: &mut State) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    if inspect.suspects {
        let before = inspect.before;
        return source(state, before);
    }
    inspect.before = inspect.split;
    inspect.suspects = true;
    inspect.pager = false;
    inspect.split = Split::Train;
    let mut effects = choose::request(state);
    let dataset = choose::dataset(state).map(|dataset| dataset.name.clone());
    effects.extend(dataset.map(|dataset| Effect::Inspect(InspectEffect::ReadMarks(dataset))));
    effects
}

/// Moves the epoch cursor; other results are first replaced by validation results.
fn epoch(state: &mut State, action: InspectAction) -> Vec<Effect> {
    if state.inspect.split != Split::Validation {
        return source(state, Split::Validation);
    }
    let inspect = &mut state.inspect;
    let Some(report) = inspect.report() else { return Vec::new() };
    // The requested epoch counts, because a held key is faster than the disk.
    let here = inspect.subject.as_ref().and_then(|subject| subject.epoch).or(report.epoch).unwrap_or(0);
    let epochs = &report.epochs;
    let to = match action {
        InspectAction::EpochBack => epochs.iter().rev().find(|epoch| **epoch < here),
        InspectAction::EpochOn => epochs.iter().find(|epoch| **epoch > here),
        InspectAction::EpochFirst => epochs.first(),
        _ => epochs.last(),
    };
    if let Some(to) = to.copied() {
        inspect.epoch = Some(to);
        return choose::request(state);
    }
    Vec::new()
}

/// Marks the selected training image, or unmarks it, and selects the next one.
fn mark(state: &mut State) -> Vec<Effect> {
    let Some((index, dataset)) = markable(state) else { return Vec::new() };
    let doubt = Doubt { class: None, run: state.inspect.run.clone() };
    let doubt = if dataset.marks.get(index).is_some() { None } else { Some(doubt) };
    // The cursor stays. Otherwise `r` would give another image a class than the one that was marked.
    vec![mark_effect(state, &dataset, index, doubt)]
}

/// Returns the effect that marks an image or, without a doubt, unmarks it. The next run of the form corrects it.
fn mark_effect(state: &mut State, dataset: &DatasetView, index: u32, doubt: Option<Doubt>) -> Effect {
    if doubt.is_some() {
        state.train.take_up_marks(&dataset.name);
    }
    Effect::Inspect(InspectEffect::Mark { dataset: dataset.name.clone(), index: index as usize, doubt })
}

/// Marks the selected training image with the class that it should have: the most probable one, each time the next.
fn relabel(state: &mut State) -> Vec<Effect> {
    let Some((index, dataset)) = markable(state) else { return Vec::new() };
    let label = dataset.label(index as usize);
    let row = state.inspect.report().and_then(|report| report.inspection.probabilities(index as usize));
    let Some(row) = row else { return Vec::new() };
    let mut classes: Vec<usize> = (0..row.len()).filter(|class| Some(*class) != label).collect();
    classes.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let now = dataset.marks.get(index).and_then(|mark| mark.class).map(usize::from);
    let at = now.and_then(|now| classes.iter().position(|class| *class == now));
    let next = classes.get(at.map_or(0, |at| (at + 1) % classes.len())).and_then(|class| u16::try_from(*class).ok());
    let doubt = next.map(|class| Doubt { class: Some(class), run: state.inspect.run.clone() });
    vec![mark_effect(state, &dataset, index, doubt)]
}

/// Returns the index of the selected training image and its dataset; otherwise shows why it cannot be marked.
fn markable(state: &mut State) -> Option<(u32, DatasetView)> {
    if state.inspect.split != Split::Train {
        state.notify("only training images can be marked: w shows those with the largest loss".into());
        return None;
    }
    if choose::fold(state).is_some() {
        state.notify("images are marked with a run on the dataset's own splits, or by `mien data mark`".into());
        return None;
    }
    Some((u32::try_from(state.inspect.picked()?.index).ok()?, choose::dataset(state)?.clone()))
}

fn evaluate(state: &mut State) -> Vec<Effect> {
    let Some(run) = state.inspect.run.clone() else { return Vec::new() };
    let Some(found) = choose::run(state).filter(|run| run.has_best_weights).cloned() else {
        state.fail(&format!("{run} has saved no weights yet: R on Runs (3) resumes it"));
        return Vec::new();
    };
    retest::request(state, vec![found])
}

/// Applies an event. Returns the effects to request.
pub fn on_event(state: &mut State, event: InspectEvent) -> Vec<Effect> {
    match event {
        InspectEvent::PredictionsLoaded(subject, result) => return on_predictions(state, subject, result),
        InspectEvent::Faces { dataset, fingerprint, fold, split, faces } => {
            let here = &mut state.inspect.faces;
            if here.of != Some((dataset, fingerprint, fold)) {
                return Vec::new();
            }
            match faces {
                Ok(faces) => {
                    here.known.extend(faces.into_iter().map(|(index, shown)| ((split, index), shown.into())));
                }
                Err(error) => here.error = Some(error),
            }
        }
        InspectEvent::Marked(name, result) => {
            let entry = state.library.datasets.list.iter_mut().find(|entry| entry.name == name);
            if let Some(dataset) = entry.and_then(|entry| entry.dataset.as_mut().ok()) {
                dataset.marks_error = result.as_ref().err().cloned();
                // Marks that could not be changed stay as they were.
                dataset.marks = result.as_ref().unwrap_or(&dataset.marks).clone();
            }
            if let Err(error) = result {
                state.fail(&error);
            }
        }
        InspectEvent::HeatMaps(subject, maps) => return heat_map::on_maps(state, subject, maps),
    }
    Vec::new()
}

fn on_predictions(
    state: &mut State,
    subject: PredictionRequest,
    result: Result<std::sync::Arc<PredictionReport>, String>,
) -> Vec<Effect> {
    let inspect = &mut state.inspect;
    // Other predictions have been requested since.
    if inspect.subject.as_ref() != Some(&subject) {
        return Vec::new();
    }
    let run = |answer: &Option<(PredictionRequest, _)>| {
        answer.as_ref().map(|(request, _)| (request.run.clone(), request.split))
    };
    let other = run(&inspect.answer) != Some((subject.run.clone(), subject.split));
    inspect.answer = Some((subject, result));
    if other {
        inspect.pick = 0;
        list::worst_cell(inspect);
    }
    list::refill_in_place(inspect);
    list::request_images(state)
}

/// Returns the effects to request when the screen comes to the front.
pub(super) fn on_show(state: &mut State) -> Vec<Effect> {
    choose::follow(state);
    state.inspect.pager = false;
    choose::request(state)
}

/// Requests new predictions after the runs have changed.
pub(super) fn on_runs(state: &mut State) -> Vec<Effect> {
    if state.inspect.run.is_none() {
        return on_show(state);
    }
    choose::request_if_changed(state)
}
