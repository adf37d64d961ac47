//! Killing a worker that does not respond: stopped by a signal, or stuck in the kernel.

use crate::domain::{RunId, RunState};
use crate::runs::store::LoadError;
use crate::runs::{Liveness, RunFolder, RunStore};

use super::launcher;

/// The age of an unanswered stop request, in milliseconds, from which a kill is allowed.
pub const STOP_ANSWER_GRACE: u64 = 10_000;

/// The age of an acknowledged stop request, in milliseconds, from which a kill is allowed. A batch, a slow checkpoint
/// and the last test take time.
pub const STOP_GRACE: u64 = 120_000;

/// The reason why a worker was not killed.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// The run has no worker.
    #[error("{id} has no worker, it is {state}: there is nothing to kill")]
    NoWorker {
        /// The run.
        id: RunId,
        /// The run's state.
        state: RunState,
    },
    /// The worker has not written its identity, or not in a readable form.
    #[error(
        "a worker holds the lock of {id} but has not recorded its process, so nothing is killed: find the process \
         that has {} open (`lsof` or `fuser`) and end that with `kill -9`", folder.path().join("worker.lock").display()
    )]
    Unknown {
        /// The run.
        id: RunId,
        /// Its folder.
        folder: RunFolder,
    },
    /// The worker is on another machine or in another container.
    #[error("the worker of {id} is process {pid} on {host}, outside this program's system: kill it there")]
    Elsewhere {
        /// The run.
        id: RunId,
        /// Its process id there.
        pid: u32,
        /// The machine.
        host: String,
    },
    /// The process that took the lock is gone, but the lock is held.
    #[error(
        "process {pid}, which took the lock of {id}, has ended and another process holds it now: try again in a moment"
    )]
    Replaced {
        /// The run.
        id: RunId,
        /// The process that is gone.
        pid: u32,
    },
    /// The scheduler refused to cancel the job.
    #[error("cannot cancel the job of {id}: {source}")]
    Cancel {
        /// The run.
        id: RunId,
        /// The scheduler's error.
        source: std::io::Error,
    },
    /// The system refused the signal.
    #[error("cannot kill process {pid}, the worker of {id}: {source}")]
    Signal {
        /// The run.
        id: RunId,
        /// The process.
        pid: u32,
        /// The system's error.
        source: std::io::Error,
    },
    /// The system has no process handles.
    #[error(
        "this system cannot signal a process safely: make sure that process {pid} is a worker of mien \
         (`ps -p {pid}`) and end it with `kill -9 {pid}`"
    )]
    NoHandle {
        /// The process.
        pid: u32,
    },
    /// The process was killed and still exists.
    #[error(
        "process {pid}, the worker of {id}, was killed but has not ended yet: it waits for a device or a \
         disk, and ends when that responds"
    )]
    Stuck {
        /// The run.
        id: RunId,
        /// The process.
        pid: u32,
    },
    /// The state of its lock is unknown.
    #[error("cannot find out whether {id} has a worker: {source}; `mien doctor` tests the locks of the home")]
    Doubt {
        /// The run.
        id: RunId,
        /// The system's error.
        source: std::io::Error,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Describes the result of [`kill`]: `killed process 4711, the worker of calm-heron`.
#[must_use]
pub fn describe_kill(id: &RunId, pid: Option<u32>) -> String {
    pid.map_or_else(|| format!("withdrew the job of {id}"), |pid| format!("killed process {pid}, the worker of {id}"))
}

/// Kills the worker of a run, or cancels the job that would become one; returns its process id, if any. The log is
/// unchanged, because only workers write it.
///
/// # Errors
/// If there is no worker, its process is uncertain, or the system refuses.
pub fn kill(store: &RunStore, id: &RunId) -> Result<Option<u32>, KillError> {
    let folder = store.folder(id);
    let doubt = |source| KillError::Doubt { id: id.clone(), source };
    let launcher = launcher::of(&folder).map_err(doubt)?;
    match launcher.liveness(&folder) {
        Liveness::Alive | Liveness::Submitted => launcher.kill(id, &folder),
        Liveness::Absent => {
            let state = store.summary(id)?.state(super::now());
            Err(KillError::NoWorker { id: id.clone(), state })
        }
        // Cancelling a job needs no certain worker.
        Liveness::Unknown(_) if folder.placed_job().is_some() => launcher.kill(id, &folder),
        Liveness::Unknown(source) => Err(doubt(source)),
    }
}
