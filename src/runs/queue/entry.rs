//! A run's entry in the queue: a small file in the run's folder, so that it moves or disappears with the run.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::device::DeviceKey;
use crate::domain::{Outcome, Split};
use crate::durable::versioned::{FileError, FileKind, Problem};
use crate::events::{Event, EventReader, Progress};
use crate::runs::job::Job;
use crate::runs::layout::RunFolder;

/// The newest format of `queue.json` that this program writes and reads.
pub const ENTRY_VERSION: u32 = 1;

/// `queue.json`.
static KIND: FileKind = FileKind {
    name: "queue",
    newest: ENTRY_VERSION,
    pretty: false,
    damaged: "is not an entry of the queue",
    advice: "; remove it, then `mien resume` continues the run",
};

/// The pending job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The position in the queue: a number that counts up, never a time. Equal positions are ordered by the run's id.
    #[serde(rename = "place")]
    pub position: u64,
    /// The job of its worker.
    pub job: Job,
    /// The length of the event log in bytes when the job was entered. A later end in the log is the end of this job.
    pub since: u64,
    /// Whether its worker has got a slot.
    pub begun: bool,
    /// The device, once its worker has chosen it.
    pub device: Option<DeviceKey>,
}

impl RunFolder {
    /// Returns the path of the run's queue entry.
    #[must_use]
    pub fn queue_file(&self) -> PathBuf {
        self.path().join("control").join("queue.json")
    }

    /// Returns the pending job; `None` if there is none.
    ///
    /// # Errors
    /// If the entry cannot be read or is malformed.
    pub fn queue_entry(&self) -> Result<Option<Entry>, FileError> {
        let path = self.queue_file();
        let entry: Option<Entry> = KIND.read(&path)?;
        if entry.as_ref().and_then(|entry| entry.device.as_ref()).is_some_and(|device| !device.is_valid()) {
            return Err(KIND.error(&path, Problem::Malformed("its device is not a valid folder name".into())));
        }
        Ok(entry)
    }

    pub(super) fn write_queue_entry(&self, entry: &Entry) -> io::Result<()> {
        self.request(&self.queue_file(), &KIND.bytes(entry)?)
    }

    pub(super) fn remove_queue_entry(&self) -> io::Result<()> {
        match fs::remove_file(self.queue_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns whether the log has the end of this entry's job. A worker killed between logging the end and removing
    /// its entry has done its job.
    #[must_use]
    pub fn job_is_over(&self, entry: &Entry) -> bool {
        let mut over = false;
        // An unreadable log has no end; resuming the run will report the error.
        let since = Progress { position: entry.since, ..Progress::default() };
        let _ = EventReader::at(&self.events_file(), since).read(|record| match (entry.job, &record.event) {
            (Job::Train, Event::WorkerStarted { .. } | Event::Ended { outcome: Outcome::Interrupted { .. } })
            | (Job::Evaluate, Event::EvaluationStarted { .. }) => {
                over = false;
            }
            (Job::Train, Event::Ended { .. })
            | (Job::Evaluate, Event::EvaluationFailed { .. } | Event::Evaluated { split: Split::Train, .. }) => {
                over = true;
            }
            _ => {}
        });
        over
    }
}
