//! The command line as a script uses it: output, JSON keys, exit codes. Needs no trainer.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::lab::{Lab, PATIENCE, begun, epoch, finished, has_keys, wait_for};
use mien::domain::{Outcome, RunId};
use mien::events::Event;
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

fn now() -> u64 {
    mien::supervise::now()
}

/// Returns the commands that `mien PATH --help` lists, without `help`.
fn commands(lab: &Lab, path: &[&str]) -> Vec<String> {
    let help = lab.text(&[path, &["--help"]].concat());
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let name =
        |line: &str| Some(line.strip_prefix("  ")?.split(' ').next()?.to_owned()).filter(|name| !name.is_empty());
    list.filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn every_command_is_in_the_list_of_commands_and_the_list_names_no_other() {
    let lab = Lab::new();
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md")).expect("a list");
    // An item of the list names commands in backticks: `mien data import …`, `data list`.
    let named: Vec<Vec<Vec<&str>>> = list
        .split("\n- ")
        .skip(1)
        .map(|item| {
            let code = item.split("\n\n").next().expect("an item").split('`').skip(1).step_by(2);
            // Bars are alternatives of a command.
            code.map(|code| code.split([' ', '\n', '|']).filter(|word| *word != "mien").collect()).collect()
        })
        .collect();
    assert!(named.len() > 10, "{named:?}");
    let top = commands(&lab, &[]);
    assert!(top.len() > 20, "{top:?}");
    for command in &top {
        let of_it: Vec<_> =
            named.iter().filter(|row| row.iter().any(|code| code.first() == Some(&command.as_str()))).collect();
        assert!(!of_it.is_empty(), "{command} is not in docs/commands.md");
        for part in commands(&lab, &[command]) {
            let is_named = |code: &Vec<&str>| code.contains(&part.as_str());
            assert!(of_it.iter().any(|row| row.iter().any(is_named)), "{command} {part} is not in docs/commands.md");
        }
    }
    for row in &named {
        // The command of the row, and parts that it may name without the command: `unmark`.
        let of = row.iter().filter_map(|code| code.first()).find(|word| top.iter().any(|name| name == *word));
        let parts = of.map_or_else(Vec::new, |of| commands(&lab, &[of]));
        for word in row.iter().filter_map(|code| code.first()).filter(|word| word.starts_with(char::is_alphabetic)) {
            let left_out = (*word == "config" && !cfg!(feature = "dashboard"))
                || (["bench", "predict"].contains(word) && !cfg!(feature = "trainer"));
            let is_there = top.iter().chain(&parts).any(|name| name == word);
            assert!(is_there || left_out, "docs/commands.md names {word}, which is no command, in {row:?}");
        }
    }
}

#[test]
fn help_tells_the_exit_codes_and_the_options_of_training() {
    let help = Lab::new().text(&["--help"]);
    assert!(help.contains("Exit codes:") && help.contains("130"));
    assert!(!help.contains("worker RUN"), "the worker command is nobody's business");
    let help = Lab::new().text(&["train", "cnn", "--help"]);
    for option in
        ["--dataset", "--epochs", "--batch-size", "--learning-rate", "--patience", "--seed", "--device", "--detach"]
    {
        assert!(help.contains(option), "{option} is missing in {help}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_accepted() {
    let lab = Lab::new();
    let table: [(&[&str], &str); 18] = [
        (&["dance"], "dance"),
        (&["finetune"], "'train finetune'"),
        (&["show"], "<RUN>"),
        (&["train", "cnn", "--epochs", "0"], "epochs must be 1 to 10000"),
        (&["train", "cnn", "--epochs", "-3"], "epochs must be 1 to 10000, not '-3'"),
        (&["resume", "heron", "--epochs", "abc"], "epochs must be 1 to 10000, not 'abc'"),
        (&["resume", "heron", "--epochs", "+x"], "epochs must be 1 to 10000, not '+x'"),
        (&["set", "heron", "--patience", "-x"], "patience must be 1 to 1000, off, not '-x'"),
        (&["train", "cnn", "--folds", "-2"], "use a whole number from 2 to 100"),
        (&["inspect", "heron", "--hardest", "-1"], "use a whole number that is at least 1"),
        (&["runs", "--limit", "0"], "use a whole number that is at least 1"),
        (&["runs", "prune", "--keep", "-1"], "use a whole number that is at least 0"),
        (&["queue", "slots", "cpu", "-1"], "use a whole number from 1 to 64"),
        (&["train", "cnn", "--device", "gpu"], "device must be auto, cpu, cuda, cuda:N"),
        (&["train", "cnn", "--name", "../up"], "cannot be a name"),
        (&["train", "cnn", "--name", "latest"], "choose another name"),
        (&["data", "import", "x", "--name", "x", "--validation", "1"], "is not a fraction from 0 to below 1"),
        (&["data", "import", "x"], "--name"),
    ];
    for (arguments, expected) in table {
        let complaint = lab.complaint(arguments, 2);
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[test]
fn without_a_terminal_the_dashboard_points_to_the_commands() {
    let complaint = Lab::new().complaint(&[], 2);
    assert!(complaint.starts_with("mien: ") && complaint.contains("mien runs"), "{complaint}");
}

#[test]
fn the_home_is_the_option_the_variable_or_the_current_folder() {
    let (option, variable, current) = (Lab::new(), Lab::new(), Lab::new());
    option.run("by-option", 1, finished());
    variable.run("by-variable", 1, finished());
    current.run("by-folder", 1, finished());
    let runs = |with_option: bool, with_variable: bool| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mien"));
        command.current_dir(current.home()).env_remove("MIEN_HOME").arg("runs");
        if with_option {
            command.arg("--home").arg(option.home());
        }
        if with_variable {
            command.env("MIEN_HOME", variable.home());
        }
        String::from_utf8(command.assert().success().get_output().stdout.clone()).expect("UTF-8")
    };
    assert!(runs(true, true).contains("by-option"));
    assert!(runs(false, true).contains("by-variable"));
    assert!(runs(false, false).contains("by-folder"));
}

#[test]
fn runs_are_listed_newest_first_with_the_promised_keys() {
    let lab = Lab::new();
    lab.run("calm-heron", now() - 2 * DAY, finished());
    lab.run("odd-raven", now() - DAY, {
        let mut events = begun();
        events.push(Event::Ended { outcome: Outcome::Diverged { cause: "loss is NaN\u{1b}[31m".into() } });
        events
    });
    lab.run("brisk-otter", now() - 60_000, begun());
    let runs = lab.json(&["runs", "--json"]);
    let ids: Vec<&str> =
        runs.as_array().expect("a list").iter().map(|run| run["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["brisk-otter", "odd-raven", "calm-heron"]);
    for run in runs.as_array().expect("a list") {
        has_keys(run, &["id", "strategy", "dataset", "state", "epoch", "epochs", "device", "best"]);
    }
    assert_eq!([&runs[0]["state"], &runs[1]["state"], &runs[2]["state"]], ["lost", "failed", "finished"]);
    assert_eq!(runs[0]["best"], Value::Null);
    assert_eq!((&runs[2]["best"]["epoch"], &runs[2]["best"]["val_loss"]), (&json!(1), &json!(1.5)));
    assert_eq!((&runs[2]["epoch"], &runs[2]["epochs"], &runs[2]["device"]), (&json!(2), &json!(3), &json!("cpu")));

    let table = lab.text(&["runs"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("STATE     RUN          STRATEGY"), "{table}");
    assert!(lines[3].starts_with("finished  calm-heron   cnn") && lines[3].contains("2/3"), "{table}");
    assert!(lines[2].contains("loss is NaN·[31m") && !table.contains('\u{1b}'), "{table}");
}

#[test]
fn no_runs_is_an_empty_list() {
    let lab = Lab::new();
    assert_eq!(lab.json(&["runs", "--json"]), json!([]));
    assert_eq!(lab.text(&["runs"]), "");
    assert_eq!(lab.text(&["status"]), "");
}

#[test]
fn a_run_that_cannot_be_read_does_not_hide_the_others() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    fs::write(lab.run("odd-raven", 2, finished()).recipe_file(), "{").expect("written");
    let output = lab.mien(&["runs"]).assert().success().get_output().clone();
    assert!(String::from_utf8_lossy(&output.stdout).contains("calm-heron"));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.starts_with("mien: odd-raven: ") && complaint.contains("recipe.json"), "{complaint}");
}

#[test]
fn a_shown_run_has_the_promised_keys() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    let run = lab.json(&["show", "calm", "--json"]);
    has_keys(&run, &["id", "strategy", "dataset", "state", "epoch", "epochs", "device", "best", "recipe"]);
    assert_eq!(run["parameters"], json!({"total": 83_335, "trainable": 83_335}));
    let epochs = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds", "images_per_second"];
    has_keys(&run["history"][0], &epochs);
    assert_eq!(run["history"][1]["val_loss"], Value::Null, "NaN is null");
    assert_eq!(
        run["early_stopping"],
        json!({"monitor": "val_loss", "patience": 10, "best_epoch": 1, "best_value": 1.5, "waited": 1})
    );
    let test = &run["test"];
    has_keys(test, &["accuracy", "precision", "recall", "f1", "confusion", "per_class"]);
    assert_eq!((&test["accuracy"], &test["confusion"]), (&json!(0.75), &json!([[2, 1], [0, 1]])));
    assert_eq!(test["precision"], json!(0.75));
    has_keys(&test["per_class"][0], &["name", "precision", "recall", "f1", "support"]);
    assert_eq!((&test["per_class"][0]["name"], &test["per_class"][0]["support"]), (&json!("happy"), &json!(3)));

    let table = lab.text(&["show", "calm", "--csv"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("epoch,train_loss,train_accuracy,val_loss,") && lines[1].starts_with("1,"), "{table}");
    assert!(lines[2].contains(",,"), "NaN is nothing: {table}");

    let shown = lab.text(&["show", "latest"]);
    for part in ["calm-heron", "83,335", "batch-size", "macro average", "accuracy 0.7500", "waited 1 of 10"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "a class name reached the terminal: {shown}");
}

#[test]
fn an_untested_run_has_null_for_its_test() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, begun());
    let run = lab.json(&["show", "latest", "--json"]);
    assert_eq!((&run["test"], &run["best"], &run["history"]), (&Value::Null, &Value::Null, &json!([])));
}

#[test]
fn a_run_that_is_not_meant_clearly_is_refused() {
    let lab = Lab::new();
    assert!(lab.complaint(&["show", "latest"], 1).contains("mien train cnn"));
    lab.run("calm-heron", 1, finished());
    lab.run("calm-hare", 2, finished());
    assert!(lab.complaint(&["show", "x\u{1b}"], 1).contains("no run is called 'x·'"));
    assert!(lab.complaint(&["watch", "calm"], 1).contains("calm-hare, calm-heron"));
}

#[test]
fn a_newer_log_or_recipe_is_refused_in_words() {
    let lab = Lab::new();
    let newer = "{\"at\":1,\"event\":\"log_opened\",\"version\":99,\"program\":\"mien 9\"}\n";
    fs::write(lab.run("calm-heron", 1, vec![]).events_file(), newer).expect("written");
    fs::write(lab.run("odd-raven", 1, vec![]).recipe_file(), "{\"version\":99}").expect("written");
    for (run, words) in [("calm-heron", "format 99"), ("odd-raven", "recipe format 99")] {
        for command in ["show", "watch"] {
            let complaint = lab.complaint(&[command, run], 1);
            assert!(complaint.contains(words) && complaint.contains("use a newer mien"), "{complaint}");
        }
    }
}

#[test]
fn watching_an_ended_run_tells_its_story_and_exits_as_it_ended() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    let story = lab.text(&["watch", "calm"]);
    for part in ["worker 1 started", "epoch 1: train loss 1.7500", "finished: early stop", "macro average"] {
        assert!(story.contains(part), "{part} is missing in {story}");
    }
    let ended = |outcome| {
        let mut events = begun();
        events.extend([epoch(1, 1.5, 1), Event::Ended { outcome }]);
        events
    };
    lab.run("stopped", 1, ended(Outcome::Stopped));
    lab.run("failed", 1, ended(Outcome::Failed { cause: "disk full".into(), kind: mien::domain::FailureKind::Disk }));
    lab.run("lost", 1, begun());
    lab.mien(&["watch", "stopped"]).assert().code(130);
    lab.mien(&["watch", "failed"]).assert().code(1);
    assert!(lab.complaint(&["watch", "lost"], 1).contains("mien resume lost"));
}

#[test]
fn watched_json_is_the_log_itself() {
    let lab = Lab::new();
    let folder = lab.run("calm-heron", 1, finished());
    // Checksums are left out, because they cover the lines in the file.
    let event = |line: &str| {
        let mut event: Value = serde_json::from_str(line).expect("JSON");
        event.as_object_mut().expect("an object").remove("crc32");
        event
    };
    let parse = |text: &str| text.lines().map(event).collect::<Vec<Value>>();
    let log = fs::read_to_string(folder.events_file()).expect("the log");
    assert_eq!(parse(&lab.text(&["watch", "calm", "--json"])), parse(&log));
}

#[test]
fn a_watched_run_is_followed_as_it_grows() {
    let lab = Lab::new();
    let folder = lab.run("calm-heron", now(), begun());
    let lock = folder.lock().expect("a lock").expect("free");
    let mut watch = Command::new(env!("CARGO_BIN_EXE_mien"))
        .args(["--home", lab.home().to_str().expect("a plain path"), "watch", "calm"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(watch.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    assert!(lines.any(|line| line.contains("network with")), "the story so far");
    let mut writer = mien::events::EventWriter::open(&folder.events_file(), 2).expect("a log");
    writer.append(3, epoch(1, 1.5, 1)).expect("an append");
    assert!(lines.next().expect("a line").starts_with("epoch 1: "));
    writer.append(4, Event::Ended { outcome: Outcome::Stopped }).expect("an append");
    assert_eq!(lines.next().as_deref(), Some("stopped on request"));
    drop(lock);
    assert_eq!(watch.wait().expect("ended").code(), Some(130));
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let lab = Lab::new();
    let mut events = begun();
    events.extend((1..=5_000).map(|number| epoch(number, 1.5, 1)));
    lab.run("calm-heron", 1, events);
    for arguments in [["show", "calm"], ["watch", "calm"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien"))
            .arg("--home")
            .arg(lab.home())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        drop(command.stdout.take());
        let output = command.wait_with_output().expect("ended");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    }
}

#[test]
fn only_an_active_run_can_be_stopped() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    assert!(lab.complaint(&["stop", "calm"], 1).contains("it is finished: there is nothing to stop"));

    let folder = lab.run("brisk-otter", now(), begun());
    let lock = folder.lock().expect("a lock").expect("free");
    let events = folder.events_file();
    let asked = folder.clone();
    // Plays the worker: obeys, logs its end, exits.
    let worker = std::thread::spawn(move || {
        wait_for("the request", PATIENCE, || asked.stop_requested().then_some(()));
        let mut writer = mien::events::EventWriter::open(&events, 2).expect("a log");
        writer.append(3, Event::StopRequested).expect("an append");
        writer.append(4, Event::Ended { outcome: Outcome::Stopped }).expect("an append");
        drop(lock);
    });
    // The run that has ended does not spare the other one.
    let output = lab.mien(&["stop", "calm", "brisk", "calm-heron"]).assert().code(1).get_output().clone();
    let (printed, refused) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("brisk-otter has stopped before its first step"), "{printed}");
    assert_eq!(refused.matches("there is nothing to stop").count(), 1, "{refused}");
    worker.join().expect("a worker");
}

#[test]
fn what_cannot_be_started_is_refused_in_words() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    let expected = if mien::supervise::can_train() {
        [("resume", "calm-heron is finished"), ("evaluate", "has saved no weights yet")]
    } else {
        [("resume", "built without the trainer"), ("evaluate", "built without the trainer")]
    };
    for (command, words) in expected {
        let complaint = lab.complaint(&[command, "calm"], 1);
        assert!(complaint.contains(words), "{complaint}");
    }
    let complaint = lab.complaint(&["train", "cnn", "--dataset", "nothing"], 1);
    let words = if mien::supervise::can_train() { "there is no dataset 'nothing'" } else { "without the trainer" };
    assert!(complaint.contains(words), "{complaint}");
    let ids = lab.store().ids().expect("ids");
    assert_eq!(ids, [RunId::new("calm-heron").expect("an id")], "no run was left behind");
}

#[test]
fn doctor_tells_what_is_there_and_what_is_damaged() {
    let lab = Lab::new();
    lab.run("calm-heron", 1, finished());
    fs::write(lab.run("odd-raven", 1, vec![]).recipe_file(), "{").expect("written");
    let report = lab.json(&["doctor", "--json"]);
    has_keys(&report, &["version", "features", "home", "cpu_cores", "memory_bytes", "gpu", "terminal"]);
    assert_eq!(report["home"]["writable"], true);
    assert_eq!(report["runs"]["count"], 1);
    assert!(report["runs"]["damaged"][0].as_str().expect("words").starts_with("odd-raven: "));
    let text = lab.text(&["doctor"]);
    for part in ["mien ", "home ", "disk ", "cpu ", "gpu ", "terminal ", "datasets ", "runs "] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(Lab::new().text(&["completions", shell]).contains("mien"), "{shell}");
    }
}

#[test]
fn completions_know_runs_and_datasets_of_the_home_on_the_line() {
    let (lab, other) = (Lab::new(), Lab::new());
    lab.run("proud-heron", 1, finished());
    other.run("odd-raven", 1, finished());
    let candidates = |words: &[&str]| -> Vec<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
        command.env("MIEN_HOME", lab.home()).env("MIEN_COMPLETE", "fish");
        let answer = command.args(["--", "mien"]).args(words).output().expect("ran");
        assert!(answer.status.success(), "{answer:?}");
        let text = String::from_utf8(answer.stdout).expect("UTF-8");
        text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(candidates(&["show", "pr"]), ["proud-heron"]);
    let elsewhere = other.home().to_str().expect("plain");
    assert_eq!(candidates(&["--home", elsewhere, "show", "od"]), ["odd-raven"]);
    assert!(candidates(&["comp"]).iter().any(|word| word == "compare"));
}
