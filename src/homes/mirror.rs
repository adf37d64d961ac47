//! The mirror of a home in the cache folder: what came of its runs, without weights.
//!
//! ```text
//! CACHE/mien/homes/NAME-HASH/mirror.lock     held by the program that writes the mirror
//!                           /contact.json    when the home last answered, and its version
//!                           /home/           a home with the mirrored files of its runs
//! ```
//! A mirror is derived data: deleting it loses nothing. Nothing that a home sends is a path, no file is longer
//! than its bound, and the whole has a bound in the config file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use serde::{Deserialize, Serialize};

use super::protocol::{FromHome, HeldRun, files_checksum};
use crate::domain::{HomeAddress, RunId, now};
use crate::durable::versioned::FileKind;
use crate::durable::{self, lock};
use crate::runs::mirrored::MirroredFile;
use crate::runs::saved_fold::prefix_checksum;
use crate::runs::{Home, RunStore};

/// The most runs of a mirror.
const MAX_RUNS: usize = 20_000;

/// The bytes that a run is counted with in addition to its files.
const RUN_BYTES: u64 = 8 << 10;

static CONTACT: FileKind =
    FileKind { name: "contact", newest: 1, pretty: false, damaged: "is not the record of a contact", advice: "" };

/// The last contact with a home.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The address.
    pub address: String,
    /// When it last answered, in milliseconds since 1970.
    pub at: u64,
    /// Whether the mirror was complete then.
    pub complete: bool,
    /// The version of the program there.
    pub program: String,
    /// The folder there.
    pub home: String,
}

/// The reason why a mirror cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// There is no cache folder.
    #[error("there is no folder for mirrors of homes: set XDG_CACHE_HOME or HOME")]
    NoFolder,
    /// Another program writes it.
    #[error("another mien keeps the mirror up to date: leave that one first")]
    InUse,
    /// A file operation failed.
    #[error("cannot write the mirror {}: {source}", path.display())]
    Io {
        /// The mirror.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The home sent something that no home of this program sends.
    #[error("the home sent {0}")]
    Protocol(&'static str),
}

/// The folder of a home's mirror.
#[derive(Debug, Clone)]
pub struct MirrorFolder(PathBuf);

impl MirrorFolder {
    /// Returns the folder for the mirror of this home.
    ///
    /// # Errors
    /// Without a cache folder.
    pub fn of(address: &HomeAddress) -> Result<Self, MirrorError> {
        let cache = choose_base_strategy().map_err(|_| MirrorError::NoFolder)?.cache_dir();
        Ok(Self::below(&cache.join("mien/homes"), address))
    }

    pub(super) fn below(folder: &Path, address: &HomeAddress) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') { c } else { '_' };
        let name: String = address.name.chars().map(plain).take(40).collect();
        // A home that moved to another machine is another home.
        let hash = blake3::hash(address.to_string().as_bytes()).to_hex();
        Self(folder.join(format!("{name}-{}", &hash[..12])))
    }

    /// Returns the bytes on disk.
    #[must_use]
    pub fn disk_usage(&self) -> u64 {
        durable::disk_usage(&self.0)
    }

    /// Returns the mirrored home.
    #[must_use]
    pub fn home(&self) -> Home {
        Home::mirror(self.0.join("home"))
    }

    /// Deletes the mirror. Returns whether there was one.
    ///
    /// # Errors
    /// If another program writes it, or it cannot be deleted.
    pub fn delete(&self) -> Result<bool, MirrorError> {
        if !self.0.exists() {
            return Ok(false);
        }
        // A program that writes would continue in deleted files, and show an empty home.
        let _lock = self.lock()?;
        let failed = |source| MirrorError::Io { path: self.0.clone(), source };
        fs::remove_dir_all(&self.0).map_err(failed)?;
        Ok(true)
    }

    fn lock(&self) -> Result<File, MirrorError> {
        let failed = |source| MirrorError::Io { path: self.0.clone(), source };
        let lock = lock::acquire(&self.0.join("mirror.lock"), Duration::from_millis(200)).map_err(failed)?;
        lock.ok_or(MirrorError::InUse)
    }

    fn contact_file(&self) -> PathBuf {
        self.0.join("contact.json")
    }

    /// Returns the last contact; `None` if there was none.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        CONTACT.read(&self.contact_file()).ok().flatten()
    }

    /// Records a contact. A mirror without the record has no age, and is otherwise good.
    pub(super) fn record_contact(&self, contact: &Contact) {
        let _ = CONTACT.bytes(contact).and_then(|bytes| durable::write_unsynced(&self.contact_file(), &bytes));
    }
}

/// A run of the mirror.
#[derive(Debug, Clone, Copy, Default)]
struct MirroredRun {
    /// The bytes of its log.
    log: u64,
    /// The bytes of its other files.
    files: u64,
}

/// A mirror that this program writes.
#[derive(Debug)]
pub struct Mirror {
    folder: MirrorFolder,
    store: RunStore,
    runs: BTreeMap<RunId, MirroredRun>,
    /// The runs whose logs did not fit.
    refused: BTreeSet<RunId>,
    /// The bytes of the mirror.
    bytes: u64,
    most: u64,
    /// Held as long as the mirror is written.
    _lock: File,
}

impl Mirror {
    /// Opens the mirror of a home for writing.
    ///
    /// # Errors
    /// If another program writes it, or the folder cannot be written.
    pub fn open(folder: &MirrorFolder, address: &HomeAddress) -> Result<Self, MirrorError> {
        let failed = |source| MirrorError::Io { path: folder.0.clone(), source };
        let store = RunStore::new(folder.home());
        durable::create_folder(&store.home().checkpoints()).map_err(failed)?;
        let lock = folder.lock()?;
        let mut mirror = Self {
            runs: BTreeMap::new(),
            refused: BTreeSet::new(),
            bytes: 0,
            most: address.mirror_bytes,
            _lock: lock,
            store,
            folder: folder.clone(),
        };
        for id in mirror.store.ids().map_err(failed)? {
            let run = mirror.store.folder(&id);
            let length = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len());
            let files = MirroredFile::ALL.into_iter().map(|file| length(file.path(&run))).sum::<u64>();
            let found = MirroredRun { log: length(run.events_file()), files: files + RUN_BYTES };
            mirror.bytes += found.log + found.files;
            mirror.runs.insert(id, found);
        }
        Ok(mirror)
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &MirrorFolder {
        &self.folder
    }

    /// Returns the number of runs whose logs did not fit into the bound.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.len()
    }

    /// Returns the runs of the mirror, the latest changes first.
    #[must_use]
    pub fn held(&self) -> Vec<HeldRun> {
        let modified = |id: &RunId| {
            let run = self.store.folder(id);
            fs::metadata(run.events_file()).and_then(|log| log.modified()).ok()
        };
        let mut runs: Vec<_> = self.runs.keys().map(|id| (modified(id), id)).collect();
        runs.sort_by(|one, other| other.cmp(one));
        runs.into_iter().map(|(_, id)| self.held_run(id)).collect()
    }

    fn held_run(&self, id: &RunId) -> HeldRun {
        let run = self.store.folder(id);
        let content = |file: MirroredFile| Some((file.number(), fs::read(file.path(&run)).ok()?));
        let files: Vec<(u8, Vec<u8>)> = MirroredFile::ALL.into_iter().filter_map(content).collect();
        let log = self.runs.get(id).map_or(0, |run| run.log);
        let check = prefix_checksum(&run.events_file(), log);
        HeldRun {
            run: id.clone(),
            log: if check.is_ok() { log } else { 0 },
            check: check.unwrap_or(0),
            files: files_checksum(files.iter().map(|(number, content)| (*number, &content[..]))),
        }
    }

    /// Applies a message about a run. Returns the run if its log does not fit, and is wanted no more; other messages
    /// change nothing.
    ///
    /// # Errors
    /// If the folder cannot be written, or no home of this program sends this.
    pub fn apply(&mut self, message: &FromHome) -> Result<Option<RunId>, MirrorError> {
        match message {
            FromHome::File { run, file, content } => {
                let content = content.as_ref().map(|content| content.0.as_slice());
                self.write_file(run, *file, content).map(|()| None)
            }
            FromHome::Log { run, at, bytes } => self.append(run, *at, &bytes.0),
            FromHome::Gone(run) => self.remove(run).map(|()| None),
            _ => Ok(None),
        }
    }

    fn failed(&self, source: io::Error) -> MirrorError {
        MirrorError::Io { path: self.folder.0.clone(), source }
    }

    /// Returns the run, which is new if it is not there; `None` beyond the bounds.
    fn run(&mut self, id: &RunId) -> Option<&mut MirroredRun> {
        if !self.runs.contains_key(id) {
            if self.runs.len() >= MAX_RUNS || self.bytes + RUN_BYTES > self.most {
                self.refused.insert(id.clone());
                return None;
            }
            self.bytes += RUN_BYTES;
            self.runs.insert(id.clone(), MirroredRun { log: 0, files: RUN_BYTES });
        }
        self.runs.get_mut(id)
    }

    fn write_file(&mut self, id: &RunId, number: u8, content: Option<&[u8]>) -> Result<(), MirrorError> {
        // A file that only a newer mien knows.
        let Some(file) = MirroredFile::of_number(number) else { return Ok(()) };
        let length = content.map_or(0, |content| content.len() as u64);
        if length > file.max_bytes() {
            return Err(MirrorError::Protocol("a file that is too long"));
        }
        let folder = self.store.folder(id);
        let before = fs::metadata(file.path(&folder)).map_or(0, |file| file.len());
        let most = self.most;
        if self.run(id).is_none() {
            return Ok(());
        }
        let total = self.bytes;
        let Some(run) = self.runs.get_mut(id) else { return Ok(()) };
        if length > before && total + (length - before) > most {
            self.refused.insert(id.clone());
            return Ok(());
        }
        run.files = (run.files + length).saturating_sub(before);
        self.bytes = (self.bytes + length).saturating_sub(before);
        folder.write_mirrored(file, content).map_err(|error| self.failed(error))
    }

    fn append(&mut self, id: &RunId, at: u64, bytes: &[u8]) -> Result<Option<RunId>, MirrorError> {
        let most = self.most;
        if self.run(id).is_none() {
            return Ok(Some(id.clone()));
        }
        let total = self.bytes;
        let Some(run) = self.runs.get_mut(id) else { return Ok(Some(id.clone())) };
        let before = run.log;
        if at != 0 && at != before {
            // Parts on their way when the bound was met are dropped.
            if self.refused.contains(id) {
                return Ok(None);
            }
            return Err(MirrorError::Protocol("a part of a log that does not follow the part before it"));
        }
        if at + bytes.len() as u64 > before && total - before + at + bytes.len() as u64 > most {
            self.refused.insert(id.clone());
            return Ok(Some(id.clone()));
        }
        run.log = at + bytes.len() as u64;
        self.bytes = total - before + at + bytes.len() as u64;
        let folder = self.store.folder(id);
        let write = || {
            durable::create_folder(folder.path())?;
            let mut log = durable::in_place_options().create(true).append(true).open(folder.events_file())?;
            if at == 0 {
                log.set_len(0)?;
            }
            log.write_all(bytes)
        };
        write().map_err(|error| self.failed(error)).map(|()| None)
    }

    fn remove(&mut self, id: &RunId) -> Result<(), MirrorError> {
        self.refused.remove(id);
        if let Some(run) = self.runs.remove(id) {
            self.bytes = self.bytes.saturating_sub(run.log + run.files);
        }
        match fs::remove_dir_all(self.store.folder(id).path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Records that the home answered now.
    pub(super) fn record_contact(&self, contact: Contact) {
        self.folder.record_contact(&Contact { at: now(), ..contact });
    }
}

#[cfg(test)]
mod tests;
