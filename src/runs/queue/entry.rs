//! A run's entry in the queue: a small file in its own folder, so that a run that is moved or deleted takes it along.

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
    damaged: "is no entry of the queue",
    advice: "; remove it, then `mien resume` goes on",
};

/// What a run is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Smaller is earlier; a number that counts up, never a time. Among equal ones the run's id decides.
    pub place: u64,
    /// What its worker is to do.
    pub job: Job,
    /// How long the event log was when the job was put in, in bytes: an end told behind that is the end of this job.
    pub since: u64,
    /// Whether its worker has got its device.
    pub begun: bool,
    /// The device, once its worker knows it.
    pub device: Option<DeviceKey>,
}

impl RunFolder {
    /// The run's entry in the queue.
    #[must_use]
    pub fn queue_file(&self) -> PathBuf {
        self.path().join("control").join("queue.json")
    }

    /// What the run is owed; `None` if nothing.
    ///
    /// # Errors
    /// When the entry cannot be read or is none.
    pub fn queue_entry(&self) -> Result<Option<Entry>, FileError> {
        let path = self.queue_file();
        let entry: Option<Entry> = KIND.read(&path)?;
        if entry.as_ref().and_then(|entry| entry.device.as_ref()).is_some_and(|device| !device.is_valid()) {
            return Err(KIND.error(&path, Problem::Malformed("its device is no name of a folder".into())));
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

    /// Whether the log tells the end of the job that this entry stands for: a worker that is killed between telling it
    /// and removing its entry has done its job.
    #[must_use]
    pub fn job_is_over(&self, entry: &Entry) -> bool {
        let mut over = false;
        // A log that cannot be read tells no end; going on with the run will say what is wrong with it.
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
