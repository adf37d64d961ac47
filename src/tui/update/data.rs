//! The Data screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, info, moved};
use crate::domain::{DatasetName, text::printable};
use crate::tui::event::DataEvent;
use crate::tui::state::{DataState, DatasetEntry};
use crate::tui::widgets::faces::Face;

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let data = &mut state.data;
    match action {
        Action::Left => data.selected = data.selected.saturating_sub(1),
        Action::Right => data.selected = (data.selected + 1).min(data.entries.len().saturating_sub(1)),
        Action::CreateDemo => return create_demo(state),
        Action::Open => {
            let Some(dataset) = data.dataset() else { return Vec::new() };
            state.form.dataset = Some(dataset.name.clone());
            return go(state, Screen::Train);
        }
        movement => {
            let classes = data.dataset().map_or(0, |dataset| dataset.classes.len());
            data.class = moved(data.class, movement, classes);
        }
    }
    keep_class(&mut state.data);
    if matches!(action, Action::Left | Action::Right) { shown(state) } else { samples(state) }
}

/// Keeps the selected class among those of the selected dataset.
fn keep_class(data: &mut DataState) {
    let classes = data.dataset().map_or(0, |dataset| dataset.classes.len());
    data.class = data.class.min(classes.saturating_sub(1));
}

fn create_demo(state: &mut State) -> Vec<Effect> {
    if state.data.drawing_demo {
        return Vec::new();
    }
    if state.data.entries.iter().any(|entry| entry.name.as_str() == "demo") {
        info(state, "the demo dataset is there already".into());
        return Vec::new();
    }
    state.data.drawing_demo = true;
    state.data.demo_error = None;
    vec![Effect::CreateDemo]
}

/// Asks for all that is shown of the selected dataset besides its manifest.
pub(super) fn shown(state: &State) -> Vec<Effect> {
    let mut effects = samples(state);
    effects.extend(state.data.dataset().map(|dataset| Effect::MeasureFeatures(dataset.name.clone())));
    effects
}

/// Asks for the images of the selected class, unless they are at hand.
pub(super) fn samples(state: &State) -> Vec<Effect> {
    let class = state.data.class;
    let Some(dataset) = state.data.dataset() else { return Vec::new() };
    match &state.data.samples {
        Some((name, of, _)) if *name == dataset.name && *of == class => Vec::new(),
        _ => vec![Effect::LoadSamples { dataset: dataset.name.clone(), class }],
    }
}

/// Takes images in, unless something else was selected while they were read.
pub(super) fn sampled(state: &mut State, name: DatasetName, class: usize, faces: Vec<Face>) {
    let data = &mut state.data;
    if data.class == class && data.dataset().is_some_and(|dataset| dataset.name == name) {
        data.samples = Some((name, class, faces));
    }
}

pub(super) fn datasets(state: &mut State, entries: Vec<DatasetEntry>) -> Vec<Effect> {
    let data = &mut state.data;
    let selected = data.entries.get(data.selected).map(|entry| entry.name.clone());
    let first_time = !data.loaded;
    data.loaded = true;
    data.error = None;
    data.selected = entries.iter().position(|entry| Some(&entry.name) == selected.as_ref()).unwrap_or(0);
    data.entries = entries;
    data.samples = None;
    keep_class(data);
    let gone = state.form.dataset.as_ref().is_none_or(|name| data.find(name).is_none());
    if gone && let Some(first) = data.readable().next() {
        state.form.dataset = Some(first.name.clone());
    }
    // A fresh home: have something to train on, without being asked.
    if first_time && state.data.entries.is_empty() {
        return create_demo(state);
    }
    if state.screen == Screen::Data { shown(state) } else { Vec::new() }
}

pub(super) fn demo_finished(state: &mut State, result: Result<(), String>) {
    state.data.drawing_demo = false;
    match result {
        Ok(()) => info(state, "the demo dataset is ready: 2 trains on it".into()),
        Err(error) => {
            state.data.demo_error = Some(printable(&error));
            fail(state, &format!("the demo dataset was not drawn: {error}"));
        }
    }
}

/// Takes news in.
pub(super) fn heard(_state: &mut State, event: DataEvent) -> Vec<Effect> {
    match event {}
}
