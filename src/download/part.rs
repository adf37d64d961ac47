//! The part of a file that has come: `NAME.part`, and what the server said of the file in `NAME.part.json`.
//!
//! The part is locked while it grows, so that two downloads never mix.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::DownloadError;
use crate::durable;

/// What the part is a part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    url: String,
    /// The server's word for this very content: an `ETag`, or the time of its last change.
    validator: Option<String>,
    total: Option<u64>,
}

/// A file that is coming.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    notes_path: PathBuf,
    file: File,
    length: u64,
    notes: Notes,
}

/// Where the part of a file lies.
pub(super) fn part_file(destination: &Path) -> PathBuf {
    beside(destination, ".part")
}

/// Where the notes about it lie.
pub(super) fn notes_file(destination: &Path) -> PathBuf {
    beside(destination, ".part.json")
}

fn beside(destination: &Path, ending: &str) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl Part {
    /// Opens what there is of the file, or begins it.
    pub(super) fn open(url: &str, destination: &Path) -> Result<Self, DownloadError> {
        let (path, notes_path) = (part_file(destination), notes_file(destination));
        let failed = |error| DownloadError::io(&path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| DownloadError::io(folder, error))?;
        }
        let file = durable::in_place_options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::Busy { url: url.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Whoever held the lock may have published or removed what was opened here.
        if !durable::is_same_file(&file, &path) {
            return Err(DownloadError::Busy { url: url.to_owned() });
        }
        // Notes that cannot be read, or are of another address, are none: the part begins anew.
        let notes: Option<Notes> = fs::read(&notes_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let notes = notes.filter(|notes| notes.url == url);
        let length = file.metadata().map_err(failed)?.len();
        let known = notes.is_some();
        let notes = notes.unwrap_or_else(|| Notes { url: url.to_owned(), ..Notes::default() });
        let mut part = Self { path, notes_path, file, length, notes };
        if !known {
            part.clear()?;
        }
        Ok(part)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The server's word for the content that this is a part of, if the rest can be asked for.
    pub(super) fn resumable(&self) -> Option<String> {
        let begun = self.length > 0 && self.notes.total.is_none_or(|total| self.length < total);
        self.notes.validator.clone().filter(|_| begun)
    }

    /// Throws away what has come.
    pub(super) fn clear(&mut self) -> Result<(), DownloadError> {
        self.file.set_len(0).map_err(|error| DownloadError::io(&self.path, error))?;
        self.length = 0;
        Ok(())
    }

    /// Begins the file anew, whose first byte comes next.
    pub(super) fn begin(&mut self, total: Option<u64>, validator: Option<String>) -> Result<(), DownloadError> {
        self.clear()?;
        self.notes.validator = validator;
        self.notes.total = total;
        let failed = |error| DownloadError::io(&self.notes_path, error);
        let text = serde_json::to_vec(&self.notes).map_err(|error| failed(error.into()))?;
        durable::write(&self.notes_path, &text).map_err(failed)
    }

    /// Adds what comes next.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let at = SeekFrom::Start(self.length);
        let written = self.file.seek(at).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| DownloadError::io(&self.path, error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The hash of everything.
    pub(super) fn digest(&mut self, kind: &Digest) -> Result<String, DownloadError> {
        let hashed = self.file.rewind().and_then(|()| kind.of(&mut self.file));
        hashed.map_err(|error| DownloadError::io(&self.path, error))
    }

    /// Deletes everything.
    pub(super) fn remove(&mut self) -> Result<(), DownloadError> {
        let _ = fs::remove_file(&self.notes_path);
        fs::remove_file(&self.path).map_err(|error| DownloadError::io(&self.path, error))
    }

    /// Moves the whole file to its place.
    pub(super) fn publish(self, destination: &Path) -> Result<(), DownloadError> {
        let moved = self.file.sync_all().and_then(|()| fs::rename(&self.path, destination));
        moved.map_err(|error| DownloadError::io(destination, error))?;
        let _ = fs::remove_file(&self.notes_path);
        Ok(())
    }
}
