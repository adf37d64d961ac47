//! New runs, runs that go on, and tests of finished ones: each in a worker of its own.

use std::io;
use std::path::PathBuf;

use crate::domain::{Recipe, RunId, RunState};
use crate::runs::store::LoadError;
use crate::runs::{Job, RunStore};

use super::spawn::{Start, start, worker_command};

/// Why no worker was started, or none stayed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A build for looking only.
    #[error(
        "this mien was built without the trainer: it shows runs and cannot start them. \
         Build it with the feature `trainer` (it is on by default)"
    )]
    NoTrainer,
    /// The run's folder cannot be made.
    #[error("cannot create a run in {}: {source}", folder.display())]
    Create {
        /// The folder of runs.
        folder: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// One at a time.
    #[error("a worker is at {id} already: `mien watch {id}` follows it")]
    Busy {
        /// The run.
        id: RunId,
    },
    /// There is nothing to go on with.
    #[error("{id} is finished: start a new run with more epochs or more patience instead")]
    Finished {
        /// The run.
        id: RunId,
    },
    /// There is nothing to test.
    #[error("{id} has saved no weights yet: there is no {}", checkpoint.display())]
    NoWeights {
        /// The run.
        id: RunId,
        /// The file that is missing.
        checkpoint: PathBuf,
    },
    /// The process could not be started.
    #[error("cannot start a worker for {id}: {source}")]
    Spawn {
        /// The run.
        id: RunId,
        /// What the system said.
        source: io::Error,
    },
    /// The process ended before it took the run on.
    #[error("the worker of {id} ended at once ({status}){}", last_words(tail))]
    Died {
        /// The run.
        id: RunId,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines it printed, safe for a terminal.
        tail: String,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

fn last_words(tail: &str) -> String {
    if tail.is_empty() { " and said nothing".into() } else { format!(":\n{tail}") }
}

/// Creates a run and starts its worker; returns the id, which has a number behind it if `id` was taken. Waits, up to
/// three seconds, until the worker has taken the run on, so that an early failure is told here.
///
/// # Errors
/// When the run cannot be created (nothing is then left behind), or no worker stays (the run's folder then keeps
/// what the worker printed).
pub fn launch(store: &RunStore, id: &RunId, recipe: &Recipe) -> Result<RunId, LaunchError> {
    require_trainer()?;
    let create = |source| LaunchError::Create { folder: store.home().checkpoints(), source };
    let id = store.create(id, recipe).map_err(create)?;
    let started = spawn(store, &id, Job::Train);
    if let Err(LaunchError::Spawn { .. }) = started {
        // No process ever saw it: a run that never was should not be listed.
        let _ = std::fs::remove_dir_all(store.folder(&id).path());
    }
    started.map(|()| id)
}

/// Starts a worker that goes on after the run's last completed epoch.
///
/// # Errors
/// When a worker is at the run, the run is finished, its checkpoints are gone, or no worker stays.
pub fn resume(store: &RunStore, id: &RunId) -> Result<(), LaunchError> {
    require_trainer()?;
    match state(store, id)? {
        state if state.is_active() => Err(LaunchError::Busy { id: id.clone() }),
        RunState::Finished => Err(LaunchError::Finished { id: id.clone() }),
        _ => {
            let folder = store.folder(id);
            let saved = folder.last_checkpoint().exists() || folder.best_checkpoint().exists();
            if !saved && store.summary(id)?.summary.epoch() > 0 {
                // Beginning anew under an old history is not going on.
                return Err(LaunchError::NoWeights { id: id.clone(), checkpoint: folder.last_checkpoint() });
            }
            spawn(store, id, Job::Train)
        }
    }
}

/// Starts a worker that tests the run's best weights again.
///
/// # Errors
/// When a worker is at the run, there are no weights, or no worker stays.
pub fn evaluate(store: &RunStore, id: &RunId) -> Result<(), LaunchError> {
    require_trainer()?;
    if state(store, id)?.is_active() {
        return Err(LaunchError::Busy { id: id.clone() });
    }
    let checkpoint = store.folder(id).best_checkpoint();
    if !checkpoint.exists() {
        return Err(LaunchError::NoWeights { id: id.clone(), checkpoint });
    }
    spawn(store, id, Job::Evaluate)
}

fn require_trainer() -> Result<(), LaunchError> {
    if super::can_train() { Ok(()) } else { Err(LaunchError::NoTrainer) }
}

fn state(store: &RunStore, id: &RunId) -> Result<RunState, LaunchError> {
    Ok(store.summary(id)?.state(super::now()))
}

fn spawn(store: &RunStore, id: &RunId, job: Job) -> Result<(), LaunchError> {
    let folder = store.folder(id);
    let started = folder.clear_stop().and_then(|()| start(worker_command(&folder, job)?, &folder));
    match started {
        Ok(Start::Underway) => Ok(()),
        Ok(Start::Died { status, tail }) => Err(LaunchError::Died { id: id.clone(), status, tail }),
        Err(source) => Err(LaunchError::Spawn { id: id.clone(), source }),
    }
}
