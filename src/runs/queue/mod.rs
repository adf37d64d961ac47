//! The queue without a daemon: the pending jobs, their order, and the runs that may use a device now.
//!
//! ```text
//! HOME/devices/turn.lock                  held while a process decides, takes a slot or changes the order
//!             /HOST/DEVICE/slots.json     how many runs may use the device at once; 1 without the file
//!             /HOST/DEVICE/slot-N.lock    held as long as a worker uses the device; names the run
//!             /HOST/DEVICE/waiting/RUN    held as long as a worker that could begin waits for a slot
//! HOME/checkpoints/RUN/control/queue.json the run's entry: its position, its job, its device
//! ```
//! An entry is created when a run is launched and removed after its worker has logged the end, so that no crash loses a
//! job. Everything else is a lock, which the kernel releases when its holder dies, so that no slot stays taken. Process
//! ids and the clock decide nothing. Readers need no lock.

mod decide;
mod device;
mod entry;
mod listing;
mod order;
mod slots;

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use decide::{Decision, decide};
pub use device::DeviceKey;
pub use entry::{ENTRY_VERSION, Entry};
pub use listing::{DeviceListing, Listing, QueuePosition, QueuedRun};
pub use order::{MoveError, QueueMove};
pub use slots::{MAX_SLOTS, SLOTS_VERSION, Slot, SlotPoll, SlotsError, Ticket};

use super::job::Job;
use super::layout::{Home, RunFolder};
use crate::domain::RunId;
use crate::durable::lock;
use crate::events::whole_length;

/// The longest wait for other processes' decisions, which take milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The queue of a home.
#[derive(Debug, Clone)]
pub struct Queue {
    home: Home,
}

impl Queue {
    /// Returns the queue of this home.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    fn devices(&self) -> PathBuf {
        self.home.path().join("devices")
    }

    /// Takes the queue's lock until the file is dropped. Returns `None` if other processes hold it for longer than
    /// `timeout`.
    fn try_lock(&self, timeout: Duration) -> io::Result<Option<File>> {
        fs::create_dir_all(self.devices())?;
        lock::acquire(&self.devices().join("turn.lock"), timeout)
    }

    fn lock(&self) -> io::Result<File> {
        let busy = || {
            let turn = self.devices().join("turn.lock");
            io::Error::new(io::ErrorKind::TimedOut, format!("another program holds {}: try again", turn.display()))
        };
        self.try_lock(TIMEOUT)?.ok_or_else(busy)
    }

    /// Returns all readable entries, by position.
    ///
    /// # Errors
    /// If the folder of runs cannot be listed.
    pub fn entries(&self) -> io::Result<Vec<(RunId, Entry)>> {
        let folders = match fs::read_dir(self.home.checkpoints()) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let entry = |folder: fs::DirEntry| {
            let id = RunId::new(folder.file_name().to_str()?).ok()?;
            let entry = self.home.run(&id).queue_entry().ok()??;
            Some((id, entry))
        };
        let mut entries: Vec<(RunId, Entry)> = folders.filter_map(Result::ok).filter_map(entry).collect();
        entries.sort_by(|(one, first), (other, second)| (first.position, one).cmp(&(second.position, other)));
        Ok(entries)
    }

    /// Adds a run at the end of the queue. A run that is already in it, because its worker died, retains its position.
    ///
    /// # Errors
    /// If the entry cannot be written, or others hold the queue's lock for too long.
    pub fn enter(&self, run: &RunFolder, job: Job) -> io::Result<Entry> {
        let _lock = self.lock()?;
        // An entry whose job is over remains from a worker that died between logging the end and removing the entry.
        let before = run.queue_entry().ok().flatten().filter(|before| !run.job_is_over(before));
        let position = match &before {
            Some(entry) => entry.position,
            None => self.entries()?.last().map_or(1, |(_, last)| last.position.saturating_add(1)),
        };
        let same = before.filter(|before| before.job == job);
        // Later events of the log belong to this job; a begun job continues.
        let since = match &same {
            Some(entry) => entry.since,
            None => whole_length(&run.events_file())?,
        };
        let device = same.as_ref().and_then(|entry| entry.device.clone());
        let entry = Entry { position, job, since, begun: false, device };
        if same.as_ref() != Some(&entry) {
            run.write_queue_entry(&entry)?;
        }
        Ok(entry)
    }

    /// Returns whether this job of the run is still pending. Otherwise the worker was started twice and another one has
    /// done the job. While the caller holds the run's lock, only it can change the answer.
    ///
    /// # Errors
    /// If the entry cannot be read or written, or others hold the queue's lock for too long.
    pub fn is_pending(&self, run: &RunFolder, job: Job) -> io::Result<bool> {
        let _lock = self.lock()?;
        let Some(entry) = run.queue_entry().map_err(io::Error::other)? else { return Ok(false) };
        if entry.job != job {
            return Ok(false);
        }
        if run.job_is_over(&entry) {
            // Its worker died between logging the end and removing the entry.
            run.remove_queue_entry()?;
            return Ok(false);
        }
        if entry.begun {
            run.write_queue_entry(&Entry { begun: false, ..entry })?;
        }
        Ok(true)
    }

    /// Records in a run's entry the device that it waits for; does nothing without an entry.
    ///
    /// # Errors
    /// If the entry cannot be written, or others hold the queue's lock for too long.
    pub fn record_device(&self, run: &RunFolder, device: &DeviceKey) -> io::Result<()> {
        let _lock = self.lock()?;
        match run.queue_entry().ok().flatten() {
            Some(entry) if entry.device.as_ref() != Some(device) => {
                run.write_queue_entry(&Entry { device: Some(device.clone()), ..entry })
            }
            _ => Ok(()),
        }
    }

    /// Removes a run from the queue, because its job is over or was given up.
    ///
    /// # Errors
    /// If the entry cannot be removed, or others hold the queue's lock for too long.
    pub fn leave(&self, run: &RunFolder) -> io::Result<()> {
        let _lock = self.lock()?;
        run.remove_queue_entry()
    }
}

#[cfg(test)]
mod tests;
