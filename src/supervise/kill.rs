//! Killing a worker that does not answer: stopped by a signal, or stuck in the kernel.

use crate::domain::{RunId, RunState};
use crate::runs::store::LoadError;
use crate::runs::{Liveness, RunFolder, RunStore};

use super::launcher;

/// A stop that nobody has heard for this long, in milliseconds, may be followed by a kill.
pub const UNHEARD: u64 = 10_000;

/// A stop that was heard and not obeyed for this long, in milliseconds, may be followed by a kill: a batch, a
/// checkpoint on a slow disk and the last test take their time.
pub const UNOBEYED: u64 = 120_000;

/// Why a worker was not killed.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// Nobody works on it.
    #[error("no worker is at {id}, it is {state}: there is nothing to kill")]
    NoWorker {
        /// The run.
        id: RunId,
        /// Where it stands.
        state: RunState,
    },
    /// The worker has not said who it is, or not in a way that this program understands.
    #[error(
        "a worker holds the lock of {id} and has not written there which process it is, so none is killed: find the process \
         that has {} open (`lsof` or `fuser`) and end that with `kill -9`", folder.path().join("worker.lock").display()
    )]
    Unknown {
        /// The run.
        id: RunId,
        /// Its folder.
        folder: RunFolder,
    },
    /// It runs on another machine, or in another container.
    #[error("the worker of {id} is process {pid} of {host}, elsewhere than this program: kill it there")]
    Elsewhere {
        /// The run.
        id: RunId,
        /// Its process id there.
        pid: u32,
        /// The machine.
        host: String,
    },
    /// The process that took the lock is gone, and still somebody holds it.
    #[error(
        "process {pid} took the lock of {id} and is gone, and another process holds it now: look again in a moment"
    )]
    Replaced {
        /// The run.
        id: RunId,
        /// The process that is gone.
        pid: u32,
    },
    /// The system did not do it.
    #[error("cannot kill process {pid}, the worker of {id}: {source}")]
    Signal {
        /// The run.
        id: RunId,
        /// The process.
        pid: u32,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system has no handles on processes.
    #[error(
        "this system cannot signal a process without trusting its number; make sure that process {pid} is a worker of mien \
         (`ps -p {pid}`) and end it with `kill -9 {pid}`"
    )]
    NoHandle {
        /// The process.
        pid: u32,
    },
    /// It was killed and is not gone.
    #[error(
        "process {pid}, the worker of {id}, was killed and the kernel has not let go of it yet: it waits for a device or a \
         disk, and ends when that answers"
    )]
    Stuck {
        /// The run.
        id: RunId,
        /// The process.
        pid: u32,
    },
    /// Its lock cannot be looked at.
    #[error("cannot tell whether a worker is at {id}: {source}; `mien doctor` tests the locks of the home")]
    Doubt {
        /// The run.
        id: RunId,
        /// What the system said.
        source: std::io::Error,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What [`kill`] did, in words: `killed process 4711, the worker of calm-heron`.
#[must_use]
pub fn killed_words(id: &RunId, pid: Option<u32>) -> String {
    pid.map_or_else(|| format!("took back the job of {id}"), |pid| format!("killed process {pid}, the worker of {id}"))
}

/// Ends the worker of a run at once, or takes back the job that would become one; returns its process id, if it has
/// one. Its log is left as it is: only workers write there.
///
/// # Errors
/// When there is no worker, it is not certain which process it is, or the system does not end it.
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
        Liveness::Unknown(source) => Err(doubt(source)),
    }
}
