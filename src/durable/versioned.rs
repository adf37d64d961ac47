//! JSON files that carry the number of their format, read, written and changed in one way.
//!
//! Each kind of file gives the words of its errors; what it holds is its owner's affair.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lock;

/// Longest wait for another program that changes the same file, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A kind of file: its newest format, how it is laid out, and what is said of a damaged one.
#[derive(Debug)]
pub struct FileKind {
    /// What it holds, before the word "format".
    pub name: &'static str,
    /// The newest format that this program writes and reads.
    pub newest: u32,
    /// Whether people read it: one value a line.
    pub pretty: bool,
    /// What is wrong with a damaged one, before the reason.
    pub damaged: &'static str,
    /// What to do about a damaged one, after the reason.
    pub advice: &'static str,
}

/// Why a file cannot be read or written: its path and the problem.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
    kind: &'static FileKind,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Problem {
    /// The system refused to read it.
    Read(io::Error),
    /// The system refused to write or to lock it.
    Write(io::Error),
    /// It is not what this program writes.
    Malformed(String),
    /// A newer program has written it.
    Newer {
        /// Its format.
        found: u32,
        /// The newest that is read.
        newest: u32,
    },
}

impl FileError {
    /// Whether the system refused, which may pass, and nothing is wrong with the file's content.
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

/// The number of a file's format, which is read before anything else: a newer file may have other fields.
///
/// # Errors
/// When the text is no JSON or has no number.
pub fn version(text: &[u8]) -> Result<u32, serde_json::Error> {
    #[derive(Deserialize)]
    struct Numbered {
        version: u32,
    }
    serde_json::from_slice(text).map(|Numbered { version }| version)
}

/// What a text holds, if its format is no newer than `newest`.
///
/// # Errors
/// [`Problem::Malformed`] and [`Problem::Newer`].
pub fn parse<T: DeserializeOwned>(text: &[u8], newest: u32) -> Result<T, Problem> {
    let malformed = |error: serde_json::Error| Problem::Malformed(error.to_string());
    match version(text).map_err(malformed)? {
        found if found > newest => Err(Problem::Newer { found, newest }),
        _ => serde_json::from_slice(text).map_err(malformed),
    }
}

impl FileKind {
    /// The error about a file of this kind.
    #[must_use]
    pub fn error(&'static self, path: &Path, problem: Problem) -> FileError {
        FileError { path: path.to_owned(), problem, kind: self }
    }

    /// The content of the file at `path`; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or of a newer format.
    pub fn read<T: DeserializeOwned>(&'static self, path: &Path) -> Result<Option<T>, FileError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error(path, Problem::Read(error))),
        };
        parse(&text, self.newest).map(Some).map_err(|problem| self.error(path, problem))
    }

    /// The bytes of a file with this content: the number of the newest format, then the content's own fields.
    ///
    /// # Errors
    /// When the content is no JSON object.
    pub fn bytes(&self, content: &impl Serialize) -> io::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Numbered<'a, T> {
            version: u32,
            #[serde(flatten)]
            content: &'a T,
        }
        let numbered = Numbered { version: self.newest, content };
        let mut text = if self.pretty { serde_json::to_vec_pretty(&numbered) } else { serde_json::to_vec(&numbered) }?;
        text.push(b'\n');
        Ok(text)
    }

    /// Writes the file atomically, never into a folder behind a link.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn write(&'static self, path: &Path, content: &impl Serialize) -> Result<(), FileError> {
        let text = self.bytes(content);
        let written = text.and_then(|text| super::own(super::folder_of(path)).and_then(|()| super::write(path, &text)));
        written.map_err(|error| self.error(path, Problem::Write(error)))
    }

    /// Changes the file under its lock: `change` gets what is there, `None` where there is no file, and gives what is
    /// written. Two programs that change it at the same time lose nothing of either.
    ///
    /// # Errors
    /// Those of `change`, and when the file cannot be read, locked or written; it is then as it was.
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

    /// Keeps others from changing the file for as long as what is returned lives: a lock on an empty file beside it,
    /// which stays. `None` on a file system that cannot lock, where changes go on as if nobody else made any.
    ///
    /// # Errors
    /// When the lock cannot be made, or another program holds it for too long.
    pub fn lock(&'static self, path: &Path) -> Result<Option<File>, FileError> {
        let beside = path.with_extension("lock");
        let taken = super::own(super::folder_of(path)).and_then(|()| lock::take(&beside, PATIENCE));
        let refused = |error| Err(self.error(path, Problem::Write(error)));
        match taken {
            // Its folder was renamed or replaced while this waited: what lies there now is another run's or dataset's.
            Ok(Some(held)) if !super::is_at(&held, &beside) => {
                refused(io::Error::new(io::ErrorKind::NotFound, "its folder was moved meanwhile: try again"))
            }
            Ok(Some(held)) => Ok(Some(held)),
            Ok(None) => {
                let words = format!("another program holds {}: try again, or end that one", beside.display());
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
        FileKind { name: "list", newest: 3, pretty: false, damaged: "is no list", advice: "; remove it" };

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
    fn each_problem_is_told_with_the_file_and_what_to_do() {
        let (_kept, path) = path();
        assert!(KIND.read::<List>(&path).expect("nothing").is_none());
        let table = [
            ("{", "list.json is no list: EOF while parsing an object at line 1 column 1; remove it"),
            (r#"{"one":1}"#, "list.json is no list: missing field `version` at line 1 column 9; remove it"),
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
    fn changes_of_several_threads_are_all_kept() {
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
        let elsewhere = folder.path().join("missing/list.json");
        let change = |_: Option<&List>| Ok::<_, FileError>(List::default());
        assert!(KIND.update(&elsewhere, change).expect_err("no folder").to_string().contains("missing"));
    }
}
