//! Hostile text and links in every input: no text steers the terminal, no file is written through a link, and created
//! files belong to the owner only. Needs no trainer.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::lab::{Lab, finished};
use mien::domain::Outcome;
use mien::events::Event;
use mien::runs::Predictions;
use serde_json::{Value, json};

/// A title, a clear screen, both again in C1 codes, reordering marks, and a line of its own.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{9d}0;x\u{9c}\u{202e}\u{2066}\u{61c}\u{7f}\r\u{8}\u{2028}x";

/// Appends [`EVIL`] to every text in the value except those under the keys `spared`.
fn poison(value: &mut Value, spared: &[&str]) {
    match value {
        Value::String(text) => text.push_str(EVIL),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, spared)),
        Value::Object(entries) => {
            let open = entries.iter_mut().filter(|(key, _)| !spared.contains(&key.as_str()));
            open.for_each(|(_, item)| poison(item, spared));
        }
        _ => {}
    }
}

fn poison_file(path: &Path, spared: &[&str]) {
    let text = fs::read_to_string(path).expect("read");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    poison(&mut value, spared);
    fs::write(path, value.to_string()).expect("written");
}

fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| panic!("{what}: no UTF-8"));
    let marks = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
    let bad = text.chars().find(|c| {
        c.is_control() && *c != '\n'
            || marks.contains(c)
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    });
    assert_eq!(bad, None, "{what}: {text:?}");
}

/// Returns a log in which every text from a worker contains [`EVIL`].
fn planted_log() -> Vec<Event> {
    let evil = || format!("word{EVIL}");
    let mut events = vec![
        Event::WorkerStarted { pid: 1, host: evil(), resumed_from: 0, resumed_step: 0 },
        Event::DeviceChosen { device: evil(), description: evil(), note: Some(evil()) },
    ];
    events.extend(finished().into_iter().skip(2).map(|event| match event {
        Event::DataOpened { images, .. } => Event::DataOpened { images, classes: vec![evil(), evil()] },
        other => other,
    }));
    let last = events.len() - 1;
    events.insert(last, Event::Warning { message: evil() });
    events.insert(last, Event::EvaluationFailed { cause: evil() });
    events
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    let lab = Lab::new();
    let now = mien::supervise::now();
    lab.run("good", now - 2_000, planted_log());
    let mut failed = planted_log();
    failed.pop();
    failed.push(Event::Ended {
        outcome: Outcome::Failed { cause: format!("cause{EVIL}"), kind: mien::domain::FailureKind::Disk },
    });
    let bad = lab.run("bad", now - 1_000, failed);
    for run in ["good", "bad"] {
        let folder = lab.store().folder(&run.parse().expect("an id"));
        let predictions = Predictions { classes: 2, probabilities: vec![0.9, 0.1, 0.2, 0.8], truth: vec![0, 1] };
        predictions.write(&folder.test_predictions()).expect("written");
        fs::write(folder.worker_log(), format!("panicked{EVIL}\n")).expect("written");
    }
    // Refused values are quoted in errors.
    let about = json!({ "version": 1, "tags": [format!("a{EVIL}")], "note": format!("n{EVIL}") });
    fs::write(bad.annotations_file(), about.to_string()).expect("written");
    for (run, file) in [("no-recipe", "recipe.json"), ("odd-limits", "control/limits.json")] {
        let folder = lab.run(run, now, finished());
        fs::create_dir_all(folder.path().join("control")).expect("made");
        fs::write(folder.path().join(file), format!("{{\"version\":1,\"{EVIL}\":\"{EVIL}\"}}")).expect("written");
    }
    poison_file(&lab.run("odd-recipe", now, finished()).recipe_file(), &["strategy", "kind", "monitor", "device"]);
    fs::create_dir_all(lab.home().join("checkpoints").join(format!("run{EVIL}"))).expect("made");

    // A dataset with hostile names in its source, and one with hostile files.
    lab.faces(70);
    poison_file(&lab.home().join("data/faces/manifest.json"), &["name", "fingerprint"]);
    let source = lab.home().join(format!("source{EVIL}"));
    let class = source.join("train").join(format!("happy{EVIL}"));
    fs::create_dir_all(&class).expect("made");
    fs::write(class.join(format!("a{EVIL}.png")), "no picture").expect("written");
    let table = lab.home().join(format!("table{EVIL}.csv"));
    fs::write(&table, format!("emotion,pixels,Usage\n{EVIL},{EVIL},{EVIL}\n")).expect("written");
    let weights = lab.home().join(format!("weights{EVIL}.pth"));
    fs::write(&weights, format!("\u{80}\u{2}c{EVIL}\n{EVIL}\n")).expect("written");
    let archive = lab.home().join(format!("archive{EVIL}.zip"));
    fs::write(&archive, format!("PK\u{3}\u{4}{EVIL}")).expect("written");
    lab.weights("own");
    let config = lab.home().join(format!("config{EVIL}.toml"));
    fs::write(
        &config,
        "theme = \"\\u001b[2J\\u009b2J\"\n[keys]\n\"\\u001b\\u202e\" = [\"\\u001b\"]\nquit = \"\\u009b\"\n",
    )
    .expect("written");

    let path = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    let (source, table, weights, archive) = (path(&source), path(&table), path(&weights), path(&archive));
    let evil = format!("x{EVIL}");
    let commands: Vec<Vec<&str>> = vec![
        vec!["runs"],
        vec!["runs", "--filter", &evil],
        vec!["runs", "--sort", &evil],
        vec!["show", "good"],
        vec!["show", "bad"],
        vec!["show", "odd-recipe"],
        vec!["show", "no-recipe"],
        vec!["show", &evil],
        vec!["watch", "good"],
        vec!["watch", "bad"],
        vec!["compare", "good", "bad"],
        vec!["compare", "good", "odd-limits", "--csv"],
        vec!["inspect", "good"],
        vec!["inspect", "bad"],
        vec!["set", "odd-limits", "--epochs", "5"],
        vec!["note", "good", &evil],
        vec!["tag", "good", &evil],
        vec!["rename", "good", &evil],
        vec!["delete", &evil],
        vec!["delete", "bad"],
        vec!["stop", "good"],
        vec!["pause", "bad"],
        vec!["resume", "bad"],
        vec!["data", "list"],
        vec!["data", "show", "faces"],
        vec!["data", "show", &evil],
        vec!["data", "marked", "faces"],
        vec!["data", "import", &source, "--name", "d"],
        vec!["data", "import", &table, "--name", "d"],
        vec!["data", "import", &archive, "--name", "d"],
        vec!["data", "import", &table, "--name", &evil],
        vec!["weights", "list"],
        vec!["weights", "show", "own"],
        vec!["weights", "import", &weights, "--name", "w"],
        vec!["train", "cnn", "--dataset", &evil],
        vec!["config", "path"],
        vec!["config", "check"],
        vec!["doctor"],
        vec![&evil],
    ];
    let mut quoted = 0;
    for command in commands {
        for form in [&[][..], &["--json"]] {
            let all: Vec<&str> = command.iter().chain(form).copied().collect();
            let output = lab.mien(&all).env("MIEN_CONFIG", &config).output().expect("run");
            for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
                assert_harmless(&format!("{all:?} on {stream}"), bytes);
            }
            quoted += usize::from([output.stdout, output.stderr].concat().windows(5).any(|part| part == b"owned"));
        }
    }
    // Otherwise the test would pass if no command showed the hostile text.
    assert!(quoted > 25, "only {quoted} commands show what was planted");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
}

/// Whether group and others have no permissions.
fn is_private(path: &Path) -> bool {
    matches!(mode(path), 0o600 | 0o700)
}

fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found
}

/// Makes a home at `path` with a dataset, in a shell with umask 000.
fn filled(lab: &Lab, path: &Path) -> Vec<PathBuf> {
    let script = r#"umask 000; "$1" --home "$2" data import "$3" --name faces"#;
    let table = lab.home().join("faces.csv");
    let status = std::process::Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_mien")])
        .args([path, &table])
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("a shell").success());
    let found = everything(path);
    assert!(found.len() >= 7, "{found:?}");
    found
}

#[test]
fn what_is_made_is_its_owners_alone_unless_the_home_is_shared() {
    let lab = Lab::new();
    lab.faces(70);
    let fresh = lab.home().join("new/home");
    for path in filled(&lab, &fresh) {
        assert!(is_private(&path), "{}", path.display());
    }
    let plain = lab.home().join("plain");
    fs::create_dir(&plain).expect("made");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o755)).expect("set");
    for path in filled(&lab, &plain) {
        // An existing home keeps its permissions.
        assert!(path == plain || is_private(&path), "{}", path.display());
    }
    assert_eq!(mode(&plain), 0o755);
    let shared = lab.home().join("shared");
    fs::create_dir(&shared).expect("made");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o2770)).expect("set");
    for path in filled(&lab, &shared) {
        let wanted = if path.is_dir() { 0o770 } else { 0o660 };
        // Renamed temporary files may be private if a library created them so.
        assert!(mode(&path) == wanted || mode(&path) == 0o600, "{} has {:o}", path.display(), mode(&path));
    }
}

#[test]
fn reports_and_exports_have_the_permissions_of_any_other_file() {
    let lab = Lab::new();
    lab.run("calm-heron", 1_000, finished());
    let outside = tempfile::tempdir().expect("a folder");
    let written = |umask: &str, arguments: &str, name: &str| {
        let path = outside.path().join(format!("{umask}-{name}"));
        let script = format!("umask {umask}; \"$1\" --home \"$2\" {arguments} calm-heron --out \"$3\"");
        let status = std::process::Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mien")])
            .args([lab.home(), &path])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("a shell").success(), "{name}");
        path
    };
    for (umask, file, folder) in [("022", 0o644, 0o755), ("077", 0o600, 0o700)] {
        for name in ["run.html", "run.md"] {
            assert_eq!(mode(&written(umask, "report", name)), file, "{umask} {name}");
        }
        for (arguments, name) in [("export --to csv", "tables"), ("export --to tensorboard", "events")] {
            let found = written(umask, arguments, name);
            assert_eq!(mode(&found), folder, "{umask} {name}");
            for path in everything(&found).iter().filter(|path| path.is_file()) {
                assert_eq!(mode(path), file, "{umask} {}", path.display());
            }
        }
    }
    for path in everything(lab.folder("calm-heron").path()).iter().filter(|path| path.ends_with("summary.fold")) {
        assert!(is_private(path), "{}", path.display());
    }
}

/// A complete file of this program, so that its readers continue.
const THEIRS: &str = "{\"version\":1}\n";

#[test]
fn nothing_is_written_or_deleted_through_a_link() {
    let lab = Lab::new();
    let outside = tempfile::tempdir().expect("a folder");
    let theirs = outside.path().join("stop");
    let kept = || fs::read_dir(outside.path()).expect("a folder").count();

    // A run's folder for requests that links elsewhere.
    let run = lab.run("linked-control", 1, finished());
    fs::write(&theirs, "theirs").expect("written");
    symlink(outside.path(), run.path().join("control")).expect("linked");
    assert!(run.request_pause().is_err() && run.clear_stop().is_err());
    let words = lab.complaint(&["set", "linked-control", "--epochs", "9"], 1);
    assert!(words.contains("link"), "{words}");
    assert_eq!((kept(), fs::read_to_string(&theirs).expect("read")), (1, "theirs".into()));

    // Files of a run that are links: replaced, or rejected if they are changed in place.
    let run = lab.run("linked-files", 1, vec![]);
    let victim = outside.path().join("victim");
    for name in ["events.jsonl", "worker.lock", "worker.log", "about.json", "summary.fold"] {
        fs::write(&victim, THEIRS).expect("written");
        let _ = fs::remove_file(run.path().join(name));
        symlink(&victim, run.path().join(name)).expect("linked");
    }
    assert!(mien::events::EventWriter::open(&run.events_file(), 1).is_err());
    assert!(run.lock().is_err() && run.open_worker_log().is_err());
    lab.mien(&["note", "linked-files", "hello"]).assert().success();
    lab.mien(&["runs"]).output().expect("run");
    assert!(run.annotations_file().symlink_metadata().expect("there").is_file());
    assert_eq!(fs::read_to_string(&victim).expect("read"), THEIRS);
    assert_eq!(kept(), 2);

    // A run whose folder is a link: only the link is deleted.
    let elsewhere = Lab::new();
    let real = elsewhere.run("real", 1, finished());
    let link = lab.home().join("checkpoints/elsewhere");
    symlink(real.path(), &link).expect("linked");
    let before = everything(real.path()).len();
    assert!(lab.text(&["runs"]).contains("elsewhere"));
    lab.complaint(&["note", "elsewhere", "hello"], 1);
    assert_eq!(everything(real.path()).len(), before);
    lab.mien(&["delete", "elsewhere", "--yes"]).assert().success();
    assert!(link.symlink_metadata().is_err());
    assert_eq!(everything(real.path()).len(), before);

    // A dataset that contains a link.
    lab.faces(70);
    let dataset = lab.home().join("data/faces");
    fs::rename(dataset.join("pixels.bin"), outside.path().join("pixels.bin")).expect("moved");
    symlink(outside.path().join("pixels.bin"), dataset.join("pixels.bin")).expect("linked");
    symlink(outside.path(), dataset.join("features")).expect("linked");
    lab.mien(&["data", "delete", "faces", "--yes"]).assert().success();
    assert!(!dataset.exists());
    assert_eq!(kept(), 3);

    // A dataset that is a link.
    lab.faces(70);
    fs::rename(&dataset, outside.path().join("faces")).expect("moved");
    symlink(outside.path().join("faces"), &dataset).expect("linked");
    let inside = everything(&outside.path().join("faces")).len();
    lab.mien(&["data", "delete", "faces", "--yes"]).assert().success();
    assert!(dataset.symlink_metadata().is_err());
    assert_eq!(everything(&outside.path().join("faces")).len(), inside);
}
