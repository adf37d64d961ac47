//! The config file: keys, colours, glyphs, pictures, the mouse, frames a second. What is wrong in it is named with its
//! line, and the rest works.
//!
//! May know: the key tables and the theme. Never the state.

mod defaults;
mod read;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use ratatui::style::Color;

use super::theme::{ASCII, Role, Theme, ThemeName, UNICODE};
use crate::domain::text::printable;
use crate::tui::messages::Keymap;
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;

pub use defaults::defaults;

/// The variable that names another file.
pub const VARIABLE: &str = "MIEN_CONFIG";

/// More than anybody writes by hand; what is larger was not meant.
const LARGEST: u64 = 1 << 20;

/// The most frames a second.
pub const MOST_FRAMES: u32 = 20;

/// Which characters draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GlyphChoice {
    /// What the locale allows.
    #[default]
    Auto,
    /// Unicode, whatever the locale says.
    Unicode,
    /// ASCII, whatever the locale says.
    Ascii,
}

/// What the config file says, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The keys in force.
    pub keymap: Keymap,
    /// The theme.
    pub theme: ThemeName,
    /// Colours of roles.
    pub colors: Vec<(Role, Color)>,
    /// Which characters draw.
    pub glyphs: GlyphChoice,
    /// How pictures are shown; `None` as well as the terminal says it can.
    pub graphics: Option<Graphics>,
    /// Whether the mouse works.
    pub mouse: bool,
    /// Frames a second at most, from 1 to [`MOST_FRAMES`].
    pub frames: u32,
    /// What is wrong, in the order of lines.
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
            frames: MOST_FRAMES,
            problems: Vec::new(),
        }
    }
}

impl Config {
    /// The theme, where the environment and the terminal call for `theme`.
    #[must_use]
    pub fn dress(&self, theme: Theme) -> Theme {
        let theme = match self.glyphs {
            GlyphChoice::Auto => theme,
            GlyphChoice::Unicode => theme.with_glyphs(&UNICODE),
            GlyphChoice::Ascii => theme.with_glyphs(&ASCII),
        };
        self.colors.iter().fold(theme.named(self.theme), |theme, (role, color)| theme.with(*role, *color))
    }
}

/// Something in the config file that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` where it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what is accepted.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = printable(&self.file.display().to_string());
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", printable(&self.words)),
            None => write!(f, "{file}: {}", printable(&self.words)),
        }
    }
}

/// Where the config file is looked for: `MIEN_CONFIG`, else `mien/config.toml` in the user's folder for settings;
/// `None` if there is no such folder.
#[must_use]
pub fn path() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(choose_base_strategy().ok()?.config_dir().join("mien/config.toml")))
}

/// Reads the config file. None at the usual place is as good as an empty one; a file that was asked for has to be
/// there.
#[must_use]
pub fn load() -> Config {
    let asked_for = std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty());
    path().map_or_else(Config::default, |path| load_from(&path, asked_for))
}

/// Reads this file; `must_exist` decides on whether its absence is a problem.
#[must_use]
pub fn load_from(path: &Path, must_exist: bool) -> Config {
    let problem = |words: String| Config {
        problems: vec![Problem { file: path.to_owned(), line: None, words }],
        ..Config::default()
    };
    match text_of(path) {
        Ok(text) => read::read(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Config::default(),
        Err(error) => problem(format!("cannot be read: {error}; everything is at its default")),
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // A pipe or a device might never end, or never begin.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it has more than 1 MiB"));
    }
    Ok(text)
}

impl State {
    /// Takes over what the config file says, and tells what is wrong in it.
    #[must_use]
    pub fn configured(mut self, config: &Config) -> Self {
        self.theme = config.dress(self.theme);
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
