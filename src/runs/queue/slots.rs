//! The slots of a device, and the tickets of those that wait for one.

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

/// How many runs use a device at once unless somebody says otherwise.
const DEFAULT: usize = 1;

/// Most slots of a device: beyond that a number is a slip.
const MOST: usize = 64;

/// Longest wait for somebody who looks at a lock, which takes an instant.
const GLANCE: Duration = Duration::from_millis(100);

/// Why the number of a device's slots cannot be told or set.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Out of range.
    #[error("a device has 1 to {MOST} slots, not {0}")]
    Range(usize),
}

/// `slots.json`.
static KIND: FileKind = FileKind {
    name: "slots",
    newest: SLOTS_VERSION,
    pretty: false,
    damaged: "tells no number of slots",
    advice: "; `mien queue slots DEVICE N` writes it anew",
};

#[derive(Serialize, Deserialize)]
struct SlotsFile {
    slots: usize,
}

/// The right to use a device, for as long as it lives.
#[derive(Debug)]
pub struct Slot {
    _lock: File,
}

/// The place in the line of a run that could begin, for as long as it lives. Without a live one a run holds nobody up.
#[derive(Debug)]
pub struct Ticket {
    lock: Option<File>,
    path: PathBuf,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Only this run's worker makes this file, so while it lives the file is its own.
        let _ = fs::remove_file(&self.path);
        drop(self.lock.take());
    }
}

/// What a look at the queue gave.
#[derive(Debug)]
pub enum Look {
    /// The run may use the device.
    Turn(Slot),
    /// It waits on.
    Wait {
        /// Behind so many runs: at work, or waiting at earlier places.
        ahead: usize,
    },
    /// Others were deciding: look again.
    Busy,
}

impl Queue {
    pub(super) fn folder_of(&self, device: &DeviceKey) -> PathBuf {
        self.devices().join(&device.host).join(&device.key)
    }

    fn slots_file(&self, device: &DeviceKey) -> PathBuf {
        self.folder_of(device).join("slots.json")
    }

    /// How many runs may use the device at once.
    ///
    /// # Errors
    /// When somebody has said how many and that cannot be read.
    pub fn slots(&self, device: &DeviceKey) -> Result<usize, SlotsError> {
        let path = self.slots_file(device);
        match KIND.read(&path)? {
            None => Ok(DEFAULT),
            Some(SlotsFile { slots: slots @ 1..=MOST }) => Ok(slots),
            Some(_) => Err(KIND.error(&path, Problem::Malformed(format!("a device has 1 to {MOST}"))).into()),
        }
    }

    /// Lets so many runs use the device at once. Fewer than are at work end none of them.
    ///
    /// # Errors
    /// When the number is out of range, the home cannot be written, or others are at the queue for too long.
    pub fn set_slots(&self, device: &DeviceKey, slots: usize) -> Result<(), SlotsError> {
        if !(1..=MOST).contains(&slots) {
            return Err(SlotsError::Range(slots));
        }
        let path = self.slots_file(device);
        let write = || {
            let _alone = self.alone_or_busy()?;
            fs::create_dir_all(self.folder_of(device))?;
            durable::write(&path, &KIND.bytes(&SlotsFile { slots })?)
        };
        Ok(write().map_err(|error| KIND.error(&path, Problem::Write(error)))?)
    }

    /// Looks whether a run that could begin may use the device now, and takes a slot if so. The first look gives the
    /// run a ticket, by which others know that it waits; one who stops waiting drops it.
    ///
    /// # Errors
    /// When the home cannot be read or written; nothing is then taken.
    pub fn look(&self, run: &RunFolder, device: &DeviceKey, ticket: &mut Option<Ticket>) -> io::Result<Look> {
        let Some(_alone) = self.alone(GLANCE)? else { return Ok(Look::Busy) };
        let me = run.id().ok_or_else(|| io::Error::other("the run's folder has no run's name"))?;
        let folder = self.folder_of(device);
        let line = folder.join("waiting");
        if ticket.is_none() {
            fs::create_dir_all(&line)?;
            let path = line.join(me.as_str());
            let held = lock::take(&path, GLANCE)?;
            *ticket = held.map(|held| Ticket { lock: Some(held), path });
        }
        let waiting = self.waiting(&line)?;
        // One who is not in the line, because its ticket was held for an instant, is not looked past either.
        let Some((place, _)) = waiting.iter().find(|(_, id)| *id == me).cloned() else { return Ok(Look::Busy) };
        let (held, free) = used(&folder)?;
        let slots = self.slots(device).map_err(io::Error::other)?;
        match decide((place, &me), &waiting, held, slots) {
            Decision::Wait { ahead } => Ok(Look::Wait { ahead }),
            Decision::Take => {
                let Some(mut slot) = lock::take(&free, GLANCE)? else { return Ok(Look::Busy) };
                // For people who look into the folder; nothing is decided by it.
                let _ = slot.set_len(0).and_then(|()| writeln!(slot, "{me}"));
                // What it is worth stands in the lock.
                if let Ok(Some(entry)) = run.queue_entry() {
                    let _ = run.write_queue_entry(&Entry { begun: true, ..entry });
                }
                *ticket = None;
                Ok(Look::Turn(Slot { _lock: slot }))
            }
        }
    }

    /// Places and ids of those that wait in this line; tickets whose holders died are removed. Only who is alone with
    /// the queue asks.
    fn waiting(&self, line: &Path) -> io::Result<Vec<(u64, RunId)>> {
        let mut waiting = Vec::new();
        for ticket in fs::read_dir(line)? {
            let ticket = ticket?;
            let Some(id) = ticket.file_name().to_str().and_then(|name| RunId::new(name).ok()) else { continue };
            if !lock::state(&ticket.path()).may_be_held() {
                let _ = fs::remove_file(ticket.path());
                continue;
            }
            // Whose place cannot be told holds up nobody.
            let entry = self.home.run(&id).queue_entry();
            waiting.push((entry.ok().flatten().map_or(u64::MAX, |entry| entry.place), id));
        }
        Ok(waiting)
    }

    /// The runs that could begin on this device and wait for a slot, in no order.
    #[must_use]
    pub fn in_line(&self, device: &DeviceKey) -> Vec<RunId> {
        let Ok(tickets) = fs::read_dir(self.folder_of(device).join("waiting")) else { return Vec::new() };
        let held = |ticket: fs::DirEntry| {
            let id = RunId::new(ticket.file_name().to_str()?).ok()?;
            lock::state(&ticket.path()).may_be_held().then_some(id)
        };
        tickets.filter_map(Result::ok).filter_map(held).collect()
    }

    /// How many slots of the device are in use.
    #[must_use]
    pub fn in_use(&self, device: &DeviceKey) -> usize {
        used(&self.folder_of(device)).map_or(0, |(held, _)| held)
    }

    /// The devices that anything is known of.
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

/// How many of a device's slots are taken, whatever their number is now, and the first that is free.
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
