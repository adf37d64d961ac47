//! Where a run was handed to a system that starts its worker when it likes, such as a batch system:
//! `control/placed.json`.
//!
//! While it is there, a run without a worker is not lost: a worker may begin at any time. It goes when the worker tells
//! the run's end, or when the launcher knows for certain that no worker comes.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use crate::durable::lock::{self, LockState};
use crate::durable::versioned::{FileError, FileKind};

/// The newest format of `placed.json` that this program writes and reads.
pub const PLACEMENT_VERSION: u32 = 1;

static KIND: FileKind =
    FileKind { name: "placement", newest: PLACEMENT_VERSION, pretty: false, damaged: "is no placement", advice: "" };

/// A job of another system that is to become a run's worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The name of the launcher that handed the run over.
    pub launcher: String,
    /// What the system calls the job; `None` until it has taken the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// When the run was handed over, in milliseconds since 1970.
    pub at: u64,
}

/// Whether a worker is at a run, or comes.
#[derive(Debug)]
pub enum Liveness {
    /// A process holds the run's lock.
    Alive,
    /// Nobody does, but a worker may begin at any time.
    Submitted,
    /// No worker is there, and none comes by itself.
    Absent,
    /// It cannot be told.
    Unknown(io::Error),
}

impl Liveness {
    /// Whether a worker is there, comes, or may: what cannot be told must not cost anybody a run.
    #[must_use]
    pub fn may_be_alive(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl RunFolder {
    fn placement_file(&self) -> PathBuf {
        self.control().join("placed.json")
    }

    /// Where the run was handed to, if a worker is still to be expected from there.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn placement(&self) -> Result<Option<Placement>, FileError> {
        KIND.read(&self.placement_file())
    }

    /// Notes where the run is handed to.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn place(&self, placement: &Placement) -> io::Result<()> {
        self.request(&self.placement_file(), &KIND.bytes(placement)?)
    }

    /// Notes that no further worker is to be expected.
    ///
    /// # Errors
    /// When the note is there and cannot be removed.
    pub fn clear_placement(&self) -> io::Result<()> {
        self.take_back(&self.placement_file())
    }

    /// Whether a worker is at the run, or comes. Only the lock tells of a process: an id may be another's by now.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        match (lock::state(&self.lock_file()), self.placement()) {
            (LockState::Held, _) => Liveness::Alive,
            (LockState::Unknown(error), _) => Liveness::Unknown(error),
            (LockState::Free, Ok(None)) => Liveness::Absent,
            (LockState::Free, Ok(Some(_))) => Liveness::Submitted,
            (LockState::Free, Err(error)) => Liveness::Unknown(io::Error::other(error)),
        }
    }
}
