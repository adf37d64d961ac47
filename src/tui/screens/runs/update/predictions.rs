//! The changes of the predictions for pictures from outside.

use super::super::{PredictionStatus, Predictions, RunsPurpose};
use super::{ask, targets};
use crate::domain::RunId;
use crate::tui::library::RunView;
use crate::tui::messages::runs::{PredictionNumber, PredictionProgress, PredictionSpec};
use crate::tui::messages::{Action, Effect, RunsAction, RunsEffect, moved};
use crate::tui::state::{Overlay, State};

const EXPLANATION: &str = "a picture, a folder, a pattern such as *.jpg, an address, or several; Tab completes";

/// Asks for the pictures. From the predictions, the runs and the line are those of before.
pub(super) fn ask_sources(state: &mut State) {
    let (runs, line) = if let Some(shown) = &state.runs.predictions {
        (shown.runs().to_vec(), shown.order.sources.clone())
    } else {
        let runs = targets::all(state);
        // A home elsewhere is shown by a mirror, which has no weights.
        let lacking = runs.iter().find(|run| !run.has_best_weights && state.library.link.is_none());
        if let Some(RunView { id, .. }) = lacking {
            return state.fail(&format!("{id} has no best weights yet: a run saves them after its first epoch"));
        }
        (runs.into_iter().map(|run| run.id).collect(), state.runs.predicted_sources.clone())
    };
    if runs.is_empty() {
        return;
    }
    let title = format!("predict by {}", targets::name(&runs));
    ask(state, RunsPurpose::Predict(runs), title, EXPLANATION.into(), &line);
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.input.select();
    }
}

/// Starts predicting. Returns the effects to request.
pub(super) fn start(state: &mut State, runs: Vec<RunId>, sources: &str, watch: bool) -> Vec<Effect> {
    state.runs.prediction_number += 1;
    let sources = sources.trim().to_owned();
    state.runs.predicted_sources.clone_from(&sources);
    let order = PredictionSpec { number: state.runs.prediction_number, runs, sources, watch };
    state.runs.predictions = Some(Predictions::new(order.clone()));
    vec![Effect::Runs(RunsEffect::Predict(order))]
}

/// Applies an action while predictions are shown. Returns the effects to request.
pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(shown) = &mut state.runs.predictions else { return Vec::new() };
    match action {
        Action::Back => return close(state),
        Action::Runs(RunsAction::Predict) => ask_sources(state),
        Action::Runs(RunsAction::WatchFolder) => {
            let order = shown.order.clone();
            return start(state, order.runs, &order.sources, !order.watch);
        }
        Action::Left => shown.selected = moved(shown.selected, Action::Up, shown.pictures.len()),
        Action::Right => shown.selected = moved(shown.selected, Action::Down, shown.pictures.len()),
        movement => shown.selected = moved(shown.selected, movement, shown.pictures.len()),
    }
    Vec::new()
}

/// Closes the predictions, and ends those that are running.
pub(super) fn close(state: &mut State) -> Vec<Effect> {
    let running = state.runs.predictions.take().filter(|shown| shown.status == PredictionStatus::Running);
    running.map(|shown| Effect::Runs(RunsEffect::EndPrediction(shown.number()))).into_iter().collect()
}

/// Adds news of the prediction that is shown. Returns the effects to request.
pub(super) fn on_news(state: &mut State, number: PredictionNumber, news: PredictionProgress) -> Vec<Effect> {
    let Some(shown) = state.runs.predictions.as_mut().filter(|shown| shown.number() == number) else {
        return Vec::new();
    };
    if shown.add(news) {
        return vec![Effect::Runs(RunsEffect::PollPredictions(number))];
    }
    if shown.status == PredictionStatus::Full {
        vec![Effect::Runs(RunsEffect::EndPrediction(number))]
    } else {
        Vec::new()
    }
}
