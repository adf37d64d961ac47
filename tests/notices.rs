//! The commands of `[notify]` by the real binary: commands that hang, fail, print too much or read nothing, and real
//! workers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lab::{Lab, finished};
use assert_cmd::Command;
use mien::domain::{FailureKind, Outcome};
use mien::events::Event;
use mien::runs::RunFolder;
use serde_json::Value;

/// Writes a config file with these lines of `[notify]`, and returns its path.
fn config(lab: &Lab, lines: &str) -> PathBuf {
    let path = lab.home().join("config.toml");
    fs::write(&path, format!("[notify]\n{lines}\n")).expect("written");
    path
}

/// Returns the command by which a worker of this run lets the config's command run.
fn notifier(lab: &Lab, run: &RunFolder, lines: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.env("MIEN_CONFIG", config(lab, lines)).arg("notify").arg(run.path());
    command
}

fn failed() -> Vec<Event> {
    let mut events = finished();
    events.pop();
    let outcome = Outcome::Failed { cause: "no \u{1b}[2Jmemory".into(), kind: FailureKind::OutOfMemory };
    [events, vec![Event::Ended { outcome }]].concat()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn the_command_gets_the_run_as_show_prints_it_and_its_facts_as_variables() {
    let lab = Lab::new();
    let run = lab.run("heron", 1_000, finished());
    let (json, facts) = (lab.home().join("run.json"), lab.home().join("facts"));
    let line = format!(
        "on_end = '''cat >{}; printf '%s|%s|%s|%s|%s' \"$MIEN_RUN\" \"$MIEN_STATE\" \"$MIEN_TEXT\" \"$MIEN_HOME\" \
         \"$MIEN_REMAINING\" >{}'''",
        json.display(),
        facts.display()
    );
    notifier(&lab, &run, &line).assert().success().stdout("").stderr("");
    assert_eq!(read_json(&json), lab.json(&["show", "heron", "--json"]));
    let home = lab.home().display();
    let facts_text = fs::read_to_string(&facts).expect("facts");
    let [run_name, state, text, home_path, remaining] = facts_text.split('|').collect::<Vec<_>>()[..] else {
        panic!("{facts_text}")
    };
    assert_eq!((run_name, state, home_path, remaining), ("heron", "finished", home.to_string().as_str(), "0"));
    assert!(text.starts_with("heron finished: ") && text.contains("macro F1 "), "{text}");
    // A run that failed has the other command, and text from outside is printable.
    let failed = lab.run("otter", 2_000, failed());
    let line = format!("on_end = 'exit 9'\non_failure = 'printf \"$MIEN_TEXT\" >{}'", facts.display());
    notifier(&lab, &failed, &line).arg("--failed").assert().code(1);
    assert_eq!(fs::read_to_string(&facts).expect("facts"), "otter failed: no ·[2Jmemory");
    assert_eq!(failed.notice_failure(), None);
}

#[test]
fn a_command_that_misbehaves_ends_in_time_and_its_failure_is_shown() {
    let lab = Lab::new();
    let run = lab.run("heron", 1_000, finished());
    let table = [
        ("on_end = 'sleep 600'\ntime_limit = 1", "the command of notify.on_end was ended after 1 s, its time limit"),
        ("on_end = '/no/such/program'", "the command of notify.on_end ended with exit code 127: "),
        ("on_end = 'echo first >&2; echo \"why \\033[2J\" >&2; exit 3'", "ended with exit code 3: first | why "),
        ("on_end = 'yes | head -c 9000000; yes why | head -c 9000000 >&2; exit 4'", "exit code 4: why | why"),
        ("on_end = 'exec <&-; exit 5'", "ended with exit code 5"),
        ("on_end = 7", "config.toml:2: notify.on_end cannot be 7: write a line for the shell"),
    ];
    for (lines, expected) in table {
        notifier(&lab, &run, lines).assert().success();
        let shown = lab.text(&["show", "heron"]);
        let warning = shown.lines().find_map(|line| line.strip_prefix("warning: ")).unwrap_or_default();
        assert!(warning.contains(expected) && !shown.contains('\u{1b}'), "{lines}: {shown}");
        assert_eq!(lab.json(&["show", "heron", "--json"])["notice_failure"], warning, "{lines}");
    }
    // A command that succeeds without reading its input is no failure, and the worker clears an earlier one.
    run.clear_notice_failure().expect("cleared");
    notifier(&lab, &run, "on_end = 'true'").assert().success();
    assert_eq!(run.notice_failure(), None);
}

#[test]
fn the_command_holds_nothing_of_the_worker() {
    let lab = Lab::new();
    let run = lab.run("heron", 1_000, finished());
    let streams = lab.home().join("streams");
    let line = format!(
        "on_end = 'ls -l /proc/self/fd >{0}; cut -d\" \" -f5 /proc/$$/stat >>{0}; echo $$ >>{0}'",
        streams.display()
    );
    notifier(&lab, &run, &line).assert().success();
    let listed = fs::read_to_string(&streams).expect("a list");
    // Others may come from the process that started this test.
    let home = lab.home().display().to_string();
    let open: Vec<&str> = listed.lines().filter(|line| line.contains(" -> ") && line.contains(&home)).collect();
    assert!(open.len() == 1 && open[0].ends_with("/streams"), "{listed}");
    let [shell, group] = listed.lines().rev().take(2).map(str::trim).collect::<Vec<_>>()[..] else {
        panic!("{listed}")
    };
    assert_eq!(group, shell, "it leads a process group of its own");
}

/// A real worker: it has ended, in the log and by its lock, while its command is still running.
#[cfg(feature = "trainer")]
#[test]
fn a_run_has_ended_while_its_command_hangs_and_the_next_run_begins() {
    use crate::lab::{PATIENCE, wait_for};

    let lab = Lab::new();
    let begun = lab.home().join("begun");
    let config = config(&lab, &format!("on_end = 'cat >/dev/null; echo $MIEN_RUN >>{}; sleep 600'", begun.display()));
    let train = ["--dataset", "demo", "--epochs", "1", "--device", "cpu"];
    for name in ["one", "two"] {
        let mut command = lab.mien(&[&["train", "cnn", "--name", name], &train[..]].concat());
        command.env("MIEN_CONFIG", &config).assert().success();
        wait_for("the command", PATIENCE, || {
            fs::read_to_string(&begun).is_ok_and(|text| text.lines().any(|line| line == name)).then_some(())
        });
        assert!(!lab.folder(name).worker_alive());
        assert_eq!(lab.json(&["show", name, "--json"])["state"], "finished");
    }
    // The notifiers are the former workers. Asked to end, they end their commands and record that.
    for name in ["one", "two"] {
        let pid = lab.folder(name).holder().expect("a holder").pid;
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is running");
        let failure = wait_for("the record", PATIENCE, || lab.folder(name).notice_failure());
        assert!(failure.contains("notify.on_end was ended by a signal"), "{failure}");
    }
}

/// Each end of a run has its command: a test of the best weights has none.
#[cfg(feature = "trainer")]
#[test]
fn stopped_interrupted_and_tested_runs_have_their_commands() {
    use crate::lab::{PATIENCE, wait_for};

    let lab = Lab::new();
    let ends = lab.home().join("ends");
    let config = config(&lab, &format!("on_end = 'echo $MIEN_RUN $MIEN_STATE >>{}'", ends.display()));
    let mien = |arguments: &[&str]| {
        let mut command = lab.mien(arguments);
        command.env("MIEN_CONFIG", &config);
        command
    };
    let wait = |line: &str| {
        wait_for(line, PATIENCE, || {
            fs::read_to_string(&ends).is_ok_and(|text| text.lines().any(|found| found == line)).then_some(())
        });
    };
    let demo = ["--dataset", "demo", "--device", "cpu"];
    mien(&[&["train", "cnn", "--name", "one", "--epochs", "1"], &demo[..]].concat()).assert().success();
    wait("one finished");
    mien(&["evaluate", "one"]).assert().success();
    mien(&[&["train", "cnn", "--name", "two", "--epochs", "999", "--detach"], &demo[..]].concat()).assert().success();
    mien(&["stop", "two"]).assert().success();
    wait("two stopped");
    mien(&[&["train", "cnn", "--name", "three", "--epochs", "999", "--detach"], &demo[..]].concat()).assert().success();
    let pid = lab.folder("three").holder().expect("a holder").pid;
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
    wait("three interrupted");
    let text = fs::read_to_string(&ends).expect("lines");
    assert_eq!(text.lines().count(), 3, "the test of the best weights is no end: {text}");
}

/// The bytes of an open dashboard when a run ends that it has seen running.
#[cfg(feature = "dashboard")]
#[test]
fn an_open_dashboard_rings_and_notifies_for_runs_that_end_and_not_for_old_ones() {
    use crate::lab::begun;
    use crate::terminal::{Dashboard, SMALL, mien};
    use mien::events::EventWriter;

    let lab = Lab::new();
    lab.run("old-otter", 1_000, failed());
    let runs = ["brisk-heron", "calm-heron"].map(|name| lab.run(name, mien::supervise::now(), begun()));
    let locks = runs.each_ref().map(|run| run.lock().expect("a lock").expect("free"));
    let mut command = mien(lab.home());
    command.env("TMUX", "/tmp/tmux,1,0");
    let mut dashboard = Dashboard::run(SMALL, command);
    dashboard.wait("the runs", |text| text.contains("2 running") && text.contains("old-otter"));
    assert!(!String::from_utf8_lossy(&dashboard.bytes()).contains("]9;"), "an old end is no news");
    let from = dashboard.bytes().len();
    for (run, lock) in runs.iter().zip(locks) {
        let outcome = Outcome::Failed { cause: "no memory".into(), kind: FailureKind::OutOfMemory };
        let mut log = EventWriter::open(&run.events_file(), mien::supervise::now()).expect("a log");
        log.append(mien::supervise::now(), Event::Ended { outcome }).expect("appended");
        drop(lock);
    }
    let expected = b"\x07\x1bPtmux;\x1b\x1b]9;mien: 2 runs ended: 2 failed; no run is running or waiting\x07\x1b\\";
    dashboard
        .wait_for_bytes("the notice", from, |bytes| bytes.windows(expected.len()).any(|window| window == expected));
    dashboard.leave("q");
}
