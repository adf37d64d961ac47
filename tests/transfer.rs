//! Runs on a base in real worker processes: all strategies in order, cached features, refusals.

#![cfg(feature = "trainer")]

use std::fs;
use std::sync::Arc;

use crate::lab::{self, Lab, PATIENCE, events, time_of, wait_for, worker_pid};
use burn_flex::{Flex, FlexDevice};
use mien::checkpoint::Checkpoint;
use mien::data::batch::{Pass, Source};
use mien::data::{Dataset, Images};
use mien::domain::{Preprocessing, RunState, Split};
use mien::events::Event;
use mien::runs::RunFolder;
use mien::worker::predictor::Predictor;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

/// Small images, few epochs, cached features.
const QUICK: [&str; 8] = ["--size", "32", "--epochs", "2", "--variants", "1", "--device", "cpu"];

/// Returns the numbers (images, computed) of features, each time a run's worker needed some.
fn features(folder: &RunFolder) -> Vec<(usize, usize)> {
    let ready = |event: &Event| match event {
        Event::FeaturesReady { images, computed, .. } => Some((*images, *computed)),
        _ => None,
    };
    events(folder).iter().filter_map(ready).collect()
}

#[test]
fn all_strategies_wait_for_one_another_and_end_in_one_table() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let arguments = [&["train", "all", "--dataset", "faces", "--name", "heron"], &QUICK[..]].concat();
    let output = lab.mien(&arguments).assert().success().get_output().clone();
    let (told, remarks) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(remarks.contains("14,847,815 parameters, 133,127 trained"), "{remarks}");
    assert!(remarks.contains("14,847,815 parameters, 7,212,551 trained"), "{remarks}");
    let table = told.rsplit("TEST ").next().expect("a table");
    for word in ["heron-cnn", "heron-deep", "heron-features", "heron-finetune", "macro F1", "▲"] {
        assert!(table.contains(word), "{word} in\n{told}");
    }

    let [cnn, deep, of_features, finetune] =
        ["heron-cnn", "heron-deep", "heron-features", "heron-finetune"].map(|id| lab.folder(id));
    // All were started together, and each began when the one before had ended.
    for (waiting, before, name) in
        [(&deep, &cnn, "heron-cnn"), (&of_features, &deep, "heron-deep"), (&finetune, &of_features, "heron-features")]
    {
        let waited = |event: &Event| matches!(event, Event::Waiting { run } if run.as_str() == name);
        let started = time_of(waiting, |event| matches!(event, Event::WorkerStarted { .. }));
        let ended = time_of(before, |event| matches!(event, Event::Ended { .. }));
        // On a busy machine the one before may end before a worker looks at it.
        assert!(events(waiting).iter().any(waited) || started >= ended, "{:?}", events(waiting));
        let began = time_of(waiting, |event| matches!(event, Event::DeviceChosen { .. }));
        assert!(began >= ended, "{name} ended at {ended}, and the next began at {began}");
    }
    // 84 images for training and validation, and 56 for the test.
    assert_eq!(features(&of_features), [(84, 84), (56, 56)]);
    assert_eq!(features(&finetune), [(84, 84), (56, 56)], "those of block 4");

    // Checkpoints contain the trained part, not the base.
    let best = |folder: &RunFolder| Checkpoint::read(&folder.best_checkpoint()).expect("a checkpoint");
    let names = |checkpoint: &Checkpoint| {
        let names = checkpoint.arrays.keys().filter(|name| !name.starts_with("adam."));
        names.cloned().collect::<Vec<_>>()
    };
    let (of_features, finetune) = (best(&of_features), best(&finetune));
    assert!(names(&of_features).iter().all(|name| name.starts_with("head.")));
    assert_eq!(names(&finetune).len(), names(&of_features).len() + 6);
    assert_eq!(of_features.state.identity.base, finetune.state.identity.base);
    let start = Checkpoint::read(&lab.folder("heron-finetune").start_checkpoint()).expect("a start");
    assert!(start.arrays.iter().all(|(name, array)| of_features.arrays[name] == *array), "it starts from features");

    // Without a worker and its files, the best weights predict the same for the same images.
    for id in ["heron-cnn", "heron-deep", "heron-features", "heron-finetune"] {
        let run = lab.folder(id);
        let predictor = Predictor::<Flex>::open(&run, &FlexDevice).expect("trained weights");
        let dataset = Arc::new(Dataset::open(&lab.home().join("data/faces")).expect("a dataset"));
        let images = match predictor.preprocessing() {
            None => Images::plain(dataset, None).cropped(run.recipe().expect("a recipe").crop),
            Some(preprocessing) => Images::prepared(dataset, 32, preprocessing, None),
        };
        let mut inputs = vec![0.0; 56 * predictor.input().iter().product::<usize>()];
        images.fill(Split::Test, &(0..56).collect::<Vec<u32>>(), Pass::PLAIN, &mut inputs);
        let found = predictor.probabilities(&inputs);
        let told = mien::runs::Predictions::read(&run.test_predictions()).expect("predictions").probabilities;
        assert_eq!((found.len(), predictor.classes().len()), (told.len(), 7), "{id}");
        let apart = found.iter().zip(&told).map(|(found, told)| (found - told).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{id}: {apart}");
    }

    // Every later run finds the features.
    let arguments = [&["train", "features", "--dataset", "faces", "--json"], &QUICK[..]].concat();
    let again = lab.json(&arguments);
    let id = again["id"].as_str().expect("an id");
    assert_eq!(features(&lab.folder(id)), [(84, 0), (56, 0)]);
    let first = lab.json(&["show", "heron-features", "--json"]);
    assert_eq!(again["test"], first["test"], "the same seed, the same run");

    let shown = lab.json(&["data", "show", "faces", "--json"]);
    let layers: Vec<&Value> = shown["features"].as_array().expect("a list").iter().map(|f| &f["layer"]).collect();
    assert_eq!(layers, [&json!("block4"), &json!("pooled")]);
    assert!(lab.text(&["data", "show", "faces"]).contains("cached features"));
    lab.mien(&["data", "clear-features", "faces"]).assert().success();
    assert_eq!(lab.json(&["data", "show", "faces", "--json"])["features"], Value::Null);
    // The trained part does not need them. Features of unchanged training images were never cached, so these images are
    // computed by the base.
    let kept = lab.folder("heron-finetune").train_predictions();
    fs::remove_file(&kept).expect("kept when the run ended");
    let tested = lab.json(&["evaluate", "heron-finetune", "--json"]);
    let images = mien::runs::Predictions::read(&kept).expect("predictions").truth.len();
    assert_eq!(
        (images, &tested["train_scores"]),
        (77, &lab.json(&["show", "heron-finetune", "--json"])["train_scores"])
    );
    assert_eq!(tested["test"], lab.json(&["show", "heron-finetune", "--json"])["test"]);
}

#[test]
fn the_first_four_blocks_are_a_base_of_their_own_and_fine_tuning_continues_with_them() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let train = |arguments: &[&str]| {
        lab.mien(&[&["train"], arguments, &["--epochs", "2", "--device", "cpu"]].concat()).assert().success();
    };
    let size = ["--size", "32", "--variants", "1"];
    train(&[&["features", "--dataset", "faces", "--name", "feat", "--network", "vgg16-block4"], &size[..]].concat());
    train(&["finetune", "--from", "feat", "--name", "fine"]);
    let layers = |id: &str| -> Vec<String> {
        let checkpoint = Checkpoint::read(&lab.folder(id).best_checkpoint()).expect("a checkpoint");
        let base = checkpoint.arrays.keys().filter(|name| name.starts_with("base.") && name.ends_with(".weight"));
        base.cloned().collect()
    };
    assert_eq!(layers("feat"), [""; 0]);
    assert_eq!(layers("fine"), [1, 2, 3].map(|number| format!("base.block4.conv{number}.weight")));
    for (id, unfrozen) in [("feat", Value::Null), ("fine", json!("block4"))] {
        let recipe = &lab.json(&["show", id, "--json"])["recipe"];
        assert_eq!(recipe["network"], "vgg16-block4", "{id}");
        assert_eq!(recipe["transfer"]["fine_tuning"]["unfreeze"], unfrozen, "{id}");
    }
    let refused = ["train", "finetune", "--from", "feat", "--unfreeze", "block5", "--device", "cpu"];
    let output = lab.mien(&refused).assert().code(2).get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("block1, block2, block3, block4") && words.contains("block5"), "{words}");
}

#[test]
fn a_worker_killed_while_it_computes_features_goes_on_where_it_was() {
    let lab = Lab::new();
    lab.faces(1400);
    lab.weights("imagenet");
    let arguments = [&["train", "features", "--dataset", "faces", "--detach", "--name", "heron"], &QUICK[..]].concat();
    lab.mien(&arguments).assert().success();
    let folder = lab.folder("heron");
    // A chunk has 256 images; of about 750 training images at least one chunk is complete.
    let done = |event: &Event| matches!(event, Event::ComputingFeatures { done, .. } if *done > 300);
    wait_for("a chunk of features", PATIENCE, || events(&folder).iter().any(done).then_some(()));
    kill_process(worker_pid(&folder), Signal::KILL).expect("killed");
    wait_for("the end of the worker", PATIENCE, || (!folder.worker_alive()).then_some(()));
    assert_eq!(lab.json(&["runs", "--json"])[0]["state"], "lost");

    let resumed = lab.json(&["resume", "heron", "--json"]);
    assert_eq!(resumed["state"], "finished");
    let (images, computed) = features(&folder)[0];
    assert_eq!(images, 840);
    assert!(computed <= images - 256, "{computed} of {images} were computed again");

    // The same run without an interruption ends with the same metrics.
    let arguments = [&["train", "features", "--dataset", "faces", "--json"], &QUICK[..]].concat();
    assert_eq!(lab.json(&arguments)["test"], resumed["test"]);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_made() {
    let lab = Lab::new();
    lab.faces(140);
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let said = lab.complaint(arguments, code);
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
    };
    refused(&["train", "features", "--dataset", "faces"], 2, &["no imported weights yet", "mien weights import"]);
    refused(&["train", "all", "--dataset", "faces"], 2, &["no imported weights yet"]);
    refused(&["train", "finetune"], 2, &["no features run yet", "mien train features"]);
    lab.weights("imagenet");
    refused(&["train", "features", "--dataset", "faces", "--weights", "other"], 1, &["no weights 'other'"]);
    refused(&["train", "features", "--dataset", "nothing"], 1, &["no dataset 'nothing'"]);
    refused(&["train", "features", "--dataset", "faces", "--size", "16"], 2, &["--size", "32 to 512"]);
    refused(&["train", "cnn", "--dataset", "faces", "--size", "64"], 2, &["--size"]);
    assert!(lab.store().ids().expect("ids").is_empty(), "no run was made");

    let made = lab.run("of-cnn", 1, lab::finished());
    refused(&["train", "finetune", "--from", "of-cnn"], 2, &["of-cnn is a cnn run"]);
    fs::remove_dir_all(made.path()).expect("removed");

    // A features run without saved weights.
    let arguments = [&["train", "features", "--dataset", "faces", "--detach", "--name", "early"], &QUICK[..]].concat();
    lab.mien(&arguments).assert().success();
    lab.mien(&["watch", "early"]).assert().success();
    fs::remove_file(lab.folder("early").best_checkpoint()).expect("removed");
    refused(&["train", "finetune", "--from", "early"], 1, &["early has saved no weights yet"]);
}

#[test]
fn a_base_that_was_replaced_ends_a_run_with_words_and_no_guess() {
    let lab = Lab::new();
    lab.faces(140);
    lab.weights("imagenet");
    let arguments = [&["train", "features", "--dataset", "faces", "--name", "heron"], &QUICK[..]].concat();
    lab.mien(&arguments).assert().success();
    let recipe = lab.folder("heron").recipe_file();
    let text = fs::read_to_string(&recipe).expect("a recipe");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["transfer"]["base"] = json!("0".repeat(32));
    fs::write(&recipe, value.to_string()).expect("written");
    let told = lab.complaint(&["evaluate", "heron"], 1);
    assert!(told.contains("the weights imagenet have changed since this run was created"), "{told}");
    let told = lab.complaint(&["train", "finetune", "--from", "heron"], 1);
    assert!(told.contains("the weights imagenet have changed since heron was created"), "{told}");
    fs::write(&recipe, text).expect("as it was");
    lab.mien(&["evaluate", "heron"]).assert().success();

    // The same tensors with another preprocessing are another base.
    lab.weights_for("imagenet", Preprocessing::VGGFACE);
    let told = lab.complaint(&["evaluate", "heron"], 1);
    assert!(told.contains("the weights imagenet have changed since this run was created"), "{told}");
    fs::write(lab.home().join("weights/imagenet.safetensors"), b"cut").expect("written");
    let told = lab.complaint(&["evaluate", "heron"], 1);
    assert!(told.contains("imagenet.safetensors"), "{told}");
}

#[test]
fn a_run_that_waits_can_be_stopped_and_uses_nothing() {
    let lab = Lab::new();
    lab.faces(700);
    lab.weights("imagenet");
    let options = ["--epochs", "500", "--patience", "500", "--device", "cpu"];
    let arguments = [&["train", "all", "--dataset", "faces", "--detach", "--name", "heron"], &options[..]].concat();
    let told = lab.text(&arguments);
    assert_eq!(told, "heron-cnn\nheron-deep\nheron-features\nheron-finetune\n");
    let waiting = || {
        let runs = lab.json(&["runs", "--json"]);
        runs.as_array().expect("runs").iter().filter(|run| run["state"] == RunState::Queued.name()).count()
    };
    wait_for("three runs that wait", PATIENCE, || (waiting() == 3).then_some(()));
    // The last first, so that those before it stay unchanged.
    for id in ["heron-finetune", "heron-features", "heron-deep", "heron-cnn"] {
        assert!(lab.text(&["stop", id]).contains(&format!("{id} has stopped")));
    }
    let waited = lab.folder("heron-features");
    assert!(!events(&waited).iter().any(|event| matches!(event, Event::DeviceChosen { .. })), "no device was touched");
}
