//! The dashboard without a trainer in a real terminal: what must not break, whatever comes in from the keyboard's side.

#![cfg(feature = "dashboard")]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Long enough for a slow machine with other things to do.
const PATIENCE: Duration = Duration::from_mins(1);

struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// All bytes so far.
    output: Arc<Mutex<Vec<u8>>>,
    /// Home, config and state.
    folder: Arc<tempfile::TempDir>,
}

/// A home with a tiny dataset, this config, and a user who has seen the first steps.
fn folder(config: &str) -> Arc<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.toml"), config).expect("written");
    std::fs::create_dir_all(folder.path().join("state/mien")).expect("made");
    std::fs::write(folder.path().join("state/mien/first-steps-shown"), "").expect("written");
    tiny_dataset(folder.path());
    Arc::new(folder)
}

const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };

fn mien(folder: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mien"));
    command.arg("--home");
    command.arg(folder.join("lab"));
    for name in ["LC_ALL", "LC_CTYPE", "TMUX", "COLORFGBG", "NO_COLOR", "COLORTERM", "MIEN_HOME"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("XDG_STATE_HOME", folder.join("state"));
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("MIEN_CONFIG", folder.join("config.toml"));
    command
}

impl Terminal {
    fn open(config: &str, environment: &[(&str, &str)]) -> Self {
        Self::on(&folder(config), environment)
    }

    fn on(folder: &Arc<tempfile::TempDir>, environment: &[(&str, &str)]) -> Self {
        let pty = native_pty_system().openpty(SIZE).expect("a terminal");
        let mut command = mien(folder.path());
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let output = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pty.master.try_clone_reader().expect("a reader");
        let (shown, kept) = (Arc::clone(&screen), Arc::clone(&output));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                shown.lock().expect("no panic").process(&bytes[..count]);
                kept.lock().expect("no panic").extend_from_slice(&bytes[..count]);
            }
        });
        let keys = pty.master.take_writer().expect("a writer");
        Self { child, keys, master: pty.master, screen, output, folder: Arc::clone(folder) }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    fn bytes(&self) -> Vec<u8> {
        self.output.lock().expect("no panic").clone()
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).and_then(|()| self.keys.flush()).expect("a key");
    }

    fn wait(&mut self, what: &str, condition: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if condition(&text) {
                return;
            }
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "no {what}, {ended:?}:\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the dataset.
    fn ready(&mut self) {
        self.wait("the dataset", |text| text.contains("disgust") && !text.contains("first steps"));
    }

    /// Presses a key as often as it takes: right after a flood it may be taken for a part of it.
    fn press_until(&mut self, keys: &[u8], what: &str, condition: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !condition(&self.text()) {
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(400));
            self.press(keys);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn runs(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("lab/checkpoints"))
            .map_or(0, |folder| folder.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count())
    }

    fn leave(&mut self) {
        self.press(b"\x03");
        self.ends();
    }

    fn ends(&mut self) {
        let begun = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Imports a dataset of two classes, because drawing the demo takes long without optimization.
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

/// Bytes of every kind, the same ones every time.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Without Ctrl-C, which means what it always means.
        match state.to_le_bytes()[1] {
            3 => b'\r',
            byte => byte,
        }
    };
    (0..count).map(byte).collect()
}

#[test]
fn floods_of_pasted_text_and_garbage_launch_nothing() {
    let mut terminal = Terminal::open("", &[]);
    terminal.ready();
    terminal.press(b"2");
    terminal.wait("the form", |text| text.contains("[ Launch ]"));
    let mut paste = b"\x1b[200~".to_vec();
    paste.extend("2\ry\r".repeat(1 << 18).into_bytes());
    paste.extend(b"\x1b[201~");
    terminal.press(&paste);
    terminal.wait("words about it", |text| text.contains("1048576 pasted bytes were left out"));
    // A terminal that does not mark pastes, keys that are held down, and noise with all kinds of sequences in it.
    terminal.press("2\ry\rS\r".repeat(50_000).as_bytes());
    terminal.press("j".repeat(50_000).as_bytes());
    for _ in 0..50 {
        terminal.press(&garbage(4_000));
        terminal.press(b"\x1b[<0;40;20M\x1b[I\x1b[O\x1b]10;rgb:00/00/00\x07\x1bP1$r0m\x1b\\\x1b[\xe6\xbc\r\x1b]52;c;");
    }
    terminal.press_until(b"\x1b", "Esc", |text| text.contains("[ Launch ]") || text.contains("disgust"));
    terminal.press_until(b"1", "an answer to a key", |text| text.contains("disgust"));
    assert_eq!(terminal.runs(), 0, "something was launched:\n{}", terminal.text());
    let memory = std::fs::read_to_string(format!("/proc/{}/status", terminal.child.process_id().expect("an id")));
    let peak = memory.expect("a status").lines().find_map(|line| {
        line.strip_prefix("VmHWM:").and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
    });
    assert!(peak.is_some_and(|peak| peak < 200_000), "{peak:?} kB");
    terminal.leave();
}

#[test]
fn ctrl_c_works_behind_whatever_is_never_finished() {
    for unfinished in [&b"\x1b[200~2\ry\r"[..], b"\x1b[12;", b"\x1b]11;rgb:", b"\x1bP1$r", b"\xe6\xbc", b"\x1b"] {
        let mut terminal = Terminal::open("", &[]);
        terminal.ready();
        terminal.press(unfinished);
        // By hand, which is later than all that the terminal sent by itself.
        std::thread::sleep(Duration::from_millis(200));
        terminal.leave();
    }
}

#[test]
fn late_answers_are_not_typed_and_keys_pressed_meanwhile_come_in_order() {
    let mut terminal = Terminal::open("", &[]);
    // At once, while the terminal is still being asked; the answers come when nobody waits for them any more.
    terminal.press(b"3?");
    terminal.wait("the filter of the help", |text| text.contains("type to filter"));
    terminal.press(b"\x1b[6;20;10t\x1b[?62;4c\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b_Gi=31;OK\x1b\\\x1bP>|foot\x1b\\");
    std::thread::sleep(Duration::from_millis(300));
    terminal.press(b"\x1b");
    terminal.press_until(b"1", "the data", |text| text.contains("disgust"));
    assert!(!terminal.text().contains("left out"), "{}", terminal.text());
    terminal.leave();
}

#[test]
fn the_dashboard_ends_with_its_terminal() {
    let folder = folder("");
    let pty = native_pty_system().openpty(SIZE).expect("a terminal");
    let mut child = pty.slave.spawn_command(mien(folder.path())).expect("started");
    drop(pty.slave);
    // Read here, so that nothing else keeps the terminal open.
    let mut reader = pty.master.try_clone_reader().expect("a reader");
    let mut screen = vt100::Parser::new(24, 80, 0);
    let mut bytes = [0; 4096];
    while !screen.screen().contents().contains("disgust") {
        let count = reader.read(&mut bytes).expect("output");
        screen.process(&bytes[..count]);
    }
    drop((reader, pty.master));
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    // And by a hang-up alone.
    let mut terminal = Terminal::on(&folder, &[]);
    terminal.ready();
    let pid = i32::try_from(terminal.child.process_id().expect("an id")).expect("an id");
    let pid = rustix::process::Pid::from_raw(pid).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("sent");
    terminal.ends();
    let begun = Instant::now();
    while terminal.screen.lock().expect("no panic").screen().alternate_screen() {
        assert!(begun.elapsed() < PATIENCE, "the terminal was not given back");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_dashboards_look_at_one_home() {
    let mut one = Terminal::open("", &[]);
    let mut other = Terminal::on(&one.folder, &[]);
    for terminal in [&mut one, &mut other] {
        terminal.ready();
        terminal.press(b"2");
        terminal.wait("the form", |text| text.contains("[ Launch ]"));
    }
    one.leave();
    other.press(b"1");
    other.ready();
    other.leave();
}

#[test]
fn a_home_that_cannot_be_read_is_shown_with_words_about_it() {
    let folder = folder("");
    std::fs::write(folder.path().join("lab/checkpoints"), "a file in place of a folder").expect("written");
    let mut terminal = Terminal::on(&folder, &[]);
    terminal.ready();
    terminal.press(b"3");
    terminal.wait("the error", |text| text.contains("cannot list"));
    terminal.press(b"1");
    terminal.ready();
    terminal.leave();
}

#[test]
fn a_storm_of_resizes_ends_in_the_right_picture() {
    let mut terminal = Terminal::open("", &[]);
    terminal.ready();
    for step in 0..60_u16 {
        let (rows, cols) = (1 + step * 7 % 60, 1 + step * 13 % 200);
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        terminal.master.resize(size).expect("resized");
        terminal.screen.lock().expect("no panic").screen_mut().set_size(rows, cols);
        std::thread::sleep(Duration::from_millis(3));
    }
    for (rows, cols, words) in [(10, 40, "mien needs"), (24, 80, "disgust"), (40, 120, "disgust")] {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        terminal.screen.lock().expect("no panic").screen_mut().set_size(rows, cols);
        terminal.master.resize(size).expect("resized");
        terminal.wait(words, |text| text.contains(words) && text.lines().count() <= rows.into());
    }
    terminal.leave();
}

#[test]
fn an_idle_dashboard_sends_not_a_byte_and_answers_the_next_key() {
    let mut terminal = Terminal::open("", &[]);
    terminal.ready();
    terminal.press(b"3");
    terminal.wait("the runs", |text| text.contains("no runs") || text.contains("No runs") || !text.contains("disgust"));
    std::thread::sleep(Duration::from_millis(300));
    let before = terminal.bytes().len();
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(terminal.bytes().len(), before, "bytes without a change");
    terminal.press(b"?");
    terminal.wait("the help", |text| text.contains("type to filter"));
    terminal.leave();
}

#[test]
fn suspending_gives_the_terminal_back_and_going_on_takes_it_again() {
    let mut terminal = Terminal::open("", &[]);
    terminal.ready();
    let before = terminal.bytes().len();
    terminal.press(b"\x1a");
    // In a session without a shell the kernel does not stop it: it goes on at once.
    let begun = Instant::now();
    let has = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    loop {
        let bytes = terminal.bytes().split_off(before);
        if has(&bytes, b"\x1b[?1049l") && has(&bytes, b"\x1b[?1049h") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the terminal was not given back and taken again");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.wait("everything again", |text| text.contains("disgust"));
    // After a stop from outside the screen is drawn anew.
    let pid = i32::try_from(terminal.child.process_id().expect("an id")).expect("an id");
    let pid = rustix::process::Pid::from_raw(pid).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("stopped");
    terminal.screen.lock().expect("no panic").process(b"\x1b[2J\x1b[Hsomebody else's words");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).expect("goes on");
    terminal.wait("everything again", |text| text.contains("disgust") && !text.contains("somebody"));
    terminal.leave();
}

#[test]
fn the_config_file_rules_and_its_mistakes_are_told() {
    let config = "glyphs = 'ascii'\nmouse = 'yes'\n[keys]\n'screen.train' = ['T']\n";
    let mut terminal = Terminal::open(config, &[]);
    terminal.wait("the mistake", |text| text.contains("config.toml:2: mouse is true or false"));
    terminal.wait("the dataset", |text| text.contains("disgust"));
    terminal.press(b"T");
    terminal.wait("the form", |text| text.contains("[ Launch ]"));
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    terminal.leave();
}

#[test]
fn without_utf8_not_a_byte_is_beyond_ascii() {
    let mut terminal = Terminal::open("", &[("LANG", "C")]);
    terminal.ready();
    terminal.press(b"3?");
    terminal.wait("the help", |text| text.contains("type to filter"));
    assert!(terminal.bytes().is_ascii());
    terminal.leave();
}

#[test]
fn what_is_copied_goes_to_the_terminal() {
    let mut terminal = Terminal::open("", &[("TMUX", "/tmp/tmux,1,0")]);
    terminal.ready();
    terminal.press(b"y");
    terminal.wait("words about it", |text| text.contains("copied the dataset's name, tiny"));
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("\x1b]52;c;dGlueQ==\x07") && bytes.contains("\x1bPtmux;\x1b\x1b]52;"), "{bytes:?}");
    terminal.leave();
}

#[test]
fn the_first_steps_come_once() {
    let folder = folder("");
    std::fs::remove_file(folder.path().join("state/mien/first-steps-shown")).expect("removed");
    let mut terminal = Terminal::on(&folder, &[]);
    terminal.wait("the first steps", |text| text.contains("disgust") && text.contains("first steps"));
    terminal.press(b"\x1b");
    terminal.ready();
    terminal.leave();
    let mut terminal = Terminal::on(&folder, &[]);
    terminal.ready();
    terminal.leave();
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
    assert!(String::from_utf8_lossy(&output).contains("config.toml:1: mouse is true or false"));
    let defaults = mien(&["config", "defaults"], &file).success().get_output().stdout.clone();
    std::fs::write(&file, defaults).expect("written");
    mien(&["config", "check"], &file).success();
    let path = mien(&["config", "path"], &file).success().get_output().stdout.clone();
    assert_eq!(String::from_utf8_lossy(&path).trim(), file.display().to_string());
}
