//! Deliberate faults with the real binary: stopped, killed, starved and duplicate workers, full and read-only homes,
//! missing data. docs/reliability.md lists the messages and the losses.
//!
//! Tests that need a file system mount one in a private namespace and reach it through `/proc/PID/root`. Mounting takes
//! root or a user namespace; without either, `-- --skip mounted` leaves these tests out.

#![cfg(target_os = "linux")]
#![cfg_attr(not(feature = "trainer"), allow(dead_code))] // what only looks is tried in every build

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
#[cfg(feature = "trainer")]
use std::process::{Command, Stdio};

use crate::lab::{self, Lab, wait_for_epoch};
#[cfg(feature = "trainer")]
use crate::lab::{PATIENCE, events, history_of, wait_for, worker_pid};
#[cfg(feature = "dashboard")]
use crate::terminal;
#[cfg(feature = "trainer")]
use mien::checkpoint::Checkpoint;
#[cfg(feature = "trainer")]
use mien::events::Event;
use mien::runs::RunFolder;
#[cfg(feature = "trainer")]
use rustix::process::{Signal, kill_process};
use serde_json::Value;

/// Arguments of a run on [`Lab::faces`] that takes some seconds.
const LONG: [&str; 13] = [
    "train",
    "cnn",
    "--name",
    "calm-heron",
    "--dataset",
    "faces",
    "--epochs",
    "16",
    "--batch-size",
    "32",
    "--device",
    "cpu",
    "--detach",
];

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command, whatever its exit code.
fn output(lab: &Lab, arguments: &[&str]) -> Output {
    lab.mien(arguments).output().expect("started")
}

/// Returns the stderr of a command that must fail with code 1.
fn refused(lab: &Lab, arguments: &[&str]) -> String {
    let complaint = lab.complaint(arguments, 1);
    eprintln!("reads: {}", complaint.trim());
    complaint
}

fn show(lab: &Lab) -> Value {
    lab.json(&["show", "calm-heron", "--json"])
}

/// Returns the parts of a run that faults must not change: history and test without times, and a checksum of the
/// weights.
#[cfg(feature = "trainer")]
fn essence(lab: &Lab) -> (Vec<Value>, Value, u32) {
    let run = show(lab);
    assert_eq!(run["state"], "finished", "{run}");
    // Compared by content, because the order of a safetensors file's metadata is not fixed.
    let best = Checkpoint::read(&lab.folder("calm-heron").best_checkpoint()).expect("weights");
    let mut sum = crc32fast::Hasher::new();
    sum.update(&serde_json::to_vec(&best.state).expect("JSON"));
    for (name, array) in &best.arrays {
        sum.update(name.as_bytes());
        array.values.iter().for_each(|value| sum.update(&value.to_le_bytes()));
    }
    (history_of(&run), run["test"].clone(), sum.finalize())
}

/// Returns the result of the same run without faults.
#[cfg(feature = "trainer")]
fn undisturbed() -> (Vec<Value>, Value, u32) {
    let lab = Lab::new();
    lab.faces(700);
    lab.text(&LONG[..12]);
    essence(&lab)
}

fn leftovers(at: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"))).collect()
}

/// Returns a lab with the dataset and a run of at least one epoch.
fn begun() -> (Lab, RunFolder) {
    let lab = Lab::new();
    lab.faces(700);
    lab.text(&LONG);
    let run = lab.folder("calm-heron");
    wait_for_epoch(&run, 1);
    (lab, run)
}

#[cfg(feature = "trainer")]
#[test]
fn a_worker_that_does_not_answer_is_killed_and_the_run_goes_on() {
    let (lab, run) = begun();
    kill_process(worker_pid(&run), Signal::STOP).expect("stopped");
    let before = fs::read(run.events_file()).expect("a log");
    let asked = output(&lab, &["stop", "calm-heron", "--kill"]);
    assert_eq!(asked.status.code(), Some(2), "{}", stderr(&asked));
    assert!(stderr(&asked).contains("--yes kills the worker of calm-heron without asking") && run.worker_alive());
    let told = lab.text(&["stop", "calm-heron", "--kill", "--yes"]);
    assert!(told.contains("killed process") && told.contains("`mien resume calm-heron`"), "{told}");
    assert!(!run.worker_alive() && run.killed());
    assert_eq!(fs::read(run.events_file()).expect("a log"), before, "only workers write the log");
    assert_eq!(show(&lab)["state"], "lost");
    assert!(lab.text(&["show", "calm-heron"]).contains("its worker was killed by hand"));
    assert!(refused(&lab, &["stop", "calm-heron", "--kill", "--yes"]).contains("calm-heron has no worker"));
    lab.text(&["resume", "calm-heron"]);
    assert!(!run.killed());
    assert_eq!(essence(&lab), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_worker_that_dies_before_its_first_checkpoint_leaves_a_run_that_goes_on() {
    let (lab, run) = begun();
    wait_for_epoch(&run, 2);
    lab.text(&["stop", "calm-heron", "--kill", "--yes"]);
    let checkpoints = [run.last_checkpoint(), run.previous_checkpoint(), run.best_checkpoint()];
    let remove = || checkpoints.iter().for_each(|file| drop(fs::remove_file(file)));
    // With two logged epochs there was a checkpoint, so a restart from the beginning would lose them.
    remove();
    let words = refused(&lab, &["resume", "calm-heron"]);
    assert!(words.contains("has saved no weights yet") && words.contains("last.ckpt"), "{words}");
    // The first epoch is logged, and no checkpoint is saved.
    let log = fs::read_to_string(run.events_file()).expect("a log");
    let first = log.split_inclusive('\n').position(|line| line.contains("epoch_finished")).expect("an epoch");
    fs::write(run.events_file(), log.split_inclusive('\n').take(first + 1).collect::<String>()).expect("written");
    lab.text(&["resume", "calm-heron"]);
    assert_eq!(essence(&lab), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_suspended_worker_goes_on_as_if_nothing_had_been() {
    let (lab, run) = begun();
    let pid = worker_pid(&run);
    kill_process(pid, Signal::STOP).expect("stopped");
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    wait_for("it to be suspended", PATIENCE, || {
        fs::read_to_string(&stat).expect("a process").contains(") T ").then_some(())
    });
    let before = fs::read(run.events_file()).expect("a log");
    assert_eq!(show(&lab)["state"], "running");
    assert_eq!(fs::read(run.events_file()).expect("a log"), before, "it is suspended");
    kill_process(pid, Signal::CONT).expect("continued");
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(essence(&lab), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_second_worker_refuses_and_the_first_is_not_disturbed() {
    let (lab, run) = begun();
    let path = run.path().to_str().expect("a plain path").to_owned();
    let second = output(&lab, &["worker", &path]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another worker runs"), "{}", stderr(&second));
    assert_eq!(run.holder().map(|holder| holder.pid), u32::try_from(worker_pid(&run).as_raw_nonzero().get()).ok());
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(essence(&lab), undisturbed());
    let started = events(&run).iter().filter(|event| matches!(event, Event::WorkerStarted { .. })).count();
    assert_eq!(started, 1);
}

#[cfg(feature = "trainer")]
#[test]
fn a_dataset_that_is_gone_or_another_leaves_the_run_as_it_is() {
    let (lab, run) = begun();
    lab.text(&["stop", "calm-heron"]);
    let before = fs::read(run.events_file()).expect("a log");
    let (data, away) = (lab.home().join("data/faces"), lab.home().join("data/away"));
    let path = run.path().to_str().expect("a plain path").to_owned();
    let check = |expected: &str| {
        assert!(refused(&lab, &["resume", "calm-heron"]).contains(expected));
        // As the dashboard starts it, without a check of its own.
        assert!(refused(&lab, &["worker", &path]).contains("faces"));
        assert_eq!(fs::read(run.events_file()).expect("a log"), before);
        assert_eq!(show(&lab)["state"], "stopped");
    };
    fs::rename(&data, &away).expect("moved");
    check("there is no dataset 'faces'");
    lab.faces(770);
    check("the dataset faces has changed since this run was created");
    fs::remove_dir_all(&data).expect("removed");
    fs::rename(&away, &data).expect("moved back");
    lab.text(&["resume", "calm-heron"]);
    assert_eq!(essence(&lab), undisturbed());
}

#[test]
fn a_run_of_a_newer_version_is_refused_in_words_and_left_alone() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, lab::finished());
    lab.run("plain-finch", 2, lab::finished());
    let run = lab.folder("calm-heron");
    let recipe = fs::read_to_string(run.recipe_file()).expect("a recipe");
    let newer = recipe.replacen("\"version\": ", "\"version\": 9", 1);
    assert_ne!(newer, recipe);
    fs::write(run.recipe_file(), &newer).expect("written");
    let log = fs::read(run.events_file()).expect("a log");
    for command in [&["show", "calm-heron"][..], &["watch", "calm-heron"], &["stop", "calm-heron"]] {
        assert!(refused(&lab, command).contains("use a newer mien"), "{command:?}");
    }
    let runs = output(&lab, &["runs"]);
    assert!(stdout(&runs).contains("plain-finch"), "{}", stderr(&runs));
    assert_eq!(fs::read_to_string(run.recipe_file()).expect("a recipe"), newer);
    assert_eq!(fs::read(run.events_file()).expect("a log"), log);
}

#[cfg(feature = "trainer")]
#[test]
fn a_worker_without_memory_leaves_a_run_that_goes_on() {
    let (lab, run) = begun();
    kill_process(worker_pid(&run), Signal::KILL).expect("sent");
    wait_for("its end", PATIENCE, || (!run.worker_alive()).then_some(()));
    // It fails at another point each time, until the memory suffices.
    let starve = |kibibytes: u32| {
        let mut starved = Command::new("sh");
        starved.args(["-c", "ulimit -v \"$0\"; exec \"$1\" worker --now \"$2\"", &kibibytes.to_string()]);
        // With backtraces, the standard library deadlocks if it cannot allocate while printing one.
        starved.env("RUST_BACKTRACE", "0");
        let log = run.open_worker_log().expect("a log");
        starved.arg(env!("CARGO_BIN_EXE_mien")).arg(run.path()).stderr(log).status().expect("started")
    };
    let (mut failures, mut in_words) = (0, 0);
    for step in 0.. {
        if starve(10_000 * (step + 2)).success() {
            break;
        }
        failures += 1;
        let shown = lab.text(&["show", "calm-heron"]);
        eprintln!("reads: {}", shown.lines().next().unwrap_or_default());
        in_words += u32::from(shown.contains("with the last output: memory allocation of"));
        let state = show(&lab)["state"].clone();
        assert!(["lost", "failed"].contains(&state.as_str().expect("a state")), "{state}");
    }
    assert!(failures > 0 && in_words > 0, "{failures} failures, {in_words} in words");
    assert_eq!(essence(&lab), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_reader_that_leaves_is_told_that_the_run_goes_on() {
    let lab = Lab::new();
    lab.faces(700);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.arg("--home").arg(lab.home()).args(&LONG[..12]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("the output was closed, and calm-heron continues"), "{}", stderr(&output));
    let run = lab.folder("calm-heron");
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(show(&lab)["state"], "finished");
}

/// Tests that must mount.
mod mounted {
    use super::*;
    use crate::mount::Mounted;

    #[test]
    fn a_home_that_may_only_be_read_is_shown_and_nothing_is_begun() {
        let lab = Lab::new();
        lab.faces(700);
        lab.run("calm-heron", 1, lab::finished());
        lab.run("plain-finch", 2, lab::finished());
        let mounted = Mounted::read_only(lab.home());
        for command in
            [&["runs"][..], &["show", "calm-heron"], &["watch", "calm-heron"], &["data", "list"], &["doctor"]]
        {
            let output = output(&mounted.lab, command);
            assert!(!stdout(&output).is_empty(), "{command:?}: {}", stderr(&output));
        }
        let compared = output(&mounted.lab, &["compare", "calm-heron", "plain-finch"]);
        assert!(stdout(&compared).contains("plain-finch"), "{}", stderr(&compared));
        let train = ["train", "cnn", "--dataset", "faces", "--detach"];
        let writing: [&[&str]; 2] = [&["rename", "calm-heron", "x"], &["note", "calm-heron", "x"]];
        for command in cfg!(feature = "trainer").then_some(&train[..]).into_iter().chain(writing) {
            let words = refused(&mounted.lab, command);
            assert!(
                words.contains("Read-only file system") && words.contains(mounted.lab.home().to_str().expect("plain")),
                "{words}"
            );
        }
        assert_eq!(lab.store().ids().expect("ids").len(), 2);
    }

    #[cfg(feature = "dashboard")]
    #[test]
    fn dashboards_on_one_home_show_the_same_even_where_it_may_only_be_read() {
        let lab = Lab::new();
        for (id, at) in [("calm-heron", 1), ("plain-finch", 2)] {
            lab.run(id, at, lab::finished());
        }
        let mounted = Mounted::read_only(lab.home());
        let open = |home: &Path| {
            let mut dashboard = terminal::Dashboard::run((40, 120), terminal::mien(home));
            dashboard.press("3");
            dashboard.wait("both runs", |text| text.contains("calm-heron") && text.contains("plain-finch"));
            dashboard
        };
        let [mut one, mut other, mut reader] = [open(lab.home()), open(lab.home()), open(mounted.lab.home())];
        one.press("gN");
        one.wait("the line for the name", |text| text.contains("new name for"));
        one.enter_line("proud-heron");
        for dashboard in [&mut one, &mut other, &mut reader] {
            // The dashboard that renames shows the name as it is typed; the list shows it once it is saved.
            dashboard.wait("its new name", |text| {
                text.lines().any(|line| line.contains("early stop") && line.contains("proud-heron"))
            });
        }
        reader.press("t");
        reader.enter_line("overnight");
        reader.wait("why it cannot", |text| text.contains("Read-only file system"));
        for mut dashboard in [one, other, reader] {
            dashboard.quit();
        }
        assert_eq!(lab.store().ids().expect("ids").len(), 2);
    }

    #[cfg(feature = "trainer")]
    #[test]
    fn a_full_disk_costs_nothing_that_was_completed() {
        let mounted = Mounted::small("48m");
        let lab = Lab::new();
        lab.faces(700);
        mounted.lab.text(&["data", "import", lab.home().join("faces.csv").to_str().expect("plain"), "--name", "faces"]);
        mounted.lab.text(&LONG);
        let run = mounted.lab.folder("calm-heron");
        wait_for_epoch(&run, 1);
        mounted.fill();
        // The worker fails at the next checkpoint, which it cannot write.
        wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
        // The error may not be logged either, because neither the log nor the worker's output can grow.
        let shown = mounted.lab.text(&["show", "calm-heron"]);
        let words = shown.lines().next().unwrap_or_default();
        eprintln!("reads: {words}");
        assert!(words.contains("its disk is full") || words.contains("No space left on device"), "{words}");
        assert!(leftovers(run.path()).is_empty(), "{:?}", leftovers(run.path()));
        mounted.free_space();
        let state = show(&mounted.lab);
        assert!(["failed", "lost"].contains(&state["state"].as_str().expect("a state")), "{state}");
        mounted.lab.text(&["resume", "calm-heron"]);
        assert_eq!(essence(&mounted.lab), undisturbed());
    }

    #[test]
    fn an_import_onto_a_full_disk_leaves_nothing_behind() {
        let mounted = Mounted::small("1m");
        let lab = Lab::new();
        lab.faces(700);
        let table = lab.home().join("faces.csv");
        let words = refused(&mounted.lab, &["data", "import", table.to_str().expect("plain"), "--name", "faces"]);
        assert!(words.contains("No space left on device"), "{words}");
        let left = fs::read_dir(mounted.lab.home().join("data"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        // The empty lock file of imports remains.
        let left: Vec<_> = left.filter(|name| name != ".import.lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
