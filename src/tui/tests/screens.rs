//! Snapshots of every screen in its typical states, at three sizes.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::fixtures::{self, NOW, id};
use super::update::press;
use crate::domain::{DatasetName, Hyperparameter, Outcome};
use crate::tui::key::Key;
use crate::tui::messages::{Action, Event, RunsAction, TrainEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::train::Field;
use crate::tui::state::State;
use crate::tui::update::{apply, update};
use crate::tui::view;
use crate::tui::widgets::faces::Pictures;

pub(super) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

pub(super) fn draw(state: &State, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
    terminal
        .draw(|frame| {
            let area = frame.area();
            view::render(state, frame.buffer_mut(), area, &mut Pictures::default());
        })
        .expect("a frame");
    terminal.backend().to_string()
}

pub(super) fn snapshot(name: &str, state: &State, size: (u16, u16)) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), draw(state, size));
    });
}

pub(super) fn snapshots(name: &str, state: &State) {
    for size in SIZES {
        snapshot(name, state, size);
    }
}

/// Shows a screen, with everything read.
pub(super) fn at(screen: Screen, mut state: State) -> State {
    apply(&mut state, Action::GoTo(screen));
    state
}

#[test]
fn data_of_a_fresh_home() {
    let state = at(Screen::Data, fixtures::state(vec![], vec![]));
    snapshot("data_empty", &state, SIZES[0]);
}

#[test]
fn data_of_fer2013() {
    let mut state = at(Screen::Data, fixtures::with_data(vec![fixtures::running()]));
    apply(&mut state, Action::Right);
    update(&mut state, NOW, fixtures::samples("fer2013", 0));
    snapshots("data", &state);
    snapshot("data", &state, (60, 24));
}

#[test]
fn data_with_findings() {
    let mut dataset = fixtures::fer2013();
    let found = ["636 train images in test", "57 contradicting labels", "1,853 exact copies", "716 near pairs"];
    dataset.findings = found.map(str::to_owned).to_vec();
    let state = at(Screen::Data, fixtures::state(vec![fixtures::entry(dataset)], vec![]));
    snapshot("data_findings", &state, SIZES[0]);
    snapshot("data_findings", &state, SIZES[1]);
}

#[test]
fn data_that_cannot_be_read() {
    let mut entry = fixtures::entry(fixtures::fer2013());
    entry.dataset = Err("data/fer2013/pixels.bin has 12 bytes, which is not what the manifest asks for: \
                         import it again"
        .into());
    snapshot("data_broken", &at(Screen::Data, fixtures::state(vec![entry], vec![])), SIZES[0]);
}

#[test]
fn form_with_defaults() {
    snapshots("train", &at(Screen::Train, fixtures::with_data(vec![])));
}

#[test]
fn form_with_a_wrong_value() {
    let mut state = at(Screen::Train, fixtures::with_data(vec![]));
    state.train.set_text(Hyperparameter::Epochs, "20");
    state.train.focus = Field::Setting(Hyperparameter::LearningRate);
    update(&mut state, NOW, Event::Key(Key::char('4')));
    update(&mut state, NOW, Event::Key(Key::char('.')));
    snapshot("train_wrong", &state, SIZES[0]);
    snapshot("train_wrong", &state, SIZES[1]);
}

#[test]
fn form_with_a_long_explanation() {
    let mut state = at(Screen::Train, fixtures::with_data(vec![]));
    state.train.focus = Field::Setting(Hyperparameter::Augmentation);
    snapshot("train_explained", &state, SIZES[0]);
}

#[test]
fn no_runs() {
    snapshot("runs_empty", &at(Screen::Runs, fixtures::with_data(vec![])), SIZES[0]);
}

fn runs(selected: &str) -> State {
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    state.runs.selected = Some(id(selected));
    state
}

#[test]
fn a_running_run() {
    snapshots("runs_running", &runs("calm-heron"));
}

#[test]
fn a_single_running_run() {
    snapshots("runs_one", &at(Screen::Runs, fixtures::with_data(vec![fixtures::running()])));
}

#[test]
fn a_running_run_on_the_whole_screen() {
    let mut state = runs("calm-heron");
    apply(&mut state, Action::Open);
    apply(&mut state, Action::Runs(RunsAction::ToggleCurve));
    snapshots("detail_running", &state);
}

#[test]
fn a_run_that_is_tested() {
    let mut state = at(Screen::Runs, fixtures::with_data(vec![fixtures::testing()]));
    snapshot("runs_testing", &state, SIZES[0]);
    for run in [fixtures::testing(), fixtures::tested_again()] {
        update(&mut state, NOW, Event::RunsRead(vec![run]));
        for size in SIZES {
            let screen = draw(&state, size);
            assert!(!screen.contains("stops at") && !screen.contains(" left"), "its training is over:\n{screen}");
        }
    }
}

#[test]
fn a_finished_run() {
    let mut state = runs("brisk-otter");
    snapshots("runs_finished", &state);
    apply(&mut state, Action::Open);
    snapshots("detail_finished", &state);
}

#[test]
fn a_failed_run() {
    snapshot("runs_failed", &runs("odd-raven"), SIZES[0]);
    snapshot("runs_failed", &runs("odd-raven"), SIZES[1]);
}

#[test]
fn a_lost_run() {
    snapshot("runs_lost", &runs("plain-finch"), SIZES[0]);
}

#[test]
fn a_run_whose_log_is_damaged() {
    let mut state = runs("brisk-otter");
    let run =
        state.library.runs.list.iter_mut().find(|run| run.id.as_str() == "brisk-otter").expect("it is in the fixture");
    let mut damage = serde_json::to_value(run.damage).expect("plain numbers");
    damage["count"] = 2.into();
    damage["first"][0] = 12.into();
    damage["first"][1] = 40.into();
    run.damage = serde_json::from_value(damage).expect("what was written, changed");
    snapshots("runs_damaged", &state);
}

#[test]
fn a_run_that_is_starting() {
    snapshot("runs_starting", &runs("new-wren"), SIZES[0]);
}

#[test]
fn a_run_that_diverged_before_its_first_epoch() {
    let cause = "the loss is NaN at step 812".to_owned();
    let run = fixtures::Logbook::new("odd-raven", 600).started().ended(Outcome::Diverged { cause }).view(false);
    snapshot("runs_diverged", &at(Screen::Runs, fixtures::with_data(vec![run])), SIZES[0]);
}

#[test]
fn a_run_that_cannot_be_read() {
    let mut run = fixtures::failed();
    run.summary = Err("checkpoints/odd-raven/recipe.json has recipe format 9 and this mien reads up to 1: \
                       use a newer mien"
        .into());
    let state = at(Screen::Runs, fixtures::with_data(vec![run, fixtures::finished()]));
    let mut state = state;
    state.runs.selected = Some(id("odd-raven"));
    snapshot("runs_unreadable", &state, SIZES[0]);
}

#[test]
fn the_question_before_a_stop() {
    let mut state = runs("calm-heron");
    apply(&mut state, Action::Runs(RunsAction::Stop));
    snapshot("stop", &state, SIZES[0]);
}

#[test]
fn the_keys() {
    let mut state = runs("calm-heron");
    apply(&mut state, Action::Help);
    snapshot("help", &state, SIZES[0]);
    snapshot("help", &state, SIZES[2]);
    press(&mut state, "/queue");
    snapshot("help_queue", &state, SIZES[0]);
}

#[test]
fn an_error_on_the_bottom_line() {
    let mut state = runs("brisk-otter");
    update(&mut state, NOW, Event::Key(Key::char('R')));
    snapshot("error", &state, SIZES[0]);
}

#[test]
fn a_long_error_is_shown_whole() {
    let mut state = at(Screen::Train, fixtures::with_data(vec![]));
    let error = "cannot create a run in /home/me/a/rather/long/path/to/the/lab/checkpoints: \
                 Permission denied (os error 13); choose another home with --home or MIEN_HOME";
    update(
        &mut state,
        NOW,
        Event::Train(TrainEvent::LaunchFinished(Err(crate::tui::messages::ActionError::Fault(error)))),
    );
    snapshot("error_long", &state, SIZES[0]);
}

#[test]
fn the_smallest_terminal_and_a_smaller_one() {
    snapshot("smallest", &runs("calm-heron"), (60, 16));
    snapshot("too_small", &at(Screen::Data, runs("calm-heron")), (50, 10));
}

#[test]
fn any_size_is_drawn_without_a_panic() {
    let mut states = vec![
        runs("calm-heron"),
        runs("brisk-otter"),
        at(Screen::Train, fixtures::with_data(vec![])),
        at(Screen::Data, fixtures::with_data(vec![])),
    ];
    let faces = fixtures::samples("demo", 0);
    update(&mut states[3], NOW, faces);
    for mut state in states {
        for overlay in [None, Some(crate::tui::state::Overlay::Help(crate::tui::state::Help::default()))] {
            state.overlay = overlay;
            for whole in [false, true] {
                state.runs.whole = whole;
                for size in [(1, 1), (60, 16), (61, 17), (79, 24), (80, 25), (119, 16), (120, 16), (400, 18), (64, 120)]
                {
                    draw(&state, size);
                }
            }
        }
    }
}

#[test]
fn quitting_prints_what_continues() {
    let state = runs("calm-heron");
    let active = state.library.runs.active(state.now);
    assert_eq!(
        crate::tui::exit_messages(active, None),
        ["2 runs continue without the dashboard; `mien` shows them again"]
    );
    let faces = DatasetName::new("faces").expect("a name");
    assert_eq!(
        crate::tui::exit_messages(0, Some(&faces)),
        ["the import of faces continues without the dashboard; `mien data list` lists it once it is complete"]
    );
    assert_eq!(crate::tui::exit_messages(1, Some(&faces)).len(), 2);
    assert!(crate::tui::exit_messages(0, None).is_empty());
}
