//! Writing a dataset: beside its place, then renamed into it whole.
//!
//! A writer works in the hidden folder `data/.NAME.importing-PID`, holds a lock on a file in it, and removes it when it
//! is dropped unfinished. A folder whose lock is free belongs to a process that died; the next writer removes it.
//! `data/.import.lock` is held while such folders come, go and take their place, so that these steps never interleave.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::fingerprint::fingerprint;
use super::manifest::{ClassCounts, FILE_NAME, ImageShape, Manifest};
use super::store::{LABELS, PIXELS, SOURCES, StoreError};
use crate::domain::{DatasetName, Split, SplitCounts};
use crate::durable::{self, lock};

const MARK: &str = ".importing-";
const LOCK: &str = "lock";

/// The hidden folder that a dataset is made in. Removed when dropped, with whatever is in it.
#[derive(Debug)]
pub struct Workshop {
    data_dir: PathBuf,
    name: DatasetName,
    dir: PathBuf,
    lock: File,
}

impl Workshop {
    /// Clears away what dead imports left and makes a folder for this one; `data_dir` is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when this process already imports under the name, [`StoreError::Io`].
    pub fn open(data_dir: &Path, name: &DatasetName) -> Result<Self, StoreError> {
        fs::create_dir_all(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
        let _guard = lock_folder(data_dir)?;
        remove_stale(data_dir)?;
        let dir = data_dir.join(format!(".{name}{MARK}{}", std::process::id()));
        if dir.exists() {
            return Err(StoreError::Busy { name: name.clone() });
        }
        fs::create_dir(&dir).map_err(|error| StoreError::io(&dir, error))?;
        let lock = File::create(dir.join(LOCK)).and_then(|file| file.lock().map(|()| file));
        let lock = lock.map_err(|error| {
            let _ = fs::remove_dir_all(&dir);
            StoreError::io(&dir, error)
        })?;
        Ok(Self { data_dir: data_dir.to_owned(), name: name.clone(), dir, lock })
    }

    /// The folder, for unnamed files that the work needs besides the dataset's own.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Moves the folder to the dataset's place.
    fn publish(&self, fingerprint: &str, replace: bool) -> Result<Published, StoreError> {
        let _guard = lock_folder(&self.data_dir)?;
        let place = self.data_dir.join(self.name.as_str());
        if fs::symlink_metadata(&place).is_ok() {
            if let Ok(there) = Manifest::read(&place)
                && there.fingerprint == fingerprint
                && super::store::Dataset::open(&place).is_ok()
            {
                return Ok(Published::Same(Box::new(there)));
            }
            if !place.join(FILE_NAME).is_file() {
                return Err(StoreError::Foreign { path: place });
            }
            if !replace {
                return Err(StoreError::Exists { name: self.name.clone() });
            }
        }
        let lock = self.dir.join(LOCK);
        fs::remove_file(&lock).map_err(|error| StoreError::io(&lock, error))?;
        swap(&self.dir, &place)?;
        durable::sync_folder(&self.data_dir).map_err(|error| StoreError::io(&self.data_dir, error))?;
        Ok(Published::New)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // After publishing this is either gone or the dataset that was replaced.
        let _ = fs::remove_dir_all(&self.dir);
        let _ = self.lock.unlock();
    }
}

/// What became of a finished dataset.
#[derive(Debug)]
enum Published {
    New,
    Same(Box<Manifest>),
}

/// Removes the dataset of this name and what is kept of it. It is out of sight in one step; what a crash leaves of it,
/// the next import clears away.
///
/// # Errors
/// [`StoreError`] when there is no such dataset, or it cannot be removed.
pub fn remove(data_dir: &Path, name: &DatasetName) -> Result<(), StoreError> {
    let place = data_dir.join(name.as_str());
    if !place.join(FILE_NAME).is_file() {
        return Err(StoreError::Foreign { path: place });
    }
    let guard = lock_folder(data_dir)?;
    let aside = data_dir.join(format!(".{name}{MARK}removed-{}", std::process::id()));
    fs::rename(&place, &aside).map_err(|error| StoreError::io(&place, error))?;
    durable::sync_folder(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
    drop(guard);
    fs::remove_dir_all(&aside).map_err(|error| StoreError::io(&aside, error))
}

fn lock_folder(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join(".import.lock");
    let file = durable::in_place_options().create(true).truncate(false).write(true).open(&path);
    file.and_then(|file| file.lock().map(|()| file)).map_err(|error| StoreError::io(&path, error))
}

fn remove_stale(data_dir: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| name.starts_with('.') && name.contains(MARK)) {
            continue;
        }
        if !lock::state(&entry.path().join(LOCK)).may_be_held() {
            // Whoever may not remove it will be told when making a folder of their own.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Puts `new` in `place`; what was there is afterwards at `new`. One step where the system can exchange names.
fn swap(new: &Path, place: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::io(place, error);
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(new, place).map_err(failed);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = new.with_extension("replaced");
    fs::rename(place, &aside).map_err(failed)?;
    if let Err(error) = fs::rename(new, place) {
        fs::rename(&aside, place).map_err(failed)?;
        return Err(failed(error));
    }
    fs::rename(&aside, new).map_err(failed)
}

/// What a manifest says besides what the writer counts itself.
#[derive(Debug, Clone)]
pub struct Description {
    /// See [`Manifest::skipped`].
    pub skipped: Vec<super::manifest::Skipped>,
    /// See [`Manifest::skipped_count`].
    pub skipped_count: u64,
    /// See [`Manifest::resized`].
    pub resized: u64,
    /// See [`Manifest::source`].
    pub source: String,
    /// See [`Manifest::created_at`].
    pub created_at: u64,
    /// See [`Manifest::split`].
    pub split: super::manifest::SplitOptions,
}

/// Takes images in canonical order and writes the files of a dataset.
#[derive(Debug)]
pub struct Writer {
    workshop: Workshop,
    image: ImageShape,
    classes: Vec<ClassCounts>,
    pixels: BufWriter<File>,
    labels: BufWriter<File>,
    sources: BufWriter<File>,
    /// Ends of the source names written so far.
    offsets: Vec<u64>,
    hasher: blake3::Hasher,
    last: (Split, usize),
}

impl Writer {
    /// Begins a dataset of these classes, in label order.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn new(workshop: Workshop, image: ImageShape, classes: &[String]) -> Result<Self, StoreError> {
        let create = |name: &str| {
            let path = workshop.dir.join(name);
            File::create(&path)
                .map(|file| BufWriter::with_capacity(1 << 20, file))
                .map_err(|e| StoreError::io(&path, e))
        };
        let (pixels, labels, sources) = (create(PIXELS)?, create(LABELS)?, create(SOURCES)?);
        let classes =
            classes.iter().map(|name| ClassCounts { name: name.clone(), counts: SplitCounts::default() }).collect();
        let hasher = blake3::Hasher::new();
        let last = (Split::Train, 0);
        Ok(Self { workshop, image, classes, pixels, labels, sources, offsets: vec![0], hasher, last })
    }

    /// Images of each class so far.
    #[must_use]
    pub fn classes(&self) -> &[ClassCounts] {
        &self.classes
    }

    /// Adds an image, u8 H×W×C.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    ///
    /// # Panics
    /// If the image has another size than the dataset or comes out of order.
    pub fn push(&mut self, split: Split, label: usize, pixels: &[u8], source: &str) -> Result<(), StoreError> {
        assert_eq!(pixels.len(), self.image.bytes(), "size of an image");
        assert!(self.last <= (split, label), "images come in canonical order");
        self.last = (split, label);
        let label_bytes = u16::try_from(label).unwrap_or_else(|_| panic!("class {label} of 65536")).to_le_bytes();
        let source = crate::domain::text::printable(source);
        let at = |file: &str| self.workshop.dir.join(file);
        self.pixels.write_all(pixels).map_err(|error| StoreError::io(&at(PIXELS), error))?;
        self.labels.write_all(&label_bytes).map_err(|error| StoreError::io(&at(LABELS), error))?;
        self.sources.write_all(source.as_bytes()).map_err(|error| StoreError::io(&at(SOURCES), error))?;
        self.offsets.push(self.offsets.last().copied().unwrap_or(0) + source.len() as u64);
        self.hasher.update(pixels);
        let counts = &mut self.classes[label].counts;
        match split {
            Split::Train => counts.train += 1,
            Split::Validation => counts.validation += 1,
            Split::Test => counts.test += 1,
        }
        Ok(())
    }

    /// Syncs everything and moves it into place. Returns the manifest, and whether the very same dataset was there
    /// already (then that one stays, even where `replace` is asked for).
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another dataset has the name and `replace` is not set, [`StoreError::Io`].
    pub fn finish(mut self, description: Description, replace: bool) -> Result<(Manifest, bool), StoreError> {
        let at = |file: &str| self.workshop.dir.join(file);
        for offset in &self.offsets {
            self.sources.write_all(&offset.to_le_bytes()).map_err(|error| StoreError::io(&at(SOURCES), error))?;
        }
        for (file, name) in [(&mut self.pixels, PIXELS), (&mut self.labels, LABELS), (&mut self.sources, SOURCES)] {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| StoreError::io(&at(name), error))?;
        }
        let manifest = Manifest {
            version: super::manifest::FORMAT_VERSION,
            name: self.workshop.name.clone(),
            fingerprint: fingerprint(self.image, &self.classes, &self.hasher.finalize()),
            image: self.image,
            classes: self.classes,
            skipped: description.skipped,
            skipped_count: description.skipped_count,
            resized: description.resized,
            source: description.source,
            created_at: description.created_at,
            split: description.split,
        };
        write_manifest(&at(FILE_NAME), &manifest)?;
        let folder = &self.workshop.dir;
        durable::sync_folder(folder).map_err(|error| StoreError::io(folder, error))?;
        match self.workshop.publish(&manifest.fingerprint, replace)? {
            Published::New => Ok((manifest, false)),
            Published::Same(there) => Ok((*there, true)),
        }
    }
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(path, error);
    let mut file = File::create(path).map_err(failed)?;
    serde_json::to_writer_pretty(&mut file, manifest).map_err(|error| failed(error.into()))?;
    file.sync_all().map_err(failed)
}

#[cfg(test)]
#[path = "writer_tests.rs"]
pub(crate) mod tests;
