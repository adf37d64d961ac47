//! The config file: its path, its text, its errors, and the tables that commands use: places, homes and notices.
//!
//! May use: `domain`. `tui::config` reads the settings of the dashboard.

pub mod entries;
pub mod homes;
pub mod notify;
pub mod places;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::similar::suggest;
use crate::domain::text::printable;

pub use entries::Entries;
pub use homes::Homes;
pub use notify::{Notify, TerminalNotice};
pub use places::Places;

/// The environment variable that names another config file.
pub const VARIABLE: &str = "MIEN_CONFIG";

/// The largest accepted file, in bytes. A larger one is no config file.
const MAX_BYTES: u64 = 1 << 20;

/// An error in the config file; the value is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path of the file.
    pub file: PathBuf,
    /// The line number from 1; `None` for the file as a whole.
    pub line: Option<usize>,
    /// The error, the value, and the accepted values.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = printable(&self.file.display().to_string());
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", printable(&self.message)),
            None => write!(f, "{file}: {}", printable(&self.message)),
        }
    }
}

/// Returns the path of the config file: `MIEN_CONFIG`, else `mien/config.toml` in the user's config folder. `None` if
/// there is no such folder.
#[must_use]
pub fn path() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(choose_base_strategy().ok()?.config_dir().join("mien/config.toml")))
}

/// Returns the text of a config file.
///
/// # Errors
/// If the file cannot be read, is no regular file, or is too large.
pub fn read_text(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // Opening or reading a pipe or a device could block for ever.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 1 MiB"));
    }
    Ok(text)
}

/// Returns the number of the line, from 1, with the byte `at` of a text.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.split(|byte| *byte == b'\n').count()
}

/// Returns the beginning of a value as it is written, for messages.
#[must_use]
pub fn given(text: &str, value: &Spanned<DeValue<'_>>) -> String {
    text.get(value.span()).unwrap_or_default().lines().next().unwrap_or_default().chars().take(60).collect()
}

/// Returns the error about an unknown setting of a table, with the most similar one and all of them.
fn unknown_setting(table: &str, key: &str, known: &[&str]) -> String {
    let similar = suggest(key, known.iter().copied());
    format!("there is no setting '{table}.{}'{similar}: the settings are {}", printable(key), known.join(", "))
}

/// Reads the table `name` of the config file by `read`, which returns its content and the errors with their lines. The
/// content is the default without such a file or table.
fn load_table<T: Default>(
    name: &str,
    read: impl FnOnce(&str, &Spanned<DeValue<'_>>) -> (T, Vec<(usize, String)>),
) -> (T, Vec<Problem>) {
    let Some(file) = path() else { return (T::default(), Vec::new()) };
    let problem = |line, message| Problem { file: file.clone(), line, message };
    let text = match read_text(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (T::default(), Vec::new()),
        Err(error) => return (T::default(), vec![problem(None, format!("cannot be read: {error}"))]),
    };
    let (document, _) = DeTable::parse_recoverable(&text);
    let found = document.get_ref().iter().find(|(key, _)| key.get_ref() == name);
    let (content, problems) = found.map_or_else(Default::default, |(_, value)| read(&text, value));
    (content, problems.into_iter().map(|(line, message)| problem(Some(line), message)).collect())
}

/// Returns the result of reading the value of the first table of a text.
#[cfg(test)]
fn read_first<T>(text: &str, read: impl FnOnce(&str, &Spanned<DeValue<'_>>) -> T) -> T {
    let (document, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?}");
    let (_, value) = document.get_ref().iter().next().expect("a key");
    read(text, value)
}
