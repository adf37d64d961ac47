//! Renaming and deleting runs, and resolving former names in other runs' recipes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::layout::{RECIPE_FILE, RunFolder};
use super::store::RunStore;
use crate::domain::{DatasetName, NameError, RunId};
use crate::durable;
use crate::durable::versioned::FileError;
use crate::runs::placement::Liveness;

/// The prefix of the folder of a run that is being deleted; the dot hides it from lists.
pub(super) const DELETED: &str = ".deleted-";

/// The reason why a run was not renamed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// A worker is running.
    #[error("{id} has a worker: `mien stop {id}` ends it")]
    Busy {
        /// The run.
        id: RunId,
    },
    /// An active run waits for the run, or starts from it.
    #[error("{by} waits for {id} or starts from it: let {by} begin or stop it first")]
    Awaited {
        /// The run.
        id: RunId,
        /// The other run.
        by: RunId,
    },
    /// The run does not exist.
    #[error("there is no run {id}")]
    Gone {
        /// The run.
        id: RunId,
    },
    /// Another run has the name.
    #[error("there is a run {id} already: choose another name")]
    Taken {
        /// The name.
        id: RunId,
    },
    /// The name is not valid for a run.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Workers train on the dataset.
    #[error("{dataset} is in use by {runs}: stop the training first")]
    InUse {
        /// The dataset.
        dataset: DatasetName,
        /// The runs.
        runs: String,
    },
    /// The annotations cannot be read or written.
    #[error(transparent)]
    Annotations(#[from] FileError),
    /// The file system returned an error.
    #[error("cannot change {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl RunStore {
    /// Renames a run and records its former name, under which recipes of other runs and people still find it.
    ///
    /// # Errors
    /// If a worker is running, an active run depends on the run, the name is taken, or the folder cannot be changed.
    pub fn rename(&self, old: &RunId, new: &RunId, now: u64) -> Result<(), ManageError> {
        if old == new {
            return Ok(());
        }
        RunId::of_new_run(new.as_str())?;
        let (from, to) = (self.folder(old), self.folder(new));
        self.refuse_taken(new)?;
        let _lock = self.lock_inactive(old, now)?;
        // Recorded before the rename. Otherwise a crash in between would lose the former name; an extra record does no
        // harm.
        from.change_annotations(|about| {
            about.former.retain(|name| name != new && name != old);
            about.former.push(old.clone());
        })?;
        durable::move_folder(from.path(), to.path(), RECIPE_FILE).map_err(|source| io_error(&from, source))
    }

    /// Refuses a name that a run has. Otherwise scripts that give a new run a name would continue with the old one.
    ///
    /// # Errors
    /// If there is a run of this name.
    pub fn refuse_taken(&self, id: &RunId) -> Result<(), ManageError> {
        let is_taken = self.folder(id).path().symlink_metadata().is_ok();
        if is_taken { Err(ManageError::Taken { id: id.clone() }) } else { Ok(()) }
    }

    /// Deletes a run permanently. The run disappears from every list at once; if removing its files is interrupted,
    /// [`Self::sweep`] removes the rest.
    ///
    /// # Errors
    /// If a worker is running, an active run depends on the run, or the folder cannot be changed.
    pub fn delete(&self, id: &RunId, now: u64) -> Result<(), ManageError> {
        let folder = self.folder(id);
        // For a linked run elsewhere, only the link is removed.
        if fs::symlink_metadata(folder.path()).is_ok_and(|there| there.is_symlink()) {
            return fs::remove_file(folder.path()).map_err(|source| io_error(&folder, source));
        }
        let lock = self.lock_inactive(id, now)?;
        let hidden = (0..=u16::MAX)
            .map(|number| self.home().checkpoints().join(format!("{DELETED}{number}-{id}")))
            .find(|path| path.symlink_metadata().is_err());
        let hidden = hidden.unwrap_or_else(|| self.home().checkpoints().join(DELETED));
        match fs::rename(folder.path(), &hidden) {
            // Where folders cannot be renamed, the run disappears with its recipe.
            Err(error) if durable::is_operation_unsupported(&error) => {
                let removed = fs::remove_file(folder.recipe_file()).and_then(|()| fs::remove_dir_all(folder.path()));
                return removed.map_err(|source| io_error(&folder, source));
            }
            other => other.map_err(|source| io_error(&folder, source))?,
        }
        drop(lock);
        fs::remove_dir_all(&hidden).map_err(|source| ManageError::Io { path: hidden, source })
    }

    /// Removes the remains of interrupted deletions.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.home().checkpoints()) else { return };
        let leftovers = entries.filter_map(Result::ok).filter(|entry| {
            let hidden = entry.file_name().to_str().is_some_and(|name| name.starts_with(DELETED));
            hidden && entry.file_type().is_ok_and(|kind| kind.is_dir())
        });
        for entry in leftovers {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// Returns the run with this name, or else the last run that had it.
    #[must_use]
    pub fn resolve(&self, name: &RunId) -> Option<RunId> {
        if self.folder(name).recipe_file().is_file() {
            return Some(name.clone());
        }
        self.find_by_former_name(name.as_str())
    }

    /// Returns the last run that had this name.
    pub(super) fn find_by_former_name(&self, name: &str) -> Option<RunId> {
        let created = |id: &RunId| self.folder(id).recipe().map_or(0, |recipe| recipe.created_at);
        let had = |id: &RunId| {
            let about = self.folder(id).annotations().ok();
            about.is_some_and(|about| about.former.iter().any(|former| former.as_str() == name))
        };
        self.ids().ok()?.into_iter().filter(had).max_by_key(created)
    }

    /// Returns the runs of a dataset, each with its liveness.
    ///
    /// # Errors
    /// If the folder of runs cannot be listed.
    pub fn trained_on(&self, dataset: &DatasetName) -> io::Result<Vec<(RunId, Liveness)>> {
        let of = |id: RunId| {
            let folder = self.folder(&id);
            folder.recipe().is_ok_and(|recipe| recipe.dataset == *dataset).then(|| (id, folder.liveness()))
        };
        Ok(self.ids()?.into_iter().filter_map(of).collect())
    }

    /// Refuses if a worker trains on a dataset, or may do so.
    ///
    /// # Errors
    /// The runs that use the dataset, or an error of listing them.
    pub fn refuse_in_use(&self, dataset: &DatasetName) -> Result<(), ManageError> {
        let io_error = |source| ManageError::Io { path: self.home().checkpoints(), source };
        let busy = |(id, liveness): (RunId, Liveness)| match liveness {
            Liveness::Alive | Liveness::Submitted => Some(id.to_string()),
            Liveness::Unknown(error) => Some(format!("{id} (its lock cannot be checked: {error})")),
            Liveness::Absent => None,
        };
        let runs: Vec<String> = self.trained_on(dataset).map_err(io_error)?.into_iter().filter_map(busy).collect();
        if runs.is_empty() {
            return Ok(());
        }
        Err(ManageError::InUse { dataset: dataset.clone(), runs: runs.join(", ") })
    }

    /// Takes the lock of a run that may be changed now, so that no worker starts meanwhile.
    pub(super) fn lock_inactive(&self, id: &RunId, now: u64) -> Result<fs::File, ManageError> {
        let folder = self.folder(id);
        if !folder.recipe_file().is_file() {
            return Err(ManageError::Gone { id: id.clone() });
        }
        if folder.is_starting(now) {
            return Err(ManageError::Busy { id: id.clone() });
        }
        let lock = folder.lock().map_err(|source| io_error(&folder, source))?;
        let lock = lock.ok_or_else(|| ManageError::Busy { id: id.clone() })?;
        match self.needed(now)?.remove(id) {
            Some(by) => Err(ManageError::Awaited { id: id.clone(), by }),
            None => Ok(lock),
        }
    }

    /// Returns the runs that an active run may still read, each with that active run.
    pub(super) fn needed(&self, now: u64) -> Result<BTreeMap<RunId, RunId>, ManageError> {
        let ids = self.ids().map_err(|source| ManageError::Io { path: self.home().checkpoints(), source })?;
        let mut needed = BTreeMap::new();
        for id in ids {
            let folder = self.folder(&id);
            if !(folder.worker_alive() || folder.is_starting(now)) {
                continue;
            }
            let Ok(recipe) = folder.recipe() else { continue };
            let needs = recipe.awaited(folder.start_checkpoint().exists());
            for other in needs.into_iter().filter(|other| *other != id) {
                needed.insert(other, id.clone());
            }
        }
        Ok(needed)
    }
}

pub(super) fn io_error(folder: &RunFolder, source: io::Error) -> ManageError {
    ManageError::Io { path: folder.path().to_owned(), source }
}

#[cfg(test)]
mod tests;
