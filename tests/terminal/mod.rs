//! The real binary in a real terminal of any size, and what it shows.

#![allow(dead_code)] // each test crate uses a part of it

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use mien::domain::Hyperparameter;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::lab::{Lab, wait_for};

/// Long enough for a slow machine with other things to do.
pub(crate) const PATIENCE: u64 = 120;

/// Rows and columns of a terminal as it is opened where nobody enlarged it.
pub(crate) const SMALL: (u16, u16) = (24, 80);

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// A user's folder of settings and states for all dashboards of this process: nothing set, the first steps shown before.
fn user() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("user-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("state/mien")).expect("a folder");
        std::fs::write(folder.join("state/mien/first-steps-shown"), "").expect("written");
        std::fs::write(folder.join("config.toml"), "").expect("written");
        folder
    });
    made.clone()
}

/// The dashboard's command on this home, in a plain terminal's environment and a user's who has seen the first steps.
pub(crate) fn mien(home: impl AsRef<OsStr>) -> CommandBuilder {
    let user = user();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mien"));
    command.arg("--home");
    command.arg(home);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("XDG_STATE_HOME", user.join("state"));
    command.env("XDG_CONFIG_HOME", user.join("config"));
    command.env("MIEN_CONFIG", user.join("config.toml"));
    for other in ["MIEN_HOME", "LC_ALL", "NO_COLOR", "COLORTERM", "TMUX"] {
        command.env_remove(other);
    }
    command
}

/// The dashboard in a terminal.
pub(crate) struct Dashboard {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Closing it, with the reader and the writer, hangs the terminal up.
    master: Option<Box<dyn MasterPty + Send>>,
}

impl Dashboard {
    /// The dashboard on this home, in a terminal of 80×24.
    pub(crate) fn open(lab: &Lab) -> Self {
        Self::run(SMALL, mien(lab.home()))
    }

    /// This command in a terminal of this size.
    pub(crate) fn run((rows, cols): (u16, u16), command: CommandBuilder) -> Self {
        let pty = native_pty_system().openpty(size(rows, cols)).expect("a terminal");
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let mut output = pty.master.try_clone_reader().expect("a reader");
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose program has ended reads as an error or as nothing.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("no panic").process(&bytes[..count]);
            }
        });
        let keys = pty.master.take_writer().expect("a writer");
        Self { child, keys, screen, master: Some(pty.master) }
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&mut self, (rows, cols): (u16, u16)) {
        self.screen.lock().expect("no panic").screen_mut().set_size(rows, cols);
        self.master.as_ref().expect("a terminal").resize(size(rows, cols)).expect("resized");
    }

    /// Whether the program is still there.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_none()
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).and_then(|()| self.keys.flush()).expect("sent");
    }

    /// Pastes a text, as terminals do it for programs that asked for brackets.
    pub(crate) fn paste(&mut self, text: &str) {
        self.send(format!("\u{1b}[200~{text}\u{1b}[201~").as_bytes());
    }

    pub(crate) fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Waits until the screen satisfies the condition; tells what it shows if it never does.
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let met = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, PATIENCE, || {
                last = self.text();
                let ended = self.child.try_wait().ok().flatten();
                assert!(ended.is_none() || condition(&last), "the dashboard ended: {ended:?}");
                condition(&last).then_some(())
            });
        }));
        assert!(met.is_ok(), "no {what} on the screen:\n{last}");
    }

    /// Types a line in place of what stands there, at the speed of a person: a flood of keys would be a paste.
    pub(crate) fn line(&mut self, text: &str) {
        self.press("\u{15}");
        for piece in text.as_bytes().chunks(8) {
            self.send(piece);
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
        self.wait(text, |shown| shown.contains(text));
        self.press("\r");
    }

    /// Goes down the form to a setting and types a value into it.
    pub(crate) fn fill(&mut self, setting: Hyperparameter, value: &str) {
        // The heading of the explanation names the field that the cursor is on; the form's other lines may say the same words.
        let here = |text: &str| {
            text.lines().any(|line| line.contains(" accepts ") && line.split(' ').nth(1) == Some(setting.name()))
        };
        for _ in 0..20 {
            if here(&self.text()) {
                break;
            }
            let before = self.text();
            self.press("\u{1b}[B");
            self.wait("another field", |text| text != before);
        }
        self.wait(setting.name(), here);
        // Ctrl-U clears the field.
        self.press("\u{15}");
        self.press(value);
        self.wait(value, |text| {
            text.lines().any(|line| line.contains(setting.name()) && line.contains(&format!(" {value} ")))
        });
    }

    pub(crate) fn quit(&mut self) -> String {
        self.press("q");
        let status = wait_for("the end of the dashboard", PATIENCE, || self.child.try_wait().expect("a child"));
        assert!(status.success(), "{status:?}");
        // What the program wrote last may still be on its way.
        wait_for("the restored terminal", PATIENCE, || {
            let parser = self.screen.lock().expect("no panic");
            (!parser.screen().alternate_screen() && !parser.screen().hide_cursor()).then_some(())
        });
        self.text()
    }

    /// Sends what the kernel sends when the terminal's last end closes, and waits for the dashboard's end.
    pub(crate) fn hang_up(mut self) {
        let leader = self.master.as_ref().and_then(|master| master.process_group_leader()).expect("a session");
        self.master = None;
        let group = rustix::process::Pid::from_raw(leader).expect("a process group");
        rustix::process::kill_process_group(group, rustix::process::Signal::HUP).expect("sent");
        wait_for("the end of the dashboard", PATIENCE, || self.child.try_wait().expect("a child"));
    }

    pub(crate) fn uses_alternate_screen(&self) -> bool {
        self.screen.lock().expect("no panic").screen().alternate_screen()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
