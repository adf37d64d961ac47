//! Deliberate damage, and the reports of `runs --check` and `runs prune`. Needs no trainer.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::lab::{Lab, begun, epoch, finished};
use mien::domain::{Recipe, RunId, Strategy};
use mien::events::Event;
use mien::runs::{Predictions, RunFolder};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

fn now() -> u64 {
    mien::supervise::now()
}

/// Writes a checkpoint in the trainer's format.
fn checkpoint(path: &Path, epoch: u32) {
    let state = json!({"version": 1, "strategy": "cnn", "fingerprint": "0".repeat(32), "classes": ["a", "b"],
        "image": [48, 48, 1], "epoch": epoch, "optimizer_steps": 9, "learning_rate": 0.001,
        "early_stopping": {"best_epoch": epoch, "best_value": 1.0, "waited": 0}})
    .to_string();
    let bytes: Vec<u8> = (0..64_u8).collect();
    let mut sum = crc32fast::Hasher::new();
    sum.update(state.as_bytes());
    sum.update(b"block1.weight");
    sum.update(&16_u64.to_le_bytes());
    sum.update(&bytes);
    let metadata = HashMap::from([("mien".to_owned(), state), ("mien.crc32".to_owned(), sum.finalize().to_string())]);
    let view = TensorView::new(Dtype::F32, vec![16], &bytes).expect("a tensor");
    fs::write(path, safetensors::serialize([("block1.weight", view)], Some(metadata)).expect("bytes"))
        .expect("written");
}

/// Gives a run the files of a worker: three epochs, the second of which was the best.
fn furnish(folder: &RunFolder) {
    checkpoint(&folder.best_checkpoint(), 2);
    checkpoint(&folder.last_checkpoint(), 3);
    let predictions = Predictions { classes: 2, probabilities: vec![0.25, 0.75, 1.0, 0.0], truth: vec![1, 0] };
    predictions.write(&folder.test_predictions()).expect("written");
    fs::create_dir(folder.path().join("validation")).expect("a folder");
    predictions.write(&folder.validation_predictions(1)).expect("written");
}

/// Returns the events of a finished run of three epochs, the second of which was the best.
fn story() -> Vec<Event> {
    let mut events = begun();
    events.extend([epoch(1, 1.6, 1), epoch(2, 1.4, 2), epoch(3, 1.5, 2)]);
    events.extend(finished().into_iter().rev().take(1));
    events
}

fn healthy(lab: &Lab) -> RunFolder {
    let folder = lab.run("calm-heron", now() - 3_600_000, story());
    furnish(&folder);
    folder
}

/// Returns the findings of the only run: severity, file name, problem and advice.
fn findings(lab: &Lab, code: i32) -> Vec<[String; 4]> {
    let output = lab.mien(&["runs", "--check", "calm-heron", "--json"]).assert().code(code).get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).expect("JSON");
    let list = report["checked"][0]["findings"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    list.iter()
        .map(|found| {
            let file = text(&found["file"]).rsplit('/').next().unwrap_or_default().to_owned();
            [text(&found["severity"]), file, text(&found["what"]), text(&found["advice"])]
        })
        .collect()
}

/// Returns the findings except that of the missing dataset.
fn of_files(lab: &Lab, code: i32) -> Vec<[String; 4]> {
    let mut found = findings(lab, code);
    found.retain(|[_, _, what, _]| !what.contains("dataset demo is missing"));
    found
}

#[test]
fn a_healthy_run_has_nothing_but_what_it_lacks() {
    let lab = Lab::new();
    healthy(&lab);
    assert_eq!(of_files(&lab, 0), Vec::<[String; 4]>::new());
    let text = lab.text(&["runs", "--check"]);
    assert!(text.contains("checked 1 run: no damage") || text.contains("no damage"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_in_any_file_names_that_file(
        which in 0..5_usize, place in any::<prop::sample::Index>(), bit in 0..8_u32
    ) {
        let lab = Lab::new();
        let folder = healthy(&lab);
        let file = [
            folder.events_file(), folder.best_checkpoint(), folder.last_checkpoint(), folder.test_predictions(),
            folder.validation_predictions(1),
        ][which].clone();
        let mut bytes = fs::read(&file).expect("read");
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        fs::write(&file, &bytes).expect("damaged");
        let unfinished = which == 0 && place + 1 == bytes.len();
        let found = of_files(&lab, i32::from(!unfinished));
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        prop_assert!(found.iter().any(|[_, found, _, _]| found == name), "{:?}", found);
    }
}

#[test]
fn each_kind_of_damage_is_told_with_what_to_do() {
    type Harm = fn(&RunFolder);
    let table: [(Harm, i32, &str, &str, &str); 12] = [
        (
            |run| fs::write(run.last_checkpoint(), b"x").expect("cut"),
            1,
            "last.ckpt",
            "is damaged",
            "continues from best.ckpt, of epoch 2",
        ),
        (
            |run| fs::write(run.best_checkpoint(), b"x").expect("cut"),
            1,
            "best.ckpt",
            "is damaged",
            "continues from last.ckpt, of epoch 3",
        ),
        (|run| fs::write(run.path().join("step.ckpt"), b"x").expect("cut"), 1, "step.ckpt", "is damaged", "remove it"),
        (|run| fs::remove_file(run.best_checkpoint()).expect("gone"), 1, "best.ckpt", "is gone", "weights are gone"),
        (|run| fs::remove_file(run.last_checkpoint()).expect("gone"), 0, "last.ckpt", "cannot be extended exactly", ""),
        (
            |run| fs::write(run.test_predictions(), b"x").expect("cut"),
            1,
            "test.safetensors",
            "holds no predictions",
            "mien evaluate calm-heron",
        ),
        (|run| fs::write(run.annotations_file(), b"{").expect("cut"), 1, "about.json", "is damaged", "remove it"),
        (
            |run| fs::write(run.recipe_file(), b"{").expect("cut"),
            1,
            "recipe.json",
            "is not a recipe",
            "restore the file",
        ),
        (
            |run| fs::write(run.path().join(".tmpAbCd12"), b"abc").expect("left"),
            0,
            ".tmpAbCd12",
            "interrupted (3 bytes)",
            "remove it",
        ),
        (
            |run| std::os::unix::fs::symlink("/etc", run.path().join("link")).expect("a link"),
            1,
            "link",
            "out of the home",
            "remove the link",
        ),
        (
            |run| {
                let log = fs::read(run.events_file()).expect("a log");
                fs::write(run.events_file(), [&log[..], b"{\"at\":9,"].concat()).expect("torn");
            },
            0,
            "events.jsonl",
            "unfinished (8 bytes)",
            "next worker removes it",
        ),
        (
            |run| {
                let log = fs::read_to_string(run.events_file()).expect("a log");
                let without: String = log
                    .split_inclusive('\n')
                    .filter(|line| !line.contains("\"epoch_finished\",\"epoch\":2,"))
                    .collect();
                assert_ne!(log, without);
                fs::write(run.events_file(), without).expect("shortened");
            },
            1,
            "events.jsonl",
            "lacks the metrics of epoch 2",
            "",
        ),
    ];
    for (harm, code, file, what, advice) in table {
        let lab = Lab::new();
        harm(&healthy(&lab));
        let found = of_files(&lab, code);
        let told = found.iter().any(|[_, f, w, a]| f == file && w.contains(what) && a.contains(advice));
        assert!(told, "{file}: {what}: {advice}: {found:?}");
    }
}

#[test]
fn damaged_lines_are_told_by_number_wherever_the_run_is_shown() {
    let lab = Lab::new();
    let folder = healthy(&lab);
    let log = fs::read_to_string(folder.events_file()).expect("a log");
    let damaged: String = log
        .split_inclusive('\n')
        .enumerate()
        .map(|(place, line)| if place == 2 { line.replace("cpu", "cpv") } else { line.into() })
        .collect();
    assert_ne!(log, damaged);
    fs::write(folder.events_file(), damaged).expect("damaged");
    assert!(lab.complaint(&["show", "calm-heron"], 0).contains("line 3 is damaged"));
    let doctor = lab.text(&["doctor"]);
    assert!(
        doctor.contains("calm-heron: events.jsonl: line 3 is damaged")
            && doctor.contains("1 damaged: `mien runs --check`"),
        "{doctor}"
    );
    let checked = lab.mien(&["runs", "--check"]).assert().code(1).get_output().stdout.clone();
    let checked = String::from_utf8(checked).expect("text");
    assert!(checked.contains("DAMAGE  checkpoints/calm-heron/events.jsonl: line 3 is damaged"), "{checked}");
}

#[test]
fn datasets_and_weights_are_checked_with_the_home() {
    let lab = Lab::new();
    lab.faces(70);
    lab.mien(&["runs", "--check", "--deep"]).assert().success();
    let pixels = lab.home().join("data/faces/pixels.bin");
    let mut bytes = fs::read(&pixels).expect("pixels");
    bytes[1000] ^= 1;
    fs::write(&pixels, bytes).expect("damaged");
    lab.mien(&["runs", "--check"]).assert().success();
    let deep = lab.mien(&["runs", "--check", "--deep"]).assert().code(1).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&deep).contains("do not match the fingerprint"));
    fs::create_dir_all(lab.home().join("weights")).expect("a folder");
    fs::write(lab.home().join("weights/base.safetensors"), b"short").expect("written");
    fs::create_dir_all(lab.home().join("checkpoints/orphan")).expect("a folder");
    fs::write(lab.home().join("checkpoints/orphan/events.jsonl"), b"").expect("written");
    let all = lab.mien(&["runs", "--check"]).assert().code(1).get_output().stdout.clone();
    let all = String::from_utf8_lossy(&all).into_owned();
    assert!(all.contains("weights base") && all.contains("its recipe is gone"), "{all}");
}

/// Returns a lab with five finished runs, the first the newest, and a tagged run.
fn several() -> Lab {
    let lab = Lab::new();
    for (age, id) in (1_u64..).zip(["a-newest", "b", "c", "d", "e-oldest"]) {
        furnish(&lab.run(id, now() - age * 86_400_000, story()));
    }
    lab.run("kept", now() - 90 * 86_400_000, story());
    lab.text(&["tag", "kept", "+keep"]);
    lab
}

fn plan(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let report = lab.json(&[&["runs", "prune", "--json"], arguments].concat());
    let runs = report["runs"].as_array().expect("a list").clone();
    runs.iter().map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_rule_shows_what_it_would_delete_and_deletes_only_when_told() {
    let lab = several();
    assert_eq!(plan(&lab, &["--keep", "2"]), ["e-oldest", "d", "c"]);
    assert_eq!(plan(&lab, &["--older-than", "84h"]), ["e-oldest", "d"]);
    assert_eq!(plan(&lab, &["--older-than", "84h", "--keep-best", "9"]), Vec::<String>::new());
    assert_eq!(plan(&lab, &["--keep", "0", "name:b"]), ["b"]);
    assert!(lab.complaint(&["runs", "prune"], 2).contains("no rule is given: give a filter"));
    let shown = lab.text(&["runs", "prune", "--keep", "2"]);
    assert!(shown.contains("is tagged keep") && shown.contains("nothing was deleted: --yes deletes 3 runs"), "{shown}");
    assert_eq!(lab.store().ids().expect("ids").len(), 6);
    let text = lab.text(&["runs", "prune", "--keep", "2", "--yes"]);
    assert!(text.starts_with("deleted 3 runs, "), "{text}");
    assert_eq!(lab.store().ids().expect("ids").len(), 3);
    // After `--`, the name of the command is a filter.
    assert!(lab.text(&["runs", "--", "prune"]).is_empty());
}

#[test]
fn what_goes_on_or_is_needed_stays() {
    let lab = several();
    let held = lab.folder("b");
    let lock = held.lock().expect("a lock").expect("free");
    let mut waiting = Recipe { created_at: 1, ..Recipe::sample(Strategy::Cnn) };
    waiting.after = Some(RunId::new("c").expect("an id"));
    let waiter = lab.store().create(&RunId::new("waiter").expect("an id"), &waiting).expect("a run");
    let waits = lab.store().folder(&waiter).lock().expect("a lock").expect("free");
    assert_eq!(plan(&lab, &["--keep", "0"]), ["e-oldest", "d", "a-newest"]);
    drop((lock, waits));
}

#[test]
fn checkpoints_of_finished_runs_go_but_for_the_best() {
    let lab = several();
    let folder = |id: &str| lab.folder(id);
    fs::write(folder("b").best_checkpoint(), b"x").expect("damaged");
    assert_eq!(plan(&lab, &["--checkpoints", "--keep", "1"]), ["e-oldest", "d", "c"]);
    lab.text(&["runs", "prune", "--checkpoints", "--keep", "1", "--yes"]);
    for id in ["c", "d", "e-oldest"] {
        assert!(folder(id).best_checkpoint().exists() && !folder(id).last_checkpoint().exists(), "{id}");
    }
    for id in ["a-newest", "b"] {
        assert!(folder(id).last_checkpoint().exists(), "{id}");
    }
}
