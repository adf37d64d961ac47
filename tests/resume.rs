//! Exact resume: after kills or damaged checkpoints, a run ends with the bits of an undisturbed one. Random instants
//! and positions follow from a seed that a failure prints; `MIEN_TEST_SEED` sets it.
//!
//! The long version, twenty kills for each strategy and sixty damaged files: `cargo test --release
//! --no-default-features --features trainer,dashboard --test all resume:: -- --ignored --nocapture --test-threads 1`

#![cfg(feature = "trainer")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::lab::{self, Lab, PATIENCE, events, wait_for};
use mien::checkpoint::Checkpoint;
use mien::domain::{EpochMetrics, Outcome, RunId};
use mien::events::Event;
use mien::runs::RunFolder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};

const CNN: &[&str] = &["train", "cnn", "--dataset", "faces", "--epochs", "5", "--batch-size", "16"];
const FEATURES: &[&str] = &[
    "train",
    "features",
    "--dataset",
    "faces",
    "--size",
    "32",
    "--epochs",
    "5",
    "--variants",
    "2",
    "--batch-size",
    "8",
];
const FINETUNE: &[&str] = &["train", "finetune", "--from", "feat", "--epochs", "3", "--batch-size", "16"];

/// Returns the seed of this test run.
fn seed() -> u64 {
    let given = std::env::var("MIEN_TEST_SEED").ok().map(|text| text.parse().expect("MIEN_TEST_SEED is a number"));
    let seed = given.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        since.as_secs() ^ u64::from(since.subsec_nanos())
    });
    println!("MIEN_TEST_SEED={seed}");
    seed
}

/// Starts a worker on a run as a child; `interval` is the seconds between checkpoints within an epoch.
fn worker(folder: &RunFolder, interval: u32) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    // `--now`, because the run is not queued and no other runs.
    command.arg("worker").arg("--now").arg(folder.path()).env("MIEN_CHECKPOINT_SECONDS", interval.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

/// Runs a worker to the end of the run.
fn finish(folder: &RunFolder) {
    let output = worker(folder, 300).wait_with_output().expect("a worker");
    let log = events(folder);
    let told: Vec<String> = log.iter().rev().take(5).rev().filter_map(mien::runs::event_text::describe_event).collect();
    assert!(output.status.success(), "{}", told.join("\n"));
    assert!(over(folder), "{}", told.join("\n"));
}

/// The parts of a run that interruptions must not change.
#[derive(Debug, PartialEq)]
struct Result {
    /// Epochs as bits, without times.
    epochs: Vec<Vec<u64>>,
    /// Files by name: the contents of checkpoints, and the bytes of predictions.
    files: BTreeMap<String, Vec<u8>>,
}

fn result(lab: &Lab, id: &str) -> Result {
    let run = lab.store().summary(&RunId::new(id).expect("an id")).expect("a run");
    assert!(run.damage().is_none(), "lines of the log are damaged");
    let figures = |metrics: &EpochMetrics| {
        let EpochMetrics { epoch, train_loss, train_accuracy, val_loss, val_accuracy, learning_rate, .. } = *metrics;
        let figures = [train_loss, train_accuracy, val_loss, val_accuracy, learning_rate];
        std::iter::once(u64::from(epoch)).chain(figures.map(f64::to_bits)).collect()
    };
    let folder = lab.folder(id);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in [folder.last_checkpoint(), folder.best_checkpoint()] {
        let Checkpoint { state, arrays } = Checkpoint::read(&path).expect("a checkpoint");
        let mut bytes = serde_json::to_vec(&state).expect("JSON");
        for (name, array) in arrays {
            bytes.extend(name.bytes());
            bytes.extend(array.values.iter().flat_map(|value| value.to_le_bytes()));
        }
        files.insert(path.file_name().expect("a name").to_string_lossy().into_owned(), bytes);
    }
    let epochs = folder.validation_epochs().into_iter().map(|epoch| folder.validation_predictions(epoch));
    for path in epochs.chain([folder.test_predictions(), folder.train_predictions()]) {
        let name = path.strip_prefix(folder.path()).expect("in the run").display().to_string();
        files.insert(name, fs::read(&path).expect("predictions"));
    }
    Result { epochs: run.summary.epochs.iter().map(figures).collect(), files }
}

fn assert_same(found: &Result, expected: &Result, what: &str) {
    assert_eq!(found.epochs, expected.epochs, "{what}: another history");
    let names = |result: &Result| result.files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}: other files");
    for (name, bytes) in &expected.files {
        assert!(found.files[name] == *bytes, "{what}: {name} is another");
    }
}

/// Returns the positions (epoch, step) of the log and of the newest checkpoint.
fn told_and_saved(folder: &RunFolder) -> ((u32, u32), (u32, u32)) {
    let told = events(folder).into_iter().rev().find_map(|event| match event {
        Event::EpochFinished { metrics, .. } => Some((metrics.epoch, 0)),
        Event::Step { epoch, step, .. } => Some((epoch - 1, step)),
        Event::WorkerStarted { resumed_from, resumed_step, .. } => Some((resumed_from, resumed_step)),
        _ => None,
    });
    let files = [folder.last_checkpoint(), folder.previous_checkpoint(), folder.best_checkpoint()];
    let saved = files.iter().filter_map(|path| Checkpoint::read(path).ok()).map(|found| found.state.position()).max();
    (told.unwrap_or_default(), saved.unwrap_or_default())
}

/// Creates a run whose first worker is killed before it saves anything.
fn create(lab: &Lab, options: &[&str], id: &str) -> RunFolder {
    let arguments =
        [options, &["--device", "cpu", "--seed", "5", "--patience", "1000", "--name", id, "--detach"]].concat();
    lab.mien(&arguments).env("MIEN_CHECKPOINT_SECONDS", "300").assert().success();
    let folder = lab.folder(id);
    kill_process(lab::worker_pid(&folder), Signal::KILL).expect("sent");
    wait_for("the end of the worker", PATIENCE, || (!folder.worker_alive()).then_some(()));
    folder
}

/// Kills a run this many times and compares its end with an undisturbed run's.
fn kill_and_compare(options: &[&str], rows: u32, base: bool, kills: u32) {
    let lab = Lab::new();
    lab.faces(rows);
    if base {
        lab.weights("imagenet");
    }
    if options == FINETUNE {
        finish(&create(&lab, FEATURES, "feat"));
    }
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let whole = create(&lab, options, "whole");
    let begun = Instant::now();
    finish(&whole);
    let span = begun.elapsed();
    let expected = result(&lab, "whole");
    let (mut hits, mut within, mut runs) = (0, 0, 0);
    // A run that ends before it was killed often enough is followed by another.
    while hits < kills {
        runs += 1;
        assert!(runs < 20, "seed {seed}: runs are over before they are killed");
        let id = format!("killed-{runs}");
        let killed = create(&lab, options, &id);
        while hits < kills {
            let interval = [0, 0, 1, 300][random.random_range(0..4)];
            let mut child = worker(&killed, interval);
            let most = if interval == 0 { (span * 3 / kills).max(span / 8) } else { span / 3 };
            std::thread::sleep(most.mul_f64(random.random::<f64>()));
            if child.try_wait().expect("a child").is_some() {
                break;
            }
            child.kill().expect("killed");
            child.wait().expect("ended");
            hits += 1;
            let (told, saved) = told_and_saved(&killed);
            within += u32::from(told > saved);
        }
        if !over(&killed) {
            finish(&killed);
        }
        assert_same(&result(&lab, &id), &expected, &format!("seed {seed}, {id}"));
    }
    println!("{}: killed {hits} times in {runs} runs, {within} of them with something told and not saved", options[1]);
}

/// Whether a run has finished.
fn over(folder: &RunFolder) -> bool {
    matches!(events(folder).last(), Some(Event::Ended { outcome: Outcome::Finished { .. } }))
}

#[test]
fn a_run_killed_at_random_instants_ends_as_if_it_had_not_been() {
    kill_and_compare(CNN, 350, false, 5);
}

#[test]
#[ignore = "takes minutes"]
fn twenty_kills_of_a_cnn() {
    kill_and_compare(CNN, 1400, false, 20);
}

#[test]
#[ignore = "takes minutes"]
fn twenty_kills_of_features() {
    kill_and_compare(FEATURES, 140, true, 20);
}

#[test]
#[ignore = "takes minutes"]
fn twenty_kills_of_fine_tuning() {
    kill_and_compare(FINETUNE, 140, true, 20);
}

#[test]
fn a_stopped_run_loses_nothing_and_an_extended_one_is_as_exact() {
    let lab = Lab::new();
    lab.faces(350);
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let extend = |folder: &RunFolder| {
        let limits = mien::domain::Limits { epochs: 7, patience: 1000 };
        folder.request_limits(limits).expect("asked");
        finish(folder);
    };
    let whole = create(&lab, CNN, "whole");
    let begun = Instant::now();
    finish(&whole);
    let span = begun.elapsed();
    extend(&whole);

    let stopped = create(&lab, CNN, "stopped");
    let mut stops = 0;
    for _ in 0..4 {
        let mut child = worker(&stopped, 300);
        std::thread::sleep(span.mul_f64(random.random_range(0.1..0.5)));
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
        child.wait().expect("ended");
        let (told, saved) = told_and_saved(&stopped);
        assert!(told <= saved, "seed {seed}: told up to {told:?}, saved up to {saved:?}");
        stops += u32::from(saved > (0, 0));
    }
    assert!(stops > 0, "seed {seed}: it never stopped in the middle");
    if !over(&stopped) {
        finish(&stopped);
    }
    // Killed once more after it was extended.
    stopped.request_limits(mien::domain::Limits { epochs: 7, patience: 1000 }).expect("asked");
    let mut child = worker(&stopped, 0);
    std::thread::sleep(span.mul_f64(random.random_range(0.1..0.4)));
    let _ = child.kill();
    child.wait().expect("ended");
    extend(&stopped);
    assert_same(&result(&lab, "stopped"), &result(&lab, "whole"), &format!("seed {seed}"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("copied");
        }
    }
}

/// Damages each checkpoint of a run this many times, resumes it, and compares the end.
fn damage_and_compare(tries: u32) {
    let lab = Lab::new();
    lab.faces(350);
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let run = create(&lab, CNN, "run");
    let mut saved = (2, 2);
    loop {
        let mut child = worker(&run, 0);
        wait_for("a checkpoint in the third epoch", PATIENCE, || (told_and_saved(&run).1 > saved).then_some(()));
        child.kill().expect("killed");
        child.wait().expect("ended");
        // A kill between renaming the last checkpoint and saving the next leaves two files, so one more is needed.
        if [run.last_checkpoint(), run.previous_checkpoint(), run.best_checkpoint()].iter().all(|file| file.exists()) {
            break;
        }
        saved = told_and_saved(&run).1;
    }
    let kept = lab.home().join("kept");
    copy(run.path(), &kept);
    finish(&run);
    let expected = result(&lab, "run");
    let names = ["last.ckpt", "previous.ckpt", "best.ckpt"];
    for attempt in 0..tries {
        for name in names {
            fs::remove_dir_all(run.path()).expect("removed");
            copy(&kept, run.path());
            let path: PathBuf = run.path().join(name);
            let mut bytes = fs::read(&path).expect("a checkpoint");
            let at = random.random_range(0..bytes.len());
            let cut = random.random::<bool>();
            let bit = random.random_range(0..8_u32);
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            fs::write(&path, &bytes).expect("damaged");
            let what = format!("seed {seed}, attempt {attempt}: {name}, cut {cut}, byte {at}, bit {bit}");
            finish(&run);
            let words = format!("{name} is damaged");
            let says = |event: &Event| matches!(event, Event::Warning { message } if message.contains(&words));
            assert!(events(&run).iter().any(says), "{what}: nobody said so");
            let aside = run.path().join(format!("{name}.damaged"));
            assert!(fs::read(aside).expect("kept aside") == bytes, "{what}");
            assert_same(&result(&lab, "run"), &expected, &what);
        }
    }
    println!("each of {names:?} damaged {tries} times; every run ended with the same bits");
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_used() {
    damage_and_compare(1);
}

#[test]
#[ignore = "takes minutes"]
fn sixty_damaged_checkpoints() {
    damage_and_compare(20);
}
