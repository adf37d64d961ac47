//! The changes that keys and events make on the Data screen.

mod deletion;
pub(super) mod import;

use super::Faces;
use super::import_form;
use super::{DataState, DataView, marks};
use crate::domain::{Augmentation, DatasetName, Recipe, Split, text::printable};
use crate::tui::library::{DatasetEntry, Library};
use crate::tui::messages::data::{FaceRange, SplitFilter, VariantRequest};
use crate::tui::messages::{Action, DataAction, DataEffect, DataEvent, Effect, moved};
use crate::tui::screen::Screen;
use crate::tui::screens::go_to;
use crate::tui::state::{Overlay, Report, State};

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    if state.data.view == DataView::Import {
        return import_form::update::apply(state, action);
    }
    let effects = apply_action(state, action);
    clamp_selection(&mut state.data, &state.library);
    effects
}

fn apply_action(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Back => return back(state),
        Action::Data(action) => return apply_own(state, action),
        Action::Open => return open(state),
        movement if state.data.view == DataView::Table => {
            let data = &mut state.data;
            let before = (data.selected, data.class);
            match movement {
                Action::Left => data.selected = data.selected.saturating_sub(1),
                Action::Right => {
                    data.selected = (data.selected + 1).min(state.library.datasets.list.len().saturating_sub(1));
                }
                movement => {
                    let classes = data.dataset(&state.library).map_or(0, |dataset| dataset.classes.len());
                    data.class = moved(data.class, movement, classes);
                }
            }
            if before != (data.selected, data.class) {
                data.face = 0;
            }
            clamp_selection(data, &state.library);
            if before.0 != state.data.selected {
                return on_show(state);
            }
        }
        movement if state.data.view == DataView::Marks => {
            let data = &state.data;
            let marks = data.dataset(&state.library).map_or(0, |dataset| marks::listed(data, dataset).len());
            let to = moved(state.data.mark, movement, marks);
            marks::select(state, to);
        }
        movement => move_among_faces(state, movement),
    }
    Vec::new()
}

/// Moves the selected face along a line, or by lines where there are several.
fn move_among_faces(state: &mut State, movement: Action) {
    let page = state.layout.pictures.max(1);
    let across = if state.data.view == DataView::Faces { state.layout.pictures_across.max(1) } else { 1 };
    let count = state.data.count(&state.library);
    let data = &mut state.data;
    let last = count.saturating_sub(1);
    data.face = match movement {
        Action::Left => data.face.saturating_sub(1),
        Action::Right => (data.face + 1).min(last),
        Action::Up => data.face.checked_sub(across).unwrap_or(data.face),
        Action::Down if data.face + across <= last => data.face + across,
        Action::First => 0,
        Action::Last => last,
        Action::PageUp => data.face.saturating_sub(page),
        Action::PageDown => (data.face + page).min(last),
        _ => data.face,
    };
}

fn open(state: &mut State) -> Vec<Effect> {
    state.data.view = match state.data.view {
        DataView::Table => {
            let Some(dataset) = state.data.dataset(&state.library) else { return Vec::new() };
            state.train.choose_dataset(Some(dataset.name.clone()));
            return go_to(state, Screen::Train);
        }
        DataView::Faces | DataView::Variants => DataView::Face,
        DataView::Face => DataView::Faces,
        view @ (DataView::Import | DataView::Marks) => view,
    };
    Vec::new()
}

fn back(state: &mut State) -> Vec<Effect> {
    state.data.view = match state.data.view {
        DataView::Table => {
            if let Some(confirm) = import::confirm_cancel(&state.data) {
                state.overlay = Some(Overlay::Confirm(confirm));
            }
            return Vec::new();
        }
        DataView::Faces | DataView::Variants | DataView::Marks | DataView::Import => DataView::Table,
        DataView::Face => DataView::Faces,
    };
    Vec::new()
}

fn apply_own(state: &mut State, action: DataAction) -> Vec<Effect> {
    match action {
        DataAction::NextSplit => {
            let here = SplitFilter::EACH.iter().position(|filter| *filter == state.data.filter).unwrap_or(0);
            state.data.filter = SplitFilter::EACH[(here + 1) % SplitFilter::EACH.len()];
            state.data.face = 0;
            if state.data.view == DataView::Variants {
                state.data.view = DataView::Faces;
            }
        }
        DataAction::Faces if state.data.count(&state.library) > 0 => state.data.view = DataView::Faces,
        DataAction::Variants if state.data.view == DataView::Variants => state.data.view = DataView::Faces,
        DataAction::Variants => match state.data.sample(&state.library).map(|sample| sample.split) {
            Some(Split::Train) => (state.data.view, state.data.epoch) = (DataView::Variants, 1),
            Some(split) => state.fail(&format!("{split} images are never augmented: v shows training images")),
            None => {}
        },
        // The import form performs Preview.
        DataAction::Faces | DataAction::Preview => {}
        DataAction::NextPage | DataAction::PreviousPage => turn_page(state, action == DataAction::NextPage),
        DataAction::CreateDemo => return create_demo(state),
        DataAction::Import => import_form::update::open(state),
        DataAction::Skipped => {
            let name = state.data.dataset(&state.library).map(|dataset| dataset.name.clone());
            return name.map(|name| Effect::Data(DataEffect::ReadSkipped(name))).into_iter().collect();
        }
        DataAction::Marks => marks::open(state),
        DataAction::Unmark => return marks::toggle(state).into_iter().collect(),
        DataAction::Relabel => return marks::relabel(state).into_iter().collect(),
        DataAction::Delete => return deletion::ask(state),
    }
    Vec::new()
}

fn turn_page(state: &mut State, forward: bool) {
    let places = state.layout.pictures;
    let count = state.data.count(&state.library);
    let data = &mut state.data;
    if data.view == DataView::Variants {
        let epochs = places.saturating_sub(1).max(1) as u64;
        data.epoch = if forward { data.epoch + epochs } else { data.epoch.saturating_sub(epochs).max(1) };
        return;
    }
    let page = if data.view == DataView::Face { 1 } else { places.max(1) };
    // Pages begin at multiples of their size, so that they contain the same faces in both directions.
    let first = data.face / page * page;
    if forward && first + page < count {
        data.face = first + page;
    } else if !forward {
        data.face = first.saturating_sub(page);
    }
}

/// Limits the selected class and face to those of the selected dataset.
fn clamp_selection(data: &mut DataState, library: &Library) {
    let classes = data.dataset(library).map_or(0, |dataset| dataset.classes.len());
    data.class = data.class.min(classes.saturating_sub(1));
    data.face = data.face.min(data.count(library).saturating_sub(1));
    if data.count(library) == 0 && data.view != DataView::Import {
        data.view = DataView::Table;
    }
}

fn create_demo(state: &mut State) -> Vec<Effect> {
    if state.data.creating_demo {
        return Vec::new();
    }
    if state.library.datasets.has("demo") {
        state.notify("the demo dataset already exists".into());
        return Vec::new();
    }
    state.data.creating_demo = true;
    state.data.demo_error = None;
    vec![Effect::Data(DataEffect::CreateDemo)]
}

/// Requests the disk usage of the selected dataset's cached features.
pub(super) fn on_show(state: &mut State) -> Vec<Effect> {
    clamp_selection(&mut state.data, &state.library);
    let dataset = state.data.dataset(&state.library).map(|dataset| dataset.name.clone());
    dataset.map(|name| Effect::Data(DataEffect::MeasureFeatures(name))).into_iter().collect()
}

/// Requests the pictures that fit on the screen as it was drawn, each once.
pub(super) fn request_pictures(state: &mut State) -> Vec<Effect> {
    if state.data.view == DataView::Marks {
        // A mark may have been removed since.
        marks::select(state, state.data.mark);
    }
    let mut effects = Vec::new();
    let faces = wanted_faces(state);
    if faces.is_some() && faces != state.data.requested.0 {
        state.data.requested.0.clone_from(&faces);
        effects.extend(faces.map(|pick| Effect::Data(DataEffect::LoadFaces(pick))));
    }
    let variants = wanted_variants(state);
    if variants.is_some() && variants != state.data.requested.1 {
        state.data.requested.1.clone_from(&variants);
        effects.extend(variants.map(|wanted| Effect::Data(DataEffect::MakeVariants(wanted))));
    }
    effects
}

/// Returns the visible page of faces; `None` if it was read.
fn wanted_faces(state: &State) -> Option<FaceRange> {
    let data = &state.data;
    let count = data.count(&state.library);
    let dataset = data.dataset(&state.library).filter(|_| count > 0)?;
    let page = if matches!(data.view, DataView::Face | DataView::Variants | DataView::Marks) {
        1
    } else {
        state.layout.pictures.max(1)
    };
    let first = data.face / page * page;
    let pick = FaceRange {
        dataset: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        class: data.class,
        filter: data.filter,
        first,
        count: page.min(count - first),
    };
    let covers = |faces: &Faces| {
        let has = &faces.pick;
        data.is_of_selection(has, &state.library) && has.first <= first && first + pick.count <= has.first + has.count
    };
    (!data.faces.as_ref().is_some_and(covers)).then_some(pick)
}

/// Returns the visible variants; `None` if they were made.
fn wanted_variants(state: &State) -> Option<VariantRequest> {
    let wanted = (state.data.view == DataView::Variants).then(|| variants(state, state.layout.pictures)).flatten()?;
    state.data.variants.as_ref().is_none_or(|(made, _)| *made != wanted).then_some(wanted)
}

/// Returns the variants of the selected face that fit, by the settings of the Train form.
fn variants(state: &State, places: usize) -> Option<VariantRequest> {
    let sample = state.data.sample(&state.library)?;
    let dataset = state.data.dataset(&state.library)?;
    let strategy = state.train.strategy_choice.strategies().next()?;
    let recipe = state.train.draft(strategy, &state.form_choices());
    let recipe = recipe.unwrap_or_else(|| Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), state.now));
    let augmentation: Option<Augmentation> = recipe.augmentation;
    Some(VariantRequest {
        dataset: dataset.name.clone(),
        index: sample.index,
        augmentation,
        seed: recipe.seed,
        variants: recipe.transfer.map_or(0, |transfer| transfer.variants),
        first: state.data.epoch,
        count: places.saturating_sub(1).clamp(1, 64),
    })
}

/// Puts a new list of datasets into the library. Returns the effects to request.
pub fn on_datasets(state: &mut State, entries: Vec<DatasetEntry>) -> Vec<Effect> {
    let data = &mut state.data;
    let arrived = data.arriving.take_if(|name| entries.iter().any(|entry| entry.name == *name));
    let before = state.library.datasets.list.get(data.selected).map(|entry| entry.name.clone());
    let selected = arrived.clone().or(before);
    let first_time = !state.library.datasets.loaded;
    data.selected = entries.iter().position(|entry| Some(&entry.name) == selected.as_ref()).unwrap_or(0);
    state.library.datasets.put(Ok(entries));
    data.faces = None;
    data.requested = (None, None);
    clamp_selection(data, &state.library);
    // An imported dataset replaces the demo dataset in the form, because the user wants to train on it.
    if arrived.is_some() && state.train.dataset.as_ref().is_none_or(|name| name.as_str() == "demo") {
        state.train.choose_dataset(arrived);
    }
    let datasets = &state.library.datasets;
    let gone = state.train.dataset.as_ref().is_none_or(|name| datasets.find(name).is_none());
    if gone && let Some(first) = datasets.readable().next() {
        state.train.choose_dataset(Some(first.name.clone()));
    }
    // An empty home of this machine gets the demo dataset, so that there is something to train on.
    if first_time && datasets.list.is_empty() && state.library.link.is_none() {
        return create_demo(state);
    }
    if state.screen == Screen::Data { on_show(state) } else { Vec::new() }
}

fn demo_finished(state: &mut State, result: Result<(), String>) {
    state.data.creating_demo = false;
    match result {
        Ok(()) => state.notify("the demo dataset is ready: 2 opens the Train form".into()),
        Err(error) => {
            state.data.demo_error = Some(printable(&error));
            state.fail(&format!("the demo dataset was not created: {error}"));
        }
    }
}

/// Applies an event. Returns the effects to request.
pub fn on_event(state: &mut State, event: DataEvent) -> Vec<Effect> {
    match event {
        DataEvent::Faces(pick, samples) => {
            if state.data.is_of_selection(&pick, &state.library) {
                state.data.faces = Some(Faces { pick, samples });
            }
        }
        DataEvent::FeaturesMeasured(dataset, usage) => state.library.features = Some((dataset, usage)),
        DataEvent::DemoFinished(result) => demo_finished(state, result),
        DataEvent::Variants(wanted, made) => state.data.variants = Some((wanted, made)),
        DataEvent::Completed(completion) => return import_form::update::on_completed(state, &completion),
        DataEvent::Previewed(order, found) => return import_form::update::on_previewed(state, &order, found),
        DataEvent::PreviewEnded => {}
        DataEvent::SkippedRead(name, lines) => show_skipped(state, &name, lines),
        DataEvent::Import(event) => return import::on_import(state, event),
        DataEvent::Measured(name, bytes) => deletion::measured(state, name, bytes),
        DataEvent::Deleted(name, Ok(())) => state.notify(format!("{name} is deleted")),
        DataEvent::Deleted(name, Err(error)) => state.fail(&format!("{name} was not deleted: {error}")),
    }
    Vec::new()
}

/// Shows what the import of a dataset skipped, unless something else is shown by now.
fn show_skipped(state: &mut State, name: &DatasetName, lines: Result<Vec<String>, String>) {
    match lines {
        Err(error) => state.fail(&error),
        Ok(_) if state.overlay.is_some() || state.screen != Screen::Data => {}
        Ok(lines) if lines.is_empty() => state.notify(format!("the import of {name} skipped nothing")),
        Ok(lines) => {
            let head = [format!("{name}: notes of its import, and the files that it did not take"), String::new()];
            let lines = head.into_iter().chain(lines).collect();
            state.overlay = Some(Overlay::Report(Report { title: "skipped at import".into(), lines, first: 0 }));
        }
    }
}
