//! The dashboard without a trainer in a pseudo-terminal, under difficult input.

#![cfg(feature = "dashboard")]

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::lab::wait_for;
use crate::terminal::{self, Dashboard, PATIENCE, SMALL};
use portable_pty::CommandBuilder;
use rustix::process::Signal;

/// A home with a small dataset, and a user with settings who has seen the first steps.
struct User {
    folder: tempfile::TempDir,
}

impl User {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        terminal::write_user(folder.path(), config);
        tiny_dataset(folder.path());
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self) -> CommandBuilder {
        terminal::mien_for(self.path(), self.path().join("lab"))
    }

    /// Opens this user's dashboard with these variables.
    fn open(&self, environment: &[(&str, &str)]) -> Dashboard {
        let mut command = self.command();
        for (name, value) in environment {
            command.env(name, value);
        }
        Dashboard::run(SMALL, command)
    }

    /// Returns the number of runs.
    fn run_count(&self) -> usize {
        std::fs::read_dir(self.path().join("lab/checkpoints"))
            .map_or(0, |folder| folder.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count())
    }
}

const CTRL_C: &str = "\x03";

/// Whether the Data screen shows the dataset, without an overlay.
fn ready(text: &str) -> bool {
    text.contains("disgust") && !text.contains("first steps")
}

/// Imports a dataset of two classes, because drawing the demo is slow without optimization.
fn tiny_dataset(folder: &Path) {
    for class in ["disgust", "happy"] {
        let class = folder.join("faces").join(class);
        std::fs::create_dir_all(&class).expect("made");
        for number in 0..20_u8 {
            let mut image = b"P5 8 8 255\n".to_vec();
            image.extend((0..64_u8).map(|pixel| pixel.wrapping_mul(number)));
            std::fs::write(class.join(format!("{number}.pgm")), image).expect("written");
        }
    }
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mien"));
    command.arg("--home").arg(folder.join("lab")).args(["data", "import", "--name", "tiny"]).arg(folder.join("faces"));
    command.assert().success();
}

/// Returns bytes of every kind, the same each time.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Ctrl-C is replaced, because it always ends the program.
        match state.to_le_bytes()[1] {
            3 => b'\r',
            byte => byte,
        }
    };
    (0..count).map(byte).collect()
}

#[test]
fn floods_of_pasted_text_and_garbage_launch_nothing() {
    let user = User::new("");
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("2");
    terminal.wait("the form", |text| text.contains("[ Launch ]"));
    terminal.paste(&"2\ry\r".repeat(1 << 18));
    terminal.wait("the message", |text| text.contains("1048576 pasted bytes were ignored"));
    // Pastes without brackets, held-down keys, and noise with many kinds of sequences.
    terminal.press(&"2\ry\rS\r".repeat(50_000));
    terminal.press(&"j".repeat(50_000));
    for _ in 0..50 {
        terminal.send(&garbage(4_000));
        terminal.send(b"\x1b[<0;40;20M\x1b[I\x1b[O\x1b]10;rgb:00/00/00\x07\x1bP1$r0m\x1b\\\x1b[\xe6\xbc\r\x1b]52;c;");
    }
    terminal.wait_until_read();
    // From any screen to one screen and to another proves that all earlier bytes were read.
    terminal.press_until(&["\x1b", "\x1b", "2"], "the form", |text| text.contains("[ Launch ]"));
    terminal.press_until(&["\x1b", "\x1b", "1"], "the dataset", |text| text.contains("disgust"));
    assert_eq!(user.run_count(), 0, "something was launched:\n{}", terminal.text());
    let memory = std::fs::read_to_string(format!("/proc/{}/status", terminal.pid().as_raw_nonzero()));
    let peak = memory.expect("a status").lines().find_map(|line| {
        line.strip_prefix("VmHWM:").and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
    });
    assert!(peak.is_some_and(|peak| peak < 200_000), "{peak:?} kB");
    terminal.leave(CTRL_C);
}

#[test]
fn ctrl_c_works_after_any_unfinished_sequence() {
    let user = User::new("");
    for unfinished in [&b"\x1b[200~2\ry\r"[..], b"\x1b[12;", b"\x1b]11;rgb:", b"\x1bP1$r", b"\xe6\xbc", b"\x1b"] {
        let mut terminal = user.open(&[]);
        terminal.wait("the dataset", |text| ready(text));
        terminal.send(unfinished);
        // A key press, later than the bytes that the terminal sent itself.
        terminal.wait_until_read();
        terminal.leave(CTRL_C);
    }
}

#[test]
fn late_answers_are_not_typed_and_keys_pressed_meanwhile_come_in_order() {
    let user = User::new("");
    let mut terminal = user.open(&[]);
    // Sent while the program still queries the terminal; the answers arrive after it has stopped waiting.
    terminal.press("3?");
    terminal.wait("the filter of the help", |text| text.contains("type to filter"));
    terminal.send(b"\x1b[6;20;10t\x1b[?62;4c\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b_Gi=31;OK\x1b\\\x1bP>|foot\x1b\\");
    terminal.wait_until_read();
    assert!(terminal.text().contains("keys: type to filter"), "{}", terminal.text());
    terminal.press("\x1b");
    terminal.wait("the runs", |text| !text.contains("type to filter") && text.contains("There are no runs"));
    terminal.press("1");
    terminal.wait("the data", |text| text.contains("disgust"));
    assert!(!terminal.text().contains("left out"), "{}", terminal.text());
    terminal.leave(CTRL_C);
}

#[test]
fn the_dashboard_ends_with_its_terminal() {
    let user = User::new("");
    let pty = terminal::open_pty(SMALL);
    let mut child = pty.slave.spawn_command(user.command()).expect("started");
    drop(pty.slave);
    // Read in this thread, so that no other descriptor keeps the terminal open.
    let mut reader = pty.master.try_clone_reader().expect("a reader");
    let mut screen = vt100::Parser::new(SMALL.0, SMALL.1, 0);
    let mut bytes = [0; 4096];
    while !screen.screen().contents().contains("disgust") {
        let count = reader.read(&mut bytes).expect("output");
        screen.process(&bytes[..count]);
    }
    drop((reader, pty.master));
    wait_for("the end of the dashboard", PATIENCE, || child.try_wait().expect("a child"));
    // A hang-up signal without a closed terminal.
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.signal(Signal::HUP);
    terminal.wait_for_end();
}

#[test]
fn two_dashboards_show_one_home() {
    let user = User::new("");
    let (mut one, mut other) = (user.open(&[]), user.open(&[]));
    for terminal in [&mut one, &mut other] {
        terminal.wait("the dataset", |text| ready(text));
        terminal.press("2");
        terminal.wait("the form", |text| text.contains("[ Launch ]"));
    }
    one.leave(CTRL_C);
    other.press("1");
    other.wait("the dataset", |text| ready(text));
    other.leave(CTRL_C);
}

#[test]
fn an_unreadable_folder_of_runs_is_shown_as_an_error() {
    let user = User::new("");
    std::fs::write(user.path().join("lab/checkpoints"), "a file in place of a folder").expect("written");
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("3");
    terminal.wait("the error", |text| text.contains("cannot list"));
    terminal.press("1");
    terminal.wait("the dataset", |text| ready(text));
    terminal.leave(CTRL_C);
}

#[test]
fn a_storm_of_resizes_ends_in_the_right_picture() {
    let user = User::new("");
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    for step in 0..60_u16 {
        terminal.resize((1 + step * 7 % 60, 1 + step * 13 % 200));
        std::thread::sleep(Duration::from_millis(3));
    }
    // First too small for any content, then larger each time.
    for (size, words) in [((10, 40), "mien needs"), ((24, 80), "disgust"), ((40, 120), "disgust")] {
        terminal.resize(size);
        let filled = usize::from(size.0);
        terminal.wait(words, |text| {
            let lines = text.lines().count();
            text.contains(words) && if words == "disgust" { lines == filled } else { lines <= filled }
        });
    }
    terminal.leave(CTRL_C);
}

#[test]
fn an_idle_dashboard_sends_not_a_byte_and_answers_the_next_key() {
    /// Longer than the interval of the dashboard's clock.
    const QUIET: Duration = Duration::from_millis(2_500);
    let user = User::new("");
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("3");
    terminal.wait("the runs", |text| text.contains("There are no runs"));
    // A dashboard that repaints an unchanged screen is never quiet.
    let (mut bytes, mut since) = (terminal.bytes().len(), Instant::now());
    wait_for("a while without a byte", PATIENCE, || {
        let now = terminal.bytes().len();
        if now != bytes {
            (bytes, since) = (now, Instant::now());
        }
        (since.elapsed() > QUIET).then_some(())
    });
    terminal.press("?");
    terminal.wait("the help", |text| text.contains("type to filter"));
    terminal.leave(CTRL_C);
}

#[test]
fn suspending_restores_the_terminal_and_continuing_takes_it_again() {
    let user = User::new("");
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset", |text| ready(text));
    let before = terminal.bytes().len();
    terminal.press("\x1a");
    // In a session without a shell the kernel does not stop it, so it continues and redraws at once.
    let from = |bytes: &[u8], wanted: &[u8]| {
        let at = bytes.windows(wanted.len()).position(|window| window == wanted)?;
        Some(bytes[at..].to_vec())
    };
    terminal.wait_for_bytes("the terminal restored, taken again and redrawn", before, |bytes| {
        let left = from(bytes, b"\x1b[?1049l");
        let back = left.and_then(|bytes| from(&bytes, b"\x1b[?1049h"));
        back.is_some_and(|bytes| from(&bytes, b"disgust").is_some())
    });
    // A stop from outside also causes a redraw.
    terminal.signal(Signal::STOP);
    terminal.display_bytes(b"\x1b[2J\x1b[Hanother program's text");
    terminal.signal(Signal::CONT);
    terminal.wait("everything again", |text| text.contains("disgust") && !text.contains("another program"));
    terminal.leave(CTRL_C);
}

#[test]
fn the_config_file_is_obeyed_and_its_mistakes_are_shown() {
    let user = User::new("glyphs = 'ascii'\nmouse = 'yes'\n[keys]\n'screen.train' = ['T']\n");
    let mut terminal = user.open(&[]);
    terminal.wait("the mistake", |text| text.contains("config.toml:2: mouse cannot be 'yes': write true or false"));
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("T");
    terminal.wait("the form", |text| text.contains("[ Launch ]"));
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    terminal.leave(CTRL_C);
}

#[test]
fn without_utf8_not_a_byte_is_beyond_ascii() {
    let user = User::new("");
    let mut terminal = user.open(&[("LANG", "C")]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("3?");
    terminal.wait("the help", |text| text.contains("type to filter"));
    assert!(terminal.bytes().is_ascii());
    terminal.leave(CTRL_C);
}

#[test]
fn without_utf8_commands_print_ascii_on_a_terminal() {
    let user = User::new("");
    let printed = |locale: &str| {
        let mut command = user.command();
        command.arg("doctor");
        command.env("LANG", locale);
        let mut terminal = Dashboard::run(SMALL, command);
        terminal.wait("the terminal's line", |text| text.contains("TERM xterm-256color"));
        String::from_utf8_lossy(&terminal.bytes()).into_owned()
    };
    let ascii = printed("C");
    assert!(ascii.is_ascii() && ascii.contains("80x24"), "{ascii}");
    assert!(printed("C.UTF-8").contains("80×24"));
}

#[test]
fn copied_text_is_sent_to_the_terminal() {
    let user = User::new("");
    let mut terminal = user.open(&[("TMUX", "/tmp/tmux,1,0")]);
    terminal.wait("the dataset", |text| ready(text));
    terminal.press("y");
    terminal.wait("the message", |text| text.contains("copied the dataset's name, tiny"));
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("\x1b]52;c;dGlueQ==\x07") && bytes.contains("\x1bPtmux;\x1b\x1b]52;"), "{bytes:?}");
    terminal.leave(CTRL_C);
}

#[test]
fn the_first_steps_are_shown_once() {
    let user = User::new("");
    std::fs::remove_file(user.path().join("state/mien/first-steps-shown")).expect("removed");
    let mut terminal = user.open(&[]);
    terminal.wait("the first steps", |text| text.contains("disgust") && text.contains("first steps"));
    terminal.press("\x1b");
    terminal.wait("the dataset alone", |text| ready(text));
    terminal.leave(CTRL_C);
    let mut terminal = user.open(&[]);
    terminal.wait("the dataset alone", |text| ready(text));
    terminal.leave(CTRL_C);
}

#[test]
fn the_config_command_names_the_line_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let mien = |arguments: &[&str], file: &Path| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mien"));
        command.args(arguments).env("MIEN_CONFIG", file).assert()
    };
    std::fs::write(&file, "mouse = 1\n").expect("written");
    let output = mien(&["config", "check"], &file).failure().code(1).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&output).contains("config.toml:1: mouse cannot be 1: write true or false"));
    let defaults = mien(&["config", "defaults"], &file).success().get_output().stdout.clone();
    std::fs::write(&file, defaults).expect("written");
    mien(&["config", "check"], &file).success();
    let path = mien(&["config", "path"], &file).success().get_output().stdout.clone();
    assert_eq!(String::from_utf8_lossy(&path).trim(), file.display().to_string());
}
