//! How much room cached features take, and making room for more.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{FOLDER, KEY_FILE, Key};
use crate::domain::Size;
use crate::durable::lock;

/// Bytes of the disk that caches leave free.
const MARGIN: u64 = 1 << 30;

/// What one key's cached features take.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// What they are of.
    pub key: Key,
    /// Number of sections: splits, and variants of the training images.
    pub sections: usize,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Why features are not kept.
#[derive(Debug, thiserror::Error)]
pub enum NoRoom {
    /// The bound is nothing.
    #[error("MIEN_FEATURE_CACHE_GIB is 0")]
    Off,
    /// More than the bound allows.
    #[error("they would take {needed} and cached features may take {limit} in all (MIEN_FEATURE_CACHE_GIB sets it)")]
    Bound {
        /// What they take.
        needed: Size,
        /// The bound.
        limit: Size,
    },
    /// The disk is too full.
    #[error("they would take {needed} and the disk has {free} left")]
    Disk {
        /// What they take.
        needed: Size,
        /// What is free.
        free: Size,
    },
    /// The file system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// One section on disk.
struct Found {
    values: PathBuf,
    table: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Found {
    /// Whether somebody reads or computes it.
    fn is_in_use(&self) -> bool {
        File::open(&self.table).is_ok_and(|table| table.try_lock().is_err())
    }
}

/// What the cached features of the dataset in `dataset_dir` take, largest first.
#[must_use]
pub fn usage(dataset_dir: &Path) -> Vec<Usage> {
    let mut all: Vec<Usage> = keys(dataset_dir)
        .into_iter()
        .filter_map(|folder| {
            let sections = sections(&folder);
            let bytes = sections.iter().map(|section| section.bytes).sum();
            Some(Usage { key: Key::read(&folder)?, sections: sections.len(), bytes })
        })
        .filter(|usage| usage.sections > 0)
        .collect();
    all.sort_by_key(|usage| std::cmp::Reverse(usage.bytes));
    all
}

/// Removes the cached features of the dataset in `dataset_dir` that nobody is using. Returns the bytes set free and the
/// number of sections that are in use and stay.
///
/// # Errors
/// When a file cannot be removed.
pub fn clear(dataset_dir: &Path) -> io::Result<(u64, usize)> {
    let (mut freed, mut kept) = (0, 0);
    for folder in keys(dataset_dir) {
        let mut left = 0;
        for section in sections(&folder) {
            if remove(&section)? {
                freed += section.bytes;
            } else {
                left += 1;
            }
        }
        if left == 0 {
            fs::remove_file(folder.join(KEY_FILE))?;
            // Not with what is in it: somebody may have begun a section since.
            let _ = fs::remove_dir(&folder);
        }
        kept += left;
    }
    Ok((freed, kept))
}

/// Makes room for `needed` more bytes of features among those of all datasets in `data_dir`, which may take `limit`
/// bytes in all: removes those that were used longest ago, but none that somebody is using and none of `wanted`, the
/// files of numbers that the room is for.
///
/// # Errors
/// [`NoRoom`] when what has to stay leaves too little, or the disk does; nothing is removed then.
pub fn make_room(data_dir: &Path, needed: u64, limit: u64, wanted: &[PathBuf]) -> Result<(), NoRoom> {
    if needed == 0 {
        return Ok(());
    }
    let mut all: Vec<Found> =
        folders(data_dir).iter().flat_map(|dataset| keys(dataset)).flat_map(|key| sections(&key)).collect();
    let mut taken: u64 = all.iter().map(|section| section.bytes).sum();
    all.retain(|section| !wanted.contains(&section.values) && !section.is_in_use());
    all.sort_by_key(|section| section.used);
    let removable: u64 = all.iter().map(|section| section.bytes).sum();
    if taken - removable + needed > limit {
        return Err(NoRoom::Bound { needed: Size(needed), limit: Size(limit) });
    }
    let free_at_most = free(data_dir)?.saturating_add(removable);
    if free_at_most < needed.saturating_add(MARGIN) {
        return Err(NoRoom::Disk { needed: Size(needed), free: Size(free_at_most) });
    }
    for section in &all {
        if taken + needed <= limit && free(data_dir)? >= needed + MARGIN {
            break;
        }
        if remove(section)? {
            taken -= section.bytes;
        }
    }
    Ok(())
}

fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail * disk.f_frsize)
}

/// The folders in a folder; none if it cannot be read.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    // A link is not followed: what it leads to is not ours to remove.
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// The folders of a dataset's keys: those that say what they are of.
fn keys(dataset_dir: &Path) -> Vec<PathBuf> {
    let path = dataset_dir.join(FOLDER);
    let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
    let mut found = if is_folder { folders(&path) } else { Vec::new() };
    found.retain(|folder| Key::read(folder).is_some());
    found
}

fn sections(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let values = entry.path();
            let table = values.with_extension("table");
            if values.extension()? != "f32" {
                return None;
            }
            let used = fs::metadata(&table).and_then(|table| table.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            // The lock for all at once: a look must not keep a worker from what is there.
            let computed = lock::state(&table).may_be_held();
            let metadata = entry.metadata().ok()?;
            // Blocks, not length, as an unfinished section is sparse; but whoever computes it will write all of it.
            let bytes = if computed { metadata.len() } else { metadata.blocks() * 512 };
            Some(Found { values, table, bytes, used })
        })
        .collect()
}

/// Removes a section unless somebody uses it.
fn remove(section: &Found) -> io::Result<bool> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let table = File::open(&section.table);
    if table.as_ref().is_ok_and(|table| table.try_lock().is_err()) {
        return Ok(false);
    }
    gone(fs::remove_file(&section.values))?;
    // Last, and with its lock still held: who waits for the lock sees that it lies nowhere any more.
    gone(fs::remove_file(&section.table))?;
    Ok(true)
}
