//! Cached outputs of a base's frozen layers for a dataset's images, in the dataset's folder.
//!
//! ```text
//! data/NAME/features/KEY/key.json           the inputs of the computation, see `Key` /train.f32          f32 rows of
//! one section, little-endian /train.table        8 bytes for every 256 rows: presence and CRC-32 /train-SEED…-2.f32
//! the second augmented variant of the training images
//! ```
//!
//! A section is written in chunks of 256 rows, and a chunk counts once its checksum is in the table. A killed worker
//! loses one chunk, and a damaged chunk is computed again. The writer of a section holds an exclusive lock on its table
//! and each reader a shared one. Otherwise two workers could compute one section, or a removal could hit a reader.

mod cached;
mod disk_space;
mod section;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::images::Augmenter;
use crate::domain::network::{Cut, ResolvedNetwork};
use crate::domain::{Precision, Preprocessing, Recipe, Split};
use crate::durable;

pub use cached::CachedFeatures;
pub use disk_space::{CacheRefusal, CacheUsage, CachedSection, cached_images, clear, free_space, usage};
pub use section::{CHUNK, Complete, Section, SectionState, UnfinishedSection};

/// The folder of a dataset's cached features.
pub const FOLDER: &str = "features";

/// The version of the computation; raised when the same key would give other numbers.
pub const KEY_VERSION: u32 = 1;

const KEY_FILE: &str = "key.json";

/// All inputs of the frozen layers' computation except the choice of images.
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
    /// The preprocessing of pixels.
    pub preprocessing: Preprocessing,
    /// The kind of device, `cpu` or `cuda`; their results differ in the last bits.
    pub device: String,
    /// The number type of the base's convolutions.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
}

/// The kind of device of features that a CPU computed.
pub const CPU: &str = "cpu";

/// The kind of device of features that a GPU computed.
pub const CUDA: &str = "cuda";

impl Key {
    /// Returns the key of a recipe's cached features on a kind of device; `None` without imported weights. The network
    /// is the recipe's, resolved for a dataset with this fingerprint, and cut.
    #[must_use]
    pub fn of(
        recipe: &Recipe,
        fingerprint: &str,
        (network, cut): (&ResolvedNetwork, Cut),
        preprocessing: Preprocessing,
        device: &str,
    ) -> Option<Self> {
        let transfer = recipe.transfer.as_ref()?;
        Some(Self {
            version: KEY_VERSION,
            // Each fold has other images in each split.
            fingerprint: match recipe.fold {
                None => fingerprint.to_owned(),
                Some(fold) => format!("{fingerprint} fold {fold} by seed {}", fold.seed),
            },
            base: transfer.base.clone(),
            layer: network.trained_input_name(cut).to_owned(),
            shape: network.trained_input(cut),
            size: transfer.size,
            preprocessing,
            device: device.to_owned(),
            precision: recipe.precision,
        })
    }

    /// Returns the number of values in a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the folder of this key for the dataset in `dataset_dir`.
    #[must_use]
    pub fn folder(&self, dataset_dir: &Path) -> PathBuf {
        // Serializing plain values cannot fail, and an empty key would only share one folder.
        let hash = blake3::hash(&serde_json::to_vec(self).unwrap_or_default());
        dataset_dir.join(FOLDER).join(&hash.to_hex()[..16])
    }

    /// Creates the folder and writes the key into it.
    ///
    /// # Errors
    /// If the folder cannot be written.
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
        // Any other file was not written by this program.
        let plain = kind.is_file() && kind.len() <= MOST_BYTES;
        plain.then(|| fs::read(path).ok()).flatten().and_then(|text| serde_json::from_slice(&text).ok())
    }
}

/// The images of a section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionName {
    /// The split.
    pub split: Split,
    /// The random changes and the number of the variant; `None` for unchanged images.
    pub variant: Option<(Augmenter, u64)>,
}

impl SectionName {
    /// Returns the name of the section's files, without extension.
    #[must_use]
    pub fn stem(&self) -> String {
        let Some((augmenter, number)) = &self.variant else { return self.split.to_string() };
        let ranges = serde_json::to_vec(&augmenter.ranges).unwrap_or_default();
        let hash = blake3::hash(&[ranges.as_slice(), &augmenter.seed.to_le_bytes()].concat());
        format!("{}-seed{}-{}-{number}", self.split, augmenter.seed, &hash.to_hex()[..8])
    }

    /// Returns the sections that a run reads of a split: unchanged images, or all variants of the training images.
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
