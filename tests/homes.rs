//! Homes on other machines, over a program in place of ssh that runs the command here, and over a real `sshd`. Needs no
//! trainer.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{Lab, PATIENCE, begun, epoch, finished, wait_for};

/// This machine: a config file with the homes `box2` and `box3`, a cache, and a program in place of ssh.
struct Here {
    folder: TempDir,
}

impl Here {
    /// Returns a machine on which `ssh` runs this script after its options; `$1` is the command.
    fn new(homes: &[(&str, &Path)], script: &str) -> Self {
        let here = Self { folder: tempfile::tempdir().expect("a folder") };
        let table = |(name, home): &(&str, &Path)| {
            let (home, binary) = (home.display(), env!("CARGO_BIN_EXE_mien"));
            format!("[homes.{name}]\nssh = 'me@{name}'\nhome = '{home}'\nbinary = '{binary}'\n")
        };
        fs::write(here.at("config.toml"), homes.iter().map(table).collect::<String>()).expect("written");
        fs::create_dir(here.at("local")).expect("made");
        here.replace_ssh(script);
        here
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn replace_ssh(&self, script: &str) {
        let path = self.at("ssh");
        let text = format!("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\n{script}\n");
        // A new file: the old one may be running.
        let new = self.at("ssh.new");
        fs::write(&new, text).expect("written");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o700)).expect("allowed");
        fs::rename(new, path).expect("renamed");
    }

    fn mien(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
        command.env("MIEN_CONFIG", self.at("config.toml")).env("MIEN_SSH", self.at("ssh"));
        command.env("XDG_CACHE_HOME", self.at("cache")).env("MIEN_HOME", self.at("local")).args(arguments);
        command
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.mien(arguments).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).expect("JSON")
    }

    fn complaint(&self, arguments: &[&str], code: i32) -> String {
        let output = self.mien(arguments).assert().code(code).get_output().clone();
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Returns the only mirror's path of a file of a run.
    fn mirrored(&self, run: &str, file: &str) -> PathBuf {
        let mirrors = self.at("cache/mien/homes");
        let mirror = fs::read_dir(mirrors).expect("mirrors").next().expect("a mirror").expect("an entry").path();
        mirror.join("home/checkpoints").join(run).join(file)
    }
}

/// Runs the command that ssh is given.
const PLAIN: &str = "exec sh -c \"$1\"";

fn now() -> u64 {
    mien::supervise::now()
}

fn there() -> Lab {
    let lab = Lab::new();
    lab.run("calm-heron", now() - 3_600_000, finished());
    lab.run("wise-owl", now() - 10_800_000, [begun(), vec![epoch(1, 9.0, 1)]].concat());
    lab
}

#[test]
fn a_home_elsewhere_is_read_and_changed_as_one_here() {
    let there = there();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    assert!(here.text(&["homes", "check", "box2"]).starts_with("✓ box2: mien "));
    let read: [&[&str]; 4] = [
        &["runs", "--json"],
        &["show", "calm-heron", "--json"],
        &["runs", "state:lost", "--csv", "--sort", "name"],
        &["compare", "calm-heron", "wise-owl", "--json"],
    ];
    for arguments in read {
        let without_age =
            |text: String| text.lines().map(|line| line.split(',').take(13).collect::<String>()).collect::<String>();
        let elsewhere = without_age(here.text(&[&["--home", "box2"], arguments].concat()));
        assert_eq!(elsewhere, without_age(there.text(arguments)), "{arguments:?}");
    }
    here.text(&["--home", "box2", "note", "calm-heron", "seen \u{1b}[2J from here"]);
    here.text(&["--home=box2", "tag", "calm-heron", "+paper"]);
    assert_eq!(there.json(&["runs", "tag:paper", "--json"])[0]["note"], "seen ·[2J from here");
    assert_eq!(here.json(&["--home", "box2", "runs", "tag:paper", "--json"])[0]["id"], "calm-heron");
    let lock = there.folder("wise-owl").lock().expect("locks").expect("free");
    assert_eq!(here.json(&["--home", "box2", "show", "wise-owl", "--json"])["state"], "running");
    drop(lock);
    assert_eq!(here.json(&["--home", "box2", "show", "wise-owl", "--json"])["state"], "lost");
    assert!(here.complaint(&["--home", "box2", "stop", "nobody"], 1).contains("no run is called 'nobody'"));
    assert!(here.complaint(&["--home", "box2", "delete", "wise-owl"], 2).contains("--yes"));
    here.text(&["--home", "box2", "delete", "wise-owl", "--yes"]);
    assert_eq!(here.json(&["--home", "box2", "runs", "--json"]).as_array().expect("a list").len(), 1);
    assert!(!here.mirrored("wise-owl", "").exists(), "a deleted run leaves the mirror");
    // The same home by its address, which has a mirror of its own.
    let address = format!("ssh://me@box2{}", there.home().display());
    let path =
        std::env::join_paths([Path::new(env!("CARGO_BIN_EXE_mien")).parent().expect("a folder")]).expect("a path");
    let output = here
        .mien(&["--home", &address, "runs"])
        .env("PATH", [path.to_str().expect("text"), "/usr/bin:/bin"].join(":"))
        .assert()
        .success();
    assert!(String::from_utf8_lossy(&output.get_output().stdout).contains("calm-heron"));
}

#[test]
fn an_import_of_a_file_here_is_sent_once_and_done_there() {
    let there = Lab::new();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let mut table = String::from("emotion,pixels,Usage\n");
    for row in 0..35 {
        let pixels = vec![(row * 7).to_string(); 48 * 48].join(" ");
        let usage = ["Training", "PublicTest", "PrivateTest"][row % 3];
        writeln!(table, "{},{pixels},{usage}", row % 7).expect("a string");
    }
    fs::write(here.at("faces.csv"), table).expect("written");
    let path = here.at("faces.csv");
    here.text(&["--home", "box2", "data", "import", path.to_str().expect("text"), "--name", "faces"]);
    assert!(here.text(&["--home", "box2", "data", "list"]).contains("faces"));
    assert!(there.home().join("data/faces/manifest.json").is_file() && !here.at("local/data").exists());
}

#[test]
fn only_what_was_appended_is_sent_again() {
    let there = there();
    let run = there.folder("calm-heron");
    for number in 0..4000 {
        append(&run, &format!("{{\"at\":{number},\"event\":\"later kind\",\"value\":{}}}\n", number * 7919 % 10007));
    }
    let here = Here::new(&[("box2", there.home())], "sh -c \"$1\" | tee -a \"$(dirname \"$0\")/received\"");
    let received = || fs::metadata(here.at("received")).map_or(0, |file| file.len());
    here.text(&["--home", "box2", "runs"]);
    let first = received();
    let whole = fs::metadata(run.events_file()).expect("a log").len();
    assert!(first > 5_000 && first < whole / 2, "{first} of {whole}, compressed");
    here.text(&["--home", "box2", "runs"]);
    let second = received() - first;
    assert!(second < 300, "{second} bytes for no change");
    append(&run, "{\"at\":1,\"event\":\"later kind\"}\n");
    here.text(&["--home", "box2", "runs"]);
    let third = received() - first - second;
    assert!(third < 500, "{third} bytes for a line");
    assert_eq!(
        fs::read(here.mirrored("calm-heron", "events.jsonl")).expect("read"),
        fs::read(run.events_file()).expect("read")
    );
}

fn append(run: &mien::runs::RunFolder, line: &str) {
    use std::io::Write;
    let mut log = fs::File::options().append(true).open(run.events_file()).expect("a log");
    log.write_all(line.as_bytes()).expect("written");
}

#[test]
fn a_mirror_whose_line_is_cut_twenty_times_becomes_the_home() {
    let there = there();
    let run = there.folder("calm-heron");
    for number in 0..20_000 {
        append(&run, &format!("{{\"at\":{number},\"event\":\"later kind\",\"value\":{}}}\n", number * 7919 % 100_003));
    }
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let mut random: u64 = 7;
    for _ in 0..20 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bytes = 40 + (random >> 33) % 12_000;
        here.replace_ssh(&format!("sh -c \"$1\" | dd bs=1 count={bytes} 2>/dev/null"));
        // Before the first contact there is nothing to show.
        let _ = here.mien(&["--home", "box2", "runs"]).assert();
    }
    here.replace_ssh(PLAIN);
    here.text(&["--home", "box2", "runs"]);
    for run in ["calm-heron", "wise-owl"] {
        for file in ["events.jsonl", "recipe.json"] {
            let copy = fs::read(here.mirrored(run, file)).expect("a copy");
            assert_eq!(copy, fs::read(there.folder(run).path().join(file)).expect("read"), "{run} {file}");
        }
    }
}

#[test]
fn a_home_that_cannot_be_reached_is_shown_with_its_age_and_asked_for_nothing() {
    let there = there();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let unreachable = "echo 'ssh: connect to host box2: No route to host' >&2; exit 255";
    here.replace_ssh(unreachable);
    let words = here.complaint(&["--home", "box2", "runs"], 1);
    assert!(words.contains("box2 cannot be reached") && words.contains("No route to host"), "{words}");
    here.replace_ssh(PLAIN);
    here.text(&["--home", "box2", "runs"]);
    here.replace_ssh(unreachable);
    let output = here.mien(&["--home", "box2", "runs"]).assert().success().get_output().clone();
    assert!(String::from_utf8_lossy(&output.stdout).contains("calm-heron"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("shown is its mirror, ") && words.contains("s old"), "{words}");
    let words = here.complaint(&["--home", "box2", "note", "calm-heron", "lost"], 1);
    assert!(words.contains("so nothing was sent"), "{words}");
    assert!(!there.folder("calm-heron").annotations_file().exists());
    here.text(&["homes", "forget", "box2"]);
    here.complaint(&["--home", "box2", "runs"], 1);
}

#[test]
fn what_is_no_fitting_mien_is_told_in_words() {
    let there = there();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let table = [
        ("echo 'mien serve 9'; sleep 1", "the mien of box2 is newer: it speaks protocol 9"),
        ("echo 'mien serve 0'; sleep 1", "the mien of box2 is older"),
        ("echo 'sh: mien: not found' >&2; exit 127", "me@box2 has no program"),
        ("echo \"error: unrecognized subcommand 'serve'\" >&2; exit 2", "knows no homes: update it there"),
        ("printf '\\033[2J\\033]0;title\\007 hello\\n'", "did not answer as mien: ·[2J·]0;title· hello"),
        ("echo 'Permission denied (publickey).' >&2; exit 255", "Permission denied (publickey)."),
        // A block of a kind that DEFLATE does not have.
        ("printf 'mien serve 1\\n\\007\\007\\007\\007'; sleep 1", "box2 sent something else than mien"),
        ("echo Welcome; sh -c \"$1\" | dd bs=1 count=60 2>/dev/null", "the line was cut"),
    ];
    for (script, expected) in table {
        here.replace_ssh(script);
        let words = here.complaint(&["--home", "box2", "runs"], 1);
        assert!(words.contains(expected), "{script}: {words}");
        assert!(!words.contains('\u{1b}'), "{script}: {words:?}");
        let _ = here.mien(&["homes", "forget", "box2"]).assert();
    }
    here.replace_ssh("echo 'Welcome to box2'; exec sh -c \"$1\"");
    assert!(here.text(&["--home", "box2", "runs"]).contains("calm-heron"), "a shell that greets is no fault");
}

/// Returns bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut random: u64 = 88_172_645_463_325_252;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_run_is_pulled_with_its_weights_and_pushed_back() {
    let there = there();
    fs::write(there.folder("calm-heron").best_checkpoint(), noise(700_000)).expect("written");
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let local = Lab::at(here.at("local"));
    let output = here.mien(&["--home", "box2", "pull", "calm"]).assert().success().get_output().clone();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        printed.starts_with("calm-heron is here now: 3 files of 68") && printed.contains(" KiB, of which"),
        "{printed}"
    );
    let remark = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(remark.contains("before calm-heron can be tested or resumed: there is no dataset"), "{remark}");
    let same = |one: &Lab, one_name: &str, other: &Lab, other_name: &str| {
        for file in ["recipe.json", "events.jsonl", "best.ckpt"] {
            let [one, other] = [(one, one_name), (other, other_name)]
                .map(|(lab, name)| fs::read(lab.folder(name).path().join(file)).expect("read"));
            assert!(one == other, "{file}");
        }
    };
    same(&local, "calm-heron", &there, "calm-heron");
    assert_eq!(here.json(&["show", "calm-heron", "--json"])["state"], "finished");
    // The name is taken, here and there.
    assert!(here.complaint(&["--home", "box2", "pull", "calm-heron"], 1).contains("another name with --name"));
    assert!(here.complaint(&["--home", "box2", "push", "calm-heron"], 1).contains("another name with --name"));
    let copied = here.json(&["--home", "box2", "push", "calm-heron", "--name", "copy", "--json"]);
    assert_eq!(
        (&copied[0]["id"], &copied[0]["home"], &copied[0]["files"]),
        (&"copy".into(), &"box2".into(), &3.into())
    );
    assert_eq!(copied[0]["bytes"], copied[0]["sent_bytes"]);
    assert!(copied[0]["remarks"][0].as_str().expect("a remark").starts_with("before copy can be tested"));
    same(&there, "copy", &local, "calm-heron");
    // A worker there or here changes the files.
    let lock = there.folder("wise-owl").lock().expect("locks").expect("free");
    assert!(here.complaint(&["--home", "box2", "pull", "wise-owl"], 1).contains("wise-owl has a worker"));
    drop(lock);
    let lock = local.folder("calm-heron").lock().expect("locks").expect("free");
    let words = here.complaint(&["--home", "box2", "push", "calm-heron", "--name", "other"], 1);
    assert!(words.contains("calm-heron has a worker"), "{words}");
    drop(lock);
    let words = here.complaint(&["--home", "box2", "pull", "nobody", "wise-owl"], 1);
    assert!(words.contains("no run is called 'nobody'"), "{words}");
    assert!(local.folder("wise-owl").recipe_file().is_file(), "a run that fails does not hold up the next one");
    assert!(here.complaint(&["pull", "calm-heron"], 2).contains("mien --home box2 pull RUN"));
    assert!(here.complaint(&["--home", "box2", "pull", "a", "b", "--name", "c"], 2).contains("one run"));
}

#[test]
fn a_copy_whose_line_is_cut_is_hidden_and_continues() {
    let there = there();
    let weights = noise(1_500_000);
    fs::write(there.folder("calm-heron").best_checkpoint(), &weights).expect("written");
    let here = Here::new(&[("box2", there.home())], "sh -c \"$1\" | dd bs=4096 count=120 2>/dev/null");
    let local = Lab::at(here.at("local"));
    let copied = || local.folder("calm-heron");
    let mut tries = 0;
    while !copied().recipe_file().is_file() {
        tries += 1;
        assert!(tries < 20, "each try sends at least one part");
        let output = here.mien(&["--home", "box2", "pull", "calm-heron"]).assert().get_output().clone();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || words.contains("the same command continues the copy"), "{words}");
    }
    assert!(tries > 2, "{tries}");
    assert!(fs::read(copied().best_checkpoint()).expect("read") == weights);
    let hidden = |folder: PathBuf| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.filter(|entry| entry.as_ref().expect("an entry").file_name().to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(hidden(here.at("local/checkpoints")), 0);
    // The other way the line is cut before the program there.
    here.replace_ssh("dd bs=4096 count=120 2>/dev/null | sh -c \"$1\"");
    for _ in 0..20 {
        let _ = here.mien(&["--home", "box2", "push", "calm-heron", "--name", "back"]).assert();
        if there.folder("back").recipe_file().is_file() {
            break;
        }
    }
    assert!(fs::read(there.folder("back").best_checkpoint()).expect("read") == weights);
    assert_eq!(hidden(there.home().join("checkpoints")), 0);
}

#[cfg(feature = "dashboard")]
#[test]
fn the_dashboard_of_a_home_elsewhere_shows_its_datasets_and_starts_runs_there() {
    use crate::terminal::{Dashboard, mien_for, write_user};
    let there = there();
    there.text(&["data", "demo"]);
    there.text(&["data", "mark", "demo", "3"]);
    let here = Here::new(&[("box2", there.home())], PLAIN);
    write_user(here.folder.path(), &fs::read_to_string(here.at("config.toml")).expect("read"));
    let mut command = mien_for(here.folder.path(), "box2");
    for (name, value) in [("MIEN_SSH", "ssh"), ("XDG_CACHE_HOME", "cache"), ("MIEN_HOME", "local")] {
        command.env(name, here.at(value));
    }
    let mut dashboard = Dashboard::run((24, 80), command);
    dashboard.wait("the runs", |text| text.contains("calm-heron"));
    dashboard.press("1");
    dashboard.wait("its dataset", |text| text.contains("7 classes") && text.contains("box2, "));
    dashboard.wait("its images", |text| text.contains("the images stay on box2"));
    dashboard.press("m");
    dashboard.wait("its marks", |text| text.contains("marked as wrongly labelled"));
    dashboard.press(" ");
    dashboard.wait("the mark's line without it", |text| text.contains("unmarked"));
    dashboard.press("\u{1b}");
    dashboard.wait("the classes", |text| text.contains("7 classes") && !text.contains("marked as wrongly labelled"));
    assert_eq!(there.json(&["data", "marked", "demo", "--json"])["images"], Value::Array(Vec::new()));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]") && text.contains("demo"));
    if cfg!(feature = "trainer") {
        dashboard.fill(mien::domain::Hyperparameter::Epochs, "1");
        dashboard.launch("\u{1b}");
        dashboard.wait("the launch", |text| text.contains("is launched"));
        let finished = || {
            let runs = there.json(&["runs", "state:finished", "--json"]);
            (runs.as_array().expect("a list").len() == 2).then_some(())
        };
        wait_for("the run there", PATIENCE, finished);
        assert!(!here.at("local/checkpoints").exists(), "nothing was started here");
    } else {
        dashboard.press("\u{1b}[B");
        dashboard.wait("the reason", |text| text.contains("the mien of box2 was built without the trainer"));
    }
    // A cut line refuses a launch in words.
    here.replace_ssh("echo 'ssh: No route to host' >&2; exit 255");
    dashboard.quit();
    let mut command = mien_for(here.folder.path(), "box2");
    for (name, value) in [("MIEN_SSH", "ssh"), ("XDG_CACHE_HOME", "cache"), ("MIEN_HOME", "local")] {
        command.env(name, here.at(value));
    }
    let mut dashboard = Dashboard::run((24, 80), command);
    dashboard.wait("the mirror", |text| text.contains("calm-heron") && text.contains("box2 cannot be reached"));
    dashboard.press("2\u{1b}[B");
    dashboard.wait("the refusal", |text| text.contains("box2 cannot be reached, so nothing can be started there"));
    dashboard.quit();
}

/// A private server with temporary keys, and a program in place of ssh that names them.
struct Server {
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn mien_is_installed_and_replaced_only_by_what_runs_there() {
    let there = Lab::new();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    let place = here.at("there/bin/mien");
    let config = format!("[homes.box2]\nssh = 'me@box2'\nbinary = '{}'\n", place.display());
    fs::write(here.at("config.toml"), config).expect("written");
    let program = |name: &str, says: &str| {
        let path = here.at(name);
        fs::write(&path, format!("#!/bin/sh\n{says}\n")).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let installed = || fs::read(&place).expect("a program");
    assert!(here.complaint(&["homes", "install", "box2"], 2).contains("--yes copies it without asking"));
    assert!(!place.exists());
    // This binary, which is the default.
    let answer = here.json(&["homes", "install", "box2", "--yes", "--json"]);
    assert_eq!(
        (&answer["before"], &answer["version"]),
        (&Value::Null, &format!("mien {}", env!("CARGO_PKG_VERSION")).into())
    );
    assert!(installed() == fs::read(env!("CARGO_BIN_EXE_mien")).expect("read"));
    assert!(here.text(&["homes", "check", "box2"]).starts_with("✓ box2: mien "));
    // What does not run, or is no mien, replaces nothing.
    let broken = program("broken", "echo \"libc.so.6: version 'GLIBC_2.99' not found\" >&2; exit 1");
    let words = here.complaint(&["homes", "install", "box2", "--yes", "--binary", &broken], 1);
    assert!(words.contains("does not run on box2") && words.contains("GLIBC_2.99"), "{words}");
    assert!(installed().starts_with(b"\x7fELF"));
    let newer = program("newer", "echo mien 99.0.0");
    here.text(&["homes", "install", "box2", "--yes", "--binary", &newer]);
    let words = here.complaint(&["homes", "install", "box2", "--yes"], 1);
    assert!(words.contains("is mien 99.0.0") && words.contains("--force"), "{words}");
    assert!(installed().starts_with(b"#!"));
    here.text(&["homes", "install", "box2", "--yes", "--force"]);
    assert!(installed().starts_with(b"\x7fELF"));
    // A cut line leaves the program as it was, and the next copy clears up.
    let before = installed();
    here.replace_ssh("head -c 100000 | sh -c \"$1\"");
    let words = here.complaint(&["homes", "install", "box2", "--yes"], 1);
    assert!(words.contains("the copy came incomplete"), "{words}");
    assert!(installed() == before);
    here.replace_ssh(PLAIN);
    // A processor that is none of this machine.
    let mut foreign = before;
    foreign[18] = 243;
    fs::write(here.at("foreign"), foreign).expect("written");
    let path = here.at("foreign");
    let words = here.complaint(&["homes", "install", "box2", "--yes", "--binary", path.to_str().expect("text")], 1);
    assert!(words.contains("is for Linux riscv64"), "{words}");
    let left = fs::read_dir(here.at("there/bin")).expect("a folder").count();
    assert_eq!(left, 1, "no copies are left over");
}

#[test]
#[ignore = "needs sshd and ssh-keygen, as root: cargo test --test all homes:: -- --ignored"]
fn a_home_behind_a_real_sshd_is_read_and_changed() {
    let there = there();
    let here = Here::new(&[("box2", there.home())], PLAIN);
    for key in ["host", "client"] {
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(here.at(key))
            .status();
        assert!(made.expect("ssh-keygen").success());
    }
    // The port is freed for the server; another process is unlikely to take it in between.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n",
        here.at("host").display(),
        here.at("client.pub").display()
    );
    fs::write(here.at("sshd"), config).expect("written");
    let _ = fs::create_dir_all("/run/sshd");
    let mut command = std::process::Command::new("/usr/sbin/sshd");
    command
        .args(["-D", "-e", "-f"])
        .arg(here.at("sshd"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Server { process: command.spawn().expect("sshd") };
    wait_for("the server", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    here.replace_ssh(&format!(
        "exec ssh -T -p {port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
         -o IdentitiesOnly=yes -i {} 127.0.0.1 \"$1\"",
        here.at("client").display()
    ));
    assert!(here.text(&["--home", "box2", "runs"]).contains("calm-heron"));
    here.text(&["--home", "box2", "note", "calm-heron", "it's \"quoted\" $HOME"]);
    assert_eq!(here.json(&["--home", "box2", "runs", "heron", "--json"])[0]["note"], "it's \"quoted\" $HOME");
}

#[test]
fn runs_of_all_homes_are_one_list() {
    let (there, far) = (there(), Lab::new());
    far.run("calm-heron", now() - 60_000, finished());
    let here = Here::new(&[("box2", there.home()), ("box3", far.home())], PLAIN);
    Lab::at(here.at("local")).run("home-wren", now() - 1000, finished());
    let listed = |arguments: &[&str]| -> Vec<String> {
        let list = here.json(&[&["--home", "all", "runs", "--json"], arguments].concat());
        let name =
            |run: &Value| format!("{}/{}", run["home"].as_str().expect("a home"), run["id"].as_str().expect("an id"));
        list.as_array().expect("a list").iter().map(name).collect()
    };
    assert_eq!(listed(&[]), ["here/home-wren", "box3/calm-heron", "box2/calm-heron", "box2/wise-owl"]);
    assert_eq!(listed(&["home:box3"]), ["box3/calm-heron"]);
    assert_eq!(listed(&["!home=here", "state:finished"]), ["box3/calm-heron", "box2/calm-heron"]);
    assert!(here.text(&["--home", "all", "runs"]).starts_with("HOME  STATE"));
    assert!(!here.text(&["runs"]).contains("HOME"));
    assert!(here.complaint(&["--home", "all", "stop", "calm-heron"], 2).contains("name one home"));
    // One home that is down leaves the others.
    here.replace_ssh("exit 255");
    let output = here.mien(&["--home", "all", "runs"]).assert().success().get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 5);
    assert_eq!(String::from_utf8_lossy(&output.stderr).matches("cannot be reached").count(), 2);
}
