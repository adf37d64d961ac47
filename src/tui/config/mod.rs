//! The config file: keys, colours, glyphs, graphics, mouse, frame rate and notices, as the dashboard uses it. An error
//! names its line, and the other lines take effect.
//!
//! May use: the key tables and the theme. Never the state.

mod defaults;
mod read;

use std::io;
use std::path::Path;

use ratatui::style::Color;

use super::theme::{ASCII, Role, Theme, ThemeName, UNICODE};
use crate::config::read_text;
use crate::tui::messages::Keymap;
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;

pub use crate::config::{Notify, Problem, TerminalNotice, VARIABLE, path};
pub use defaults::defaults;

/// The highest frame rate, in frames per second.
pub const MAX_FRAMES: u32 = 20;

/// The choice of characters for drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GlyphChoice {
    /// Unicode if the locale supports it, else ASCII.
    #[default]
    Auto,
    /// Unicode in every locale.
    Unicode,
    /// ASCII in every locale.
    Ascii,
}

/// The settings of the config file, and its errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The keys in force.
    pub keymap: Keymap,
    /// The theme.
    pub theme: ThemeName,
    /// The colours that replace the theme's.
    pub colors: Vec<(Role, Color)>,
    /// The characters for drawing.
    pub glyphs: GlyphChoice,
    /// The graphics protocol; `None` to use the best that the terminal supports.
    pub graphics: Option<Graphics>,
    /// Whether mouse events are used.
    pub mouse: bool,
    /// The highest frame rate, from 1 to [`MAX_FRAMES`].
    pub frames: u32,
    /// The notices about the end of runs.
    pub notify: Notify,
    /// The errors, in the order of their lines.
    pub problems: Vec<Problem>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keymap: Keymap::default(),
            theme: ThemeName::Auto,
            colors: Vec::new(),
            glyphs: GlyphChoice::Auto,
            graphics: None,
            mouse: false,
            frames: MAX_FRAMES,
            notify: Notify::default(),
            problems: Vec::new(),
        }
    }
}

impl Config {
    /// Returns the detected `theme` with the settings of the file applied.
    #[must_use]
    pub fn apply_to(&self, theme: Theme) -> Theme {
        let theme = match self.glyphs {
            GlyphChoice::Auto => theme,
            GlyphChoice::Unicode => theme.with_glyphs(&UNICODE),
            GlyphChoice::Ascii => theme.with_glyphs(&ASCII),
        };
        self.colors.iter().fold(theme.named(self.theme), |theme, (role, color)| theme.with_color(*role, *color))
    }
}

/// Reads the config file. A missing file means defaults, but a file named by `MIEN_CONFIG` must exist.
#[must_use]
pub fn load() -> Config {
    let asked_for = std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty());
    path().map_or_else(Config::default, |path| load_from(&path, asked_for))
}

/// Reads a config file; with `must_exist`, a missing file is an error.
#[must_use]
pub fn load_from(path: &Path, must_exist: bool) -> Config {
    let problem = |message: String| Config {
        problems: vec![Problem { file: path.to_owned(), line: None, message }],
        ..Config::default()
    };
    match read_text(path) {
        Ok(text) => read::read(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Config::default(),
        Err(error) => problem(format!("cannot be read: {error}; the defaults are used")),
    }
}

impl State {
    /// Applies the config file, and shows its errors as messages.
    #[must_use]
    pub fn configured(mut self, config: &Config) -> Self {
        self.theme = config.apply_to(self.theme);
        self.keymap = config.keymap.clone();
        self.mouse = config.mouse;
        for problem in &config.problems {
            self.fail(&problem.to_string());
        }
        if let ([first, _, ..], Some(message)) = (config.problems.as_slice(), &mut self.message) {
            let (more, key) = (config.problems.len() - 1, self.keymap.key("messages"));
            message.text = format!("{first} (and {more} more: {key} shows all)");
        }
        self
    }
}

#[cfg(test)]
mod tests;
