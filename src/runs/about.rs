//! What a person says about a run: tags, a note, and the names it had. No part of the recipe, and nothing training reads.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use crate::domain::text::printable;
use crate::domain::{RunId, Tag};
use crate::durable;

/// The newest format that this program writes and reads.
pub const ABOUT_VERSION: u32 = 1;

/// Most characters of a note.
pub const NOTE_LENGTH: usize = 2_000;

/// One paragraph about a run, safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

/// A text that is too long for a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a note has at most {NOTE_LENGTH} characters, this one has {0}")]
pub struct NoteError(usize);

impl Note {
    /// The paragraph that `text` is once its lines are joined and what a terminal could act on is taken out.
    ///
    /// # Errors
    /// When it is longer than [`NOTE_LENGTH`].
    pub fn new(text: &str) -> Result<Self, NoteError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = printable(&words.join(" "));
        match text.chars().count() {
            count if count > NOTE_LENGTH => Err(NoteError(count)),
            _ => Ok(Self(text)),
        }
    }

    /// The paragraph; empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = NoteError;
    fn try_from(text: String) -> Result<Self, NoteError> {
        Self::new(&text)
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}

/// What is said about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Words to find it by.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// One paragraph; empty for none.
    #[serde(default)]
    pub note: Note,
    /// Names that it had before, the oldest first: recipes of other runs may still use them.
    #[serde(default)]
    pub former: Vec<RunId>,
}

/// Why what is said about a run cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AboutError {
    /// The file system said no.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Not what this program writes.
    #[error("{} is damaged: {source}; remove it to begin anew", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// Written by a newer program.
    #[error("{} has format {found} and this mien reads up to {ABOUT_VERSION}: use a newer mien", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Written<T> {
    version: u32,
    #[serde(flatten)]
    about: T,
}

impl RunFolder {
    /// What is said about the run; nothing where there is no file.
    ///
    /// # Errors
    /// When the file is there and cannot be read, is damaged, or of a newer format.
    pub fn about(&self) -> Result<About, AboutError> {
        #[derive(Deserialize)]
        struct Format {
            version: u32,
        }
        let path = self.about_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(About::default()),
            Err(source) => return Err(AboutError::Io { path, source }),
        };
        let malformed = |source| AboutError::Malformed { path: path.clone(), source };
        let Format { version } = serde_json::from_slice(&text).map_err(malformed)?;
        if version > ABOUT_VERSION {
            return Err(AboutError::Newer { path, found: version });
        }
        let written: Written<About> = serde_json::from_slice(&text).map_err(malformed)?;
        Ok(written.about)
    }

    /// Writes what is said about the run.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_about(&self, about: &About) -> Result<(), AboutError> {
        let path = self.about_file();
        let written = Written { version: ABOUT_VERSION, about };
        let mut text = serde_json::to_vec_pretty(&written)
            .map_err(|source| AboutError::Malformed { path: path.clone(), source })?;
        text.push(b'\n');
        let written = durable::own(self.path()).and_then(|()| durable::write(&path, &text));
        written.map_err(|source| AboutError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        (folder, run)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_is_read(tags in proptest::collection::btree_set("[a-z0-9][a-z0-9._-]{0,12}", 0..5), note in ".*") {
            let (_kept, run) = folder();
            let tags = tags.into_iter().map(|tag| Tag::new(tag).expect("a tag")).collect();
            let about = About {
                tags,
                note: Note::new(&note).unwrap_or_default(),
                former: vec![RunId::new("old-name").expect("an id")],
            };
            run.write_about(&about).expect("written");
            prop_assert_eq!(run.about().expect("read"), about);
        }

        #[test]
        fn a_note_is_one_safe_paragraph(text in "\\PC*|(.|\n|\u{1b})*") {
            if let Ok(note) = Note::new(&text) {
                prop_assert_eq!(printable(note.as_str()), note.as_str());
                prop_assert_eq!(Note::new(note.as_str()).expect("again"), note);
            }
        }
    }

    #[test]
    fn nothing_said_is_no_error_and_nonsense_is_one() {
        let (_kept, run) = folder();
        assert_eq!(run.about().expect("nothing"), About::default());
        fs::write(run.about_file(), "{").expect("written");
        assert!(matches!(run.about(), Err(AboutError::Malformed { .. })));
        fs::write(run.about_file(), r#"{"version":1,"tags":["no tag!"]}"#).expect("written");
        assert!(matches!(run.about(), Err(AboutError::Malformed { .. })));
        fs::write(run.about_file(), r#"{"version":9}"#).expect("written");
        assert!(run.about().expect_err("newer").to_string().contains("use a newer mien"));
        fs::write(run.about_file(), r#"{"version":1,"stars":5}"#).expect("written");
        assert_eq!(run.about().expect("a field of another program"), About::default());
    }

    #[test]
    fn a_note_has_a_length() {
        assert_eq!(Note::new(&"ä".repeat(NOTE_LENGTH)).expect("just right").as_str().chars().count(), NOTE_LENGTH);
        assert!(Note::new(&"ä".repeat(NOTE_LENGTH + 1)).is_err());
        assert_eq!(Note::new(" a\n b\t c ").expect("words").as_str(), "a b c");
    }
}
