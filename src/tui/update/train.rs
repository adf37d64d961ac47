//! The Train screen's part of `update`.

use super::{Action, Effect, Screen, State, fail, go, info};
use crate::domain::{RunId, StrategyChoice};
use crate::tui::event::ActionError;
use crate::tui::state::{Field, Form, Ground, Input, Order};
use crate::tui::widgets::figures::count;

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Launch => return launch(state),
        Action::Back => return back(state),
        Action::Preset => {
            preset(state);
            return Vec::new();
        }
        _ => {}
    }
    let (form, ground) = state.form_on_ground();
    match action {
        Action::Up => focus(form, &ground, -1),
        Action::Down => focus(form, &ground, 1),
        Action::First | Action::PageUp => focus_on(form, &ground, Field::Strategy),
        Action::Last | Action::PageDown => focus_on(form, &ground, Field::Launch),
        Action::Cycle => cycle(form, &ground, 1),
        Action::Left if !form.focus.takes_text() => cycle(form, &ground, -1),
        Action::Reset => form.reset(),
        edit => {
            form.named |= form.focus == Field::Name && !matches!(edit, Action::Left | Action::Right);
            if let Some(input) = form.input(&ground) {
                change(input, edit);
            }
        }
    }
    Vec::new()
}

/// Fills the form with the next preset and says what that is.
fn preset(state: &mut State) {
    let (form, ground) = state.form_on_ground();
    let preset = form.next_preset(&ground);
    form.choose(preset, &ground);
    let words = format!("preset {}: {}; seed and device stay", preset.name(), preset.purpose());
    info(state, words);
}

fn focus(form: &mut Form, ground: &Ground<'_>, by: isize) {
    form.settle(ground);
    form.step(by);
}

fn focus_on(form: &mut Form, ground: &Ground<'_>, field: Field) {
    form.settle(ground);
    form.focus = field;
}

pub(super) fn change(input: &mut Input, edit: Action) {
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
    let (form, ground) = state.form_on_ground();
    if form.focus.takes_text() {
        focus_on(form, &ground, Field::Launch);
        return Vec::new();
    }
    let before = if state.before == Screen::Train { Screen::Runs } else { state.before };
    go(state, before)
}

/// The next choice of the focused line, or the one before.
fn cycle(form: &mut Form, ground: &Ground<'_>, by: isize) {
    match form.focus {
        Field::Strategy => {
            form.settle(ground);
            form.strategy_choice =
                next(&StrategyChoice::EACH, Some(&form.strategy_choice), by).copied().unwrap_or(form.strategy_choice);
        }
        Field::Dataset => {
            let names: Vec<_> = ground.data.readable().map(|dataset| dataset.name.clone()).collect();
            form.dataset = next(&names, form.dataset.as_ref(), by).cloned().or_else(|| form.dataset.take());
        }
        Field::Weights => {
            let names: Vec<_> = ground.weights.entries.iter().map(|entry| entry.name.clone()).collect();
            let chosen = next(&names, form.weights(ground), by).cloned();
            form.weights = chosen.or_else(|| form.weights.take());
        }
        Field::From => {
            form.settle(ground);
            let ids: Vec<RunId> = ground.starts().iter().map(|run| run.id.clone()).collect();
            let here = form.start(ground).map(|run| run.id.clone());
            form.from = next(&ids, here.as_ref(), by).cloned().or_else(|| form.from.take());
        }
        Field::Without => {
            let choices = form.withouts(ground);
            let here = form.without(ground);
            form.without = next(&choices, Some(&here), by).cloned();
        }
        Field::Setting(setting) => {
            let choices = setting.choices();
            let here = form.value(setting, ground).text().to_owned();
            if let Some(choice) = next(&choices, Some(&here), by) {
                form.put(setting, choice.as_str());
            }
        }
        Field::Name | Field::Launch => {}
    }
}

/// The choice this many steps on, around both ends; the first one where none of them is chosen.
fn next<'a, T: PartialEq>(choices: &'a [T], here: Option<&T>, by: isize) -> Option<&'a T> {
    let count = isize::try_from(choices.len()).ok().filter(|count| *count > 0)?;
    let here = here.and_then(|here| isize::try_from(choices.iter().position(|choice| choice == here)?).ok());
    choices.get(usize::try_from(here.map_or(0, |here| (here + by).rem_euclid(count))).ok()?)
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let (form, ground) = state.form_on_ground();
    form.named |= form.focus == Field::Name;
    if let Some(input) = form.input(&ground) {
        input.paste(text);
    }
    Vec::new()
}

fn launch(state: &mut State) -> Vec<Effect> {
    if state.form.launching {
        return Vec::new();
    }
    match state.form.order(&state.ground()) {
        Ok(order) => {
            state.form.launching = true;
            match order {
                Order::One(id, recipe) => {
                    info(state, format!("launching {id} …"));
                    vec![Effect::Launch { id, recipe }]
                }
                Order::All(ids, recipes) => {
                    info(state, "launching four runs …".into());
                    vec![Effect::LaunchAll { ids, recipes }]
                }
            }
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

pub(super) fn launched(state: &mut State, result: Result<RunId, ActionError>) -> Vec<Effect> {
    state.form.launching = false;
    match result {
        Ok(id) => {
            let others = state.runs.list.iter().filter(|run| run.id != id && run.is_active(state.now)).count();
            let words = match others {
                0 => format!("{id} is launched"),
                others => {
                    let others = count(others, "other is", "others are");
                    format!("{id} is launched and begins in its turn: {others} at work or waiting")
                }
            };
            show(state, id, words)
        }
        Err(error) => {
            fail(state, &format!("not launched: {error}"));
            Vec::new()
        }
    }
}

pub(super) fn practice_launched(state: &mut State, result: Result<[RunId; 4], ActionError>) -> Vec<Effect> {
    state.form.launching = false;
    match result {
        Ok(ids) => {
            let [first, others @ ..] = &ids;
            let others: Vec<&str> = others.iter().map(RunId::as_str).collect();
            let words = format!("{first}, {} are launched: one after the other", others.join(", "));
            show(state, first.clone(), words)
        }
        Err(error) => {
            fail(state, &format!("not all are launched: {error}"));
            Vec::new()
        }
    }
}

/// Shows a run that was just launched.
fn show(state: &mut State, id: RunId, words: String) -> Vec<Effect> {
    info(state, words);
    state.runs.selected = Some(id);
    state.form.named = false;
    state.overlay = None;
    let mut effects = go(state, Screen::Runs);
    effects.push(Effect::SuggestName);
    effects
}
