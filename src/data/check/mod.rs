//! The check of a dataset: copies of pictures within and across splits, contradicting labels, constant pictures.
//!
//! The result is computed once and cached as `findings.json` beside the dataset. `copies` finds the copies,
//! `picture_hash` makes near ones comparable, `summary` counts them, and `leaving_out` turns them into images
//! that a run leaves out.

mod copies;
mod leaving_out;
mod near;
mod picture_hash;
mod summary;
#[cfg(test)]
mod tests;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::store::Dataset;
use crate::durable::versioned::FileKind;

pub use leaving_out::Exclusion;
pub use near::MIN_CORRELATION;
pub use summary::{CopyCounts, CrossSplitCopies, FindingCounts, MIN_CLASS_IMAGES, SMALLEST_SIDE, class_findings};

/// The newest format that this program writes and reads.
pub const FINDINGS_VERSION: u32 = 1;

/// Name of the cache in a dataset's folder.
pub const FILE_NAME: &str = "findings.json";

/// The version of the method; a cache of another method is computed again.
const METHOD_VERSION: u32 = 1;

/// The largest difference between the values of a picture that counts as constant: compressing one causes as much.
const MAX_CONSTANT_RANGE: u8 = 8;

/// `findings.json`.
static KIND: FileKind =
    FileKind { name: "findings", newest: FINDINGS_VERSION, pretty: false, damaged: "is damaged", advice: "" };

/// The findings about a dataset's pixels. Images are given by their positions in the store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The dataset's fingerprint; the positions are valid for that dataset only.
    pub fingerprint: String,
    /// The method by which they were found.
    method: u32,
    /// The images with equal pixels: groups of two or more, each ascending.
    pub exact: Vec<Vec<u32>>,
    /// Pairs of nearly equal pictures, ascending. Of equal images only the first is compared.
    pub near: Vec<NearPair>,
    /// The images of a single value, ascending.
    pub constant: Vec<u32>,
}

/// Two nearly equal pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NearPair {
    /// The smaller position.
    pub first: u32,
    /// The larger position.
    pub second: u32,
    /// The correlation of their pixels, at least [`MIN_CORRELATION`].
    pub correlation: f32,
    /// Whether one is the mirror image of the other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
}

impl Findings {
    /// Compares all images of a dataset.
    ///
    /// # Panics
    /// If there are 2³² images or more.
    #[must_use]
    pub fn of(dataset: &Dataset) -> Self {
        let shape = dataset.image();
        let images: Vec<&[u8]> = dataset.all_pixels().chunks_exact(shape.bytes()).collect();
        assert!(u32::try_from(images.len()).is_ok(), "{} images are more than positions can number", images.len());
        let exact = copies::exact(&images);
        let is_constant: Vec<bool> =
            images.par_iter().map(|pixels| copies::value_range(pixels) <= MAX_CONSTANT_RANGE).collect();
        let mut compared: Vec<bool> = is_constant.iter().map(|constant| !constant).collect();
        exact.iter().flat_map(|group| &group[1..]).for_each(|copy| compared[*copy as usize] = false);
        let positions = |chosen: &[bool]| -> Vec<u32> {
            (0..).zip(chosen).filter(|(_, chosen)| **chosen).map(|(at, _)| at).collect()
        };
        Self {
            fingerprint: dataset.fingerprint().to_owned(),
            method: METHOD_VERSION,
            near: near::pairs(&images, shape, &positions(&compared)),
            exact,
            constant: positions(&is_constant),
        }
    }

    /// Returns the dataset's findings from its cache, or computes and caches them. On a disk that cannot be written the
    /// next call computes them again.
    #[must_use]
    pub fn load_or_compute(dataset: &Dataset) -> Self {
        let total = dataset.manifest().counts().total();
        Self::cached(dataset.dir(), dataset.fingerprint(), total).unwrap_or_else(|| {
            let findings = Self::of(dataset);
            let _ = KIND.write(&dataset.dir().join(FILE_NAME), &findings);
            findings
        })
    }

    /// Returns the cached findings of the dataset in folder `dir` with this fingerprint and number of images. `None` if
    /// there are none, or they are damaged or of another dataset or method.
    #[must_use]
    pub fn cached(dir: &Path, fingerprint: &str, total: usize) -> Option<Self> {
        let found: Self = KIND.read(&dir.join(FILE_NAME)).ok()??;
        let valid = |position: u32| (position as usize) < total;
        let ascending = |group: &Vec<u32>| group.len() > 1 && group.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = found.fingerprint == fingerprint
            && found.method == METHOD_VERSION
            && found.exact.iter().all(|group| ascending(group) && group.iter().all(|at| valid(*at)))
            && found.near.iter().all(|pair| pair.first < pair.second && valid(pair.second))
            && found.constant.iter().all(|at| valid(*at));
        whole.then_some(found)
    }
}
