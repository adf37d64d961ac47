//! The received part of a file, `NAME.part`, and the server's description of the file, `NAME.part.json`.
//!
//! The part is locked while it grows. Otherwise two downloads could mix their bytes.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::DownloadError;
use crate::domain::Placeholder;
use crate::durable::{self, lock};

/// The description of the file to which a part belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Description {
    url: String,
    /// The server's identifier of the content: an `ETag`, or the time of its last change.
    validator: Option<String>,
    total: Option<u64>,
}

/// A partly received file.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    description_path: PathBuf,
    file: File,
    length: u64,
    description: Description,
    /// The length of the destination, if it is the whole file of an earlier download.
    kept: Option<u64>,
}

/// Returns the path of a file's part.
pub(super) fn part_file(destination: &Path) -> PathBuf {
    with_suffix(destination, ".part")
}

/// Returns the path of a file's description.
pub(super) fn description_file(destination: &Path) -> PathBuf {
    with_suffix(destination, ".part.json")
}

fn with_suffix(destination: &Path, suffix: &str) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Part {
    /// Opens the part of a file, or creates it.
    pub(super) fn open(url: &str, destination: &Path) -> Result<Self, DownloadError> {
        let (path, description_path) = (part_file(destination), description_file(destination));
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
            Err(TryLockError::Error(error)) => return Err(failed(lock::explain(error))),
        }
        // The former holder of the lock may have published or removed the file opened here.
        if !durable::is_same_file(&file, &path) {
            return Err(DownloadError::Busy { url: url.to_owned() });
        }
        // Without a readable description of this address, the part restarts.
        let description: Option<Description> =
            fs::read(&description_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let description = description.filter(|description| description.url == url);
        let length = file.metadata().map_err(failed)?.len();
        let known = description.is_some();
        let description = description.unwrap_or_else(|| Description { url: url.to_owned(), ..Description::default() });
        // A file of unknown length may have been cut short.
        let whole = fs::symlink_metadata(destination).ok().filter(|about| known && length == 0 && about.is_file());
        let kept = whole.map(|about| about.len()).filter(|length| description.total == Some(*length));
        let mut part = Self { path, description_path, file, length, description, kept };
        if !known {
            part.clear()?;
        }
        Ok(part)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the server's identifier of the content and the length, if an earlier download has the whole file.
    pub(super) fn kept(&self) -> Option<(String, u64)> {
        self.description.validator.clone().zip(self.kept)
    }

    /// Returns the server's identifier of the content if the part can be resumed.
    pub(super) fn resume_validator(&self) -> Option<String> {
        let begun = self.length > 0 && self.description.total.is_none_or(|total| self.length < total);
        self.description.validator.clone().filter(|_| begun)
    }

    /// Discards the received bytes.
    pub(super) fn clear(&mut self) -> Result<(), DownloadError> {
        self.file.set_len(0).map_err(|error| DownloadError::io(&self.path, error))?;
        self.length = 0;
        Ok(())
    }

    /// Discards the received bytes and saves the server's description.
    pub(super) fn begin(&mut self, total: Option<u64>, validator: Option<String>) -> Result<(), DownloadError> {
        self.clear()?;
        // The file of the earlier download has changed on the server.
        self.kept = None;
        self.description.validator = validator;
        self.description.total = total;
        let failed = |error| DownloadError::io(&self.description_path, error);
        let text = serde_json::to_vec(&self.description).map_err(|error| failed(error.into()))?;
        durable::write(&self.description_path, &text).map_err(failed)
    }

    /// Appends received bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let at = SeekFrom::Start(self.length);
        let written = self.file.seek(at).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| DownloadError::io(&self.path, error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Returns the hash of the received bytes, in hex.
    pub(super) fn hash(&mut self, kind: &Digest) -> Result<String, DownloadError> {
        let hashed = self.file.rewind().and_then(|()| kind.hash(&mut self.file));
        hashed.map_err(|error| DownloadError::io(&self.path, error))
    }

    /// Deletes the part and its description. The description of a whole file stays.
    pub(super) fn remove(&mut self) -> Result<(), DownloadError> {
        if self.kept.is_none() {
            let _ = fs::remove_file(&self.description_path);
        }
        fs::remove_file(&self.path).map_err(|error| DownloadError::io(&self.path, error))
    }

    /// Renames the complete part to its destination. Its description stays, by which a later download sees whether the
    /// file has changed on the server.
    pub(super) fn publish(self, destination: &Path) -> Result<(), DownloadError> {
        let moved = self.file.sync_all().and_then(|()| fs::rename(&self.path, destination));
        moved.map_err(|error| DownloadError::io(destination, error))
    }

    /// Recognizes a web page or a pointer in place of the file.
    pub(super) fn placeholder(&mut self) -> Result<Option<Placeholder>, DownloadError> {
        const HEAD: u64 = 4096;
        let mut head = Vec::new();
        let read = self.file.rewind().and_then(|()| (&self.file).take(HEAD).read_to_end(&mut head));
        read.map_err(|error| DownloadError::io(&self.path, error))?;
        Ok(Placeholder::of(&head))
    }
}
