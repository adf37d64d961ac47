//! A folder that pictures keep coming into. It is looked at again and again (docs/decisions/0042).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::exit::CommandError;
use crate::data::import::pictures_in;

/// What a file was at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// A watched folder, and what is known of its files.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    folder: PathBuf,
    /// What each file was at the last look, and whether that is told.
    known: HashMap<PathBuf, (Standing, bool)>,
}

impl Watched {
    /// Begins to watch: what is there already is no news.
    pub(super) fn open(folder: &Path) -> Result<Self, CommandError> {
        let listed = standings(folder).map_err(|error| CommandError::Words(error.to_string()))?;
        let known = listed.into_iter().map(|(path, standing)| (path, (standing, true))).collect();
        Ok(Self { folder: folder.to_owned(), known })
    }

    /// The pictures that have come or changed and are whole: as they were at the look before. A file that is still
    /// written changes between two looks, and waits.
    pub(super) fn look(&mut self) -> Vec<PathBuf> {
        // A folder that is away for a moment, as on a network, has nothing new.
        let Ok(listed) = standings(&self.folder) else { return Vec::new() };
        let mut news = Vec::new();
        let mut known = HashMap::with_capacity(listed.len());
        for (path, standing) in listed {
            let before = self.known.get(&path).copied();
            let same = before.filter(|(earlier, _)| *earlier == standing);
            let told = same.is_some_and(|(_, told)| told);
            if same.is_some() && !told && standing.bytes > 0 {
                news.push(path.clone());
            }
            let tells = told || (same.is_some() && standing.bytes > 0);
            known.insert(path, (standing, tells));
        }
        self.known = known;
        news
    }
}

/// The pictures in a folder, sorted, as they stand.
fn standings(folder: &Path) -> Result<Vec<(PathBuf, Standing)>, crate::data::ImportError> {
    let standing = |(_, path): (String, PathBuf)| {
        let metadata = fs::metadata(&path).ok()?;
        Some((path, Standing { bytes: metadata.len(), changed: metadata.modified().ok() }))
    };
    Ok(pictures_in(folder)?.files.into_iter().filter_map(standing).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_once_and_only_when_they_are_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).expect("written");
        write("old.png", "old");
        let mut watched = Watched::open(dir.path()).expect("watched");
        assert_eq!(watched.look(), Vec::<PathBuf>::new(), "what was there is no news");
        write("new.png", "ha");
        write("empty.png", "");
        assert_eq!(watched.look(), Vec::<PathBuf>::new(), "it may be half of it");
        write("new.png", "half, and more");
        assert_eq!(watched.look(), Vec::<PathBuf>::new(), "it was still written");
        assert_eq!(watched.look(), [path("new.png")]);
        assert_eq!(watched.look(), Vec::<PathBuf>::new(), "told once");
        write("old.png", "another one");
        watched.look();
        assert_eq!(watched.look(), [path("old.png")], "changed");
        write("empty.png", "begun");
        watched.look();
        assert_eq!(watched.look(), [path("empty.png")]);
    }
}
