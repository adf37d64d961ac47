//! JSON files with a format version: reading, writing and changing them.
//!
//! Each kind of file supplies the words of its errors; its owner defines the content.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lock;

/// The longest wait for another program that changes the same file, which takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A kind of file: its newest format, its layout, and the message about a damaged one.
#[derive(Debug)]
pub struct FileKind {
    /// The name in messages, before the word "format".
    pub name: &'static str,
    /// The newest format that this program writes and reads.
    pub newest: u32,
    /// Whether the file is indented for people.
    pub pretty: bool,
    /// The message about a damaged file, before the reason.
    pub damaged: &'static str,
    /// The advice about a damaged file, after the reason.
    pub advice: &'static str,
}

/// The reason why a file cannot be read or written: its path and the problem.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub problem: Problem,
    kind: &'static FileKind,
}

/// A problem with a file.
#[derive(Debug)]
pub enum Problem {
    /// The system refused to read the file.
    Read(io::Error),
    /// The system refused to write or to lock the file.
    Write(io::Error),
    /// The content is not valid.
    Malformed(String),
    /// A newer program wrote the file.
    Newer {
        /// The file's format.
        found: u32,
        /// The newest readable format.
        newest: u32,
    },
}

impl FileError {
    /// Returns whether the system refused access, which may be temporary. The content may be valid.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.problem, Problem::Read(_) | Problem::Write(_))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, FileKind { name, damaged, advice, .. }) = (self.path.display(), self.kind);
        match &self.problem {
            Problem::Read(error) => write!(out, "cannot read {path}: {error}"),
            Problem::Write(error) => write!(out, "cannot write {path}: {error}"),
            Problem::Malformed(reason) => write!(out, "{path} {damaged}: {reason}{advice}"),
            Problem::Newer { found, newest } => {
                write!(out, "{path} has {name} format {found} and this mien reads up to {newest}: use a newer mien")
            }
        }
    }
}

impl std::error::Error for FileError {}

/// Reads the format version before anything else: a newer file may have other fields.
///
/// # Errors
/// If the text is no JSON or has no version.
pub fn version(text: &[u8]) -> Result<u32, serde_json::Error> {
    #[derive(Deserialize)]
    struct VersionHeader {
        version: u32,
    }
    serde_json::from_slice(text).map(|VersionHeader { version }| version)
}

/// Parses a text whose format is at most `newest`.
///
/// # Errors
/// [`Problem::Malformed`] or [`Problem::Newer`].
pub fn parse<T: DeserializeOwned>(text: &[u8], newest: u32) -> Result<T, Problem> {
    let malformed = |error: serde_json::Error| Problem::Malformed(error.to_string());
    match version(text).map_err(malformed)? {
        found if found > newest => Err(Problem::Newer { found, newest }),
        _ => serde_json::from_slice(text).map_err(malformed),
    }
}

impl FileKind {
    /// Returns an error about a file of this kind.
    #[must_use]
    pub fn error(&'static self, path: &Path, problem: Problem) -> FileError {
        FileError { path: path.to_owned(), problem, kind: self }
    }

    /// Returns the content of the file at `path`; `None` if there is none.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has a newer format.
    pub fn read<T: DeserializeOwned>(&'static self, path: &Path) -> Result<Option<T>, FileError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error(path, Problem::Read(error))),
        };
        parse(&text, self.newest).map(Some).map_err(|problem| self.error(path, problem))
    }

    /// Returns the bytes of a file with this content: the newest format version, then the content's fields.
    ///
    /// # Errors
    /// If the content is no JSON object.
    pub fn bytes(&self, content: &impl Serialize) -> io::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct VersionHeader<'a, T> {
            version: u32,
            #[serde(flatten)]
            content: &'a T,
        }
        let numbered = VersionHeader { version: self.newest, content };
        let mut text = if self.pretty { serde_json::to_vec_pretty(&numbered) } else { serde_json::to_vec(&numbered) }?;
        text.push(b'\n');
        Ok(text)
    }

    /// Writes the file atomically, never into a folder behind a link.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&'static self, path: &Path, content: &impl Serialize) -> Result<(), FileError> {
        let text = self.bytes(content);
        let written =
            text.and_then(|text| super::check_folder(super::folder_of(path)).and_then(|()| super::write(path, &text)));
        written.map_err(|error| self.error(path, Problem::Write(error)))
    }

    /// Changes the file under its lock: `change` gets the content, or `None` without a file, and returns the new
    /// content. Concurrent changes by two programs are both preserved.
    ///
    /// # Errors
    /// The errors of `change`, and those of reading, locking and writing; the file is then unchanged.
    pub fn update<T: DeserializeOwned + Serialize + PartialEq, E: From<FileError>>(
        &'static self,
        path: &Path,
        change: impl FnOnce(Option<&T>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _alone = self.lock(path)?;
        let before = self.read(path)?;
        let after = change(before.as_ref())?;
        if before.as_ref() != Some(&after) {
            self.write(path, &after)?;
        }
        Ok(after)
    }

    /// Locks the file against changes by others until the returned file is dropped. The lock is on an empty file next
    /// to it, which remains. Returns `None` on a file system without locks, where changes happen unprotected.
    ///
    /// # Errors
    /// If the lock cannot be created, or another program holds it for too long.
    pub fn lock(&'static self, path: &Path) -> Result<Option<File>, FileError> {
        let lock_file = path.with_extension("lock");
        let taken = super::check_folder(super::folder_of(path)).and_then(|()| lock::acquire(&lock_file, TIMEOUT));
        let refused = |error| Err(self.error(path, Problem::Write(error)));
        match taken {
            // The folder was renamed or replaced during the wait: its path now leads to another run or dataset.
            Ok(Some(held)) if !super::is_same_file(&held, &lock_file) => {
                refused(io::Error::new(io::ErrorKind::NotFound, "its folder was moved meanwhile: try again"))
            }
            Ok(Some(held)) => Ok(Some(held)),
            Ok(None) => {
                let words = format!("another program holds {}: try again, or end that program", lock_file.display());
                refused(io::Error::new(io::ErrorKind::TimedOut, words))
            }
            Err(error) if lock::is_unsupported(&error) => Ok(None),
            Err(error) => refused(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    static KIND: FileKind =
        FileKind { name: "list", newest: 3, pretty: false, damaged: "is not a list", advice: "; remove it" };

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct List {
        names: BTreeSet<String>,
    }

    fn path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list.json");
        (folder, path)
    }

    #[test]
    fn each_problem_names_the_file_and_the_advice() {
        let (_kept, path) = path();
        assert!(KIND.read::<List>(&path).expect("nothing").is_none());
        let table = [
            ("{", "list.json is not a list: EOF while parsing an object at line 1 column 1; remove it"),
            (r#"{"one":1}"#, "list.json is not a list: missing field `version` at line 1 column 9; remove it"),
            (
                r#"{"version":4,"other":[]}"#,
                "list.json has list format 4 and this mien reads up to 3: use a newer mien",
            ),
        ];
        for (text, expected) in table {
            fs::write(&path, text).expect("written");
            let words = KIND.read::<List>(&path).expect_err(text).to_string();
            assert!(words.ends_with(expected), "{words}");
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(KIND.read::<List>(&path).expect_err("a folder").to_string().starts_with("cannot read /"));
        assert!(KIND.write(&path, &List::default()).expect_err("a folder").to_string().starts_with("cannot write /"));
    }

    #[test]
    fn changes_of_several_threads_are_all_saved() {
        let (_kept, path) = path();
        let add = |name: String| {
            let change = |list: Option<&List>| {
                let mut list = list.cloned().unwrap_or_default();
                list.names.insert(name);
                Ok::<_, FileError>(list)
            };
            KIND.update(&path, change).expect("changed");
        };
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || (0..10).for_each(|round| add(format!("{writer}-{round}"))));
            }
        });
        let list: List = KIND.read(&path).expect("read").expect("there");
        assert_eq!(list.names.len(), 40, "{list:?}");
    }

    #[test]
    fn a_change_that_is_refused_or_changes_nothing_writes_nothing() {
        let (folder, path) = path();
        let refused = KIND.update(&path, |_: Option<&List>| Err(KIND.error(&path, Problem::Malformed("no".into()))));
        assert!(refused.is_err() && !path.exists());
        fs::write(&path, "{ \"version\": 1 }").expect("written");
        KIND.update(&path, |list: Option<&List>| Ok::<_, FileError>(list.expect("there").clone())).expect("the same");
        assert_eq!(fs::read(&path).expect("read"), b"{ \"version\": 1 }");
        let missing = folder.path().join("missing/list.json");
        let change = |_: Option<&List>| Ok::<_, FileError>(List::default());
        assert!(KIND.update(&missing, change).expect_err("no folder").to_string().contains("missing"));
    }
}
