//! The Train screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, info};
use crate::domain::{DatasetName, RunId};
use crate::tui::state::{DatasetView, Field, Form, Input};

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    let fields = isize::try_from(Form::fields().len()).unwrap_or(1);
    let form = &mut state.form;
    match action {
        Action::Launch => return launch(state),
        Action::Back => return back(state),
        Action::Up => form.step(-1),
        Action::Down => form.step(1),
        Action::First | Action::PageUp => form.focus = Field::Dataset,
        Action::Last | Action::PageDown => {
            form.focus = Field::Dataset;
            form.step(fields - 1);
        }
        Action::Cycle => cycle(state, 1),
        Action::Left if form.input().is_none() => cycle(state, -1),
        Action::Reset => reset(state),
        edit => {
            form.named |= form.focus == Field::Name && !matches!(edit, Action::Left | Action::Right);
            if let Some(input) = form.input() {
                change(input, edit);
            }
        }
    }
    Vec::new()
}

fn change(input: &mut Input, edit: Action) {
    match edit {
        Action::Insert(c) => input.insert(c),
        Action::Backspace => input.backspace(),
        Action::Delete => input.delete(),
        Action::ClearLine => input.clear(),
        Action::DeleteWord => input.delete_word(),
        Action::Left => input.step(-1),
        Action::Right => input.step(1),
        Action::LineStart => input.step(isize::MIN),
        Action::LineEnd => input.step(isize::MAX),
        _ => {}
    }
}

fn back(state: &mut State) -> Vec<Effect> {
    if state.form.input().is_some() {
        state.form.focus = Field::Launch;
        return Vec::new();
    }
    let before = if state.before == Screen::Train { Screen::Runs } else { state.before };
    go(state, before)
}

fn cycle(state: &mut State, by: isize) {
    match state.form.focus {
        Field::Dataset => {
            let names: Vec<DatasetName> = state.data.readable().map(|dataset| dataset.name.clone()).collect();
            let here = names.iter().position(|name| Some(name) == state.form.dataset.as_ref());
            if let Some(next) = around(here, names.len(), by) {
                state.form.dataset = Some(names[next].clone());
            }
        }
        Field::Setting(setting) => {
            let choices = setting.choices();
            let here = choices.iter().position(|choice| *choice == state.form.value(setting).text());
            if let Some(next) = around(here, choices.len(), by) {
                state.form.put(setting, choices[next]);
            }
        }
        Field::Name | Field::Launch => {}
    }
}

fn around(here: Option<usize>, count: usize, by: isize) -> Option<usize> {
    let count = isize::try_from(count).ok().filter(|count| *count > 0)?;
    let here = here.and_then(|here| isize::try_from(here).ok());
    usize::try_from(here.map_or(0, |here| (here + by).rem_euclid(count))).ok()
}

fn reset(state: &mut State) {
    if let Field::Setting(setting) = state.form.focus {
        state.form.put(setting, Form::default_of(setting));
    }
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let line = text.lines().next().unwrap_or_default().trim();
    state.form.named |= state.form.focus == Field::Name;
    if let Some(input) = state.form.input() {
        line.chars().for_each(|c| input.insert(c));
    }
    Vec::new()
}

fn launch(state: &mut State) -> Vec<Effect> {
    if state.form.launching {
        return Vec::new();
    }
    let datasets: Vec<&DatasetView> = state.data.readable().collect();
    match state.form.recipe(&datasets, state.now) {
        Ok((id, recipe)) => {
            state.form.launching = true;
            info(state, format!("launching {id} …"));
            vec![Effect::Launch { id, recipe: Box::new(recipe) }]
        }
        Err((field, error)) => {
            state.form.focus = field;
            fail(state, &error);
            Vec::new()
        }
    }
}

pub(super) fn suggested(state: &mut State, id: &RunId) {
    if !state.form.named {
        state.form.name = Input::new(id.as_str());
    }
}

pub(super) fn launched(state: &mut State, result: Result<RunId, String>) -> Vec<Effect> {
    state.form.launching = false;
    match result {
        Ok(id) => {
            info(state, format!("{id} is launched"));
            state.runs.selected = Some(id);
            state.form.named = false;
            state.overlay = None;
            let mut effects = go(state, Screen::Runs);
            effects.push(Effect::SuggestName);
            effects
        }
        Err(error) => {
            fail(state, &format!("not launched: {error}"));
            Vec::new()
        }
    }
}
