//! Faults made on purpose, with the real binary: workers that are stopped, killed, starved or doubled, homes that are
//! full or may only be read, data that is gone. What is read then, and what is lost, stands in docs/reliability.md.
//!
//! What needs a file system of its own mounts one in a private namespace and reaches it through `/proc/PID/root`. That
//! takes root or a user namespace; where neither is permitted, `-- --skip mounted` leaves these tests out.

#![cfg(target_os = "linux")]
#![cfg_attr(not(feature = "trainer"), allow(dead_code))] // what only looks is tried in every build

mod lab;
#[cfg(feature = "dashboard")]
mod terminal;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

#[cfg(feature = "trainer")]
use lab::worker_pid;
use lab::{Lab, PATIENCE, events, wait_for};
#[cfg(feature = "trainer")]
use mien::checkpoint::Checkpoint;
use mien::events::Event;
use mien::runs::{Home, RunFolder, RunStore};
#[cfg(feature = "trainer")]
use rustix::process::{Signal, kill_process};
use serde_json::Value;

/// A run on [`Lab::faces`] that goes on for some seconds.
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

fn mien(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.env_remove("MIEN_HOME").arg("--home").arg(home).args(arguments).stdin(Stdio::null());
    command.output().expect("started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(home: &Path, arguments: &[&str]) -> String {
    let output = mien(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// What a command says that must fail with code 1.
fn refused(home: &Path, arguments: &[&str]) -> String {
    let output = mien(home, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout(&output));
    eprintln!("reads: {}", stderr(&output).trim());
    stderr(&output)
}

fn show(home: &Path) -> Value {
    serde_json::from_str(&done(home, &["show", "calm-heron", "--json"])).expect("JSON")
}

fn folder(home: &Path) -> RunFolder {
    RunStore::new(Home::new(home)).folder(&mien::domain::RunId::new("calm-heron").expect("an id"))
}

fn epochs_done(folder: &RunFolder) -> usize {
    events(folder).iter().filter(|event| matches!(event, Event::EpochFinished { .. })).count()
}

fn wait_for_epochs(folder: &RunFolder, epochs: usize) {
    wait_for("an epoch", PATIENCE, || (folder.events_file().exists() && epochs_done(folder) >= epochs).then_some(()));
}

/// Everything of a run that must not depend on what happened to it: its history and its test without times, its
/// weights.
#[cfg(feature = "trainer")]
fn essence(home: &Path) -> (Value, Value, u32) {
    let run = show(home);
    assert_eq!(run["state"], "finished", "{run}");
    let mut history = run["history"].clone();
    for epoch in history.as_array_mut().expect("a history") {
        let epoch = epoch.as_object_mut().expect("an epoch");
        epoch.remove("seconds");
        epoch.remove("images_per_second");
    }
    // The order of a safetensors file's metadata is nobody's promise: what the file says is compared.
    let best = Checkpoint::read(&folder(home).best_checkpoint()).expect("weights");
    let mut sum = crc32fast::Hasher::new();
    sum.update(&serde_json::to_vec(&best.state).expect("JSON"));
    for (name, array) in &best.arrays {
        sum.update(name.as_bytes());
        array.values.iter().for_each(|value| sum.update(&value.to_le_bytes()));
    }
    (history, run["test"].clone(), sum.finalize())
}

/// The same run, left alone.
#[cfg(feature = "trainer")]
fn undisturbed() -> (Value, Value, u32) {
    let lab = Lab::new();
    lab.faces(700);
    done(lab.home(), &LONG[..12]);
    essence(lab.home())
}

fn leftovers(at: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"))).collect()
}

/// A lab with the dataset and a run of at least one epoch.
fn begun() -> (Lab, RunFolder) {
    let lab = Lab::new();
    lab.faces(700);
    done(lab.home(), &LONG);
    let run = folder(lab.home());
    wait_for_epochs(&run, 1);
    (lab, run)
}

#[cfg(feature = "trainer")]
#[test]
fn a_worker_that_does_not_answer_is_killed_and_the_run_goes_on() {
    let (lab, run) = begun();
    kill_process(worker_pid(&run), Signal::STOP).expect("stopped");
    let before = fs::read(run.events_file()).expect("a log");
    let asked = mien(lab.home(), &["stop", "calm-heron", "--kill"]);
    assert_eq!(asked.status.code(), Some(2), "{}", stderr(&asked));
    assert!(stderr(&asked).contains("--yes kills the worker of calm-heron without asking") && run.worker_alive());
    let told = done(lab.home(), &["stop", "calm-heron", "--kill", "--yes"]);
    assert!(told.contains("killed process") && told.contains("goes on after epoch"), "{told}");
    assert!(!run.worker_alive() && run.killed());
    assert_eq!(fs::read(run.events_file()).expect("a log"), before, "only workers write the log");
    assert_eq!(show(lab.home())["state"], "lost");
    assert!(done(lab.home(), &["show", "calm-heron"]).contains("its worker was killed by hand"));
    assert!(refused(lab.home(), &["stop", "calm-heron", "--kill", "--yes"]).contains("no worker is at calm-heron"));
    done(lab.home(), &["resume", "calm-heron"]);
    assert!(!run.killed());
    assert_eq!(essence(lab.home()), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_worker_that_dies_before_its_first_checkpoint_leaves_a_run_that_goes_on() {
    let (lab, run) = begun();
    wait_for_epochs(&run, 2);
    done(lab.home(), &["stop", "calm-heron", "--kill", "--yes"]);
    let checkpoints = [run.last_checkpoint(), run.previous_checkpoint(), run.best_checkpoint()];
    let remove = || checkpoints.iter().for_each(|file| drop(fs::remove_file(file)));
    // With two epochs told there was a checkpoint, and beginning anew would not be going on.
    remove();
    let words = refused(lab.home(), &["resume", "calm-heron"]);
    assert!(words.contains("has saved no weights yet") && words.contains("last.ckpt"), "{words}");
    // The end of the first epoch is told, and nothing is saved yet.
    let log = fs::read_to_string(run.events_file()).expect("a log");
    let first = log.split_inclusive('\n').position(|line| line.contains("epoch_finished")).expect("an epoch");
    fs::write(run.events_file(), log.split_inclusive('\n').take(first + 1).collect::<String>()).expect("written");
    done(lab.home(), &["resume", "calm-heron"]);
    assert_eq!(essence(lab.home()), undisturbed());
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
    assert_eq!(show(lab.home())["state"], "running");
    assert_eq!(fs::read(run.events_file()).expect("a log"), before, "it is suspended");
    kill_process(pid, Signal::CONT).expect("continued");
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(essence(lab.home()), undisturbed());
}

#[cfg(feature = "trainer")]
#[test]
fn a_second_worker_refuses_and_the_first_is_not_disturbed() {
    let (lab, run) = begun();
    let path = run.path().to_str().expect("a plain path").to_owned();
    let second = mien(lab.home(), &["worker", &path]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another worker is at"), "{}", stderr(&second));
    assert_eq!(run.holder().map(|holder| holder.pid), u32::try_from(worker_pid(&run).as_raw_nonzero().get()).ok());
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(essence(lab.home()), undisturbed());
    let started = events(&run).iter().filter(|event| matches!(event, Event::WorkerStarted { .. })).count();
    assert_eq!(started, 1);
}

#[cfg(feature = "trainer")]
#[test]
fn a_dataset_that_is_gone_or_another_leaves_the_run_as_it_is() {
    let (lab, run) = begun();
    done(lab.home(), &["stop", "calm-heron"]);
    let before = fs::read(run.events_file()).expect("a log");
    let (data, away) = (lab.home().join("data/faces"), lab.home().join("data/away"));
    let path = run.path().to_str().expect("a plain path").to_owned();
    let check = |expected: &str| {
        assert!(refused(lab.home(), &["resume", "calm-heron"]).contains(expected));
        // As the dashboard starts it, which looks at no data itself.
        assert!(refused(lab.home(), &["worker", &path]).contains("faces"));
        assert_eq!(fs::read(run.events_file()).expect("a log"), before);
        assert_eq!(show(lab.home())["state"], "stopped");
    };
    fs::rename(&data, &away).expect("moved");
    check("there is no dataset 'faces'");
    lab.faces(770);
    check("the dataset faces is another one than when this run was created");
    fs::remove_dir_all(&data).expect("removed");
    fs::rename(&away, &data).expect("moved back");
    done(lab.home(), &["resume", "calm-heron"]);
    assert_eq!(essence(lab.home()), undisturbed());
}

#[test]
fn a_run_of_a_newer_version_is_refused_in_words_and_left_alone() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, lab::finished());
    lab.run("plain-finch", 2, lab::finished());
    let run = folder(lab.home());
    let recipe = fs::read_to_string(run.recipe_file()).expect("a recipe");
    let newer = recipe.replacen("\"version\": ", "\"version\": 9", 1);
    assert_ne!(newer, recipe);
    fs::write(run.recipe_file(), &newer).expect("written");
    let log = fs::read(run.events_file()).expect("a log");
    for command in [&["show", "calm-heron"][..], &["watch", "calm-heron"], &["stop", "calm-heron"]] {
        assert!(refused(lab.home(), command).contains("use a newer mien"), "{command:?}");
    }
    let runs = mien(lab.home(), &["runs"]);
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
    // It ends at another place each time, until there is enough.
    let starve = |kibibytes: u32| {
        let mut starved = Command::new("sh");
        starved.args(["-c", "ulimit -v \"$0\"; exec \"$1\" worker --now \"$2\"", &kibibytes.to_string()]);
        // With backtraces on, the standard library waits for itself where one cannot be allocated while it is printed.
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
        let shown = done(lab.home(), &["show", "calm-heron"]);
        eprintln!("reads: {}", shown.lines().next().unwrap_or_default());
        in_words += u32::from(shown.contains("its last words: memory allocation of"));
        let state = show(lab.home())["state"].clone();
        assert!(["lost", "failed"].contains(&state.as_str().expect("a state")), "{state}");
    }
    assert!(failures > 0 && in_words > 0, "{failures} failures, {in_words} in words");
    assert_eq!(essence(lab.home()), undisturbed());
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
    assert!(
        stderr(&output).contains("nobody reads the output any more, and calm-heron goes on"),
        "{}",
        stderr(&output)
    );
    let run = folder(lab.home());
    wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
    assert_eq!(show(lab.home())["state"], "finished");
}

/// What takes the right to mount.
mod mounted {
    use super::*;

    /// A file system of its own in a private namespace.
    struct Mounted {
        process: Child,
        home: PathBuf,
        _folder: tempfile::TempDir,
    }

    impl Mounted {
        /// Mounts by a shell script, which finds the folder to mount at in `$1` and `argument` in `$2`.
        fn by(script: &str, argument: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            // As root, else as root of a user namespace.
            for options in ["-m", "-rm"] {
                let mut command = Command::new("unshare");
                command.args([options, "sh", "-c", &format!("{script} && echo ready && exec sleep 3600"), "sh"]);
                command.arg(folder.path()).arg(argument).stdout(Stdio::piped());
                let mut process = command.spawn().expect("unshare, of util-linux");
                let mut line = String::new();
                let _ = BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line);
                if line.trim() == "ready" {
                    let home = Path::new("/proc").join(process.id().to_string()).join("root");
                    let home = home.join(folder.path().strip_prefix("/").expect("an absolute path"));
                    return Self { process, home, _folder: folder };
                }
                let _ = process.wait();
            }
            panic!("neither root nor a user namespace may mount here (unshare -m, unshare -rm): `-- --skip mounted`");
        }

        /// A small one, in memory.
        fn small(size: &str) -> Self {
            Self::by("mount -t tmpfs -o size=$2 none \"$1\"", size)
        }

        /// Another folder, which may only be read here.
        fn read_only(of: &Path) -> Self {
            Self::by(
                "mount --bind \"$2\" \"$1\" && mount -o remount,ro,bind \"$1\"",
                of.to_str().expect("a plain path"),
            )
        }

        fn fill(&self) {
            use std::io::Write;
            let mut file = fs::File::create(self.home.join("fill")).expect("a file");
            for block in [1 << 16, 1 << 12, 1] {
                while file.write_all(&vec![7; block]).is_ok() {}
            }
        }

        fn make_room(&self) {
            fs::remove_file(self.home.join("fill")).expect("removed");
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            let run = folder(&self.home);
            if run.worker_alive() {
                let _ = run.request_stop();
                let begun = Instant::now();
                while run.worker_alive() && begun.elapsed() < Duration::from_secs(10) {
                    std::thread::sleep(Duration::from_millis(30));
                }
            }
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    #[test]
    fn a_home_that_may_only_be_read_is_shown_and_nothing_is_begun() {
        let lab = Lab::new();
        lab.faces(700);
        lab.run("calm-heron", 1, lab::finished());
        lab.run("plain-finch", 2, lab::finished());
        let mounted = Mounted::read_only(lab.home());
        let home = mounted.home.as_path();
        for command in
            [&["runs"][..], &["show", "calm-heron"], &["watch", "calm-heron"], &["data", "list"], &["doctor"]]
        {
            let output = mien(home, command);
            assert!(!stdout(&output).is_empty(), "{command:?}: {}", stderr(&output));
        }
        let compared = mien(home, &["compare", "calm-heron", "plain-finch"]);
        assert!(stdout(&compared).contains("plain-finch"), "{}", stderr(&compared));
        let train = ["train", "cnn", "--dataset", "faces", "--detach"];
        let writing: [&[&str]; 2] = [&["rename", "calm-heron", "x"], &["note", "calm-heron", "x"]];
        for command in cfg!(feature = "trainer").then_some(&train[..]).into_iter().chain(writing) {
            let words = refused(home, command);
            assert!(
                words.contains("Read-only file system") && words.contains(home.to_str().expect("plain")),
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
        let [mut one, mut other, mut reader] = [open(lab.home()), open(lab.home()), open(&mounted.home)];
        one.press("gN");
        one.wait("the line for the name", |text| text.contains("another name for"));
        one.line("proud-heron");
        for dashboard in [&mut one, &mut other, &mut reader] {
            // The one that renames shows the name as it is typed; the list says when it is there.
            dashboard.wait("its new name", |text| {
                text.lines().any(|line| line.contains("early stop") && line.contains("proud-heron"))
            });
        }
        reader.press("t");
        reader.line("overnight");
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
        let home = mounted.home.as_path();
        done(home, &["data", "import", lab.home().join("faces.csv").to_str().expect("plain"), "--name", "faces"]);
        done(home, &LONG);
        let run = folder(home);
        wait_for_epochs(&run, 1);
        mounted.fill();
        // It fails by itself at the next checkpoint, which it cannot write.
        wait_for("the end", PATIENCE, || (!run.worker_alive()).then_some(()));
        // The words themselves may find no room either: neither the log nor what the worker prints can grow.
        let shown = done(home, &["show", "calm-heron"]);
        let words = shown.lines().next().unwrap_or_default();
        eprintln!("reads: {words}");
        assert!(words.contains("its disk is full") || words.contains("No space left on device"), "{words}");
        assert!(leftovers(run.path()).is_empty(), "{:?}", leftovers(run.path()));
        mounted.make_room();
        let state = show(home);
        assert!(["failed", "lost"].contains(&state["state"].as_str().expect("a state")), "{state}");
        done(home, &["resume", "calm-heron"]);
        assert_eq!(essence(home), undisturbed());
    }

    #[test]
    fn an_import_onto_a_full_disk_leaves_nothing_behind() {
        let mounted = Mounted::small("1m");
        let lab = Lab::new();
        lab.faces(700);
        let table = lab.home().join("faces.csv");
        let words = refused(&mounted.home, &["data", "import", table.to_str().expect("plain"), "--name", "faces"]);
        assert!(words.contains("No space left on device"), "{words}");
        let left =
            fs::read_dir(mounted.home.join("data")).into_iter().flatten().flatten().map(|entry| entry.file_name());
        // The lock under which imports take turns stays, empty.
        let left: Vec<_> = left.filter(|name| name != ".import.lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
