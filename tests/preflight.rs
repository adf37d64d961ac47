//! The command line, the form and the worker reject a run that may not start with the same message.

#![cfg(all(feature = "trainer", feature = "dashboard"))]

use std::fs;
use std::sync::Arc;

use crate::lab::Lab;
use mien::domain::{DatasetName, Recipe, RunId, Strategy, StrategyChoice, WeightsName};
use mien::runs::Summary;
use mien::tui::backend::Backend;
use mien::tui::library::{Library, RunView};
use mien::tui::screens::train::{Form, FormChoices};

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

/// Returns the form's message about fine-tuning from this run.
fn form(lab: &Lab, start: &Recipe, saved: bool) -> String {
    let backend = Backend::new(lab.store());
    let view = RunView {
        id: id("heron"),
        summary: Ok(Arc::new(Summary::new(id("heron"), start.clone()))),
        alive: false,
        submitted: false,
        job: None,
        stop_requested_at: None,
        worker_death: None,
        notice_failure: None,
        has_best_weights: saved,
        damage: mien::events::Damage::default(),
        annotations: Arc::default(),
        curves: None,
        log: Arc::default(),
    };
    let mut library = Library::default();
    library.datasets.put(backend.datasets());
    library.weights.put(backend.weights());
    library.runs.put(Ok(vec![view]));
    let choices = FormChoices { library: &library, now: mien::supervise::now() };
    let mut form = Form::new();
    form.strategy_choice = StrategyChoice::One(Strategy::Finetune);
    form.from = Some(id("heron"));
    form.first_error(&choices).expect("refused").1
}

/// Returns cause and kind of failure from the log of such a run's worker.
fn worker(lab: &Lab, start: &Recipe, saved: bool) -> (String, String) {
    let recipe = Recipe::fine_tuning_from(start, id("heron"), mien::supervise::now()).expect("a base");
    let mine = lab.store().create(&id("mine"), &recipe).expect("a run");
    let folder = lab.store().folder(&mine);
    if saved {
        // The start is copied already, so only the other problems remain.
        fs::write(folder.start_checkpoint(), "").expect("written");
    }
    lab.mien(&["worker", folder.path().to_str().expect("a plain path"), "--now"]).assert().code(1);
    let shown = lab.json(&["show", "mine", "--json"]);
    fs::remove_dir_all(folder.path()).expect("removed");
    let word = |key: &str| shown["outcome"][key].as_str().expect("a failure").to_owned();
    (word("cause"), word("kind"))
}

/// A case: beginning of the message, kind of failure, whether the start has saved weights, and the change of its
/// recipe.
type Case<'a> = (&'a str, &'a str, bool, &'a dyn Fn(&mut Recipe));

#[test]
fn the_command_line_the_form_and_the_worker_refuse_in_the_same_words() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let backend = Backend::new(lab.store());
    let fingerprint = backend.datasets().expect("listed")[0].dataset.clone().expect("readable").fingerprint;
    let base = backend.weights().expect("listed")[0].manifest.clone().expect("readable").identity();
    let start = |change: &dyn Fn(&mut Recipe)| {
        let dataset = DatasetName::new("faces").expect("a name");
        let weights = WeightsName::new("imagenet").expect("a name");
        let mut recipe = Recipe::features(dataset, fingerprint.clone(), 1, weights, base.clone());
        recipe.device = mien::domain::DeviceRequest::Cpu;
        change(&mut recipe);
        recipe
    };
    let gone = "gone";
    let table: [Case<'_>; 5] = [
        ("there is no dataset 'gone', on which heron was trained", "dataset_changed", true, &|recipe| {
            recipe.dataset = DatasetName::new(gone).expect("a name");
        }),
        ("the dataset faces has changed since heron was created", "dataset_changed", true, &|recipe| {
            recipe.fingerprint = "0".repeat(32);
        }),
        ("there are no weights 'gone', on which heron is built", "weights_changed", true, &|recipe| {
            recipe.transfer.as_mut().expect("a base").weights = WeightsName::new(gone).expect("a name");
        }),
        ("the weights imagenet have changed since heron was created", "weights_changed", true, &|recipe| {
            recipe.transfer.as_mut().expect("a base").base = "0".repeat(32);
        }),
        ("heron has saved no weights yet", "start_missing", false, &|_| {}),
    ];
    for (expected, kind, saved, change) in table {
        let recipe = start(change);
        let heron = lab.store().create(&id("heron"), &recipe).expect("a run");
        let heron = lab.store().folder(&heron);
        if saved {
            fs::write(heron.best_checkpoint(), "").expect("written");
        }
        let words = form(&lab, &recipe, saved);
        assert!(words.starts_with(expected), "{words}");
        let told = lab.complaint(&["train", "finetune", "--from", "heron", "--device", "cpu"], 1);
        assert!(told.trim_end().ends_with(&words), "the command line: {told}");
        assert_eq!(worker(&lab, &recipe, saved), (words, kind.to_owned()));
        fs::remove_dir_all(heron.path()).expect("removed");
    }
    assert!(lab.store().ids().expect("listed").is_empty(), "a run was made");
}
