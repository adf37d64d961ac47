//! Disk usage of cached features, and freeing space for more.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{CPU, CUDA, FOLDER, KEY_FILE, Key, Section, SectionName};
use crate::data::images::Augmenter;
use crate::domain::preflight::DatasetFacts;
use crate::domain::{CachedImages, Recipe, Size, Split};
use crate::durable::{free_bytes, lock};

/// Bytes of the disk that caches leave free.
const MARGIN: u64 = 1 << 30;

/// The disk usage of one key's cached features.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheUsage {
    /// The key.
    pub key: Key,
    /// The sections: splits, and variants of the training images.
    pub sections: Vec<CachedSection>,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A section on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSection {
    /// Its name, see [`SectionName::stem`].
    pub stem: String,
    /// The number of images whose features it holds.
    pub images: usize,
}

/// The reason why features are not cached.
#[derive(Debug, thiserror::Error)]
pub enum CacheRefusal {
    /// Caching is switched off.
    #[error("MIEN_FEATURE_CACHE_GIB is 0")]
    Off,
    /// The features exceed the bound.
    #[error("they would take {needed}, and all cached features may take {limit} (MIEN_FEATURE_CACHE_GIB sets it)")]
    Bound {
        /// Their size.
        needed: Size,
        /// The bound.
        limit: Size,
    },
    /// The disk is too full.
    #[error("they would take {needed}, and the disk has {free} left")]
    Disk {
        /// Their size.
        needed: Size,
        /// The free space.
        free: Size,
    },
    /// A file operation failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The files of one section.
struct SectionFiles {
    values: PathBuf,
    table: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl SectionFiles {
    /// Returns whether a process reads or computes the section.
    fn is_in_use(&self) -> bool {
        File::open(&self.table).is_ok_and(|table| table.try_lock().is_err())
    }
}

/// Returns the disk usage of the cached features of the dataset in `dataset_dir`, largest first.
#[must_use]
pub fn usage(dataset_dir: &Path) -> Vec<CacheUsage> {
    let mut all: Vec<CacheUsage> = keys(dataset_dir)
        .into_iter()
        .filter_map(|folder| {
            let (key, files) = (Key::read(&folder)?, sections(&folder));
            let bytes = files.iter().map(|section| section.bytes).sum();
            let sections = files.iter().filter_map(|section| cached_section(section, key.row())).collect();
            (!files.is_empty()).then_some(CacheUsage { key, sections, bytes })
        })
        .collect();
    all.sort_by_key(|usage| std::cmp::Reverse(usage.bytes));
    all
}

/// Returns a section by its table, without a look at its values; `None` where it has no file name of text.
fn cached_section(section: &SectionFiles, row: usize) -> Option<CachedSection> {
    let stem = section.values.file_stem()?.to_str()?.to_owned();
    let bytes = fs::metadata(&section.values).map_or(0, |metadata| metadata.len());
    let rows = usize::try_from(bytes).unwrap_or(0) / (row * size_of::<f32>()).max(1);
    let images = Section::new(section.values.parent()?, &stem, rows, row).rows_in_table();
    Some(CachedSection { stem, images })
}

/// Returns the number of images whose features a recipe finds among those of its dataset, which has these facts.
/// Damaged features count, because only their reader notices them.
#[must_use]
pub fn cached_images(usage: &[CacheUsage], recipe: &Recipe, facts: &DatasetFacts) -> CachedImages {
    let on = |device| images_on_disk(usage, recipe, facts, device).unwrap_or(0);
    CachedImages { cpu: on(CPU), cuda: on(CUDA) }
}

fn images_on_disk(usage: &[CacheUsage], recipe: &Recipe, facts: &DatasetFacts, device: &str) -> Option<usize> {
    if usage.is_empty() || !recipe.repeats_images() {
        return None;
    }
    let facts = facts.as_split_by(recipe).ok()?;
    let network = recipe.resolve(facts.image, facts.classes.len()).ok()?;
    let cut = network.cut(recipe.trained_stages()).ok()?;
    // The recipe's `base` stands for the preprocessing, too.
    let is_own = |key: &Key| {
        Key::of(recipe, &facts.fingerprint, (&network, cut), key.preprocessing, device).as_ref() == Some(key)
    };
    let own = usage.iter().find(|usage| is_own(&usage.key))?;
    let (augmenter, counts) = (Augmenter::of(recipe), facts.counts());
    let images = Split::ALL.into_iter().flat_map(|split| {
        SectionName::of_split(split, augmenter.as_ref()).into_iter().filter_map(move |name| {
            let section = own.sections.iter().find(|section| section.stem == name.stem())?;
            Some(section.images.min(counts.get(split)))
        })
    });
    Some(images.sum())
}

/// Removes the unused cached features of the dataset in `dataset_dir`. Returns the bytes freed and the number of
/// sections in use, which remain.
///
/// # Errors
/// If a file cannot be removed.
pub fn clear(dataset_dir: &Path) -> io::Result<(u64, usize)> {
    let (mut freed, mut in_use) = (0, 0);
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
            // Fails if a process has begun a section since.
            let _ = fs::remove_dir(&folder);
        }
        in_use += left;
    }
    Ok((freed, in_use))
}

/// Removes the least recently used cached features in `data_dir` until `needed` more bytes fit into `limit` bytes.
/// Sections in use stay, and so do those of `wanted`, the files that need the space.
///
/// # Errors
/// [`CacheRefusal`] if the bound or the disk leaves too little even so; nothing is removed then.
pub fn free_space(data_dir: &Path, needed: u64, limit: u64, wanted: &[PathBuf]) -> Result<(), CacheRefusal> {
    if needed == 0 {
        return Ok(());
    }
    let mut all: Vec<SectionFiles> =
        folders(data_dir).iter().flat_map(|dataset| keys(dataset)).flat_map(|key| sections(&key)).collect();
    let mut taken: u64 = all.iter().map(|section| section.bytes).sum();
    all.retain(|section| !wanted.contains(&section.values) && !section.is_in_use());
    all.sort_by_key(|section| section.used);
    let removable: u64 = all.iter().map(|section| section.bytes).sum();
    if taken - removable + needed > limit {
        return Err(CacheRefusal::Bound { needed: Size(needed), limit: Size(limit) });
    }
    let free_at_most = free_bytes(data_dir)?.saturating_add(removable);
    if free_at_most < needed.saturating_add(MARGIN) {
        return Err(CacheRefusal::Disk { needed: Size(needed), free: Size(free_at_most) });
    }
    for section in &all {
        if taken + needed <= limit && free_bytes(data_dir)? >= needed + MARGIN {
            break;
        }
        if remove(section)? {
            taken -= section.bytes;
        }
    }
    Ok(())
}

/// Returns the folders in a folder, none if it cannot be read.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    // Links are not followed. Otherwise files outside the home could be removed.
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Returns the folders of a dataset's keys; a folder without a readable key is left out.
fn keys(dataset_dir: &Path) -> Vec<PathBuf> {
    let path = dataset_dir.join(FOLDER);
    let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
    let mut found = if is_folder { folders(&path) } else { Vec::new() };
    found.retain(|folder| Key::read(folder).is_some());
    found
}

fn sections(folder: &Path) -> Vec<SectionFiles> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let values = entry.path();
            let table = values.with_extension("table");
            if values.extension()? != "f32" {
                return None;
            }
            let used = fs::metadata(&table).and_then(|table| table.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            // A shared lock, because an exclusive one would make a worker miss this section.
            let computed = lock::state(&table).may_be_held();
            let metadata = entry.metadata().ok()?;
            // Blocks rather than length, because an unfinished section is sparse; a section being computed will reach
            // its length.
            let bytes = if computed { metadata.len() } else { metadata.blocks() * 512 };
            Some(SectionFiles { values, table, bytes, used })
        })
        .collect()
}

/// Removes a section unless it is in use; returns whether it was removed.
fn remove(section: &SectionFiles) -> io::Result<bool> {
    let ignore_missing = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let table = File::open(&section.table);
    if table.as_ref().is_ok_and(|table| table.try_lock().is_err()) {
        return Ok(false);
    }
    ignore_missing(fs::remove_file(&section.values))?;
    // Removed last and under its lock. A process that waits for the lock then sees that the file has no path.
    ignore_missing(fs::remove_file(&section.table))?;
    Ok(true)
}
