//! Writing a dataset: into a hidden folder, which is then renamed.
//!
//! A writer uses the hidden folder `data/.NAME.importing-PID`, holds a lock on a file in it, and removes it when it is
//! dropped unfinished. A folder whose lock is free belongs to a dead process, and the next writer removes it.
//! `data/.import.lock` is held while such folders are created, removed or renamed. Otherwise these steps could
//! interleave.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::fingerprint::fingerprint;
use super::manifest::{ClassCounts, FILE_NAME, ImageShape, Manifest};
use super::store::{GROUPS, LABELS, PIXELS, SOURCES, StoreError};
use crate::domain::{DatasetName, Split, SplitCounts};
use crate::durable::{self, lock};

const MARK: &str = ".importing-";
const LOCK: &str = "lock";

/// The hidden folder in which a dataset is written. Dropping it removes it with its content.
#[derive(Debug)]
pub struct StagingFolder {
    data_dir: PathBuf,
    name: DatasetName,
    dir: PathBuf,
    lock: File,
}

impl StagingFolder {
    /// Removes the folders of dead imports and creates one for this import; creates `data_dir` if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if this process already imports under the name, [`StoreError::Io`].
    pub fn open(data_dir: &Path, name: &DatasetName) -> Result<Self, StoreError> {
        fs::create_dir_all(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
        let _guard = lock_folder(data_dir)?;
        remove_stale(data_dir)?;
        let dir = data_dir.join(format!(".{name}{MARK}{}", std::process::id()));
        if dir.exists() {
            return Err(StoreError::Busy { name: name.clone() });
        }
        fs::create_dir(&dir).map_err(|error| StoreError::io(&dir, error))?;
        let lock = File::create(dir.join(LOCK)).and_then(|file| file.lock().map_err(lock::explain).map(|()| file));
        let lock = lock.map_err(|error| {
            let _ = fs::remove_dir_all(&dir);
            StoreError::io(&dir, error)
        })?;
        Ok(Self { data_dir: data_dir.to_owned(), name: name.clone(), dir, lock })
    }

    /// Returns the folder, for temporary files of the import.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Renames the folder to the dataset's name.
    fn publish(&self, manifest: &Manifest, replace: bool) -> Result<PublishOutcome, StoreError> {
        let _guard = lock_folder(&self.data_dir)?;
        let target = self.data_dir.join(self.name.as_str());
        if fs::symlink_metadata(&target).is_ok() {
            if let Ok(existing) = Manifest::read(&target)
                && existing.fingerprint == manifest.fingerprint
                && super::store::Dataset::open(&target).is_ok()
                // Groups and fit are not in the fingerprint: otherwise a dataset could not get them.
                && !(replace && self.knows_more(manifest, &existing, &target))
            {
                return Ok(PublishOutcome::Same(Box::new(existing)));
            }
            if !target.join(FILE_NAME).is_file() {
                return Err(StoreError::Foreign { path: target });
            }
            if !replace {
                return Err(StoreError::Exists { name: self.name.clone() });
            }
        }
        let lock = self.dir.join(LOCK);
        fs::remove_file(&lock).map_err(|error| StoreError::io(&lock, error))?;
        swap(&self.dir, &target)?;
        durable::sync_folder(&self.data_dir).map_err(|error| StoreError::io(&self.data_dir, error))?;
        Ok(PublishOutcome::New)
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // After publishing, the folder is missing or holds the replaced dataset.
        let _ = fs::remove_dir_all(&self.dir);
        let _ = self.lock.unlock();
    }
}

impl StagingFolder {
    /// Returns whether this dataset has other groups or another fit than one with the same images in folder `target`.
    fn knows_more(&self, manifest: &Manifest, existing: &Manifest, target: &Path) -> bool {
        let groups = |folder: &Path| fs::read(folder.join(GROUPS)).ok();
        manifest.fit != existing.fit || groups(&self.dir) != groups(target)
    }
}

/// The result of publishing a finished dataset.
#[derive(Debug)]
enum PublishOutcome {
    New,
    Same(Box<Manifest>),
}

/// Checks before an import whether a dataset can be written under this name.
///
/// # Errors
/// [`StoreError::Foreign`] if something else has its path, [`StoreError::Taken`] if a dataset of another source has the
/// name and `replace` is not set. The same source may give the same dataset.
pub fn check_target(data_dir: &Path, name: &DatasetName, source: &str, replace: bool) -> Result<(), StoreError> {
    let target = data_dir.join(name.as_str());
    if fs::symlink_metadata(&target).is_err() {
        return Ok(());
    }
    if !target.join(FILE_NAME).is_file() {
        return Err(StoreError::Foreign { path: target });
    }
    match Manifest::read(&target) {
        Ok(existing) if !replace && existing.source != source => {
            Err(StoreError::Taken { name: name.clone(), from: existing.source })
        }
        _ => Ok(()),
    }
}

/// Removes the dataset with this name and its caches. A rename hides it at once; the next import removes the remains of
/// a crash.
///
/// # Errors
/// [`StoreError`] if there is no such dataset, or it cannot be removed.
pub fn remove(data_dir: &Path, name: &DatasetName) -> Result<(), StoreError> {
    let target = data_dir.join(name.as_str());
    if !target.join(FILE_NAME).is_file() {
        return Err(StoreError::Foreign { path: target });
    }
    let guard = lock_folder(data_dir)?;
    let aside = data_dir.join(format!(".{name}{MARK}removed-{}", std::process::id()));
    if let Err(error) = fs::rename(&target, &aside) {
        return if durable::is_operation_unsupported(&error) {
            remove_files(&target)
        } else {
            Err(StoreError::io(&target, error))
        };
    }
    durable::sync_folder(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
    drop(guard);
    fs::remove_dir_all(&aside).map_err(|error| StoreError::io(&aside, error))
}

/// Removes a dataset where folders cannot be renamed: its manifest first, so that no half of it is listed.
fn remove_files(target: &Path) -> Result<(), StoreError> {
    let removed = fs::remove_file(target.join(FILE_NAME)).and_then(|()| fs::remove_dir_all(target));
    removed.map_err(|error| StoreError::io(target, error))
}

fn lock_folder(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join(".import.lock");
    let file = durable::in_place_options().create(true).truncate(false).write(true).open(&path);
    file.and_then(|file| file.lock().map_err(lock::explain).map(|()| file))
        .map_err(|error| StoreError::io(&path, error))
}

fn remove_stale(data_dir: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(data_dir).map_err(|error| StoreError::io(data_dir, error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| name.starts_with('.') && name.contains(MARK)) {
            continue;
        }
        if !lock::state(&entry.path().join(LOCK)).may_be_held() {
            // Without permission to remove it, creating the new folder fails with the reason.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Moves `new` to `target`; a former `target` moves to `new`, or is removed where folders cannot be renamed. Atomic if
/// the system can exchange names.
fn swap(new: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::io(target, error);
    if fs::symlink_metadata(target).is_err() {
        return durable::move_folder(new, target, FILE_NAME).map_err(failed);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = new.with_extension("replaced");
    match fs::rename(target, &aside) {
        Err(error) if durable::is_operation_unsupported(&error) => {
            remove_files(target)?;
            return durable::move_folder(new, target, FILE_NAME).map_err(failed);
        }
        other => other.map_err(failed)?,
    }
    if let Err(error) = fs::rename(new, target) {
        fs::rename(&aside, target).map_err(failed)?;
        return Err(failed(error));
    }
    fs::rename(&aside, new).map_err(failed)
}

/// The parts of a manifest that the writer does not count.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// See [`Manifest::skipped`].
    pub skipped: Vec<super::manifest::Skipped>,
    /// See [`Manifest::skipped_count`].
    pub skipped_count: u64,
    /// See [`Manifest::left_out`].
    pub left_out: Vec<super::manifest::Omission>,
    /// See [`Manifest::notes`].
    pub notes: Vec<String>,
    /// See [`Manifest::resized`].
    pub resized: u64,
    /// See [`Manifest::source`].
    pub source: String,
    /// See [`Manifest::created_at`].
    pub created_at: u64,
    /// See [`Manifest::split`].
    pub split: super::manifest::SplitOptions,
    /// See [`Manifest::fit`].
    pub fit: super::import::Fit,
    /// See [`Manifest::parts`].
    pub parts: Vec<super::manifest::MergedSource>,
    /// The number of each image's group, in the order of the images; empty if groups are not known.
    pub groups: Vec<u32>,
}

/// The writer of a dataset's files; it takes images in canonical order.
#[derive(Debug)]
pub struct Writer {
    staging: StagingFolder,
    image: ImageShape,
    classes: Vec<ClassCounts>,
    pixels: BufWriter<File>,
    labels: BufWriter<File>,
    sources: BufWriter<File>,
    /// Ends of the source names written so far, in bytes.
    offsets: Vec<u64>,
    hasher: blake3::Hasher,
    last: (Split, usize),
}

impl Writer {
    /// Begins a dataset of these classes, in label order.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn new(staging: StagingFolder, image: ImageShape, classes: &[String]) -> Result<Self, StoreError> {
        let create = |name: &str| {
            let path = staging.dir.join(name);
            File::create(&path)
                .map(|file| BufWriter::with_capacity(1 << 20, file))
                .map_err(|e| StoreError::io(&path, e))
        };
        let (pixels, labels, sources) = (create(PIXELS)?, create(LABELS)?, create(SOURCES)?);
        let classes =
            classes.iter().map(|name| ClassCounts { name: name.clone(), counts: SplitCounts::default() }).collect();
        let hasher = blake3::Hasher::new();
        let last = (Split::Train, 0);
        Ok(Self { staging, image, classes, pixels, labels, sources, offsets: vec![0], hasher, last })
    }

    /// Returns the number of images of each class so far.
    #[must_use]
    pub fn classes(&self) -> &[ClassCounts] {
        &self.classes
    }

    /// Adds an image, u8 `[H, W, C]`.
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
        let at = |file: &str| self.staging.dir.join(file);
        self.pixels.write_all(pixels).map_err(|error| StoreError::io(&at(PIXELS), error))?;
        self.labels.write_all(&label_bytes).map_err(|error| StoreError::io(&at(LABELS), error))?;
        self.sources.write_all(source.as_bytes()).map_err(|error| StoreError::io(&at(SOURCES), error))?;
        self.offsets.push(self.offsets.last().copied().unwrap_or(0) + source.len() as u64);
        self.hasher.update(pixels);
        *self.classes[label].counts.get_mut(split) += 1;
        Ok(())
    }

    /// Writes and publishes the dataset, as [`Self::write`] and [`WrittenDataset::publish`] do.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if another dataset has the name and `replace` is not set, [`StoreError::Io`].
    pub fn finish(self, description: Description, replace: bool) -> Result<(Manifest, bool), StoreError> {
        self.write(description)?.publish(replace)
    }

    /// Writes and syncs all files of the dataset, which is not published yet.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    ///
    /// # Panics
    /// If some images have a group and others have none.
    pub fn write(mut self, description: Description) -> Result<WrittenDataset, StoreError> {
        let at = |file: &str| self.staging.dir.join(file);
        for offset in &self.offsets {
            self.sources.write_all(&offset.to_le_bytes()).map_err(|error| StoreError::io(&at(SOURCES), error))?;
        }
        for (file, name) in [(&mut self.pixels, PIXELS), (&mut self.labels, LABELS), (&mut self.sources, SOURCES)] {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| StoreError::io(&at(name), error))?;
        }
        let manifest = Manifest {
            version: super::manifest::FORMAT_VERSION,
            name: self.staging.name.clone(),
            fingerprint: fingerprint(self.image, &self.classes, &self.hasher.finalize()),
            image: self.image,
            classes: self.classes,
            skipped: description.skipped,
            skipped_count: description.skipped_count,
            left_out: description.left_out,
            notes: description.notes,
            resized: description.resized,
            source: description.source,
            created_at: description.created_at,
            split: description.split,
            fit: description.fit,
            parts: description.parts,
            groups: None,
        };
        if !description.groups.is_empty() {
            assert_eq!(description.groups.len() + 1, self.offsets.len(), "groups of images");
            let bytes: Vec<u8> = description.groups.iter().flat_map(|group| group.to_le_bytes()).collect();
            write_synced(&at(GROUPS), &bytes)?;
        }
        write_manifest(&at(FILE_NAME), &manifest)?;
        let folder = &self.staging.dir;
        durable::sync_folder(folder).map_err(|error| StoreError::io(folder, error))?;
        Ok(WrittenDataset { staging: self.staging, manifest })
    }
}

/// A complete dataset in a hidden folder. Files that are added to the folder are published with it.
#[derive(Debug)]
pub struct WrittenDataset {
    staging: StagingFolder,
    manifest: Manifest,
}

impl WrittenDataset {
    /// Returns the hidden folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.staging.dir
    }

    /// Publishes the dataset. Returns the manifest, and whether the same dataset existed before. An identical dataset
    /// stays even with `replace`, unless its groups or its fit differ.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if another dataset has the name and `replace` is not set, [`StoreError::Io`].
    pub fn publish(self, replace: bool) -> Result<(Manifest, bool), StoreError> {
        match self.staging.publish(&self.manifest, replace)? {
            PublishOutcome::New => Ok((self.manifest, false)),
            PublishOutcome::Same(existing) => Ok((*existing, true)),
        }
    }
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| StoreError::io(path, error.into()))?;
    write_synced(path, &text)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| StoreError::io(path, error))
}

#[cfg(test)]
pub(crate) mod tests;
