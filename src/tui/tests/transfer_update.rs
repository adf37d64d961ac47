//! Tests of keys and events on the form of runs with imported weights.

use super::fixtures::{self, NOW, id};
use super::transfer_fixtures::{features, finetune, finished, weights, weights_name, with_weights};
use super::update::text;
use crate::domain::{Hyperparameter, Outcome, RunId, Strategy, StrategyChoice};
use crate::tui::library::RunView;
use crate::tui::messages::{DataEffect, Effect, Event, TrainEffect, TrainEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::train::Field;
use crate::tui::state::State;
use crate::tui::update::update;

/// Two runs that fine-tuning can start from; the newer one has variants.
fn starts() -> Vec<RunView> {
    let newer = features("keen-crane", 60).with(|recipe| {
        Hyperparameter::Variants.set(recipe, "3").expect("accepted");
        Hyperparameter::Augmentation.set(recipe, "reference").expect("accepted");
    });
    vec![finished(), newer.started().epochs(2, 2).view(false)]
}

fn is_measuring(effect: &Effect) -> bool {
    matches!(effect, Effect::Data(DataEffect::MeasureFeatures(_)))
}

/// Presses keys as [`super::update::press`] does. Returns all effects but the measuring of cached features.
fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = super::update::press(state, keys);
    effects.retain(|effect| !is_measuring(effect));
    effects
}

#[test]
fn cached_features_are_measured_once_for_a_form_with_a_base() {
    let mut state = with_weights(vec![]);
    let measured = |state: &mut State, keys: &str| {
        super::update::press(state, keys).iter().filter(|effect| is_measuring(effect)).count()
    };
    assert_eq!(measured(&mut state, "2jk"), 0, "the small network computes no features");
    assert_eq!(measured(&mut state, "<right><right>jkjk"), 1);
    assert_eq!(measured(&mut state, "32jk"), 1, "a run may have computed some meanwhile");
}

fn error(state: &State) -> Option<(Field, String)> {
    state.train.first_error(&state.form_choices())
}

#[test]
fn arrows_choose_a_strategy_and_the_lines_follow() {
    let table = [
        ("2", StrategyChoice::One(Strategy::Cnn), vec![Field::Dataset], 30),
        ("2<right>", StrategyChoice::One(Strategy::Deep), vec![Field::Dataset], 30),
        ("2<right><right>", StrategyChoice::One(Strategy::Features), vec![Field::Dataset, Field::Weights], 31),
        ("2<right><right><right>", StrategyChoice::One(Strategy::Finetune), vec![Field::From], 30),
        ("2<left>", StrategyChoice::All, vec![Field::Dataset, Field::Weights], 28),
        ("2<left><right>", StrategyChoice::One(Strategy::Cnn), vec![Field::Dataset], 30),
    ];
    for (keys, strategy_choice, on, lines) in table {
        let mut state = with_weights(starts());
        press(&mut state, keys);
        let fields = state.train.fields();
        assert_eq!((state.train.strategy_choice, fields.len()), (strategy_choice, lines), "{keys}");
        let origins = [Field::Dataset, Field::Weights, Field::From];
        assert_eq!(fields.into_iter().filter(|field| origins.contains(field)).collect::<Vec<_>>(), on, "{keys}");
    }
}

#[test]
fn settings_of_a_strategy_are_restored_when_it_is_chosen_again() {
    let mut state = with_weights(starts());
    // Epochs of cnn; features and finetune have their own; then back.
    press(&mut state, "2<down><down><down><^u>7<up><up><up>");
    for epochs in ["100", "50"] {
        press(&mut state, "<right>");
        assert_eq!(text(&state, Hyperparameter::Epochs), epochs);
    }
    press(&mut state, "<left><left>");
    assert_eq!(text(&state, Hyperparameter::Epochs), "7");
}

#[test]
fn defaults_are_each_strategys_own() {
    let table = [
        (StrategyChoice::One(Strategy::Cnn), "10", "0.002"),
        (StrategyChoice::One(Strategy::Deep), "off", "0.1"),
        (StrategyChoice::One(Strategy::Features), "6", "0.001"),
        (StrategyChoice::One(Strategy::Finetune), "6", "0.0001"),
        (StrategyChoice::All, "", ""),
    ];
    for (strategy_choice, patience, rate) in table {
        let mut state = with_weights(starts());
        state.train.strategy_choice = strategy_choice;
        let shown = |setting| if strategy_choice.has(setting) { text(&state, setting) } else { String::new() };
        assert_eq!(
            (shown(Hyperparameter::Patience).as_str(), shown(Hyperparameter::LearningRate).as_str()),
            (patience, rate)
        );
    }
}

#[test]
fn fine_tuning_copies_settings_of_its_start() {
    let mut state = with_weights(starts());
    press(&mut state, "2<right><right><right>");
    let of = |state: &State| {
        [Hyperparameter::Size, Hyperparameter::Variants, Hyperparameter::Augmentation].map(|it| text(state, it))
    };
    assert_eq!(of(&state), ["96", "3", "reference"], "the newest");
    // Visiting a setting does not change it.
    press(&mut state, "<down><down><right><right><up><right>");
    assert_eq!(state.train.from, Some(id("quiet-lynx")));
    assert_eq!(of(&state), ["96", "0", "none"]);
    press(&mut state, "<right>");
    assert_eq!(of(&state), ["96", "3", "reference"]);
    press(&mut state, "<^d>");
    assert_eq!(state.train.from, None);
}

#[test]
fn a_features_run_is_launched_on_the_preferred_base() {
    let table = [
        (&["imagenet", "own", "vggface"][..], "2<right><right>G<enter>", "vggface"),
        (&["imagenet", "own"], "2<right><right>G<enter>", "imagenet"),
        (&["own", "theirs"], "2<right><right>G<enter>", "own"),
        (&["imagenet", "own"], "2<right><right><down><down><right>G<enter>", "own"),
    ];
    for (present, keys, expected) in table {
        let mut state = with_weights(vec![]);
        update(&mut state, NOW, Event::WeightsRead(Ok(present.iter().map(|name| weights(name)).collect())));
        let effects = press(&mut state, keys);
        let [Effect::Train(TrainEffect::Launch { recipe, .. })] = effects.as_slice() else { panic!("{effects:?}") };
        let transfer = recipe.transfer.as_ref().expect("a base");
        assert_eq!((recipe.strategy, transfer.weights.clone()), (Strategy::Features, weights_name(expected)));
        assert_eq!(Ok(transfer.base.clone()), weights(expected).manifest.map(|manifest| manifest.identity()));
    }
}

#[test]
fn a_fine_tuning_is_launched_from_the_chosen_run() {
    let mut state = with_weights(starts());
    let effects = press(&mut state, "2<right><right><right><down><right><down><down><right>G<enter>");
    let [Effect::Train(TrainEffect::Launch { recipe, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let fine_tuning = recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.clone()).expect("fine-tuning");
    assert_eq!((fine_tuning.from, fine_tuning.unfreeze), (id("quiet-lynx"), "block4".parse().expect("a stage")));
    assert_eq!((recipe.dataset.as_str(), recipe.augmentation), ("fer2013", None));
}

#[test]
fn all_strategies_are_launched_at_once_and_the_first_is_shown() {
    let mut state = with_weights(vec![]);
    press(&mut state, "2<left>");
    state.train.set_text(Hyperparameter::Size, "64");
    let effects = press(&mut state, "G<enter>");
    let [Effect::Train(TrainEffect::LaunchAll { ids, recipes, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        ids.each_ref().map(RunId::as_str),
        ["neat-gecko-cnn", "neat-gecko-deep", "neat-gecko-features", "neat-gecko-finetune"]
    );
    assert_eq!(recipes.each_ref().map(|recipe| recipe.strategy), Strategy::ALL);
    assert_eq!(recipes.each_ref().map(|recipe| recipe.early_stopping.patience), [10, 10_000, 6, 6]);
    let sizes = recipes.each_ref().map(|recipe| recipe.transfer.as_ref().map(|transfer| transfer.size));
    assert_eq!(sizes, [None, None, Some(64), Some(64)]);
    let (ids, first) = (ids.clone(), ids[0].clone());
    assert_eq!(
        update(&mut state, NOW, Event::Train(TrainEvent::LaunchAllFinished(Ok(ids)))),
        [Effect::Train(TrainEffect::SuggestName)]
    );
    assert_eq!((state.screen, state.runs.selected.clone()), (Screen::Runs, Some(first)));
}

#[test]
fn a_partial_launch_is_reported() {
    let mut state = with_weights(vec![]);
    press(&mut state, "2<left>G<enter>");
    let error = crate::supervise::LaunchError::NoTrainer;
    let error = crate::supervise::LaunchSeriesError { launched: vec![id("neat-gecko-cnn")], error };
    update(&mut state, NOW, Event::Train(TrainEvent::LaunchAllFinished(Err(error.into()))));
    let message = state.message.clone().expect("a message");
    assert!(
        message.text.contains("not all runs were launched") && message.text.contains("neat-gecko-cnn"),
        "{message:?}"
    );
    assert!(!state.train.launching && state.screen == Screen::Train);
}

#[test]
fn impossible_settings_are_refused_with_a_reason() {
    let features_form = |mut state: State| {
        state.train.strategy_choice = StrategyChoice::One(Strategy::Features);
        state
    };
    let finetune_form = |mut state: State| {
        state.train.strategy_choice = StrategyChoice::One(Strategy::Finetune);
        state
    };
    let unsaved = features("odd-raven", 600).started().ended(Outcome::Stopped).view(false);
    let of_other_data = features("odd-raven", 600).with(|recipe| recipe.fingerprint = "other".into());
    let of_no_data = features("odd-raven", 600).with(|recipe| recipe.dataset = fixtures::dataset_name("gone"));
    let on_base = |name: &str, hash: &str| {
        features("odd-raven", 600).with(|recipe| {
            let transfer = recipe.transfer.as_mut().expect("a base");
            (transfer.weights, transfer.base) = (weights_name(name), hash.into());
        })
    };
    let saved = |book: fixtures::Logbook| book.started().epochs(1, 1).view(false);
    let mut chosen = finetune_form(with_weights(vec![unsaved.clone()]));
    chosen.train.from = Some(id("odd-raven"));
    let mut missing = finetune_form(with_weights(starts()));
    missing.train.from = Some(id("odd-raven"));
    let mut damaged = features_form(with_weights(vec![]));
    let broken = crate::tui::library::WeightsEntry { manifest: Err("it is cut short".into()), ..weights("imagenet") };
    update(&mut damaged, NOW, Event::WeightsRead(Ok(vec![broken])));
    let mut unlisted = features_form(with_weights(vec![]));
    update(&mut unlisted, NOW, Event::WeightsRead(Err("permission denied\u{1b}".into())));
    let table = vec![
        ("no weights", features_form(fixtures::with_data(vec![])), "mien weights fetch imagenet"),
        ("damaged weights", damaged, "it is cut short"),
        ("weights that cannot be listed", unlisted, "permission denied·"),
        ("no run", finetune_form(with_weights(vec![fixtures::finished()])), "no features run to start from"),
        ("only an unsaved run", finetune_form(with_weights(vec![unsaved])), "no features run to start from"),
        ("an unsaved run", chosen, "has saved no weights yet"),
        ("a run that is gone", missing, "there is no run odd-raven"),
        (
            "other data",
            finetune_form(with_weights(vec![saved(of_other_data)])),
            "has changed since odd-raven was created",
        ),
        (
            "no data",
            finetune_form(with_weights(vec![saved(of_no_data)])),
            "there is no dataset 'gone', on which odd-raven was trained",
        ),
        (
            "other base",
            finetune_form(with_weights(vec![saved(on_base("imagenet", "x"))])),
            "have changed since odd-raven was created",
        ),
        (
            "no base",
            finetune_form(with_weights(vec![saved(on_base("gone", "x"))])),
            "there are no weights 'gone', on which odd-raven is built",
        ),
    ];
    for (case, mut state, expected) in table {
        let (field, message) = error(&state).unwrap_or_else(|| panic!("{case}: accepted"));
        assert!(message.contains(expected), "{case}: {message}");
        assert_eq!(press(&mut state, "2G<enter>"), [], "{case}");
        assert_eq!((state.train.focus, state.message.map(|message| message.text)), (field, Some(message)), "{case}");
    }
}

#[test]
fn fine_tuning_can_start_from_an_active_run() {
    let working = features("keen-crane", 60).started().view(true);
    let mut state = with_weights(vec![working]);
    let effects = press(&mut state, "2<right><right><right>G<enter>");
    assert!(matches!(effects.as_slice(), [Effect::Train(TrainEffect::Launch { .. })]), "{effects:?}");
}

#[test]
fn stages_trained_by_the_start_stay_trained() {
    let deep = finetune("deep-eel", 60, "quiet-lynx")
        .with(|recipe| Hyperparameter::Unfreeze.set(recipe, "block3").expect("accepted"));
    let mut state = with_weights(vec![finished(), deep.started().epochs(1, 1).view(false)]);
    press(&mut state, "2<right><right><right>");
    assert_eq!(error(&state), None, "the newest features run comes first");
    state.train.from = Some(id("deep-eel"));
    assert_eq!(error(&state), None, "stages trained by the start are trained by default");
    state.train.set_text(Hyperparameter::Unfreeze, "block5");
    let message = "deep-eel has trained block3, which would be frozen here: unfreeze block3 or a lower one";
    assert_eq!(error(&state), Some((Field::Setting(Hyperparameter::Unfreeze), message.into())));
    state.train.set_text(Hyperparameter::Unfreeze, "block2");
    assert_eq!(error(&state), None);
}

#[test]
fn repeating_restores_strategy_base_start_and_settings() {
    let run = finetune("old-owl", 60, "quiet-lynx").with(|recipe| {
        Hyperparameter::BaseLearningRate.set(recipe, "0.00003").expect("accepted");
        Hyperparameter::Unfreeze.set(recipe, "block4").expect("accepted");
    });
    let mut state = with_weights(vec![finished(), run.started().epochs(1, 1).view(false)]);
    state.runs.selected = Some(id("old-owl"));
    let effects = press(&mut state, "3rG<enter>");
    let [Effect::Train(TrainEffect::Launch { recipe, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let fine_tuning = recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.clone()).expect("fine-tuning");
    assert_eq!((fine_tuning.from, fine_tuning.unfreeze), (id("quiet-lynx"), "block4".parse().expect("a stage")));
    assert!((fine_tuning.base_learning_rate - 3e-5).abs() < 1e-12);

    let mut state = with_weights(starts());
    update(&mut state, NOW, Event::WeightsRead(Ok(vec![weights("imagenet"), weights("vggface")])));
    state.runs.selected = Some(id("keen-crane"));
    let effects = press(&mut state, "3rG<enter>");
    let [Effect::Train(TrainEffect::Launch { recipe, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let transfer = recipe.transfer.clone().expect("a base");
    assert_eq!((transfer.weights, transfer.size, transfer.variants), (weights_name("imagenet"), 96, 3));
}
