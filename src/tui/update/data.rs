//! The Data screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, info, moved, prompt};
use crate::domain::{Augmentation, Recipe, Split, text::printable};
use crate::tui::action::DataAction;
use crate::tui::effect::DataEffect;
use crate::tui::event::DataEvent;
use crate::tui::screens::data_places;
use crate::tui::state::{DataState, DatasetEntry, Faces, Input, Look, Overlay, Part, Pick, Prompt, Purpose, Variants};

mod deletion;
mod import;

pub(super) use import::{completed, entered, typed};

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::CreateDemo => return create_demo(state),
        Action::Back => return back(state),
        Action::Data(action) => return ask(state, action),
        Action::Open => return open(state),
        movement if state.data.look == Look::Table => {
            let data = &mut state.data;
            let before = (data.selected, data.class);
            match movement {
                Action::Left => data.selected = data.selected.saturating_sub(1),
                Action::Right => data.selected = (data.selected + 1).min(data.entries.len().saturating_sub(1)),
                movement => {
                    let classes = data.dataset().map_or(0, |dataset| dataset.classes.len());
                    data.class = moved(data.class, movement, classes);
                }
            }
            if before != (data.selected, data.class) {
                data.face = 0;
            }
            keep_selection(data);
            if before.0 != state.data.selected {
                return shown(state);
            }
        }
        movement => move_among_faces(state, movement),
    }
    pictures(state)
}

/// From face to face: along a line, or by lines where there are several.
fn move_among_faces(state: &mut State, movement: Action) {
    let places = data_places(state);
    let across = match (state.data.look, places.first()) {
        (Look::Faces, Some(first)) => places.iter().filter(|place| place.y == first.y).count().max(1),
        _ => 1,
    };
    let count = state.data.count();
    let data = &mut state.data;
    let last = count.saturating_sub(1);
    data.face = match movement {
        Action::Left => data.face.saturating_sub(1),
        Action::Right => (data.face + 1).min(last),
        Action::Up => data.face.checked_sub(across).unwrap_or(data.face),
        Action::Down if data.face + across <= last => data.face + across,
        Action::First => 0,
        Action::Last => last,
        Action::PageUp => data.face.saturating_sub(places.len().max(1)),
        Action::PageDown => (data.face + places.len().max(1)).min(last),
        _ => data.face,
    };
}

fn open(state: &mut State) -> Vec<Effect> {
    state.data.look = match state.data.look {
        Look::Table => {
            let Some(dataset) = state.data.dataset() else { return Vec::new() };
            state.form.dataset = Some(dataset.name.clone());
            return go(state, Screen::Train);
        }
        Look::Faces | Look::Variants => Look::Face,
        Look::Face => Look::Faces,
    };
    pictures(state)
}

fn back(state: &mut State) -> Vec<Effect> {
    state.data.look = match state.data.look {
        Look::Table => {
            if let Some(confirm) = import::ending(&state.data) {
                state.overlay = Some(Overlay::Confirm(confirm));
            }
            return Vec::new();
        }
        Look::Faces | Look::Variants => Look::Table,
        Look::Face => Look::Faces,
    };
    pictures(state)
}

fn ask(state: &mut State, action: DataAction) -> Vec<Effect> {
    match action {
        DataAction::NextPart => {
            let here = Part::EACH.iter().position(|part| *part == state.data.part).unwrap_or(0);
            state.data.part = Part::EACH[(here + 1) % Part::EACH.len()];
            state.data.face = 0;
            if state.data.look == Look::Variants {
                state.data.look = Look::Faces;
            }
        }
        DataAction::Faces if state.data.count() > 0 => state.data.look = Look::Faces,
        DataAction::Variants if state.data.look == Look::Variants => state.data.look = Look::Faces,
        DataAction::Variants => match state.data.sample().map(|sample| sample.split) {
            Some(Split::Train) => (state.data.look, state.data.epoch) = (Look::Variants, 1),
            Some(split) => fail(state, &format!("{split} images are never changed: v goes to those of training")),
            None => {}
        },
        DataAction::Faces => {}
        DataAction::NextPage | DataAction::PreviousPage => turn(state, action == DataAction::NextPage),
        DataAction::Import => import::ask(state),
        DataAction::Delete => return deletion::ask(state),
    }
    pictures(state)
}

fn turn(state: &mut State, forward: bool) {
    let places = data_places(state).len();
    let count = state.data.count();
    let data = &mut state.data;
    if data.look == Look::Variants {
        let epochs = places.saturating_sub(1).max(1) as u64;
        data.epoch = if forward { data.epoch + epochs } else { data.epoch.saturating_sub(epochs).max(1) };
        return;
    }
    let page = if data.look == Look::Face { 1 } else { places.max(1) };
    // The first of the page, so that pages stay those that they are.
    let first = data.face / page * page;
    if forward && first + page < count {
        data.face = first + page;
    } else if !forward {
        data.face = first.saturating_sub(page);
    }
}

/// Keeps class and face among those of the selected dataset.
fn keep_selection(data: &mut DataState) {
    let classes = data.dataset().map_or(0, |dataset| dataset.classes.len());
    data.class = data.class.min(classes.saturating_sub(1));
    data.face = data.face.min(data.count().saturating_sub(1));
    if data.count() == 0 {
        data.look = Look::Table;
    }
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
pub(super) fn shown(state: &mut State) -> Vec<Effect> {
    let mut effects = pictures(state);
    effects.extend(state.data.dataset().map(|dataset| Effect::MeasureFeatures(dataset.name.clone())));
    effects
}

/// Asks for the pictures on show, unless they are at hand.
pub(super) fn pictures(state: &mut State) -> Vec<Effect> {
    keep_selection(&mut state.data);
    let places = data_places(state).len();
    let data = &state.data;
    let Some(dataset) = data.dataset().filter(|_| data.count() > 0) else { return Vec::new() };
    let page = if matches!(data.look, Look::Face | Look::Variants) { 1 } else { places.max(1) };
    let first = data.face / page * page;
    let pick = Pick {
        dataset: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        class: data.class,
        part: data.part,
        first,
        count: page.min(data.count() - first),
    };
    let covers = |faces: &Faces| {
        let has = &faces.pick;
        data.is_of_selection(has) && has.first <= first && first + pick.count <= has.first + has.count
    };
    let mut effects = Vec::new();
    if !data.faces.as_ref().is_some_and(covers) {
        effects.push(Effect::Data(DataEffect::LoadFaces(pick)));
    }
    if data.look == Look::Variants
        && let Some(wanted) = variants(state, places)
        && state.data.variants.as_ref().is_none_or(|(made, _)| *made != wanted)
    {
        effects.push(Effect::Data(DataEffect::MakeVariants(wanted)));
    }
    effects
}

/// The variants that fit beside the selected face, by the settings of the Train form.
fn variants(state: &State, places: usize) -> Option<Variants> {
    let sample = state.data.sample()?;
    let dataset = state.data.dataset()?;
    let strategy = state.form.strategy_choice.strategies().next()?;
    let recipe = state.form.draft(strategy, &state.ground());
    let recipe = recipe.unwrap_or_else(|| Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), state.now));
    let augmentation: Option<Augmentation> = recipe.augmentation;
    Some(Variants {
        dataset: dataset.name.clone(),
        index: sample.index,
        augmentation,
        seed: recipe.seed,
        variants: recipe.transfer.map_or(0, |transfer| transfer.variants),
        first: state.data.epoch,
        count: places.saturating_sub(1).clamp(1, 64),
    })
}

pub(super) fn datasets(state: &mut State, entries: Vec<DatasetEntry>) -> Vec<Effect> {
    let data = &mut state.data;
    let arrived = data.arriving.take_if(|name| entries.iter().any(|entry| entry.name == *name));
    let selected = arrived.clone().or_else(|| data.entries.get(data.selected).map(|entry| entry.name.clone()));
    let first_time = !data.loaded;
    data.loaded = true;
    data.error = None;
    data.selected = entries.iter().position(|entry| Some(&entry.name) == selected.as_ref()).unwrap_or(0);
    data.entries = entries;
    data.faces = None;
    keep_selection(data);
    // Who brings data in wants to train on it, rather than on the drawn faces.
    if arrived.is_some() && state.form.dataset.as_ref().is_none_or(|name| name.as_str() == "demo") {
        state.form.dataset = arrived;
    }
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
pub(super) fn heard(state: &mut State, event: DataEvent) -> Vec<Effect> {
    match event {
        DataEvent::Faces(pick, samples) => {
            if state.data.is_of_selection(&pick) {
                state.data.faces = Some(Faces { pick, samples });
                // The page may have been turned meanwhile, and variants need to know of what.
                return if state.screen == Screen::Data { after_faces(state) } else { Vec::new() };
            }
        }
        DataEvent::Variants(wanted, made) => state.data.variants = Some((wanted, made)),
        DataEvent::Completed { typed, path } => completed(state, &typed, &path),
        DataEvent::Import(news) => return import::heard(state, news),
        DataEvent::Measured(name, bytes) => deletion::measured(state, name, bytes),
        DataEvent::Deleted(name, Ok(())) => info(state, format!("{name} is deleted")),
        DataEvent::Deleted(name, Err(error)) => fail(state, &format!("{name} is not deleted: {error}")),
    }
    Vec::new()
}

fn after_faces(state: &mut State) -> Vec<Effect> {
    let mut effects = pictures(state);
    // What could not be read would be asked for without end.
    effects.retain(|effect| {
        !matches!(effect, Effect::Data(DataEffect::LoadFaces(_)))
            || state.data.sample().is_none() && state.data.faces.as_ref().is_some_and(|faces| faces.samples.is_ok())
    });
    effects
}

fn open_prompt(state: &mut State, purpose: Purpose, title: String, explanation: &str, text: String, most: usize) {
    let input = Input::new(text).of_at_most(most);
    prompt::open(state, Prompt { purpose, title, explanation: explanation.into(), input, error: None });
}
