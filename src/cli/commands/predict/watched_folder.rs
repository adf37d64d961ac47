//! A folder that is polled for new pictures (docs/decisions/0042).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::exit::CommandError;
use crate::data::import::pictures_in;

/// Size and time of change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// A watched folder, and the states of its files at the last poll.
#[derive(Debug, Clone)]
pub(super) struct WatchedFolder {
    folder: PathBuf,
    /// The state of each file at the last poll, and whether it was returned.
    known: HashMap<PathBuf, (FileState, bool)>,
}

impl WatchedFolder {
    /// Starts to watch. Files that exist already are not returned.
    pub(super) fn open(folder: &Path) -> Result<Self, CommandError> {
        let listed = list_states(folder).map_err(|error| CommandError::Failure(error.to_string()))?;
        let known = listed.into_iter().map(|(path, state)| (path, (state, true))).collect();
        Ok(Self { folder: folder.to_owned(), known })
    }

    /// Returns the pictures that are new or changed and have the same state as at the last poll. Otherwise a file that
    /// is still being written would be read in part.
    pub(super) fn poll(&mut self) -> Vec<PathBuf> {
        // A folder on a network can be missing for a moment.
        let Ok(listed) = list_states(&self.folder) else { return Vec::new() };
        let mut found = Vec::new();
        let mut known = HashMap::with_capacity(listed.len());
        for (path, state) in listed {
            let before = self.known.get(&path).copied();
            let same = before.filter(|(earlier, _)| *earlier == state);
            let returned = same.is_some_and(|(_, returned)| returned);
            if same.is_some() && !returned && state.bytes > 0 {
                found.push(path.clone());
            }
            let returned = returned || (same.is_some() && state.bytes > 0);
            known.insert(path, (state, returned));
        }
        self.known = known;
        found
    }
}

/// Returns the pictures in a folder with their states, sorted by path.
fn list_states(folder: &Path) -> Result<Vec<(PathBuf, FileState)>, crate::data::ImportError> {
    let state = |(_, path): (String, PathBuf)| {
        let metadata = fs::metadata(&path).ok()?;
        Some((path, FileState { bytes: metadata.len(), changed: metadata.modified().ok() }))
    };
    Ok(pictures_in(folder)?.files.into_iter().filter_map(state).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_are_returned_once_and_only_when_complete() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).expect("written");
        write("old.png", "old");
        let mut watched = WatchedFolder::open(dir.path()).expect("watched");
        assert_eq!(watched.poll(), Vec::<PathBuf>::new(), "old files");
        write("new.png", "ha");
        write("empty.png", "");
        assert_eq!(watched.poll(), Vec::<PathBuf>::new(), "it may be incomplete");
        write("new.png", "half, and more");
        assert_eq!(watched.poll(), Vec::<PathBuf>::new(), "it was still being written");
        assert_eq!(watched.poll(), [path("new.png")]);
        assert_eq!(watched.poll(), Vec::<PathBuf>::new(), "returned once");
        write("old.png", "another one");
        watched.poll();
        assert_eq!(watched.poll(), [path("old.png")], "changed");
        write("empty.png", "begun");
        watched.poll();
        assert_eq!(watched.poll(), [path("empty.png")]);
    }
}
