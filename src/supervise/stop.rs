//! The stop request to a worker.

use std::io;
use std::path::PathBuf;

use crate::domain::{RunId, RunState};
use crate::runs::RunStore;
use crate::runs::store::LoadError;

/// The reason why a stop is not possible.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The run has no worker.
    #[error("{id} is not running, it is {state}: there is nothing to stop")]
    NotActive {
        /// The run.
        id: RunId,
        /// The run's state.
        state: RunState,
    },
    /// The request cannot be written.
    #[error("cannot write the stop request into {}: {source}", folder.display())]
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

/// Requests that the worker ends after its current batch. Returns at once.
///
/// # Errors
/// If the run is not active, cannot be read, or its folder cannot be written.
pub fn request_stop(store: &RunStore, id: &RunId) -> Result<(), StopError> {
    let state = store.summary(id)?.state(super::now());
    if !state.is_active() {
        return Err(StopError::NotActive { id: id.clone(), state });
    }
    let folder = store.folder(id);
    folder.request_stop().map_err(|source| StopError::Write { folder: folder.path().to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DatasetName, Recipe};
    use crate::runs::Home;

    #[test]
    fn only_an_active_run_takes_a_request() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let recipe = |created| Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), created);
        let old = store.create(&RunId::new("old").expect("an id"), &recipe(1)).expect("a run");
        let fresh = store.create(&RunId::new("fresh").expect("an id"), &recipe(super::super::now())).expect("a run");

        let error = request_stop(&store, &old).expect_err("lost").to_string();
        assert!(error.contains("old is not running, it is lost"), "{error}");
        assert!(!store.folder(&old).stop_requested());
        request_stop(&store, &fresh).expect("its worker is on the way");
        assert!(store.folder(&fresh).stop_requested());
    }
}
