//! The real binary in a pseudo-terminal of any size, and its screen.
//!
//! A wait that follows keys must wait for an effect of the keys. [`Dashboard::wait`] fails at once if its condition
//! held before they were sent. A letter sent in one burst with Esc is Alt and the letter, so keys after Esc are sent
//! only when the effect of Esc is on the screen.

#![allow(dead_code)]

mod dashboard;

use std::ffi::OsStr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtyPair, PtySize, native_pty_system};

pub(crate) use dashboard::Dashboard;

/// The longest wait in seconds, for slow and busy machines.
pub(crate) const PATIENCE: u64 = 120;

/// The default rows and columns of a terminal.
pub(crate) const SMALL: (u16, u16) = (24, 80);

/// Variables by which the terminal of the test's caller would change the dashboard.
const OTHER_TERMINALS: [&str; 14] = [
    "MIEN_HOME",
    "LC_ALL",
    "LC_CTYPE",
    "NO_COLOR",
    "COLORTERM",
    "COLORFGBG",
    "TMUX",
    "STY",
    "ZELLIJ",
    "TERM_PROGRAM",
    "LC_TERMINAL",
    "KITTY_WINDOW_ID",
    "WEZTERM_PANE",
    "VTE_VERSION",
];

/// The brackets that a terminal puts around a paste.
const PASTED: (&str, &str) = ("\u{1b}[200~", "\u{1b}[201~");

fn size((rows, cols): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// Returns the folder of a user without settings who has seen the first steps, shared by this process.
fn user() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("user-{}", std::process::id()));
        write_user(&folder, "");
        folder
    });
    folder.clone()
}

/// Writes the folder of a user who has seen the first steps, with these settings.
pub(crate) fn write_user(folder: &Path, config: &str) {
    std::fs::create_dir_all(folder.join("state/mien")).expect("a folder");
    std::fs::write(folder.join("state/mien/first-steps-shown"), "").expect("written");
    std::fs::write(folder.join("config.toml"), config).expect("written");
}

/// Returns the dashboard's command on this home for the shared user.
pub(crate) fn mien(home: impl AsRef<OsStr>) -> CommandBuilder {
    mien_for(&user(), home)
}

/// Returns the dashboard's command on this home for this user, with a plain terminal's environment.
pub(crate) fn mien_for(user: &Path, home: impl AsRef<OsStr>) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mien"));
    command.arg("--home");
    command.arg(home);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("XDG_STATE_HOME", user.join("state"));
    command.env("XDG_CONFIG_HOME", user.join("config"));
    command.env("MIEN_CONFIG", user.join("config.toml"));
    for other in OTHER_TERMINALS {
        command.env_remove(other);
    }
    command
}

/// Opens a pseudo-terminal of this size.
pub(crate) fn open_pty(at: (u16, u16)) -> PtyPair {
    native_pty_system().openpty(size(at)).expect("a terminal")
}

/// A terminal's interpretation of the bytes it receives.
pub(crate) trait Display: Send + 'static {
    /// The screen at an instant: its text, and the display's own state.
    type View: Deref<Target = str> + std::fmt::Debug;

    /// Processes received bytes.
    fn process_bytes(&mut self, bytes: &[u8]);

    /// Returns the answers to the queries received so far, each once and with its delay.
    fn answers(&mut self) -> Vec<(String, Duration)> {
        Vec::new()
    }

    /// Whether the terminal answers the query for its attributes as every terminal does. Otherwise the program waits
    /// for the answers of [`Self::answers`], and reads keys later.
    fn answers_attributes(&self) -> bool {
        true
    }

    /// Returns the cells.
    fn cells(&mut self) -> &mut vt100::Parser;

    /// Returns the screen.
    fn view(&self) -> Self::View;
}

impl Display for vt100::Parser {
    type View = String;

    fn process_bytes(&mut self, bytes: &[u8]) {
        self.process(bytes);
    }

    fn cells(&mut self) -> &mut vt100::Parser {
        self
    }

    fn view(&self) -> String {
        self.screen().contents()
    }
}
