//! Tests of keys and events, as tables.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::key::Key;
use crate::tui::messages::{
    ActionError, DataEffect, DataEvent, Effect, Event, RunsEffect, RunsEvent, TrainEffect, TrainEvent,
};
use crate::tui::screen::Screen;
use crate::tui::screens::train::Field;
use crate::tui::state::{Overlay, State};
use crate::tui::view;
use crate::tui::widgets::faces::Pictures;

use super::fixtures::{self, NOW, id};
use crate::domain::Hyperparameter;
use crate::supervise::LaunchError;
use crate::tui::update::update;

/// Presses keys, written as one character each or by name in angle brackets. Returns all effects.
pub(super) fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    // Drawing first performs the requests of the current screen.
    drawn(state);
    let mut effects = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let (key, length) = match rest.strip_prefix('<').and_then(|named| named.split_once('>')) {
            Some((name, _)) => (named(name), name.len() + 2),
            None => (Key::char(c), c.len_utf8()),
        };
        rest = &rest[length..];
        effects.extend(act(state, Event::Key(key)));
    }
    effects
}

/// Applies an event and draws the screen, as the runtime does. Returns the effects of both.
pub(super) fn act(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = update(state, NOW, event);
    effects.extend(drawn(state));
    effects
}

/// Draws the screen and applies its layout. Returns the effects.
pub(super) fn drawn(state: &mut State) -> Vec<Effect> {
    let area = Rect::new(0, 0, state.columns, state.rows);
    let mut buffer = Buffer::empty(area);
    let (layout, _) = view::render(state, &mut buffer, area, &mut Pictures::new(false));
    update(state, NOW, Event::Drawn(layout))
}

fn named(name: &str) -> Key {
    match name {
        "enter" => Key::plain(KeyCode::Enter),
        "esc" => Key::plain(KeyCode::Esc),
        "tab" => Key::plain(KeyCode::Tab),
        "backtab" => Key::plain(KeyCode::BackTab),
        "up" => Key::plain(KeyCode::Up),
        "down" => Key::plain(KeyCode::Down),
        "right" => Key::plain(KeyCode::Right),
        "left" => Key::plain(KeyCode::Left),
        "bs" => Key::plain(KeyCode::Backspace),
        "^u" => Key::ctrl('u'),
        "^c" => Key::ctrl('c'),
        "^p" => Key::ctrl('p'),
        "^d" => Key::ctrl('d'),
        "^z" => Key::ctrl('z'),
        "^r" => Key::ctrl('r'),
        "pgdn" => Key::plain(KeyCode::PageDown),
        "end" => Key::plain(KeyCode::End),
        other => panic!("no key {other}"),
    }
}

pub(super) fn text(state: &State, setting: Hyperparameter) -> String {
    state.train.value(setting, &state.form_choices()).text().to_owned()
}

fn help_line(state: &State) -> Option<usize> {
    match &state.overlay {
        Some(Overlay::Help(help)) => Some(help.line),
        _ => None,
    }
}

fn state() -> State {
    fixtures::with_data(fixtures::all())
}

#[test]
fn keys_open_screens() {
    let table = [
        ("1", Screen::Data),
        ("2", Screen::Train),
        ("3", Screen::Runs),
        ("1<tab>", Screen::Train),
        ("1<backtab>", *Screen::ALL.last().expect("a screen")),
        ("3<tab>", Screen::Compare),
        ("4<tab>", Screen::Compare),
        ("12<esc>", Screen::Data),
        ("32<esc>", Screen::Runs),
        ("1<enter>", Screen::Train),
        ("3r", Screen::Train),
        ("2<down>3<esc>3", Screen::Runs),
    ];
    for (keys, screen) in table {
        let mut state = state();
        press(&mut state, keys);
        assert_eq!(state.screen, screen, "{keys}");
    }
}

#[test]
fn existing_runs_are_shown_first_unless_a_key_was_pressed() {
    assert_eq!(state().screen, Screen::Runs);
    assert_eq!(fixtures::with_data(vec![]).screen, Screen::Data);
    let mut eager = fixtures::with_data(vec![]);
    press(&mut eager, "2");
    update(&mut eager, NOW, Event::RunsRead(fixtures::all()));
    assert_eq!(eager.screen, Screen::Train);
}

#[test]
fn a_new_home_gets_the_demo_dataset_once() {
    let mut fresh = fixtures::state(vec![], vec![]);
    assert!(fresh.data.creating_demo);
    assert_eq!(update(&mut fresh, NOW, Event::DatasetsRead(Ok(vec![]))), []);
    assert_eq!(press(&mut fresh, "1d"), []);
    update(&mut fresh, NOW, Event::Data(DataEvent::DemoFinished(Err("disk full".into()))));
    assert_eq!(press(&mut fresh, "d"), [Effect::Data(DataEffect::CreateDemo)]);
}

#[test]
fn stopping_asks_first() {
    let table = [
        ("Sn", None),
        ("S<esc>", None),
        ("Sx", None),
        ("Sy", Some(Effect::Runs(RunsEffect::Stop(vec![id("calm-heron")])))),
    ];
    for (keys, expected) in table {
        let mut state = state();
        state.runs.selected = Some(id("calm-heron"));
        let effects = press(&mut state, keys);
        assert_eq!(effects.first(), expected.as_ref(), "{keys}");
        assert_eq!(state.overlay.is_some(), keys == "Sx", "{keys}");
    }
}

#[test]
fn only_ended_runs_resume_and_only_active_ones_stop() {
    let table = [
        ("plain-finch", "R", true),
        ("odd-raven", "R", true),
        ("warm-stork", "R", true),
        ("brisk-otter", "R", false),
        ("calm-heron", "R", false),
        ("brisk-otter", "S", false),
    ];
    for (run, key, done) in table {
        let mut state = state();
        state.runs.selected = Some(id(run));
        let effects = press(&mut state, key);
        assert_eq!(effects == vec![Effect::Runs(RunsEffect::Resume(vec![id(run)]))], done, "{run} {key}");
        assert_eq!(state.message.is_some(), !done, "{run} {key}");
        assert_eq!(state.overlay, None);
    }
}

#[test]
fn a_launch_uses_the_form_and_shows_the_run() {
    let mut state = state();
    let effects = press(&mut state, "2<down><right><down><down><^u>7<esc><enter>");
    let [Effect::Train(TrainEffect::Launch { id: name, recipe, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((name.as_str(), recipe.dataset.as_str(), recipe.epochs), ("neat-gecko", "fer2013", 7));
    assert_eq!(recipe.fingerprint, fixtures::fer2013().fingerprint);
    assert_eq!(press(&mut state, "<enter>"), [], "once is enough");
    let effects = update(&mut state, NOW, Event::Train(TrainEvent::LaunchFinished(Ok(id("neat-gecko-2")))));
    assert_eq!(effects, [Effect::Train(TrainEffect::SuggestName)]);
    assert_eq!((state.screen, state.runs.selected.clone()), (Screen::Runs, Some(id("neat-gecko-2"))));
}

#[test]
fn a_wrong_value_is_shown_and_not_launched() {
    let mut state = state();
    let effects = press(&mut state, "2<down><down><down><^u>0<up>G<enter>");
    assert_eq!(effects, []);
    assert_eq!(state.train.focus, Field::Setting(Hyperparameter::Epochs));
    assert!(state.message.as_ref().is_some_and(|message| message.text.starts_with("epochs must be 1 to 10000")));
    press(&mut state, "<^d>");
    assert_eq!(text(&state, Hyperparameter::Epochs), "50");
}

#[test]
fn a_failed_launch_stays_in_the_form() {
    let mut state = state();
    press(&mut state, "2G<enter>");
    update(&mut state, NOW, Event::Train(TrainEvent::LaunchFinished(Err(ActionError::Fault("no space\u{1b}[2J")))));
    let message = state.message.clone().expect("a message");
    assert_eq!((message.text.as_str(), message.error), ("not launched: no space·[2J", true));
    update(&mut state, NOW + 60_000, Event::Tick);
    assert!(state.message.is_some(), "an error waits for a key");
    press(&mut state, "<down>");
    assert_eq!((state.message.clone(), state.screen), (None, Screen::Train));
}

#[test]
fn a_refused_resume_names_the_keys_that_help() {
    let message_of = |error: LaunchError| {
        let mut state = state();
        update(&mut state, NOW, Event::Runs(RunsEvent::ResumeFinished(vec![(id("calm-heron"), Err(error.into()))])));
        state.message.expect("a message").text
    };
    let id = || id("calm-heron");
    let finished =
        LaunchError::Finished { id: id(), reason: "with all epochs done".into(), advice: "--epochs 51".into() };
    assert_eq!(message_of(finished), "calm-heron is finished: e extends it, r repeats its settings");
    assert_eq!(message_of(LaunchError::Busy { id: id() }), "calm-heron already has a worker");
    let checkpoint = "last.ckpt".into();
    assert!(message_of(LaunchError::NoWeights { id: id(), checkpoint }).contains("has saved no weights yet"));
}

#[test]
fn a_name_that_was_typed_is_not_replaced_by_a_suggestion() {
    let mut state = state();
    press(&mut state, "2<up><up><^u>mine");
    update(&mut state, NOW, Event::Train(TrainEvent::NameSuggested(id("calm-hare"))));
    assert_eq!(state.train.name.text(), "mine");
    update(&mut state, NOW, Event::Paste("-two\nlines".into()));
    assert_eq!(state.train.name.text(), "mine-two");
}

#[test]
fn repeating_takes_every_setting_over() {
    let run = fixtures::Logbook::new("old-owl", 60).with(|recipe| recipe.batch_size = 128).view(false);
    let mut state = fixtures::with_data(vec![run]);
    press(&mut state, "3r");
    assert_eq!(text(&state, Hyperparameter::BatchSize), "128");
    assert_eq!(state.train.dataset.as_ref().map(ToString::to_string).as_deref(), Some("fer2013"));
}

#[test]
fn the_selection_stays_with_its_run_when_the_list_moves() {
    let mut state = state();
    press(&mut state, "3jj");
    let chosen = state.runs.current(&state.library).map(|run| run.id.clone());
    let mut more = fixtures::all();
    more.push(fixtures::Logbook::new("newest-gull", 1).view(true));
    update(&mut state, NOW, Event::RunsRead(more));
    assert_eq!(state.runs.current(&state.library).map(|run| run.id.clone()), chosen);
    press(&mut state, "g");
    assert_eq!(state.runs.position(&state.library), 0);
    press(&mut state, "G");
    assert_eq!(state.runs.position(&state.library), 6);
}

#[test]
fn active_runs_come_first_and_the_youngest_of_each() {
    let ids: Vec<String> = state().library.runs.list.iter().map(|run| run.id.to_string()).collect();
    assert_eq!(ids, ["new-wren", "calm-heron", "plain-finch", "brisk-otter", "warm-stork", "odd-raven"]);
}

#[test]
fn help_and_quit_work_from_everywhere() {
    for keys in ["1", "2", "2<down>", "2<up><up>", "3", "3<enter>", "3?"] {
        let mut state = state();
        press(&mut state, keys);
        press(&mut state, "<^c>");
        assert!(state.quit, "{keys}");
    }
    let mut state = state();
    press(&mut state, "?<down><down>");
    assert_eq!(help_line(&state), Some(2));
    press(&mut state, "q");
    assert!(!state.quit && state.overlay.is_some(), "every letter filters");
    press(&mut state, "<esc><esc>");
    press(&mut state, "q");
    assert!(state.quit);
}

#[test]
fn a_message_stays_for_the_time_to_read_it_and_is_stored() {
    let mut state = state();
    update(&mut state, NOW, Event::Runs(RunsEvent::StopFinished(vec![(id("calm-heron"), Ok(()))])));
    update(&mut state, NOW + 5_000, Event::Tick);
    assert!(state.shown_message().is_some());
    update(&mut state, NOW + 30_000, Event::Tick);
    assert_eq!((state.shown_message(), state.messages.len()), (None, 1), "the hints are back");
    update(&mut state, NOW + 30_000, Event::Failed("the disk is full".into()));
    update(&mut state, NOW + 3_600_000, Event::Tick);
    assert!(state.shown_message().is_some(), "who was away has not read the error");
    press(&mut state, "j");
    assert_eq!(state.shown_message(), None);
}

#[test]
fn late_images_do_not_replace_the_visible_ones() {
    let mut state = state();
    press(&mut state, "1jj");
    update(&mut state, NOW, fixtures::samples("demo", 2));
    for late in [fixtures::samples("demo", 1), fixtures::samples("fer2013", 2)] {
        update(&mut state, NOW, late);
        let shown = state.data.faces.as_ref().map(|faces| (faces.pick.dataset.to_string(), faces.pick.class));
        assert_eq!(shown, Some(("demo".into(), 2)));
    }
}

#[test]
fn the_class_stays_among_those_of_a_dataset_that_changed() {
    let mut state = state();
    press(&mut state, "1G");
    assert_eq!(state.data.class, 6);
    let mut smaller = fixtures::fer2013();
    smaller.classes.truncate(3);
    let effects = act(&mut state, Event::DatasetsRead(Ok(vec![fixtures::entry(smaller)])));
    assert_eq!(state.data.class, 2);
    let name = fixtures::dataset_name("fer2013");
    assert!(
        matches!(&effects[..], [Effect::Data(DataEffect::MeasureFeatures(of)), Effect::Data(DataEffect::LoadFaces(pick))]
        if pick.dataset == name && pick.class == 2 && pick.first == 0 && *of == name)
    );
}

#[test]
fn no_key_is_dead_at_the_end_of_the_help() {
    let mut state = state();
    press(&mut state, "?<end>");
    let end = help_line(&state).expect("the help");
    press(&mut state, "<down><down><down>");
    assert_eq!(help_line(&state), Some(end));
    press(&mut state, "<up>");
    assert_eq!(help_line(&state), Some(end - 1));
    act(&mut state, Event::Resized { columns: 80, rows: 30 });
    assert_eq!(help_line(&state), Some(end - 6));
    update(&mut state, NOW, Event::Resized { columns: 80, rows: 200 });
    press(&mut state, "<down>");
    assert_eq!(help_line(&state), Some(0));
}
