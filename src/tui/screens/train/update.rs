//! The changes that keys and events make on the Train screen.

use super::{Field, Form, FormChoices, LaunchPlan};
use crate::domain::{RunId, Strategy, StrategyChoice};
use crate::tui::messages::{Action, ActionError, DataEffect, Effect, TrainAction, TrainEffect, TrainEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::{go_to, prompt};
use crate::tui::state::{Input, Prompt, State};
use crate::tui::widgets::number_text::count;

/// The numbers of folds to choose from.
const FOLDS: [Option<u32>; 8] = [None, Some(2), Some(3), Some(4), Some(5), Some(6), Some(8), Some(10)];

pub(super) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Train(TrainAction::Launch) if state.train.focus == Field::Launch => return launch(state),
        Action::Train(TrainAction::Preset) => {
            apply_next_preset(state);
            return Vec::new();
        }
        Action::Train(TrainAction::Undo) => {
            undo(state);
            return Vec::new();
        }
        // No number has a slash.
        Action::Insert('/') if state.train.focus.takes_text() && state.train.focus != Field::Name => {
            ask_for_field(state);
            return Vec::new();
        }
        Action::Train(TrainAction::FindField) => {
            ask_for_field(state);
            return Vec::new();
        }
        Action::Back => return back(state),
        Action::Train(TrainAction::AddValue) if state.train.further_choices(&state.form_choices()).is_empty() => {
            let field = state.train.focus.label();
            let words = match state.train.focus {
                Field::Setting(_) => format!("{field} has no further choice"),
                _ => format!("{field} takes one choice; settings with choices take several"),
            };
            state.notify(words);
            return Vec::new();
        }
        _ => {}
    }
    let (form, choices) = state.form_and_choices();
    match action {
        Action::Up => focus(form, &choices, -1),
        // Enter confirms a field. If it launched from here, a confirmed number would start a run by surprise.
        Action::Down | Action::Train(TrainAction::Launch) => focus(form, &choices, 1),
        Action::First | Action::PageUp => focus_on(form, &choices, Field::Strategy),
        Action::Last | Action::PageDown => focus_on(form, &choices, Field::Launch),
        Action::Train(TrainAction::Cycle) => cycle(form, &choices, 1),
        Action::Left if !form.focus.takes_text() => cycle(form, &choices, -1),
        Action::Train(TrainAction::AddValue) => form.add_value(&choices),
        Action::Train(TrainAction::RemoveValue) => form.remove_value(&choices),
        Action::Train(TrainAction::Reset) => {
            form.remember();
            form.reset();
            form.edited = None;
        }
        edit => {
            form.named |= form.focus == Field::Name && !matches!(edit, Action::Left | Action::Right);
            form.edit(&choices, |input| input.edit(edit));
        }
    }
    Vec::new()
}

/// Fills the form with the next preset and shows a message about it.
fn apply_next_preset(state: &mut State) {
    let (form, choices) = state.form_and_choices();
    let preset = form.next_preset(&choices);
    form.remember();
    form.apply_preset(preset, &choices);
    let back = state.keymap.key("train.undo");
    let words = format!("preset {}: {}; seed and device unchanged; {back} undoes it", preset.name(), preset.purpose());
    state.notify(words);
}

/// Brings the form back as it was before the last change of many fields.
fn undo(state: &mut State) {
    let (form, choices) = state.form_and_choices();
    let is_back = form.undo(&choices);
    let key = state.keymap.key("train.undo");
    let words = format!("the form is as it was before its last preset, repeat or reset; {key} changes it back");
    state.notify(if is_back { words } else { "there is nothing to undo".into() });
}

/// Opens a prompt for the name of a field. The focus follows while it is typed.
fn ask_for_field(state: &mut State) {
    let (form, choices) = state.form_and_choices();
    form.drop_defaults(&choices);
    form.found_from = Some(form.focus);
    let explanation = "A part of the field's name: `lr` finds learning-rate. Enter stays there, Esc goes back.".into();
    let title = "go to a field".into();
    prompt::open(state, Prompt { title, explanation, input: Input::default(), error: None, live: true });
}

fn focus(form: &mut Form, choices: &FormChoices<'_>, by: isize) {
    form.drop_defaults(choices);
    form.edited = None;
    form.move_focus(by);
}

fn focus_on(form: &mut Form, choices: &FormChoices<'_>, field: Field) {
    form.drop_defaults(choices);
    form.edited = None;
    form.focus = field;
}

fn back(state: &mut State) -> Vec<Effect> {
    let (form, choices) = state.form_and_choices();
    if form.focus.takes_text() {
        focus_on(form, &choices, Field::Launch);
        return Vec::new();
    }
    let before = if state.previous_screen == Screen::Train { Screen::Runs } else { state.previous_screen };
    go_to(state, before)
}

/// Selects another choice of the focused line, `by` positions further.
fn cycle(form: &mut Form, choices: &FormChoices<'_>, by: isize) {
    match form.focus {
        Field::Strategy => {
            form.drop_defaults(choices);
            form.strategy_choice =
                next(&StrategyChoice::EACH, Some(&form.strategy_choice), by).copied().unwrap_or(form.strategy_choice);
        }
        Field::Dataset => {
            let names: Vec<_> = choices.library.datasets.readable().map(|dataset| dataset.name.clone()).collect();
            let next = next(&names, form.dataset.as_ref(), by).cloned();
            form.choose_dataset(next.or_else(|| form.dataset.clone()));
        }
        Field::Weights => {
            let names: Vec<_> = choices.library.weights.list.iter().map(|entry| entry.name.clone()).collect();
            let chosen = next(&names, form.weights(choices), by).cloned();
            form.weights = chosen.or_else(|| form.weights.take());
        }
        Field::From => {
            form.drop_defaults(choices);
            let ids: Vec<RunId> = choices.start_candidates().iter().map(|run| run.id.clone()).collect();
            let here = form.start(choices).map(|run| run.id.clone());
            form.from = next(&ids, here.as_ref(), by).cloned().or_else(|| form.from.take());
        }
        Field::Corrections => {
            let known = form.correction_choices(choices);
            let here = form.correction_choice(choices);
            form.correction_choice = next(&known, Some(&here), by).cloned();
        }
        Field::Setting(setting) => {
            let (last, free) = form.last_value(setting, choices);
            if let Some(choice) = next(&free, Some(&last), by) {
                form.set_last_value(setting, choice, choices);
            }
        }
        Field::Folds => form.folds = next(&FOLDS, Some(&form.folds), by).copied().flatten(),
        Field::Place => {
            let names: Vec<Option<String>> =
                std::iter::once(None).chain(form.places.iter().map(|place| Some(place.name.clone()))).collect();
            form.on = next(&names, Some(&form.on), by).cloned().flatten();
        }
        Field::Name | Field::Launch => {}
    }
}

/// Returns the choice `by` positions further, wrapping around at both ends; the first where none is selected.
fn next<'a, T: PartialEq>(choices: &'a [T], here: Option<&T>, by: isize) -> Option<&'a T> {
    let count = isize::try_from(choices.len()).ok().filter(|count| *count > 0)?;
    let here = here.and_then(|here| isize::try_from(choices.iter().position(|choice| choice == here)?).ok());
    choices.get(usize::try_from(here.map_or(0, |here| (here + by).rem_euclid(count))).ok()?)
}

/// Pastes a text into the focused field. Returns whether the field accepts text.
pub(super) fn paste(state: &mut State, text: &str) -> bool {
    if !state.train.focus.takes_text() {
        return false;
    }
    let (form, choices) = state.form_and_choices();
    form.named |= form.focus == Field::Name;
    form.edit(&choices, |input| input.paste(text));
    true
}

fn launch(state: &mut State) -> Vec<Effect> {
    if state.train.launching {
        return Vec::new();
    }
    match state.train.launch_plan(&state.form_choices()) {
        Ok(order) => {
            state.train.launching = true;
            let on = state.train.place().cloned().map(Box::new);
            match order {
                LaunchPlan::One(id, recipe) => {
                    state.notify(format!("launching {id} …"));
                    vec![Effect::Train(TrainEffect::Launch { id, recipe, on })]
                }
                LaunchPlan::All(ids, recipes) => {
                    state.notify("launching four runs …".into());
                    vec![Effect::Train(TrainEffect::LaunchAll { ids, recipes, on })]
                }
                LaunchPlan::Sweep(stem, runs) => {
                    state.notify(format!("launching {} runs …", runs.len()));
                    vec![Effect::Train(TrainEffect::LaunchSweep { stem, runs, on })]
                }
            }
        }
        Err((field, error)) => {
            state.train.focus = field;
            state.fail(&error);
            Vec::new()
        }
    }
}

/// Applies an event. Returns the effects to request.
pub fn on_event(state: &mut State, event: TrainEvent) -> Vec<Effect> {
    match event {
        TrainEvent::NameSuggested(id) => {
            on_name_suggested(state, &id);
            Vec::new()
        }
        TrainEvent::LaunchFinished(result) => on_launched(state, result),
        TrainEvent::LaunchAllFinished(result) => {
            on_several_launched(state, result.map(Vec::from), "launched, one after the other")
        }
        TrainEvent::LaunchSweepFinished(result) => on_several_launched(state, result, "queued with one tag"),
    }
}

/// Requests another name if a run has taken the suggested one since. The cached features count as not measured, since
/// runs may have computed some.
pub(super) fn on_show(state: &mut State) -> Vec<Effect> {
    state.library.features = None;
    let is_free = state.train.named || state.train.error(Field::Name, &state.form_choices()).is_none();
    if is_free { Vec::new() } else { vec![Effect::Train(TrainEffect::SuggestName)] }
}

/// Requests the cached features of the form's dataset once, on which the time of a run on a base depends.
pub(super) fn measure_features(state: &mut State) -> Vec<Effect> {
    if state.train.strategy_choice.strategies().all(Strategy::is_from_scratch) {
        return Vec::new();
    }
    let Some(dataset) = state.train.dataset(&state.form_choices()).map(|dataset| dataset.name.clone()) else {
        return Vec::new();
    };
    if state.library.features.as_ref().is_some_and(|(measured, _)| *measured == dataset) {
        return Vec::new();
    }
    state.library.features = Some((dataset.clone(), Vec::new()));
    vec![Effect::Data(DataEffect::MeasureFeatures(dataset))]
}

fn on_name_suggested(state: &mut State, id: &RunId) {
    if !state.train.named {
        state.train.name = Input::new(id.as_str());
    }
}

fn on_launched(state: &mut State, result: Result<RunId, ActionError>) -> Vec<Effect> {
    state.train.launching = false;
    match result {
        Ok(id) => {
            let others = state.library.runs.list.iter().filter(|run| run.id != id && run.is_active(state.now)).count();
            let words = match others {
                0 => format!("{id} is launched"),
                others => {
                    let others = count(others, "other run is", "other runs are");
                    format!("{id} is launched: {others} running or waiting")
                }
            };
            show_run(state, id, words)
        }
        Err(error) => {
            state.fail(&format!("not launched: {error}"));
            Vec::new()
        }
    }
}

/// Shows the first of several runs that were just launched. `how` ends the message.
fn on_several_launched(state: &mut State, result: Result<Vec<RunId>, ActionError>, how: &str) -> Vec<Effect> {
    state.train.launching = false;
    match result {
        Ok(ids) => {
            let Some(first) = ids.first().cloned() else { return Vec::new() };
            let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
            let names = match names[..] {
                [first, _, _, _, .., last] => format!("{first} … {last}"),
                _ => names.join(", "),
            };
            show_run(state, first, format!("{names} are {how}"))
        }
        Err(error) => {
            state.fail(&format!("not all runs were launched: {error}"));
            Vec::new()
        }
    }
}

/// Shows a run that was just launched.
fn show_run(state: &mut State, id: RunId, words: String) -> Vec<Effect> {
    state.notify_of_active(id.clone(), words);
    state.runs.selected = Some(id);
    state.train.named = false;
    state.overlay = None;
    let mut effects = go_to(state, Screen::Runs);
    effects.push(Effect::Train(TrainEffect::SuggestName));
    effects
}
