//! The packed store of datasets: one folder per dataset, opened by memory map.
//!
//! The folder `data/NAME/` holds
//! - `manifest.json`: see [`Manifest`];
//! - `pixels.bin`: u8 `[N, H, W, C]`, row-major;
//! - `labels.bin`: N × u16, little-endian; redundant with the manifest's counts, for other programs;
//! - `groups.bin`: N × u32, little-endian, the number of each image's group; only where groups are known;
//! - `sources.bin`: the source names of all images, concatenated UTF-8, then N + 1 offsets (u64, little-endian).
//!
//! Images are in canonical order: by split, then by class, then by name in the source. Opening checks the file lengths
//! and the labels but reads no pixels.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fingerprint::fingerprint;
use super::manifest::{FILE_NAME, FORMAT_VERSION, ImageShape, Manifest, Place};
use crate::domain::{DataFold, DatasetName, GroupSizes, RelabelledImages, Split, SplitCounts};
use crate::durable::FileBytes;
use crate::durable::versioned::Problem;

/// Name of the file of pixels.
pub const PIXELS: &str = "pixels.bin";
/// Name of the file of labels.
pub const LABELS: &str = "labels.bin";
/// Name of the file of source names.
pub const SOURCES: &str = "sources.bin";
/// Name of the file of groups, which is only there if they are known.
pub const GROUPS: &str = "groups.bin";

/// The reason why a dataset cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("{}: {error}{}", shown(.path), advice(.error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The dataset was written by a newer version of this program.
    #[error("{}: the dataset has format {version}, this mien knows up to {FORMAT_VERSION}; update mien", shown(.path))]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// The version in the manifest.
        version: u32,
    },
    /// The files contradict each other.
    #[error("{}: damaged: {reason}; import the dataset again", shown(.path))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        reason: String,
    },
    /// A fold divides groups that the dataset does not have.
    #[error("{}: the groups of images are not those that the folds were made of; import the dataset as it was", shown(.path))]
    OtherGroups {
        /// The file of groups.
        path: PathBuf,
    },
    /// Another dataset has the name.
    #[error("there is another dataset '{name}' already: choose another name, or add --replace")]
    Exists {
        /// The requested name.
        name: DatasetName,
    },
    /// A dataset of another source has the name.
    #[error(
        "the name '{name}' is taken by a dataset from {}; choose another name, or add --replace", crate::domain::text::printable(.from)
    )]
    Taken {
        /// The requested name.
        name: DatasetName,
        /// The source of the dataset that has it.
        from: String,
    },
    /// A file or folder that is not a dataset has the dataset's path; it is never replaced.
    #[error("{}: exists and is not a dataset; move it or choose another name", shown(.path))]
    Foreign {
        /// The path.
        path: PathBuf,
    },
    /// Another process is importing under the same name.
    #[error("another import of '{name}' is under way; wait for it or choose another name")]
    Busy {
        /// The requested name.
        name: DatasetName,
    },
}

impl StoreError {
    /// Returns the error for a failed operation on `path`.
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    /// Returns the error for a problem of the manifest at `path`.
    pub(super) fn of(path: &Path, problem: Problem) -> Self {
        let path = path.to_owned();
        match problem {
            Problem::Read(error) | Problem::Write(error) => Self::Io { path, error },
            Problem::Malformed(reason) => Self::Corrupt { path, reason },
            Problem::Newer { found, .. } => Self::Newer { path, version: found },
        }
    }
}

/// Returns a path that is safe to print.
pub(crate) fn shown(path: &Path) -> String {
    crate::domain::text::printable(&path.to_string_lossy())
}

/// Returns the advice for an I/O error, empty if there is none.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and try again",
        io::ErrorKind::PermissionDenied => "; check the permissions",
        _ => "",
    }
}

/// An open dataset. Opening is cheap; threads share it by reference.
#[derive(Debug)]
pub struct Dataset {
    dir: PathBuf,
    manifest: Manifest,
    pixels: FileBytes,
    sources: FileBytes,
    labels: Vec<u16>,
    /// The group of each image as in the files; empty if groups are not known.
    groups: Vec<u32>,
    /// The first index of each split, then the total.
    bounds: [usize; 4],
    /// The position of each image in the files; `None` if images are in the order of the files.
    order: Option<Vec<u32>>,
    /// The training images with another class than in the files.
    relabelled: RelabelledImages,
}

impl Dataset {
    /// Opens the dataset in folder `dir`.
    ///
    /// # Errors
    /// [`StoreError`] if a file is missing, truncated or of a newer format; it names the file.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let mut manifest = Manifest::read(dir)?;
        let bounds = bounds(&manifest);
        let total = bounds[3];
        let pixels = map(&dir.join(PIXELS), |length| length == total * manifest.image.bytes())?;
        // A lower bound, because the length of the names is not known yet.
        let sources = map(&dir.join(SOURCES), |length| length >= (total + 1) * 8)?;
        let labels = read_labels(&dir.join(LABELS), &manifest)?;
        let groups = read_groups(&dir.join(GROUPS), &labels)?;
        let (groups, sizes) = groups.map_or((Vec::new(), None), |(groups, sizes)| (groups, Some(Arc::new(sizes))));
        manifest.groups = sizes;
        let (dir, order, relabelled) = (dir.to_owned(), None, RelabelledImages::default());
        let dataset = Self { dir, manifest, pixels, sources, labels, groups, bounds, order, relabelled };
        if dataset.offset(total) != Some(dataset.sources.len() - (total + 1) * 8) {
            let path = dataset.dir.join(SOURCES);
            return Err(StoreError::Corrupt { path, reason: "it is cut short".into() });
        }
        Ok(dataset)
    }

    /// Returns the dataset with the splits of this fold, and the dataset itself for `None`. The manifest then has the
    /// fold's counts, and the fingerprint stays that of the files.
    ///
    /// # Errors
    /// [`StoreError::OtherGroups`] if the fold divides groups that are not those of the dataset.
    ///
    /// # Panics
    /// If the splits are those of a fold already.
    pub fn in_fold(mut self, fold: Option<DataFold>) -> Result<Self, StoreError> {
        let Some(fold) = fold else { return Ok(self) };
        assert!(self.order.is_none(), "a fold of a fold");
        let sizes = self.manifest.groups.clone();
        self.order = Some(match (fold.groups, sizes.as_deref()) {
            (None, _) => super::fold::order(&self.manifest.classes, fold),
            (Some(expected), Some(sizes)) if sizes.checksum() == expected => {
                super::fold::order_by_groups(&self.labels, &self.groups, &sizes.splits(fold))
            }
            _ => return Err(StoreError::OtherGroups { path: self.dir.join(GROUPS) }),
        });
        let stored: Vec<SplitCounts> = self.manifest.classes.iter().map(|class| class.counts).collect();
        for (class, counts) in self.manifest.classes.iter_mut().zip(fold.counts(&stored, sizes.as_deref())) {
            class.counts = counts;
        }
        self.bounds = bounds(&self.manifest);
        Ok(self)
    }

    /// Returns the dataset with these classes for training images, by their indices in its training split. The manifest
    /// keeps the counts of the files.
    #[must_use]
    pub fn relabelled(self, relabelled: RelabelledImages) -> Self {
        Self { relabelled, ..self }
    }

    /// Returns the group of each image by its position in the files; empty if groups are not known.
    #[must_use]
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Returns the place of each image by its position in the files.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let places = self.manifest.places();
        let Some(order) = &self.order else { return places };
        let mut by_position: Vec<(u32, Place)> = order.iter().copied().zip(places).collect();
        by_position.sort_unstable_by_key(|(position, _)| *position);
        by_position.into_iter().map(|(_, place)| place).collect()
    }

    /// Returns the manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the dataset's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the shape of every image.
    #[must_use]
    pub fn image(&self) -> ImageShape {
        self.manifest.image
    }

    /// Returns the hash that identifies the dataset.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.manifest.fingerprint
    }

    /// Returns the number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.manifest.classes.len()
    }

    /// Returns the number of images in a split.
    #[must_use]
    pub fn len(&self, split: Split) -> usize {
        self.range(split).len()
    }

    /// Returns whether a split has no images.
    #[must_use]
    pub fn is_empty(&self, split: Split) -> bool {
        self.range(split).is_empty()
    }

    fn range(&self, split: Split) -> Range<usize> {
        let index = split as usize;
        self.bounds[index]..self.bounds[index + 1]
    }

    /// Returns all pixels of all images as stored, u8 `[N, H, W, C]`.
    #[must_use]
    pub fn all_pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns the pixels of image `index` of a split, u8 `[H, W, C]`.
    ///
    /// # Panics
    /// If the split has no such image.
    #[must_use]
    pub fn pixels(&self, split: Split, index: usize) -> &[u8] {
        let bytes = self.image().bytes();
        let at = self.position(split, index) * bytes;
        &self.pixels[at..at + bytes]
    }

    /// Returns the class of image `index` of a split, always below [`Self::classes`].
    ///
    /// # Panics
    /// If the split has no such image.
    #[must_use]
    pub fn label(&self, split: Split, index: usize) -> usize {
        let stored = self.labels[self.position(split, index)];
        let other = u32::try_from(index).ok().filter(|_| split == Split::Train);
        let other = other.and_then(|index| self.relabelled.get(index)).map(|image| image.class);
        // A class that the dataset lacks would index beyond the network's outputs.
        usize::from(other.filter(|class| usize::from(*class) < self.classes()).unwrap_or(stored))
    }

    /// Returns the source of image `index` of a split: a path in the imported source or a row of its table, safe to
    /// print.
    ///
    /// # Panics
    /// If the split has no such image.
    #[must_use]
    pub fn source(&self, split: Split, index: usize) -> String {
        let position = self.position(split, index);
        let name = self.offset(position).zip(self.offset(position + 1));
        // A damaged offset gives an empty name. Otherwise a damaged caption would end the program.
        let name = name.and_then(|(start, end)| self.sources.get(start..end)).unwrap_or_default();
        crate::domain::text::printable(&String::from_utf8_lossy(name))
    }

    /// Reads every pixel and compares the hash with the fingerprint; the splits must be those of the files.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the pixels differ from the imported ones.
    pub fn verify(&self) -> Result<(), StoreError> {
        let pixels = blake3::Hasher::new().update_rayon(&self.pixels).finalize();
        if fingerprint(self.image(), &self.manifest.classes, &pixels) == self.manifest.fingerprint {
            return Ok(());
        }
        let reason = "its pixels do not match the fingerprint in the manifest".into();
        Err(StoreError::Corrupt { path: self.dir.join(PIXELS), reason })
    }

    fn position(&self, split: Split, index: usize) -> usize {
        let range = self.range(split);
        assert!(index < range.len(), "image {index} of {} {split} images", range.len());
        let index = range.start + index;
        self.order.as_ref().map_or(index, |order| order[index] as usize)
    }

    fn offset(&self, position: usize) -> Option<usize> {
        let table = self.sources.len() - (self.labels.len() + 1) * 8;
        let bytes = self.sources[table..].chunks_exact(8).nth(position)?;
        usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
    }
}

/// Returns the first index of each split, then the total.
fn bounds(manifest: &Manifest) -> [usize; 4] {
    let counts = manifest.counts();
    [0, counts.train, counts.train + counts.validation, counts.total()]
}

/// Returns every dataset in a data folder by name, with its manifest or its error. Folders without a manifest are
/// skipped, and a missing folder counts as empty.
///
/// # Errors
/// [`StoreError::Io`] if the folder cannot be read.
#[allow(clippy::type_complexity)] // a list of names and results; an alias would hide that
pub fn list(data_dir: &Path) -> Result<Vec<(DatasetName, Result<Manifest, StoreError>)>, StoreError> {
    let entries = match fs::read_dir(data_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io(data_dir, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(data_dir, error))?;
        let name = entry.file_name().to_str().and_then(|name| DatasetName::new(name).ok());
        if let Some(name) = name.filter(|_| entry.path().join(FILE_NAME).exists()) {
            // Opening is cheap; otherwise damage would not appear before a run.
            found.push((name, Dataset::open(&entry.path()).map(|dataset| dataset.manifest)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Maps a file whose length passes the check.
#[allow(unsafe_code)]
fn map(path: &Path, right_length: impl Fn(usize) -> bool) -> Result<FileBytes, StoreError> {
    let file = File::open(path).map_err(|error| StoreError::io(path, error))?;
    // SAFETY: a map is sound while nobody changes or truncates the file. A dataset's files are written under another
    // name, synced, renamed into place and never written again. A replaced dataset is a new file, and the map keeps the
    // old one.
    let map = unsafe { FileBytes::new(&file) }.map_err(|error| StoreError::io(path, error))?;
    if right_length(map.len()) {
        return Ok(map);
    }
    let reason = format!("it has {} bytes, which do not match the manifest", map.len());
    Err(StoreError::Corrupt { path: path.to_owned(), reason })
}

/// Reads the labels and checks them against the counts.
fn read_labels(path: &Path, manifest: &Manifest) -> Result<Vec<u16>, StoreError> {
    let bytes = fs::read(path).map_err(|error| StoreError::io(path, error))?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    let labels: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let mut unread = labels.as_slice();
    let agrees = Split::ALL.iter().all(|split| {
        manifest.classes.iter().enumerate().all(|(label, class)| {
            let Some((mine, after)) = unread.split_at_checked(class.counts.get(*split)) else { return false };
            unread = after;
            mine.iter().all(|found| usize::from(*found) == label)
        })
    });
    if agrees && unread.is_empty() && rest.is_empty() {
        return Ok(labels);
    }
    let reason = "its labels do not match the counts in the manifest".into();
    Err(StoreError::Corrupt { path: path.to_owned(), reason })
}

/// Reads the group of each image, and counts the groups; `None` if there is no such file.
fn read_groups(path: &Path, labels: &[u16]) -> Result<Option<(Vec<u32>, GroupSizes)>, StoreError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| StoreError::io(path, error))?,
    };
    let groups: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number)).collect();
    // Numbers are counted from 0 without gaps: larger ones would make the table of groups huge.
    let is_right = bytes.len() == labels.len() * 4 && groups.iter().all(|group| (*group as usize) < labels.len());
    if !is_right {
        let reason = "its groups do not match the images".into();
        return Err(StoreError::Corrupt { path: path.to_owned(), reason });
    }
    let sizes = GroupSizes::count(&groups, labels, crc32fast::hash(&bytes));
    Ok(Some((groups, sizes)))
}
