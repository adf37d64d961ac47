//! The store of all runs of a home: create, list, find, follow.

use std::fs;
use std::io;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::domain::similar::suggest;
use crate::domain::{Recipe, RunId, text::printable};
use crate::durable::versioned::FileError;
use crate::events::ReadError;

use super::followed::FollowedRun;
use super::layout::{Home, RunFolder};

/// The runs of one home.
#[derive(Debug, Clone)]
pub struct RunStore {
    home: Home,
}

/// The reason why no run was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The home has no runs.
    #[error("there are no runs in {} yet: `mien train cnn` starts one", .0.display())]
    NoRuns(PathBuf),
    /// No run has this name.
    #[error("no run is called '{name}' in {}{similar}; `mien runs` lists them", folder.display())]
    Unknown {
        /// The requested name.
        name: String,
        /// The folder of runs.
        folder: PathBuf,
        /// The suggestion of another name, or nothing.
        similar: String,
    },
    /// Several runs' names begin with this text.
    #[error("'{name}' is ambiguous between {}: type more of the name", candidates.join(", "))]
    Ambiguous {
        /// The requested name.
        name: String,
        /// The matching runs.
        candidates: Vec<String>,
    },
    /// The folder of runs cannot be read.
    #[error("cannot list {}: {source}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The error.
        source: io::Error,
    },
}

/// The reason why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] FileError),
    /// Its event log cannot be read.
    #[error(transparent)]
    Events(#[from] ReadError),
}

impl RunStore {
    /// Returns the runs of this home, which need not exist yet.
    #[must_use]
    pub fn new(home: Home) -> Self {
        Self { home }
    }

    /// Returns the home.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns the folder of a run.
    #[must_use]
    pub fn folder(&self, id: &RunId) -> RunFolder {
        self.home.run(id)
    }

    /// Returns the ids of all runs, unordered: every folder with a recipe is a run.
    ///
    /// # Errors
    /// If the folder of runs exists and cannot be read.
    pub fn ids(&self) -> io::Result<Vec<RunId>> {
        let entries = match fs::read_dir(self.home.checkpoints()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let run = |entry: fs::DirEntry| {
            let id = RunId::new(entry.file_name().to_str()?).ok()?;
            self.folder(&id).recipe_file().is_file().then_some(id)
        };
        Ok(entries.filter_map(Result::ok).filter_map(run).collect())
    }

    /// Finds a run by its id, a unique prefix of it, `latest`, or a former name.
    ///
    /// # Errors
    /// If no run or several runs match.
    pub fn find(&self, query: &str) -> Result<RunId, FindError> {
        let folder = self.home.checkpoints();
        let mut ids = self.ids().map_err(|source| FindError::Io { folder: folder.clone(), source })?;
        if ids.is_empty() {
            return Err(FindError::NoRuns(folder));
        }
        ids.sort();
        if let Some(exact) = ids.iter().find(|id| id.as_str() == query) {
            return Ok(exact.clone());
        }
        if query == "latest" {
            let created = |id: &RunId| self.folder(id).recipe().map_or(0, |recipe| recipe.created_at);
            let latest = ids.into_iter().max_by_key(created);
            return latest.ok_or(FindError::NoRuns(folder));
        }
        let begun: Vec<&RunId> = ids.iter().filter(|id| !query.is_empty() && id.as_str().starts_with(query)).collect();
        match begun.as_slice() {
            [one] => Ok((*one).clone()),
            [] => self.find_by_former_name(query).ok_or_else(|| {
                let similar = suggest(query, ids.iter().map(RunId::as_str));
                FindError::Unknown { name: printable(query), folder, similar }
            }),
            several => Err(FindError::Ambiguous {
                name: printable(query),
                candidates: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Creates the folder of a new run with its recipe. If `id` is taken, appends the first free number.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(&self, id: &RunId, recipe: &Recipe) -> io::Result<RunId> {
        fs::create_dir_all(self.home.checkpoints())?;
        for attempt in 1_u32.. {
            let name = if attempt == 1 { id.to_string() } else { format!("{id}-{attempt}") };
            let id = RunId::new(name).map_err(io::Error::other)?;
            let folder = self.folder(&id);
            match fs::create_dir(folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    // Remove the folder after a failed write: otherwise a folder without a recipe would remain.
                    folder.write_recipe(recipe).inspect_err(|_| {
                        let _ = fs::remove_dir_all(folder.path());
                    })?;
                    return Ok(id);
                }
            }
        }
        Err(io::Error::other("every name is taken"))
    }

    /// Opens a run for following from its first event.
    ///
    /// # Errors
    /// If its recipe cannot be read.
    pub fn follow(&self, id: &RunId) -> Result<FollowedRun, FileError> {
        FollowedRun::from_first_event(self.folder(id), id.clone())
    }

    /// Opens a run for following from the end of a valid saved fold. The rest of the log is not read yet.
    ///
    /// # Errors
    /// If its recipe cannot be read.
    pub fn open(&self, id: &RunId) -> Result<FollowedRun, FileError> {
        FollowedRun::from_saved_fold(self.folder(id), id.clone())
    }

    /// Returns a run with its current summary.
    ///
    /// # Errors
    /// If its recipe or its log cannot be read.
    pub fn summary(&self, id: &RunId) -> Result<FollowedRun, LoadError> {
        let mut run = self.open(id)?;
        run.advance()?;
        run.save_folds();
        Ok(run)
    }

    /// Returns these runs with their current summaries, in the same order, read by several threads.
    #[must_use]
    pub fn summaries(&self, ids: &[RunId]) -> Vec<Result<FollowedRun, LoadError>> {
        let read = |id: &RunId| {
            // A thousand curves would take half a gigabyte, and lists need none.
            let mut run = self.summary(id)?;
            run.forget_detail();
            Ok(run)
        };
        ids.par_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DatasetName;
    use crate::events::{Event, Record};

    fn store_with(names: &[&str]) -> (tempfile::TempDir, RunStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        for (created_at, name) in (1_u64..).zip(names) {
            let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), created_at);
            store.create(&RunId::new(*name).expect("an id"), &recipe).expect("a run");
        }
        (folder, store)
    }

    #[test]
    fn a_run_is_found_by_id_unique_prefix_or_latest() {
        let (_folder, store) = store_with(&["calm-heron", "calm-hare", "calm", "brisk-otter"]);
        let found = |query: &str| store.find(query).map(|id| id.to_string()).map_err(|error| error.to_string());
        assert_eq!(found("calm").as_deref(), Ok("calm"));
        assert_eq!(found("br").as_deref(), Ok("brisk-otter"));
        assert_eq!(found("latest").as_deref(), Ok("brisk-otter"));
        assert!(found("calm-h").expect_err("two").contains("calm-hare, calm-heron"));
        assert!(found("x\u{1b}").expect_err("none").contains("no run is called 'x·'"));
        assert!(found("").is_err());
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let (_folder, store) = store_with(&["calm-heron", "calm-heron"]);
        let mut ids: Vec<String> = store.ids().expect("ids").iter().map(ToString::to_string).collect();
        ids.sort();
        assert_eq!(ids, ["calm-heron", "calm-heron-2"]);
    }

    #[test]
    fn a_lock_is_seen_while_it_is_held_and_one_at_a_time() {
        let (_folder, store) = store_with(&["calm-heron"]);
        let run = store.folder(&RunId::new("calm-heron").expect("an id"));
        assert!(!run.worker_alive());
        let lock = run.lock().expect("a lock").expect("free");
        assert!(run.worker_alive());
        assert!(run.lock().expect("no error").is_none());
        drop(lock);
        assert!(!run.worker_alive());
    }

    #[test]
    fn events_before_an_error_count() {
        let (_folder, store) = store_with(&["calm-heron"]);
        let mut run = store.follow(&RunId::new("calm-heron").expect("an id")).expect("a run");
        // Longer than one read, so that reading fails at a later piece.
        let warning = Record { at: 1, event: Event::Warning { message: "x".repeat(1 << 20) } };
        let line = serde_json::to_string(&warning).expect("JSON");
        let newer = r#"{"at":2,"event":"log_opened","version":99,"program":"mien 99"}"#;
        let log = std::iter::repeat_n(line.as_str(), 6).chain([newer]).map(|line| format!("{line}\n"));
        fs::write(run.folder().events_file(), log.collect::<String>()).expect("written");
        let mut records = Vec::new();
        assert!(matches!(run.poll(&mut records), Err(ReadError::Newer { found: 99, .. })));
        assert!(!records.is_empty());
        assert_eq!(run.summary.warnings.len(), records.len());
    }

    #[test]
    fn a_recipe_of_a_newer_format_is_refused_in_words() {
        let (_folder, store) = store_with(&["calm-heron"]);
        let run = store.folder(&RunId::new("calm-heron").expect("an id"));
        fs::write(run.recipe_file(), "{\"version\": 99}").expect("written");
        assert!(run.recipe().expect_err("refused").to_string().contains("use a newer mien"));
    }
}
