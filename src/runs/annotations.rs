//! A person's annotations of a run: tags, a note, and former names. They are no part of the recipe, and training
//! ignores them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use crate::domain::text::printable;
use crate::domain::{NameError, RunId, Tag};
use crate::durable::versioned::{FileError, FileKind};

/// The newest format that this program writes and reads.
pub const ANNOTATIONS_VERSION: u32 = 1;

/// The largest length of a note, in characters.
pub const NOTE_LENGTH: usize = 2_000;

/// A paragraph about a run, safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

/// A text that is too long for a note, by its number of characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a note has at most {NOTE_LENGTH} characters, this one has {0}")]
pub struct NoteError(usize);

impl Note {
    /// Joins the lines of `text` and replaces characters that a terminal could interpret.
    ///
    /// # Errors
    /// If the paragraph is longer than [`NOTE_LENGTH`].
    pub fn new(text: &str) -> Result<Self, NoteError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = printable(&words.join(" "));
        match text.chars().count() {
            count if count > NOTE_LENGTH => Err(NoteError(count)),
            _ => Ok(Self(text)),
        }
    }

    /// Returns the paragraph; empty for no note.
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

/// The annotations of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotations {
    /// Labels for finding the run.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// A paragraph; empty for no note.
    #[serde(default)]
    pub note: Note,
    /// The run's former names, the oldest first: recipes of other runs may still use them.
    #[serde(default)]
    pub former: Vec<RunId>,
}

/// A change of a run's annotations. It applies to the annotations at that time, so that two programs do not undo each
/// other's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnnotationChange {
    /// Adds a tag.
    Tag(Tag),
    /// Removes a tag.
    Untag(Tag),
    /// Replaces the note.
    Note(Note),
}

impl AnnotationChange {
    /// Returns a sentence that these changes of the annotations of runs are saved. Every run changes in the same parts.
    #[must_use]
    pub fn describe_saved(changes: &[(RunId, Vec<Self>)]) -> String {
        let names = changes.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
        let several = changes.len() > 1;
        match changes.first().map(|(_, changes)| &changes[..]) {
            Some([Self::Note(note)]) if note.as_str().is_empty() => {
                format!("{names} {} no note any more", if several { "have" } else { "has" })
            }
            Some([Self::Note(_)]) if several => format!("the notes of {names} are saved"),
            Some([Self::Note(_)]) => format!("the note of {names} is saved"),
            _ => format!("the tags of {names} are saved"),
        }
    }

    /// Parses the change of a tag: `+word` or `word` adds it, `-word` removes it.
    ///
    /// # Errors
    /// If the word cannot be a tag.
    pub fn of_tag(typed: &str) -> Result<Self, NameError> {
        match typed.strip_prefix('-') {
            Some(word) => Tag::new(word).map(Self::Untag),
            None => Tag::new(typed.strip_prefix('+').unwrap_or(typed)).map(Self::Tag),
        }
    }
}

impl Annotations {
    /// Applies changes in their order.
    pub fn apply(&mut self, changes: Vec<AnnotationChange>) {
        for change in changes {
            match change {
                AnnotationChange::Tag(tag) => drop(self.tags.insert(tag)),
                AnnotationChange::Untag(tag) => drop(self.tags.remove(&tag)),
                AnnotationChange::Note(note) => self.note = note,
            }
        }
    }
}

/// `about.json`.
static KIND: FileKind = FileKind {
    name: "note",
    newest: ANNOTATIONS_VERSION,
    pretty: true,
    damaged: "is damaged",
    advice: "; remove it to start over",
};

impl RunFolder {
    /// Reads the run's annotations; empty if there is no file.
    ///
    /// # Errors
    /// If the file exists and cannot be read, is damaged, or has a newer format.
    pub fn annotations(&self) -> Result<Annotations, FileError> {
        Ok(KIND.read(&self.annotations_file())?.unwrap_or_default())
    }

    /// Changes the run's annotations under the file's lock and returns the result.
    ///
    /// # Errors
    /// If the file cannot be read, locked or written; it is then unchanged.
    pub fn change_annotations(&self, change: impl FnOnce(&mut Annotations)) -> Result<Annotations, FileError> {
        KIND.update(&self.annotations_file(), |before: Option<&Annotations>| {
            let mut annotations = before.cloned().unwrap_or_default();
            change(&mut annotations);
            Ok(annotations)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::durable::versioned::Problem;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        (folder, run)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn written_annotations_are_read(tags in proptest::collection::btree_set("[a-z0-9][a-z0-9._-]{0,12}", 0..5), note in ".*") {
            let (_kept, run) = folder();
            let tags = tags.into_iter().map(|tag| Tag::new(tag).expect("a tag")).collect();
            let annotations = Annotations {
                tags,
                note: Note::new(&note).unwrap_or_default(),
                former: vec![RunId::new("old-name").expect("an id")],
            };
            let written = run.change_annotations(|stored| *stored = annotations.clone()).expect("written");
            prop_assert_eq!(&written, &annotations);
            prop_assert_eq!(run.annotations().expect("read"), annotations);
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
    fn no_annotations_are_no_error_and_nonsense_is_one() {
        let (_kept, run) = folder();
        assert_eq!(run.annotations().expect("nothing"), Annotations::default());
        fs::write(run.annotations_file(), "{").expect("written");
        assert!(matches!(run.annotations(), Err(FileError { problem: Problem::Malformed(_), .. })));
        fs::write(run.annotations_file(), r#"{"version":1,"tags":["no tag!"]}"#).expect("written");
        assert!(matches!(run.annotations(), Err(FileError { problem: Problem::Malformed(_), .. })));
        fs::write(run.annotations_file(), r#"{"version":9}"#).expect("written");
        assert!(run.annotations().expect_err("newer").to_string().contains("use a newer mien"));
        fs::write(run.annotations_file(), r#"{"version":1,"stars":5}"#).expect("written");
        assert_eq!(run.annotations().expect("a field of another program"), Annotations::default());
    }

    #[test]
    fn a_note_has_a_length() {
        assert_eq!(Note::new(&"ä".repeat(NOTE_LENGTH)).expect("just right").as_str().chars().count(), NOTE_LENGTH);
        assert!(Note::new(&"ä".repeat(NOTE_LENGTH + 1)).is_err());
        assert_eq!(Note::new(" a\n b\t c ").expect("words").as_str(), "a b c");
    }
}
