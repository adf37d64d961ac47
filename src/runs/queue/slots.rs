//! The slots of a device, and the tickets of runs that wait for one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Queue;
use super::decide::{Decision, decide};
use super::device::DeviceKey;
use super::entry::Entry;
use crate::domain::RunId;
use crate::durable;
use crate::durable::lock;
use crate::durable::versioned::{FileError, FileKind, Problem};
use crate::runs::layout::RunFolder;

/// The newest format of `slots.json` that this program writes and reads.
pub const SLOTS_VERSION: u32 = 1;

/// The number of runs that use a device at once by default.
const DEFAULT: usize = 1;

/// The most slots of a device: a larger number is a typing error.
pub const MAX_SLOTS: usize = 64;

/// The longest wait for processes that test a lock, which takes an instant.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// The reason why the number of a device's slots cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The number is out of range.
    #[error("a device has 1 to {MAX_SLOTS} slots, not {0}")]
    Range(usize),
}

/// `slots.json`.
static KIND: FileKind = FileKind {
    name: "slots",
    newest: SLOTS_VERSION,
    pretty: false,
    damaged: "contains no number of slots",
    advice: "; `mien queue slots DEVICE N` writes it again",
};

#[derive(Serialize, Deserialize)]
struct SlotsFile {
    slots: usize,
}

/// The right to use a device, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    _lock: File,
}

/// The position of a run that could begin, until it is dropped. A run without a live ticket blocks no run.
#[derive(Debug)]
pub struct Ticket {
    lock: Option<File>,
    path: PathBuf,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Only this run's worker creates this file, so the file belongs to it while it lives.
        let _ = fs::remove_file(&self.path);
        drop(self.lock.take());
    }
}

/// The result of polling the queue.
#[derive(Debug)]
pub enum SlotPoll {
    /// The run may use the device.
    Granted(Slot),
    /// The run continues to wait.
    Wait {
        /// The number of runs ahead: running, or waiting at earlier positions.
        ahead: usize,
    },
    /// Other processes were deciding: poll again.
    Busy,
}

impl Queue {
    pub(super) fn folder_of(&self, device: &DeviceKey) -> PathBuf {
        self.devices().join(&device.host).join(&device.key)
    }

    fn slots_file(&self, device: &DeviceKey) -> PathBuf {
        self.folder_of(device).join("slots.json")
    }

    /// Returns the number of runs that may use the device at once.
    ///
    /// # Errors
    /// If the configured number cannot be read.
    pub fn slots(&self, device: &DeviceKey) -> Result<usize, SlotsError> {
        let path = self.slots_file(device);
        match KIND.read(&path)? {
            None => Ok(DEFAULT),
            Some(SlotsFile { slots: slots @ 1..=MAX_SLOTS }) => Ok(slots),
            Some(_) => Err(KIND.error(&path, Problem::Malformed(format!("a device has 1 to {MAX_SLOTS}"))).into()),
        }
    }

    /// Sets the number of runs that may use the device at once. A smaller number ends no running run.
    ///
    /// # Errors
    /// If the number is out of range, the home cannot be written, or others hold the queue's lock for too long.
    pub fn set_slots(&self, device: &DeviceKey, slots: usize) -> Result<(), SlotsError> {
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(SlotsError::Range(slots));
        }
        let path = self.slots_file(device);
        let write = || {
            let _lock = self.lock()?;
            fs::create_dir_all(self.folder_of(device))?;
            durable::write(&path, &KIND.bytes(&SlotsFile { slots })?)
        };
        Ok(write().map_err(|error| KIND.error(&path, Problem::Write(error)))?)
    }

    /// Takes a slot for a run that could begin, if one is free and no earlier run waits for it. The first poll creates
    /// the run's ticket, by which others see that it waits. Dropping the ticket ends the wait.
    ///
    /// # Errors
    /// If the home cannot be read or written; no slot is then taken.
    pub fn poll(&self, run: &RunFolder, device: &DeviceKey, ticket: &mut Option<Ticket>) -> io::Result<SlotPoll> {
        let Some(_lock) = self.try_lock(LOCK_TIMEOUT)? else { return Ok(SlotPoll::Busy) };
        let me = run.id().ok_or_else(|| io::Error::other("the name of the run's folder is not a valid run name"))?;
        let folder = self.folder_of(device);
        let tickets = folder.join("waiting");
        if ticket.is_none() {
            fs::create_dir_all(&tickets)?;
            let path = tickets.join(me.as_str());
            let held = lock::acquire(&path, LOCK_TIMEOUT)?;
            *ticket = held.map(|held| Ticket { lock: Some(held), path });
        }
        let waiting = self.waiting(&tickets)?;
        // Another process held this run's ticket for an instant, so it is not in the list: poll again.
        let Some((position, _)) = waiting.iter().find(|(_, id)| *id == me).cloned() else { return Ok(SlotPoll::Busy) };
        let (held, free) = used(&folder)?;
        let slots = self.slots(device).map_err(io::Error::other)?;
        match decide((position, &me), &waiting, held, slots) {
            Decision::Wait { ahead } => Ok(SlotPoll::Wait { ahead }),
            Decision::Take => {
                let Some(mut slot) = lock::acquire(&free, LOCK_TIMEOUT)? else { return Ok(SlotPoll::Busy) };
                // Written for people who read the folder; decides nothing.
                let _ = slot.set_len(0).and_then(|()| writeln!(slot, "{me}"));
                // Only the lock decides; the entry is for people.
                if let Ok(Some(entry)) = run.queue_entry() {
                    let _ = run.write_queue_entry(&Entry { begun: true, ..entry });
                }
                *ticket = None;
                Ok(SlotPoll::Granted(Slot { _lock: slot }))
            }
        }
    }

    /// Returns positions and ids of the runs that wait for this device and removes the tickets of dead holders. The
    /// caller holds the queue's lock.
    fn waiting(&self, tickets: &Path) -> io::Result<Vec<(u64, RunId)>> {
        let mut waiting = Vec::new();
        for ticket in fs::read_dir(tickets)? {
            let ticket = ticket?;
            let Some(id) = ticket.file_name().to_str().and_then(|name| RunId::new(name).ok()) else { continue };
            if !lock::state(&ticket.path()).may_be_held() {
                let _ = fs::remove_file(ticket.path());
                continue;
            }
            // A run whose position is unreadable blocks no run.
            let entry = self.home.run(&id).queue_entry();
            waiting.push((entry.ok().flatten().map_or(u64::MAX, |entry| entry.position), id));
        }
        Ok(waiting)
    }

    /// Returns the runs that could begin on this device and wait for a slot, unordered.
    #[must_use]
    pub fn waiting_runs(&self, device: &DeviceKey) -> Vec<RunId> {
        let Ok(tickets) = fs::read_dir(self.folder_of(device).join("waiting")) else { return Vec::new() };
        let held = |ticket: fs::DirEntry| {
            let id = RunId::new(ticket.file_name().to_str()?).ok()?;
            lock::state(&ticket.path()).may_be_held().then_some(id)
        };
        tickets.filter_map(Result::ok).filter_map(held).collect()
    }

    /// Returns the number of the device's slots in use.
    #[must_use]
    pub fn in_use(&self, device: &DeviceKey) -> usize {
        used(&self.folder_of(device)).map_or(0, |(held, _)| held)
    }

    /// Returns host and key of the known devices.
    #[must_use]
    pub fn known_devices(&self) -> Vec<(String, String)> {
        let names = |folder: &Path| -> Vec<String> {
            let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
            let folders =
                entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
        };
        let of_host = |host: String| {
            let keys = names(&self.devices().join(&host));
            keys.into_iter().map(move |key| (host.clone(), key)).collect::<Vec<_>>()
        };
        names(&self.devices()).into_iter().flat_map(of_host).collect()
    }
}

/// Returns the number of a device's slots in use, whatever their current limit is, and the first free slot's file.
fn used(folder: &Path) -> io::Result<(usize, PathBuf)> {
    let path = |number: usize| folder.join(format!("slot-{number}.lock"));
    let number = |entry: fs::DirEntry| -> Option<usize> {
        entry.file_name().to_str()?.strip_prefix("slot-")?.strip_suffix(".lock")?.parse().ok()
    };
    let mut there: Vec<usize> = fs::read_dir(folder)?.filter_map(Result::ok).filter_map(number).collect();
    there.sort_unstable();
    let taken: Vec<usize> = there.into_iter().filter(|number| lock::state(&path(*number)).may_be_held()).collect();
    let free = (1..=taken.len() + 1).find(|number| !taken.contains(number)).unwrap_or(1);
    Ok((taken.len(), path(free)))
}
