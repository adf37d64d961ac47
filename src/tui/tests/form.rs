//! Tests of the Train form: what is typed, confirmed, undone and promised.

use std::sync::Arc;

use ratatui::layout::Position;

use super::fixtures::{self, NOW, id};
use super::screens::{SIZES, at, draw};
use super::update::{act, drawn, press, text};
use crate::domain::{Hyperparameter, Place, StrategyChoice};
use crate::tui::messages::{Effect, Event, TrainEffect, TrainEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::train::Field;
use crate::tui::state::State;
use crate::tui::update::update;

fn state() -> State {
    at(Screen::Train, fixtures::with_data(fixtures::all()))
}

#[test]
fn every_character_typed_into_a_number_is_taken_and_a_wrong_number_is_not_launched() {
    let numbers: Vec<Hyperparameter> =
        Hyperparameter::ALL.into_iter().filter(|setting| Field::Setting(*setting).takes_text()).collect();
    for setting in numbers {
        for typed in ["0,001", "early-newt", "0001", "1 000", "½"] {
            let mut state = state();
            let field = Field::Setting(setting);
            if !state.train.fields().contains(&field) {
                continue;
            }
            state.train.focus = field;
            press(&mut state, "<^u>");
            press(&mut state, typed);
            assert_eq!(text(&state, setting), typed, "{}", setting.name());
            let error = state.train.error(field, &state.form_choices());
            assert!(error.is_some_and(|error| error.contains(typed)), "{} takes {typed}", setting.name());
            assert_eq!(press(&mut state, "<esc><enter>"), [], "{} = {typed} is launched", setting.name());
        }
    }
    let mut state = state();
    state.train.focus = Field::Setting(Hyperparameter::Patience);
    press(&mut state, "<^u>off");
    assert_eq!(state.train.error(state.train.focus, &state.form_choices()), None);
}

#[test]
fn several_values_of_a_number_and_of_a_choice_are_a_sweep() {
    let mut state = state();
    state.train.focus = Field::Setting(Hyperparameter::Seed);
    press(&mut state, "<^u>1..3");
    state.train.focus = Field::Setting(Hyperparameter::Optimizer);
    press(&mut state, "+<right>");
    assert_eq!(text(&state, Hyperparameter::Optimizer), "adam,sgd", "the arrows choose the last value");
    press(&mut state, "+");
    assert_eq!(text(&state, Hyperparameter::Optimizer), "adam,sgd,adamw");
    press(&mut state, "+-");
    assert_eq!(text(&state, Hyperparameter::Optimizer), "adam,sgd", "there is no fourth");
    let screen = draw(&state, SIZES[0]);
    for words in [
        "adam,‹ sgd ›",
        "2 values",
        "6 runs of cnn on demo: neat-gecko-1, …",
        "6 runs with one tag: optimizer adam, sgd × seed 1, 2, 3",
    ] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let effects = press(&mut state, "G<enter>");
    let [Effect::Train(TrainEffect::LaunchSweep { stem, runs, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let seen: Vec<(&str, u64, String)> =
        runs.iter().map(|(id, run)| (id.as_str(), run.seed, Hyperparameter::Optimizer.get(run))).collect();
    assert_eq!(stem.as_str(), "neat-gecko");
    assert_eq!(seen[..2], [("neat-gecko-1", 1, "adam".into()), ("neat-gecko-2", 2, "adam".into())]);
    assert_eq!((seen.len(), &seen[5]), (6, &("neat-gecko-6", 3, "sgd".to_owned())));
    let ids: Vec<_> = runs.iter().map(|(id, _)| id.clone()).collect();
    update(&mut state, NOW, Event::Train(TrainEvent::LaunchSweepFinished(Ok(ids))));
    assert_eq!((state.screen, state.runs.selected.clone()), (Screen::Runs, Some(id("neat-gecko-1"))));
    let message = state.message.clone().expect("a message").text;
    assert_eq!(message, "neat-gecko-1 … neat-gecko-6 are queued with one tag");
}

#[test]
fn several_values_that_make_no_runs_are_not_launched() {
    let table = [
        (Hyperparameter::Seed, "1..300", "300 runs are more than the 200"),
        (Hyperparameter::Seed, "1,2,1", "seed has the value 1 twice"),
        (Hyperparameter::LearningRate, "0,5", "not '0', in '0,5': a comma separates values, and decimals have a point"),
    ];
    for (setting, typed, expected) in table {
        let mut state = state();
        state.train.focus = Field::Setting(setting);
        press(&mut state, "<^u>");
        press(&mut state, typed);
        let error = state.train.error(state.train.focus, &state.form_choices());
        assert!(error.as_ref().is_some_and(|error| error.contains(expected)), "{typed}: {error:?}");
        assert_eq!(press(&mut state, "<esc><enter>"), []);
    }
    let mut state = state();
    state.train.set_text(Hyperparameter::Seed, "1..20");
    state.train.set_text(Hyperparameter::Epochs, "1..20");
    let of = |state: &State, setting| state.train.error(Field::Setting(setting), &state.form_choices());
    assert_eq!(of(&state, Hyperparameter::Epochs), None, "said once");
    assert!(of(&state, Hyperparameter::Seed).is_some_and(|error| error.contains("400 runs are more")));
    // Four strategies are launched by their own names.
    state.train.focus = Field::Strategy;
    press(&mut state, "<left>");
    state.train.set_text(Hyperparameter::Seed, "1,2");
    let error = of(&state, Hyperparameter::Seed).expect("an error");
    assert!(error.contains("choose one strategy for several values"), "{error}");
    assert_eq!(press(&mut state, "G<enter>"), []);
}

#[test]
fn the_name_of_one_run_of_a_sweep_that_is_taken_is_refused() {
    let mut runs = fixtures::all();
    runs[0].id = id("neat-gecko-2");
    let mut state = at(Screen::Train, fixtures::with_data(runs));
    state.train.set_text(Hyperparameter::Seed, "1,2");
    let error = state.train.error(Field::Name, &state.form_choices()).expect("an error");
    assert_eq!(error, "there is a run neat-gecko-2 already: choose another name");
}

#[test]
fn a_run_for_each_fold_is_launched_with_one_tag() {
    let mut state = state();
    state.train.focus = Field::Folds;
    press(&mut state, "<right><right>");
    let screen = draw(&state, SIZES[1]);
    assert!(screen.contains("‹ 3 ›") && screen.contains("3 runs with one tag: 3 folds"), "{screen}");
    let effects = press(&mut state, "G<enter>");
    let [Effect::Train(TrainEffect::LaunchSweep { runs, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let folds: Vec<String> =
        runs.iter().map(|(id, recipe)| format!("{id}: {}", recipe.fold.expect("a fold"))).collect();
    assert_eq!(folds, ["neat-gecko-1: 1 of 3", "neat-gecko-2: 2 of 3", "neat-gecko-3: 3 of 3"]);
    state.train.launching = false;
    state.train.set_text(Hyperparameter::Seed, "1..100");
    let error = state.train.error(Field::Folds, &state.form_choices()).expect("too many");
    assert!(error.starts_with("300 runs are more than the 200"), "{error}");
    state.train.strategy_choice = StrategyChoice::All;
    assert!(!state.train.fields().contains(&Field::Folds), "the command takes none either");
}

#[test]
fn a_run_is_launched_on_the_chosen_place() {
    let mut state = state();
    assert!(!state.train.fields().contains(&Field::Place), "no place in the config file");
    state.train.places = ["cpu", "gpu"].map(|name| Place { name: name.into(), ..Place::default() }).to_vec();
    state.train.focus = Field::Place;
    press(&mut state, "<left>");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("‹ gpu ›") && screen.contains("cnn on demo as neat-gecko, on gpu"), "{screen}");
    let place = |effects: &[Effect]| match effects {
        [Effect::Train(TrainEffect::Launch { on, .. })] => on.as_ref().map(|place| place.name.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(&press(&mut state, "G<enter>")), Some("gpu".into()));
    state.train.launching = false;
    state.train.focus = Field::Place;
    press(&mut state, "<^d>");
    assert_eq!(place(&press(&mut state, "G<enter>")), None, "this machine is the default");
    let places = state.train.places.clone();
    state.train.launching = false;
    state.train.set_places(places, Some("cpu".into()));
    assert_eq!(place(&press(&mut state, "G<enter>")), Some("cpu".into()), "the default of the home");
}

#[test]
fn quitting_loses_a_changed_form_only_when_it_is_asked_twice() {
    let mut unchanged = state();
    press(&mut unchanged, "q");
    assert!(unchanged.quit);
    let mut state = state();
    state.train.set_text(Hyperparameter::Epochs, "7");
    press(&mut state, "q");
    assert!(!state.quit && draw(&state, SIZES[0]).contains("quit again"), "{}", draw(&state, SIZES[0]));
    let mut again = state.clone();
    press(&mut again, "q");
    assert!(again.quit);
    // Elsewhere the form stays.
    press(&mut state, "3q");
    assert!(state.quit);
}

#[test]
fn a_field_is_found_by_a_part_of_its_name_while_it_is_typed() {
    let focus = |keys: &str| {
        let mut state = state();
        press(&mut state, "<down>");
        press(&mut state, keys);
        (state.train.focus, state.overlay.is_some(), state)
    };
    let setting = Field::Setting;
    assert_eq!(focus("/seed").0, setting(Hyperparameter::Seed));
    assert_eq!(focus("/lr").0, setting(Hyperparameter::LearningRate));
    assert_eq!(focus("/wdec<enter>").0, setting(Hyperparameter::WeightDecay));
    assert_eq!(focus("/run n<enter>").0, Field::Name);
    assert_eq!(focus("/seed<esc>").0, Field::Dataset, "where it was");
    assert_eq!(focus("/seed<^u>").0, Field::Dataset, "an empty text finds nothing");
    assert_eq!(focus("/seed<enter>/epochs<enter>").0, setting(Hyperparameter::Epochs), "from a number, too");
    let (field, open, state) = focus("/seedx<enter>");
    assert!(open && field == setting(Hyperparameter::Seed), "the last that was found: {field:?}");
    assert!(draw(&state, SIZES[0]).contains("no field has the name 'seedx'"));
    let (_, open, state) = focus("/seed<enter><^u>1..3<esc>");
    assert_eq!((open, text(&state, Hyperparameter::Seed)), (false, "1..3".into()));
    assert!(draw(&state, SIZES[0]).contains("3 runs"));
}

#[test]
fn letters_in_a_number_field_are_no_commands() {
    let mut state = state();
    state.train.focus = Field::Setting(Hyperparameter::Epochs);
    press(&mut state, "<^u>501q3gG:?!");
    assert_eq!(text(&state, Hyperparameter::Epochs), "501q3gG:?!");
    assert!(!state.quit && state.overlay.is_none() && state.screen == Screen::Train);
}

#[test]
fn enter_confirms_a_field_and_launches_only_on_the_launch_line() {
    let mut state = at(Screen::Data, fixtures::with_data(fixtures::all()));
    let fields = state.train.fields();
    assert_eq!(press(&mut state, "<enter>"), [], "Data to Train");
    for next in fields.iter().skip(1) {
        assert_eq!(press(&mut state, "<enter>"), []);
        assert_eq!(state.train.focus, *next);
    }
    let effects = press(&mut state, "<enter>");
    assert!(matches!(&effects[..], [Effect::Train(TrainEffect::Launch { .. })]), "{effects:?}");
}

#[test]
fn a_preset_a_reset_and_a_repeat_are_undone() {
    let mut state = state();
    state.train.focus = Field::Setting(Hyperparameter::Epochs);
    press(&mut state, "<^u>77<down><^u>99<^p>");
    assert_ne!(text(&state, Hyperparameter::Epochs), "77");
    press(&mut state, "<^r>");
    assert_eq!([Hyperparameter::Epochs, Hyperparameter::BatchSize].map(|it| text(&state, it)), ["77", "99"]);
    press(&mut state, "<^d>");
    assert_eq!(text(&state, Hyperparameter::BatchSize), "64");
    press(&mut state, "<^r>");
    assert_eq!(text(&state, Hyperparameter::BatchSize), "99");
    press(&mut state, "<^r>");
    assert_eq!(text(&state, Hyperparameter::BatchSize), "64", "undoing is undone too");
    press(&mut state, "<^r><esc>3");
    press(&mut state, "r");
    assert_ne!(text(&state, Hyperparameter::Epochs), "77");
    press(&mut state, "<^r>");
    assert_eq!(text(&state, Hyperparameter::Epochs), "77");
}

#[test]
fn a_repeated_run_that_was_extended_began_with_other_epochs() {
    let words = "brisk-otter began with 50 epochs";
    for (limit, expected) in [(50, false), (60, true)] {
        let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
        let otter = state.library.runs.list.iter_mut().find(|run| run.id == id("brisk-otter")).expect("there");
        Arc::make_mut(otter.summary.as_mut().expect("read")).limits.epochs = limit;
        state.runs.selected = Some(id("brisk-otter"));
        press(&mut state, "r");
        let screen = draw(&state, SIZES[2]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(screen.contains(words), expected, "{screen}");
        press(&mut state, "g");
        state.train.focus = Field::Setting(Hyperparameter::Epochs);
        press(&mut state, "<^u>70");
        assert!(!draw(&state, SIZES[2]).contains("began with"), "other epochs are another run anyway");
    }
}

#[test]
fn a_name_that_a_run_has_is_refused_and_a_taken_suggestion_is_replaced() {
    let mut state = state();
    state.train.focus = Field::Name;
    press(&mut state, "<^u>calm-heron");
    let error = state.train.error(Field::Name, &state.form_choices()).expect("an error");
    assert_eq!(error, "there is a run calm-heron already: choose another name");
    assert_eq!(press(&mut state, "<esc><enter>"), []);
    assert!(draw(&state, SIZES[0]).contains("✗"), "{}", draw(&state, SIZES[0]));
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    update(&mut state, NOW, Event::Train(TrainEvent::NameSuggested(id("calm-heron"))));
    assert_eq!(press(&mut state, "2"), [Effect::Train(TrainEffect::SuggestName)]);
}

#[test]
fn a_launch_message_goes_when_the_run_has_ended() {
    let mut state = state();
    update(&mut state, NOW, Event::Train(TrainEvent::LaunchFinished(Ok(id("brisk-otter")))));
    assert!(state.shown_message().is_some());
    update(&mut state, NOW, Event::RunsRead(fixtures::all()));
    assert_eq!(state.shown_message(), None, "brisk-otter is finished");
    update(&mut state, NOW, Event::Train(TrainEvent::LaunchFinished(Ok(id("calm-heron")))));
    update(&mut state, NOW, Event::RunsRead(fixtures::all()));
    assert!(state.shown_message().is_some(), "calm-heron is running");
}

#[test]
fn clicks_focus_the_fields_the_classes_the_cells_and_perform_hints() {
    let click = |state: &mut State, words: &str| {
        drawn(state);
        let screen = draw(state, SIZES[0]);
        let (row, line) = screen
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(words))
            .unwrap_or_else(|| panic!("{words}:\n{screen}"));
        // The screen is printed in quotes.
        let column = line.split(words).next().map_or(0, |before| before.chars().count() - 1);
        let at = Position::new(u16::try_from(column).expect("a column"), u16::try_from(row).expect("a row"));
        act(state, Event::Click(at))
    };
    let mut form = state();
    assert_eq!(click(&mut form, "batch-size"), []);
    assert_eq!(form.train.focus, Field::Setting(Hyperparameter::BatchSize));
    assert_eq!(click(&mut form, "[ Launch ]"), [], "a click does not launch");
    assert_eq!(form.train.focus, Field::Launch);
    assert_eq!(click(&mut form, "Esc back"), []);
    assert_ne!(form.screen, Screen::Train);
    let mut data = at(Screen::Data, fixtures::with_data(vec![]));
    click(&mut data, "fear");
    assert_eq!(data.data.class, 2);
    click(&mut data, "? help");
    assert!(data.overlay.is_some());
    click(&mut data, "Esc close");
    assert!(data.overlay.is_none());
}
