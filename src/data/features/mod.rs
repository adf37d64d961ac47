//! What the frozen layers of a pretrained base made of a dataset's images, kept beside the dataset.
//!
//! ```text
//! data/NAME/features/KEY/key.json           what decides the numbers, see `Key`
//!                       /train.f32          f32 rows of one section, little-endian
//!                       /train.table        8 bytes for every 256 rows: whether they are there, and their CRC-32
//!                       /train-SEED…-2.f32  the second augmented variant of the training images
//! ```
//! A section is written in chunks of 256 rows, each of which counts once its checksum is in the table: a worker that is
//! killed loses the chunk it was at, and a damaged chunk is computed again. Whoever computes a section holds a lock on
//! its table, whoever reads one holds a shared lock, so that nobody computes twice or removes what is in use.

mod cached;
mod room;
mod section;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Augmenter;
use crate::domain::{Precision, Preprocessing, Split};
use crate::durable;

pub use cached::CachedFeatures;
pub use room::{NoRoom, Usage, clear, make_room, usage};
pub use section::{CHUNK, Complete, Opened, Section, Unfinished};

/// The folder of all cached features of a dataset.
pub const FOLDER: &str = "features";

/// Raised when the same key would give other numbers than before.
pub const KEY_VERSION: u32 = 1;

const KEY_FILE: &str = "key.json";

/// Everything that decides what comes out of the frozen layers, but for which images go in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// See [`KEY_VERSION`].
    pub version: u32,
    /// The dataset's fingerprint.
    pub fingerprint: String,
    /// The base's weights and preprocessing.
    pub base: String,
    /// The last frozen layer, `block4` or `pooled`.
    pub layer: String,
    /// Channels, height and width of a row.
    pub shape: [usize; 3],
    /// Side of the input images, in pixels.
    pub size: u32,
    /// How pixels become input.
    pub preprocessing: Preprocessing,
    /// Kind of the device that computes, `cpu` or `cuda`: the last bits differ.
    pub device: String,
    /// What the base computes in.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
}

impl Key {
    /// Numbers in a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.shape.iter().product()
    }

    /// The folder of this key for the dataset in `dataset_dir`.
    #[must_use]
    pub fn folder(&self, dataset_dir: &Path) -> PathBuf {
        // Serializing plain values cannot fail; a key that did would only be a folder of its own.
        let hash = blake3::hash(&serde_json::to_vec(self).unwrap_or_default());
        dataset_dir.join(FOLDER).join(&hash.to_hex()[..16])
    }

    /// Makes the folder and notes in it what it is of.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(&self, dataset_dir: &Path) -> io::Result<PathBuf> {
        let folder = self.folder(dataset_dir);
        let note = folder.join(KEY_FILE);
        durable::check_folder(dataset_dir)?;
        folder.parent().map_or(Ok(()), durable::create_folder)?;
        durable::create_folder(&folder)?;
        if !note.exists() {
            durable::write(&note, &serde_json::to_vec_pretty(self)?)?;
        }
        Ok(folder)
    }

    fn read(folder: &Path) -> Option<Self> {
        const MOST_BYTES: u64 = 64 << 10;
        let path = folder.join(KEY_FILE);
        let kind = fs::symlink_metadata(&path).ok()?;
        // Anything else was not written by this program.
        let plain = kind.is_file() && kind.len() <= MOST_BYTES;
        plain.then(|| fs::read(path).ok()).flatten().and_then(|text| serde_json::from_slice(&text).ok())
    }
}

/// Which images a section is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionName {
    /// The split.
    pub split: Split,
    /// The random changes and the number of the variant; `None` for the images as they are.
    pub variant: Option<(Augmenter, u64)>,
}

impl SectionName {
    /// The name of its files, without an ending.
    #[must_use]
    pub fn stem(&self) -> String {
        let Some((augmenter, number)) = &self.variant else { return self.split.to_string() };
        let ranges = serde_json::to_vec(&augmenter.ranges).unwrap_or_default();
        let hash = blake3::hash(&[ranges.as_slice(), &augmenter.seed.to_le_bytes()].concat());
        format!("{}-seed{}-{}-{number}", self.split, augmenter.seed, &hash.to_hex()[..8])
    }

    /// The sections that a run reads of a split: the images as they are, or all variants of the training images.
    #[must_use]
    pub fn of_split(split: Split, augmenter: Option<&Augmenter>) -> Vec<Self> {
        match augmenter {
            Some(augmenter) if split == Split::Train => {
                let variant = |number| Self { split, variant: Some((*augmenter, number)) };
                (1..=u64::from(augmenter.variants)).map(variant).collect()
            }
            _ => vec![Self { split, variant: None }],
        }
    }
}
