//! The record of the system that will start a run's worker, such as a batch system: `control/placed.json`.
//!
//! A run with this record and without a worker is not lost, because a worker may begin at any time. The record is
//! removed when the worker logs the run's end, or when no worker will come for certain.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use crate::domain::Place;
use crate::durable::lock::{self, LockState};
use crate::durable::versioned::{FileError, FileKind};

/// The newest format of `placed.json` that this program writes and reads.
pub const PLACEMENT_VERSION: u32 = 1;

/// `place.json`.
static PLACE: FileKind =
    FileKind { name: "place", newest: 1, pretty: false, damaged: "is not the record of a place", advice: "" };

static KIND: FileKind = FileKind {
    name: "placement",
    newest: PLACEMENT_VERSION,
    pretty: false,
    damaged: "is not a placement record",
    advice: "",
};

/// The job of another system that will become a run's worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The name of the launcher that submitted the run.
    pub launcher: String,
    /// The system's id of the job; `None` until the system accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The time of submission, in milliseconds since 1970.
    pub at: u64,
    /// The name of the place in the config file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The cluster, if the system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How often the system has started the job again: 0 at its first start.
    #[serde(default)]
    pub attempt: u32,
}

/// The state of a run's worker.
#[derive(Debug)]
pub enum Liveness {
    /// A process holds the run's lock.
    Alive,
    /// No process holds the lock, but a worker may begin at any time.
    Submitted,
    /// There is no worker, and none will come by itself.
    Absent,
    /// The state is unknown because of this error.
    Unknown(io::Error),
}

impl Liveness {
    /// Returns whether a worker is or may be alive or submitted. Counting unknown as dead could delete a live run.
    #[must_use]
    pub fn may_be_alive(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl RunFolder {
    fn placement_file(&self) -> PathBuf {
        self.control().join("placed.json")
    }

    /// Returns the record of a submitted worker that may still begin.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn placement(&self) -> Result<Option<Placement>, FileError> {
        KIND.read(&self.placement_file())
    }

    fn place_file(&self) -> PathBuf {
        self.control().join("place.json")
    }

    /// Returns the place on which the run's workers start; `None` if that is the machine of the program that starts
    /// one.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn place(&self) -> Result<Option<Place>, FileError> {
        PLACE.read(&self.place_file())
    }

    /// Records the place on which the run's workers start, also later ones.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn set_place(&self, place: Option<&Place>) -> io::Result<()> {
        match place {
            Some(place) => self.request(&self.place_file(), &PLACE.bytes(place)?),
            None => self.take_back(&self.place_file()),
        }
    }

    /// Returns the path of the script that the scheduler of the place runs.
    #[must_use]
    pub fn job_script(&self) -> PathBuf {
        self.control().join("job.sh")
    }

    /// Writes the script that the scheduler of the place runs.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write_job_script(&self, text: &str) -> io::Result<()> {
        self.request(&self.job_script(), text.as_bytes())
    }

    /// Records the system that will start the run's worker.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn record_placement(&self, placement: &Placement) -> io::Result<()> {
        self.request(&self.placement_file(), &KIND.bytes(placement)?)
    }

    /// Removes the record, because no further worker will come.
    ///
    /// # Errors
    /// If the record exists and cannot be removed.
    pub fn clear_placement(&self) -> io::Result<()> {
        self.take_back(&self.placement_file())
    }

    /// Returns the state of the run's worker. Only the lock identifies a live worker, because process ids are reused.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        if self.is_mirrored() {
            return self.reported_worker().liveness.into();
        }
        match (lock::state(&self.lock_file()), self.placement()) {
            (LockState::Held, _) => Liveness::Alive,
            (LockState::Unknown(error), _) => Liveness::Unknown(error),
            (LockState::Free, Ok(None)) => Liveness::Absent,
            (LockState::Free, Ok(Some(_))) => Liveness::Submitted,
            (LockState::Free, Err(error)) => Liveness::Unknown(io::Error::other(error)),
        }
    }
}
