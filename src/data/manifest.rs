//! The description of a dataset: the `manifest.json` of its folder.
//!
//! Lists and class distributions read only the manifest, never the pixels.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::import::Fit;
use super::split::{Division, Protocol};
use super::store::StoreError;
use crate::domain::number_text;
use crate::domain::preflight::{self, DatasetFacts, Problem};
use crate::domain::text::printable;
use crate::domain::{Corrections, DatasetName, GroupSizes, Split, SplitCounts};
use crate::durable::versioned;

/// The newest store format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Name of the manifest in a dataset's folder.
pub const FILE_NAME: &str = "manifest.json";

/// The shape of every image of a dataset. Pixels are stored in rows from the top, `channels` bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Pixels in a row.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// 1 for gray, 3 for red, green and blue.
    pub channels: u32,
}

impl ImageShape {
    /// Returns `48×48 gray`: width and height in pixels, and whether the images have colours.
    #[must_use]
    pub fn describe(self) -> String {
        let colours = if self.channels == 1 { "gray" } else { "colour" };
        format!("{}×{} {colours}", self.width, self.height)
    }

    /// Returns the bytes of one image.
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
    /// The number of images in each split.
    #[serde(flatten)]
    pub counts: SplitCounts,
}

/// A part of the source that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// A path inside the source or a row of its table, safe to print.
    pub source: String,
    /// The reason, safe to print.
    pub reason: String,
}

/// Things of one kind in the source that were not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omission {
    /// The reason, in the words of the example, safe to print.
    pub reason: String,
    /// The number of things.
    pub count: u64,
    /// The first of them: a path inside the source or a row of its table, safe to print.
    pub example: String,
    /// Whether a strict import refuses the source because of them; files that are no images may lie beside the classes.
    pub skipped: bool,
}

/// Returns the decisions of an import, and everything that it left out, by reason: a line each, safe to print.
#[must_use]
pub fn reasons(notes: &[String], left_out: &[Omission]) -> Vec<String> {
    let mut lines: Vec<String> = notes.iter().map(|note| format!("note: {note}")).collect();
    for (skipped, words) in [(true, "skipped"), (false, "ignored")] {
        let here: Vec<&Omission> = left_out.iter().filter(|kind| kind.skipped == skipped).collect();
        let count: u64 = here.iter().map(|kind| kind.count).sum();
        if count > 0 {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            lines.push(format!("{} {words}:", number_text::count(count, "item was", "items were")));
        }
        lines.extend(here.iter().map(|Omission { reason, count, example, .. }| match count {
            1 => format!("  {example}: {reason}"),
            count => format!("  {count} × {reason}, such as {example}"),
        }));
    }
    lines.iter().map(|line| printable(line)).collect()
}

/// The place of an image in a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The split.
    pub split: Split,
    /// The index in the split, from 0.
    pub index: u32,
    /// The label.
    pub label: u16,
}

/// The rule by which the images were divided into splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// The share of each class's training files that became validation, as in Keras's `validation_split`. `None` if the
    /// source has a validation split.
    pub validation_fraction: Option<f64>,
    /// The share of each class's files that became test; `None` if the source has a test split.
    pub test_fraction: Option<f64>,
    /// The protocol; older files have none and mean Keras's.
    #[serde(default, skip_serializing_if = "Protocol::is_keras")]
    pub protocol: Protocol,
    /// The way in which the fractions were taken; older files have none and mean Keras's.
    #[serde(default, skip_serializing_if = "Division::is_keras")]
    pub by: Division,
    /// The seed of the division, unless it is Keras's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl SplitOptions {
    /// Describes how the splits were made.
    #[must_use]
    pub fn describe(&self) -> String {
        let (training, files) = match self.by {
            Division::Keras => ("each class's training files, as Keras cuts it", "each class's files"),
            Division::Seed => ("the training images", "all images"),
            Division::Stratified => ("each class's training images", "each class's images"),
            Division::Group => ("the training images in whole groups", "all images in whole groups"),
        };
        let first = if self.by.is_keras() { "the first " } else { "" };
        let drawn = self.seed.map(|seed| format!(", drawn by seed {seed}")).unwrap_or_default();
        let cut = |fraction: f64, from: &str, name: &str| format!("{name} is {first}{fraction} of {from}{drawn}");
        match (self.protocol, self.validation_fraction, self.test_fraction) {
            (Protocol::Official, ..) => "official: Training trains, PublicTest validates, PrivateTest tests".into(),
            (_, None, None) => "as in the source".into(),
            (_, Some(validation), None) => cut(validation, training, "validation"),
            (_, None, Some(test)) => cut(test, files, "test"),
            (_, Some(validation), Some(test)) if self.by.is_keras() => {
                format!("{}, test the {test} after them", cut(validation, files, "validation"))
            }
            (_, Some(validation), Some(test)) => {
                format!("validation is {validation} and test {test} of {files}{drawn}")
            }
        }
    }
}

/// The description of a dataset. The order of `classes` is the order of labels and, within each split, of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the store; see [`FORMAT_VERSION`].
    pub version: u32,
    /// The dataset's name when it was written.
    pub name: DatasetName,
    /// The hash over shape, class names, counts and pixels; see [`super::fingerprint`].
    pub fingerprint: String,
    /// The shape of every image.
    pub image: ImageShape,
    /// The classes by label.
    pub classes: Vec<ClassCounts>,
    /// The skipped parts of the source, at most [`super::import::MOST_SKIPS_LISTED`].
    pub skipped: Vec<Skipped>,
    /// The number of skipped parts, listed or not.
    pub skipped_count: u64,
    /// Everything that was not imported, by reason, the most frequent first; older files have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Omission>,
    /// Decisions of the import that a person should know, safe to print; older files have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The number of images resized to `image`.
    pub resized: u64,
    /// The imported source, as the user named it, safe to print.
    pub source: String,
    /// The time of the import, in milliseconds since 1970.
    pub created_at: u64,
    /// The rule by which the images were divided into splits.
    pub split: SplitOptions,
    /// The way in which pictures of another shape were fitted; older files have none and mean squash.
    #[serde(default, skip_serializing_if = "Fit::is_squash")]
    pub fit: Fit,
    /// The sources of a merged dataset, the oldest first; empty for a dataset of one source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<MergedSource>,
    /// The groups of the images, which an open dataset reads from a file of its own; `None` if they are not known.
    #[serde(skip)]
    pub groups: Option<Arc<GroupSizes>>,
}

/// A source of a merged dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedSource {
    /// The imported source, as the user named it, safe to print.
    pub source: String,
    /// The number of images that came from it.
    pub images: u64,
    /// The time of its import, in milliseconds since 1970.
    pub created_at: u64,
    /// The fingerprint of the dataset of this part alone; `None` for the source that was merged into another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The rule by which its images were divided into splits.
    pub split: SplitOptions,
    /// The way in which its pictures were fitted.
    #[serde(default, skip_serializing_if = "Fit::is_squash")]
    pub fit: Fit,
}

impl Manifest {
    /// Reads the manifest of the dataset in folder `dir`.
    ///
    /// # Errors
    /// [`StoreError`] if there is none, it is of a newer version, or it contradicts itself.
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let text = fs::read(&path).map_err(|error| StoreError::io(&path, error))?;
        let manifest: Self =
            versioned::parse(&text, FORMAT_VERSION).map_err(|problem| StoreError::of(&path, problem))?;
        manifest.check().map_err(|reason| StoreError::Corrupt { path, reason })?;
        Ok(manifest)
    }

    /// Rejects values that this program never writes. Otherwise later arithmetic could overflow.
    pub(super) fn check(&self) -> Result<(), String> {
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
            None => Err("the counts of its classes are too large for a dataset".into()),
        }
    }

    /// Returns the number of images in each split, over all classes.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.classes.iter().fold(SplitCounts::default(), |sum, class| SplitCounts {
            train: sum.train + class.counts.train,
            validation: sum.validation + class.counts.validation,
            test: sum.test + class.counts.test,
        })
    }

    /// Returns the names of the classes by label.
    #[must_use]
    pub fn class_names(&self) -> Vec<&str> {
        self.classes.iter().map(|class| class.name.as_str()).collect()
    }

    /// Returns the class of image `index` of a split, from the order of images; `None` beyond the last.
    #[must_use]
    pub fn class_of(&self, split: Split, index: usize) -> Option<&ClassCounts> {
        let mut end = 0;
        self.classes.iter().find(|class| {
            end += class.counts.get(split);
            index < end
        })
    }

    /// Returns the places of all images by position, from the order of images.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let of_split = |split: Split| {
            let labels = (0..=u16::MAX)
                .zip(&self.classes)
                .flat_map(move |(label, class)| std::iter::repeat_n(label, class.counts.get(split)));
            (0..).zip(labels).map(move |(index, label)| Place { split, index, label })
        };
        Split::ALL.into_iter().flat_map(of_split).collect()
    }

    /// Checks that a run can make these corrections: images and classes exist, and every class keeps an image.
    ///
    /// # Errors
    /// [`Problem::NotThere`], [`Problem::NoClass`] or [`Problem::WholeClass`].
    pub fn check_corrections(&self, corrections: &Corrections) -> Result<(), Problem> {
        let classes = self.classes.iter().map(|class| (class.name.as_str(), class.counts.train));
        preflight::check_corrections(corrections, classes)
    }

    /// Returns the properties that decide whether a run can be trained on the dataset.
    #[must_use]
    pub fn facts(&self) -> DatasetFacts {
        DatasetFacts {
            fingerprint: self.fingerprint.clone(),
            image: [self.image.height, self.image.width, self.image.channels].map(|side| side as usize),
            classes: self.classes.iter().map(|class| (class.name.clone(), class.counts)).collect(),
            groups: self.groups.clone(),
        }
    }
}
