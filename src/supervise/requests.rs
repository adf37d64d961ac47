//! Requests to a running worker other than a stop: pausing, continuing, changing limits.

use std::io;
use std::path::PathBuf;

use crate::domain::{LimitChanges, Limits, RunId, RunState, SettingError};
use crate::runs::store::LoadError;
use crate::runs::{FileError, RunFolder, RunStore};

/// The reason why a request is not possible.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The run has no worker that could pause.
    #[error("{id} is not running, it is {state}: there is nothing to pause")]
    NothingToPause {
        /// The run.
        id: RunId,
        /// The run's state.
        state: RunState,
    },
    /// The run is not paused.
    #[error("{id} is not paused, it is {state}")]
    NotPaused {
        /// The run.
        id: RunId,
        /// The run's state.
        state: RunState,
    },
    /// The run has no worker that could change its limits.
    #[error(
        "{id} is not running, it is {state}: `mien resume {id} --epochs N --patience N` continues it with other limits"
    )]
    NoWorker {
        /// The run.
        id: RunId,
        /// The run's state.
        state: RunState,
    },
    /// Neither limit was given.
    #[error("nothing to change: give a number of epochs, a patience, or both")]
    NothingGiven,
    /// A limit is out of its range.
    #[error(transparent)]
    Limits(#[from] SettingError),
    /// The limits in force cannot be read.
    #[error(transparent)]
    InForce(#[from] FileError),
    /// The request cannot be written or withdrawn.
    #[error("cannot change the requests in {}: {source}", folder.display())]
    Write {
        /// The run's folder.
        folder: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

fn written(folder: &RunFolder, result: io::Result<()>) -> Result<(), RequestError> {
    result.map_err(|source| RequestError::Write { folder: folder.path().to_owned(), source })
}

/// Requests that a run waits after its current batch. It retains its device's memory and uses nothing else. Returns at
/// once.
///
/// # Errors
/// If the run is not active, cannot be read, or its folder cannot be written.
pub fn pause(store: &RunStore, id: &RunId) -> Result<(), RequestError> {
    let state = store.summary(id)?.state(super::now());
    if !state.is_active() {
        return Err(RequestError::NothingToPause { id: id.clone(), state });
    }
    let folder = store.folder(id);
    written(&folder, folder.request_pause())
}

/// Withdraws the pause request of a run. Returns at once.
///
/// # Errors
/// If no pause is requested, the run is not active, cannot be read, or its folder cannot be written.
pub fn unpause(store: &RunStore, id: &RunId) -> Result<(), RequestError> {
    let state = store.summary(id)?.state(super::now());
    let folder = store.folder(id);
    if !state.is_active() || !(state == RunState::Paused || folder.pause_requested()) {
        return Err(RequestError::NotPaused { id: id.clone(), state });
    }
    written(&folder, folder.clear_pause())
}

/// Puts changed limits in force for an active run and returns them. The recipe is unchanged. Returns at once.
///
/// # Errors
/// If no limit changes or one is out of range, the run is not active, cannot be read, or its folder cannot be written.
pub fn change_limits(store: &RunStore, id: &RunId, changes: LimitChanges) -> Result<Limits, RequestError> {
    if changes == LimitChanges::NONE {
        return Err(RequestError::NothingGiven);
    }
    let run = store.summary(id)?;
    let state = run.state(super::now());
    if !state.is_active() {
        return Err(RequestError::NoWorker { id: id.clone(), state });
    }
    let folder = store.folder(id);
    let in_force = folder.limits()?.unwrap_or_else(|| Limits::of(&run.summary.recipe));
    let limits = in_force.changed(changes);
    limits.check()?;
    written(&folder, folder.request_limits(limits))?;
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LimitChange::{By, Keep, To};
    use crate::domain::{DatasetName, Recipe};
    use crate::runs::Home;

    fn store() -> (tempfile::TempDir, RunStore, RunId, RunId) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let recipe = |created| Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), created);
        let old = store.create(&RunId::new("old").expect("an id"), &recipe(1)).expect("a run");
        let fresh = store.create(&RunId::new("fresh").expect("an id"), &recipe(super::super::now())).expect("a run");
        (folder, store, old, fresh)
    }

    #[test]
    fn only_an_active_run_is_paused_and_only_a_paused_one_continues() {
        let (_home, store, old, fresh) = store();
        assert!(pause(&store, &old).expect_err("lost").to_string().contains("nothing to pause"));
        assert!(unpause(&store, &fresh).expect_err("runs").to_string().contains("fresh is not paused, it is starting"));
        pause(&store, &fresh).expect("its worker is on the way");
        assert!(store.folder(&fresh).pause_requested());
        unpause(&store, &fresh).expect("asked to pause");
        assert!(!store.folder(&fresh).pause_requested());
    }

    #[test]
    fn limits_change_one_by_one_within_their_ranges() {
        let (_home, store, old, fresh) = store();
        let change = |id, epochs, patience| {
            change_limits(&store, id, LimitChanges { epochs, patience }).map_err(|error| error.to_string())
        };
        assert_eq!(change(&fresh, To(80), Keep), Ok(Limits { epochs: 80, patience: 10 }));
        assert_eq!(change(&fresh, Keep, To(3)), Ok(Limits { epochs: 80, patience: 3 }));
        // Relative to the limits that are requested, also before a worker has put them in force.
        assert_eq!(change(&fresh, By(10), By(-1)), Ok(Limits { epochs: 90, patience: 2 }));
        assert_eq!(change(&fresh, By(-10), By(1)), Ok(Limits { epochs: 80, patience: 3 }));
        assert_eq!(store.folder(&fresh).limits().expect("limits"), Some(Limits { epochs: 80, patience: 3 }));
        assert!(change(&fresh, To(0), Keep).is_err_and(|error| error.contains("epochs must be 1 to 10000, not '0'")));
        assert!(change(&fresh, Keep, Keep).is_err_and(|error| error.contains("nothing to change")));
        assert!(change(&old, To(9), Keep).is_err_and(|error| error.contains("mien resume old --epochs")));
    }
}
