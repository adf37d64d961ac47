//! Whole runs in real worker processes, from the command line: train, stop, resume, kill, hang up.

#![cfg(feature = "trainer")]

use std::fs;
use std::path::Path;
use std::process::Child;

use crate::lab::{Lab, PATIENCE, epochs_done, events, history_of, wait_for, wait_for_epoch, worker_pid};
use mien::domain::Split;
use mien::events::Event;
use mien::runs::RunFolder;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};

/// Arguments of a run on [`Lab::faces`] that takes some seconds.
const LONG: [&str; 12] = [
    "train",
    "cnn",
    "--dataset",
    "faces",
    "--epochs",
    "40",
    "--batch-size",
    "32",
    "--patience",
    "1000",
    "--device",
    "cpu",
];

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn epochs_of(run: &Value) -> Vec<u64> {
    run["history"]
        .as_array()
        .expect("a history")
        .iter()
        .map(|epoch| epoch["epoch"].as_u64().expect("a number"))
        .collect()
}

fn assert_no_panic(text: &str) {
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
}

fn log_of(folder: &RunFolder) -> String {
    fs::read_to_string(folder.worker_log()).unwrap_or_default()
}

#[test]
fn the_demo_is_trained_and_tested_and_told_as_json() {
    let lab = Lab::new();
    let arguments = ["train", "cnn", "--epochs", "2", "--batch-size", "64", "--seed", "7", "--device", "cpu", "--json"];
    let output = lab.mien(&arguments).assert().success().get_output().clone();
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else on stdout");
    assert_eq!((&run["dataset"], &run["state"], &run["device"]), (&json!("demo"), &json!("finished"), &json!("cpu")));
    assert_eq!(epochs_of(&run), [1, 2]);
    for figure in ["accuracy", "precision", "recall", "f1"] {
        let value = run["test"][figure].as_f64().expect(figure);
        assert!((0.0..=1.0).contains(&value), "{figure} is {value}");
    }
    let progress = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(progress.contains("demo") && progress.contains("epoch 2: "), "{progress}");
    let folder = lab.only_run();
    assert!(folder.best_checkpoint().is_file() && folder.last_checkpoint().is_file());
    assert_eq!(log_of(&folder), "", "a worker prints nothing");
    assert!(!folder.worker_alive());
}

#[test]
fn the_same_seed_gives_the_same_run_and_evaluating_again_the_same_history_of() {
    let lab = Lab::new();
    lab.faces(700);
    let train = |seed: &str| {
        let options = ["--epochs", "2", "--batch-size", "64", "--device", "cpu", "--seed", seed, "--json"];
        lab.json(&[&["train", "cnn", "--dataset", "faces"], &options[..]].concat())
    };
    let (first, second, other) = (train("7"), train("7"), train("8"));
    assert_eq!(history_of(&first), history_of(&second));
    assert_eq!(first["test"], second["test"]);
    assert_ne!(history_of(&first), history_of(&other));

    let id = first["id"].as_str().expect("an id");
    let again = lab.json(&["evaluate", id, "--json"]);
    assert_eq!((&again["test"], &again["state"]), (&first["test"], &json!("finished")));
}

#[test]
fn a_detached_run_stops_on_request_and_goes_on_when_resumed() {
    let lab = Lab::new();
    lab.faces(700);
    let id = lab.text(&[&LONG[..], &["--name", "calm-heron", "--detach"]].concat());
    assert_eq!(id, "calm-heron\n");
    let folder = lab.only_run();
    wait_for_epoch(&folder, 1);
    assert!(lab.complaint(&["resume", "latest"], 1).contains("calm-heron has a worker already"));
    assert!(lab.text(&["stop", "latest"]).contains("calm-heron has stopped"));
    let stopped = lab.json(&["show", "latest", "--json"]);
    assert_eq!((&stopped["state"], &stopped["test"]), (&json!("stopped"), &Value::Null));
    assert!(folder.last_checkpoint().is_file());

    let resumed = lab.json(&["resume", "latest", "--json"]);
    assert_eq!(resumed["state"], "finished");
    assert_eq!(epochs_of(&resumed), (1..=40).collect::<Vec<u64>>());
    let before = history_of(&stopped);
    assert_eq!(history_of(&resumed)[..before.len()], before[..], "what was done stays as it was");
    assert!(lab.complaint(&["resume", "latest"], 1).contains("calm-heron is finished"));
}

#[test]
fn a_killed_worker_is_told_as_lost_and_nothing_before_is() {
    let lab = Lab::new();
    lab.faces(700);
    lab.mien(&[&LONG[..], &["--detach"]].concat()).assert().success();
    let folder = lab.only_run();
    wait_for_epoch(&folder, 2);
    kill_process(worker_pid(&folder), Signal::KILL).expect("killed");
    wait_for("the end of the worker", PATIENCE, || (!folder.worker_alive()).then_some(()));

    let runs = lab.json(&["runs", "--json"]);
    assert_eq!(runs[0]["state"], "lost");
    let lost = lab.json(&["show", "latest", "--json"]);
    assert!(epochs_of(&lost).len() >= 2);
    assert!(lab.complaint(&["watch", "latest"], 1).contains("is lost"));

    let resumed = lab.json(&["resume", "latest", "--json"]);
    assert_eq!((&resumed["state"], epochs_of(&resumed)), (&json!("finished"), (1..=40).collect()));
}

#[test]
fn ctrl_c_stops_a_run_after_it_has_saved() {
    let lab = Lab::new();
    lab.faces(700);
    let command = lab.start(&LONG);
    let folder = lab.only_run();
    wait_for_epoch(&folder, 1);
    kill_process(pid(&command), Signal::INT).expect("sent");
    let output = command.wait_with_output().expect("ended");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("asked") && told.contains("Ctrl-C again"), "{told}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("stopped on request"));
    assert_eq!(lab.json(&["runs", "--json"])[0]["state"], "stopped");
    assert!(folder.last_checkpoint().is_file() && !folder.worker_alive());
}

/// Whether this process, and so every child, ignores SIGHUP (signal 1).
fn ignores_hang_ups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn a_worker_outlives_the_hang_up_and_the_death_of_its_starter() {
    let lab = Lab::new();
    lab.faces(700);
    let mut command = lab.start(&LONG);
    let folder = lab.only_run();
    wait_for_epoch(&folder, 1);
    // Under `nohup` children ignore hang-ups too, and only SIGKILL ends the starter.
    let signal = if ignores_hang_ups() { Signal::KILL } else { Signal::HUP };
    kill_process_group(pid(&command), signal).expect("sent");
    assert!(!command.wait().expect("ended").success());
    let done = epochs_done(&folder);
    assert!(folder.worker_alive());
    wait_for_epoch(&folder, done + 1);
    let story = lab.mien(&["watch", "latest"]).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&story).contains("macro average"));
}

#[test]
fn a_worker_that_a_signal_ends_is_interrupted_and_the_queue_brings_it_back() {
    let lab = Lab::new();
    lab.faces(700);
    lab.mien(&[&LONG[..], &["--detach"]].concat()).assert().success();
    let folder = lab.only_run();
    let mut done = 0;
    let signals = [("SIGTERM", Signal::TERM), ("SIGUSR1", Signal::USR1), ("SIGUSR2", Signal::USR2)];
    for (name, signal) in signals {
        wait_for_epoch(&folder, done + 1);
        kill_process(worker_pid(&folder), signal).expect("sent");
        lab.mien(&["watch", "latest"]).timeout(std::time::Duration::from_secs(PATIENCE)).assert().code(1);
        let shown = lab.json(&["show", "latest", "--json"]);
        assert_eq!((&shown["state"], &shown["outcome"]["signal"]), (&json!("interrupted"), &json!(name)), "{shown}");
        assert!(lab.text(&["show", "latest"]).contains(&format!("interrupted by {name}")));
        assert!(lab.text(&["runs"]).contains("interrupted"));
        assert!(!events(&folder).iter().any(|event| matches!(event, Event::StopRequested)), "nobody asked for it");
        let before = epochs_done(&folder);
        assert!(before > done, "what it did is kept");
        done = before;
        lab.mien(&["queue", "restart"]).assert().success();
        wait_for_epoch(&folder, done + 1);
    }
    // A run stopped by its user leaves the queue.
    lab.mien(&["stop", "latest"]).assert().success();
    lab.mien(&["watch", "latest"]).timeout(std::time::Duration::from_secs(PATIENCE)).assert().code(130);
    assert_eq!(lab.json(&["show", "latest", "--json"])["state"], "stopped");
    assert!(!folder.queue_file().exists());
}

#[test]
fn a_signal_in_the_pass_over_the_training_images_is_no_end() {
    let lab = Lab::new();
    lab.faces(7000);
    let folder = |name: &str| lab.store().folder(&name.parse().expect("an id"));
    let train = |name: &str| {
        let words =
            ["train", "cnn", "--dataset", "faces", "--epochs", "1", "--device", "cpu", "--name", name, "--detach"];
        lab.mien(&words).assert().success();
        folder(name)
    };
    let is_pass = |event: &Event| matches!(event, Event::EvaluationStarted { split: Split::Train, .. });
    // The pass takes some tenths of a second, so a signal may come too late.
    let interrupted = (0..20).find_map(|attempt| {
        let name = format!("run-{attempt}");
        let folder = train(&name);
        let begun = std::time::Instant::now();
        while !events(&folder).iter().any(is_pass) {
            assert!(begun.elapsed().as_secs() < PATIENCE, "no pass over the training images");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = folder.worker_alive().then(|| kill_process(worker_pid(&folder), Signal::TERM));
        wait_for("the worker's end", PATIENCE, || (!folder.worker_alive()).then_some(()));
        (lab.json(&["show", &name, "--json"])["state"] == "interrupted").then_some((name, folder))
    });
    let (name, cut) = interrupted.expect("a signal within the pass");
    assert!(!cut.train_predictions().exists());
    lab.mien(&["queue", "restart"]).assert().success();
    lab.mien(&["watch", &name]).timeout(std::time::Duration::from_secs(PATIENCE)).assert().success();
    let whole = train("whole");
    lab.mien(&["watch", "whole"]).timeout(std::time::Duration::from_secs(PATIENCE)).assert().success();
    for [one, other] in
        [[cut.train_predictions(), whole.train_predictions()], [cut.test_predictions(), whole.test_predictions()]]
    {
        assert!(fs::read(one).expect("predictions") == fs::read(other).expect("predictions"));
    }
}

#[test]
fn a_device_that_is_not_there_is_told_in_words() {
    let lab = Lab::new();
    lab.faces(700);
    let complaint = |extra: &[&str]| {
        let mut arguments = vec!["train", "cnn", "--dataset", "faces", "--device", "cuda"];
        arguments.extend(extra);
        // Hides the machine's GPUs.
        let output = lab.mien(&arguments).env("CUDA_VISIBLE_DEVICES", "").output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        told
    };
    for extra in [&[][..], &["--detach"], &["--json"]] {
        let told = complaint(extra);
        assert!(told.to_lowercase().contains("cuda"), "{told}");
        assert_no_panic(&told);
    }
    assert!(lab.store().ids().expect("ids").is_empty(), "a device that is not there makes no run");
}

#[test]
fn a_dataset_that_changed_since_the_launch_is_not_trained_on() {
    let lab = Lab::new();
    lab.faces(700);
    lab.mien(&[&LONG[..], &["--detach"]].concat()).assert().success();
    let folder = lab.only_run();
    wait_for_epoch(&folder, 1);
    lab.mien(&["stop", "latest"]).assert().success();
    let manifest = lab.home().join("data/faces/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["fingerprint"] = json!("0".repeat(32));
    fs::write(&manifest, value.to_string()).expect("written");
    let output = lab.mien(&["resume", "latest"]).assert().code(1).get_output().clone();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("faces"), "{told}");
    assert_no_panic(&told);
}

#[test]
fn a_run_whose_checkpoints_are_damaged_is_refused_by_name_and_keeps_its_history() {
    let lab = Lab::new();
    lab.faces(700);
    lab.mien(&[&LONG[..], &["--detach"]].concat()).assert().success();
    let folder = lab.only_run();
    wait_for_epoch(&folder, 2);
    lab.mien(&["stop", "latest"]).assert().success();
    let before = history_of(&lab.json(&["show", "latest", "--json"]));

    let cut = |path: &Path| {
        let bytes = fs::read(path).expect("a checkpoint");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    };
    let whole = fs::read(folder.best_checkpoint()).expect("a checkpoint");
    for path in [folder.last_checkpoint(), folder.previous_checkpoint(), folder.best_checkpoint()] {
        cut(&path);
    }
    let output = lab.mien(&["resume", "latest"]).assert().code(1).get_output().clone();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("last.ckpt is damaged") && told.contains("best.ckpt is damaged"), "{told}");
    assert_eq!(history_of(&lab.json(&["show", "latest", "--json"])), before);

    // With an intact best checkpoint, the run resumes from it and reports that.
    fs::write(folder.best_checkpoint(), whole).expect("written");
    let output = lab.mien(&["resume", "latest"]).assert().success().get_output().clone();
    assert!(String::from_utf8_lossy(&output.stdout).contains("resuming from "));
    assert_eq!(epochs_of(&lab.json(&["show", "latest", "--json"])), (1..=40).collect::<Vec<u64>>());
}

/// Imports a dataset with this many classes, each with one image per split.
fn many_classes(lab: &Lab, classes: usize) {
    let folder = lab.home().join("many");
    for class in 0..classes {
        for (split, images) in [("train", 2), ("test", 1)] {
            let folder = folder.join(split).join(format!("class{class:05}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            for image in 0..images {
                let number = class * 31 + image * 7 + split.len();
                let pixels = (0..64).map(|pixel| u8::try_from((number * (pixel + 1)) % 251).expect("a byte"));
                let file: Vec<u8> = b"P5 8 8 255\n".iter().copied().chain(pixels).collect();
                std::fs::write(folder.join(format!("{image}.pgm")), file).expect("written");
            }
        }
    }
    let folder = folder.to_str().expect("a plain path");
    lab.mien(&["data", "import", folder, "--name", "many", "--validation", "0.5"]).assert().success();
}

#[test]
fn a_run_on_more_classes_than_a_line_has_room_for_keeps_its_test_result() {
    let lab = Lab::new();
    let classes = 1_500;
    many_classes(&lab, classes);
    lab.text(&["train", "cnn", "--dataset", "many", "--name", "heron", "--epochs", "1", "--device", "cpu"]);
    let shown = lab.json(&["show", "heron", "--json"]);
    assert_eq!(shown["test"]["per_class"].as_array().map(Vec::len), Some(classes));
    assert_eq!(shown["test"]["confusion"]["support"].as_array().map(Vec::len), Some(classes));
    let log = std::fs::read_to_string(lab.home().join("checkpoints/heron/events.jsonl")).expect("a log");
    let longest = log.lines().map(str::len).max().expect("lines");
    assert!(longest < 100_000, "{longest} bytes in a line");
    assert!(lab.text(&["inspect", "heron"]).contains("most frequent mistakes"));
    assert_eq!(lab.json(&["queue", "--json"])["devices"].as_array().map(Vec::len), Some(0));
}
