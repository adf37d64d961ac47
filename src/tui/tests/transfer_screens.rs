//! Snapshots of runs with imported weights, at three sizes.

use super::fixtures::{self, NOW, id};
use super::screens::{SIZES, at, draw, snapshot, snapshots};
use super::transfer_fixtures::{compiling, computing, finetuning, finished, in_turn, queued, weights, with_weights};
use super::update::press;
use crate::data::features::{CacheUsage, Key};
use crate::domain::{Hyperparameter, Precision, Preprocessing, Strategy, StrategyChoice};
use crate::tui::messages::{Action, DataEvent, Event};
use crate::tui::screen::Screen;
use crate::tui::screens::train::Field;
use crate::tui::state::State;
use crate::tui::update::{apply, update};

/// Returns the form with this strategy chosen.
fn form(strategy_choice: StrategyChoice, mut state: State) -> State {
    state.train.strategy_choice = strategy_choice;
    at(Screen::Train, state)
}

fn form_of(strategy: Strategy) -> State {
    form(StrategyChoice::One(strategy), with_weights(vec![fixtures::finished(), finished()]))
}

#[test]
fn form_for_features() {
    snapshots("train_features", &form_of(Strategy::Features));
}

#[test]
fn form_for_cached_features() {
    let mut state = form_of(Strategy::Features);
    state.train.set_text(Hyperparameter::Variants, "4");
    state.train.focus = Field::Setting(Hyperparameter::Variants);
    snapshot("train_features_kept", &state, SIZES[0]);
}

#[test]
fn form_without_weights() {
    let mut state = form(StrategyChoice::One(Strategy::Features), fixtures::with_data(vec![]));
    snapshot("train_no_weights", &state, SIZES[0]);
    state.train.focus = Field::Weights;
    snapshots("train_no_weights_focused", &state);
}

#[test]
fn form_with_damaged_weights() {
    let mut entry = weights("imagenet");
    entry.manifest = Err("weights/imagenet.safetensors: damaged: it is cut short; import the weights again, with \
                          --replace"
        .into());
    let mut state = form_of(Strategy::Features);
    update(&mut state, NOW, Event::WeightsRead(Ok(vec![entry])));
    snapshot("train_damaged_weights", &state, SIZES[0]);
}

#[test]
fn form_for_finetune() {
    snapshots("train_finetune", &form_of(Strategy::Finetune));
}

#[test]
fn form_for_finetune_scrolled_to_its_end() {
    let mut state = form_of(Strategy::Finetune);
    press(&mut state, "G<up><up>");
    snapshot("train_finetune_end", &state, SIZES[0]);
}

#[test]
fn form_for_finetune_without_a_run_to_start_from() {
    snapshot("train_finetune_none", &form(StrategyChoice::One(Strategy::Finetune), with_weights(vec![])), SIZES[0]);
}

#[test]
fn form_for_all_three() {
    snapshots("train_all", &form(StrategyChoice::All, with_weights(vec![fixtures::finished(), finished()])));
}

fn runs(selected: &str) -> State {
    let mut state = at(Screen::Runs, with_weights(vec![computing(), finetuning(), queued(), finished()]));
    state.runs.selected = Some(id(selected));
    state
}

#[test]
fn a_run_that_waits() {
    snapshots("runs_queued", &runs("plain-finch"));
}

#[test]
fn a_run_that_waits_for_its_device() {
    let mut state = at(
        Screen::Runs,
        with_weights(vec![computing(), in_turn("proud-bat", 1), in_turn("merry-falcon", 2), queued(), finished()]),
    );
    state.runs.selected = Some(id("merry-falcon"));
    snapshots("runs_in_turn", &state);
}

#[test]
fn a_run_whose_device_compiles_kernels() {
    let mut state = at(Screen::Runs, with_weights(vec![compiling(), finished()]));
    state.runs.selected = Some(id("keen-crane"));
    snapshots("runs_compiling", &state);
}

#[test]
fn a_run_that_computes_features() {
    snapshots("runs_features", &runs("keen-crane"));
}

#[test]
fn a_run_that_fine_tunes() {
    snapshots("runs_finetune", &runs("calm-heron"));
}

#[test]
fn a_finished_run_with_the_reference() {
    let mut state = runs("quiet-lynx");
    snapshots("runs_reference", &state);
    apply(&mut state, Action::Open);
    snapshots("detail_reference", &state);
}

#[test]
fn data_with_cached_features() {
    let mut state = with_weights(vec![]);
    press(&mut state, "1<right>");
    let key = Key {
        version: 1,
        fingerprint: String::new(),
        base: String::new(),
        layer: "block4".into(),
        shape: [512, 6, 6],
        size: 96,
        preprocessing: Preprocessing::KERAS_IMAGENET,
        device: "cpu".into(),
        precision: Precision::F32,
    };
    let usage = vec![CacheUsage { key, sections: Vec::new(), bytes: 243 << 20 }];
    update(&mut state, NOW, Event::Data(DataEvent::FeaturesMeasured(fixtures::dataset_name("fer2013"), usage)));
    update(&mut state, NOW, fixtures::samples("fer2013", 0));
    snapshot("data_features", &state, SIZES[0]);
}

#[test]
fn any_form_and_run_is_drawn_without_a_panic() {
    let mut states = vec![runs("plain-finch"), runs("keen-crane"), runs("calm-heron"), runs("quiet-lynx")];
    for strategy_choice in StrategyChoice::EACH {
        states.push(form(strategy_choice, fixtures::with_data(vec![])));
        states.push(form(strategy_choice, with_weights(vec![finished()])));
    }
    for mut state in states {
        for size in [(1, 1), (60, 16), (79, 17), (119, 24), (120, 16), (121, 20), (400, 18), (64, 120)] {
            draw(&state, size);
            press(&mut state, "j");
        }
    }
}
