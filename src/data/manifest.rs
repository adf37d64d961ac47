//! The description of a dataset: the `manifest.json` of its folder.
//!
//! Reading it is all that a list or a class distribution needs; the pixels stay where they are.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::split::Protocol;
use super::store::StoreError;
use crate::domain::preflight::{self, DatasetFacts, Problem};
use crate::domain::{DatasetName, LeftOutImages, Split, SplitCounts};
use crate::durable::versioned;

/// The newest store format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Name of the manifest in a dataset's folder.
pub const FILE_NAME: &str = "manifest.json";

/// Size of every image of a dataset. Pixels are rows from the top, each pixel `channels` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 1 for gray, 3 for red, green and blue.
    pub channels: u32,
}

impl ImageShape {
    /// Bytes of one image.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.width as usize * self.height as usize * self.channels as usize
    }
}

/// A class and its number of images in each split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// The class's name.
    pub name: String,
    /// Number of images in each split.
    #[serde(flatten)]
    pub counts: SplitCounts,
}

/// Something in the source that did not make it into the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// What: a path inside the source or a row of its table, safe to print.
    pub source: String,
    /// Why, in words, safe to print.
    pub reason: String,
}

/// How the images came to their splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// The share of each class's training files that became validation, as in Keras's `validation_split`;
    /// `None` where the source has a validation split of its own.
    pub validation_fraction: Option<f64>,
    /// The share of each class's files that became test; `None` where the source has a test split of its own.
    pub test_fraction: Option<f64>,
    /// By which rule; files of before there were two have none.
    #[serde(default, skip_serializing_if = "Protocol::is_keras")]
    pub protocol: Protocol,
}

impl SplitOptions {
    /// How the splits were made, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let cut = |fraction: f64, from: &str, name: &str| format!("{name} is the first {fraction} of {from}");
        let (training, files) = ("each class's training files, as Keras cuts it", "each class's files");
        match (self.protocol, self.validation_fraction, self.test_fraction) {
            (Protocol::Official, ..) => "official: Training trains, PublicTest validates, PrivateTest tests".into(),
            (_, None, None) => "as in the source".into(),
            (_, Some(validation), None) => cut(validation, training, "validation"),
            (_, None, Some(test)) => cut(test, files, "test"),
            (_, Some(validation), Some(test)) => {
                format!("{}, test the {test} after them", cut(validation, files, "validation"))
            }
        }
    }
}

/// What a dataset is. The order of `classes` is the order of labels and, within each split, of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the store; see [`FORMAT_VERSION`].
    pub version: u32,
    /// The dataset's name when it was written.
    pub name: DatasetName,
    /// Hash over shape, class names, counts and pixels; see [`super::fingerprint`].
    pub fingerprint: String,
    /// Size of every image.
    pub image: ImageShape,
    /// Classes by label.
    pub classes: Vec<ClassCounts>,
    /// What was left out; at most [`super::import::MOST_SKIPS_LISTED`] of them are listed.
    pub skipped: Vec<Skipped>,
    /// How many were left out, listed or not.
    pub skipped_count: u64,
    /// How many images were resized to `image`.
    pub resized: u64,
    /// What was imported, as the user named it, safe to print.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub created_at: u64,
    /// How the images came to their splits.
    pub split: SplitOptions,
}

impl Manifest {
    /// Reads the manifest of the dataset in folder `dir`.
    ///
    /// # Errors
    /// [`StoreError`] when there is none, it is of a newer version, or it contradicts itself.
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let text = fs::read(&path).map_err(|error| StoreError::io(&path, error))?;
        let manifest: Self =
            versioned::parse(&text, FORMAT_VERSION).map_err(|problem| StoreError::of(&path, problem))?;
        manifest.check().map_err(|reason| StoreError::Corrupt { path, reason })?;
        Ok(manifest)
    }

    /// Refuses what no writer of this program writes, so that later arithmetic cannot overflow.
    fn check(&self) -> Result<(), String> {
        let ImageShape { width, height, channels } = self.image;
        if !matches!(channels, 1 | 3) || width == 0 || height == 0 || width > 1 << 16 || height > 1 << 16 {
            return Err(format!("images of {width}×{height} with {channels} channels are not possible"));
        }
        if self.classes.len() < 2 || self.classes.len() > usize::from(u16::MAX) {
            return Err(format!("{} classes are not possible", self.classes.len()));
        }
        let total = Split::ALL.iter().try_fold(0_usize, |sum, split| {
            self.classes.iter().try_fold(sum, |sum, class| sum.checked_add(class.counts.get(*split)))
        });
        match total.and_then(|total| total.checked_mul(self.image.bytes().max(16))) {
            Some(0) => Err("it holds no images".into()),
            Some(_) => Ok(()),
            None => Err("its counts are not possible".into()),
        }
    }

    /// Images in each split, over all classes.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.classes.iter().fold(SplitCounts::default(), |sum, class| SplitCounts {
            train: sum.train + class.counts.train,
            validation: sum.validation + class.counts.validation,
            test: sum.test + class.counts.test,
        })
    }

    /// The names of the classes by label.
    #[must_use]
    pub fn class_names(&self) -> Vec<&str> {
        self.classes.iter().map(|class| class.name.as_str()).collect()
    }

    /// The class of the `index`th image of a split: images of a class lie together. `None` beyond the last.
    #[must_use]
    pub fn class_of(&self, split: Split, index: usize) -> Option<&ClassCounts> {
        let mut end = 0;
        self.classes.iter().find(|class| {
            end += class.counts.get(split);
            index < end
        })
    }

    /// Whether a run can leave these training images out: they are there, and some of every class stay.
    ///
    /// # Errors
    /// [`Problem::NotThere`] or [`Problem::WholeClass`].
    pub fn check_left_out(&self, left_out: &LeftOutImages) -> Result<(), Problem> {
        let classes = self.classes.iter().map(|class| (class.name.as_str(), class.counts.train));
        preflight::check_left_out(left_out, classes)
    }

    /// What of the dataset decides whether a run can be trained on it.
    #[must_use]
    pub fn facts(&self) -> DatasetFacts {
        DatasetFacts {
            fingerprint: self.fingerprint.clone(),
            image: [self.image.height, self.image.width, self.image.channels].map(|side| side as usize),
            classes: self.classes.iter().map(|class| (class.name.clone(), class.counts)).collect(),
        }
    }
}
