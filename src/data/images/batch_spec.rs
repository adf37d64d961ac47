//! A batch as indices and maps, for a device that holds the pixels.

use super::{Change, Images, Pass, Source};
use crate::data::augment::{Affine, ErasedRectangle, Tones};
use crate::data::batch::labels;
use crate::domain::Split;

/// A batch of images of a split, and the change of each.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchSpec {
    /// The split.
    pub split: Split,
    /// Indices of the images in the split, `[N]`.
    pub indices: Vec<u32>,
    /// The class of each image, `[N]`.
    pub labels: Vec<i32>,
    /// The map of each image, `[N, 2, 3]`, in the coordinates of [`Affine::theta`]; `None` if pixels are not sampled.
    pub theta: Option<Vec<f32>>,
    /// The factors of brightness and contrast of each image, `[N, 2]`; `None` if no image has any.
    pub tones: Option<Vec<f32>>,
    /// The erased rectangle of each image, `[N, 4]`: upper, left, lower and right edge in fractions of its sides.
    /// `None` if no image has one.
    pub erased: Option<Vec<f32>>,
}

impl Images {
    /// Returns the batch that [`Source::fill`] writes as floats, as indices and maps.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn batch_spec(&self, split: Split, indices: &[u32], pass: Pass) -> BatchSpec {
        self.spec_of(split, indices, |index| self.pass_change(pass, index))
    }

    /// Returns the batch that [`fill_variant`](Images::fill_variant) writes as floats, as indices and maps.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn variant_batch_spec(&self, split: Split, indices: &[u32], variant: Option<u64>) -> BatchSpec {
        self.spec_of(split, indices, |index| self.variant_or_plain_change(variant, index))
    }

    fn spec_of(&self, split: Split, indices: &[u32], change: impl Fn(u32) -> Option<Change>) -> BatchSpec {
        let changes: Vec<Option<Change>> = indices.iter().map(|index| change(*index)).collect();
        let each = || changes.iter().map(|change| change.unwrap_or_else(|| Change::mapped(Affine::identity())));
        let any = |has: fn(&Change) -> bool| changes.iter().flatten().any(has);
        let sampled = self.preparation.is_for_base() || any(|_| true);
        BatchSpec {
            split,
            indices: indices.to_vec(),
            labels: labels(self as &dyn Source, split, indices),
            theta: sampled.then(|| each().flat_map(|change| self.theta(change.affine)).collect()),
            tones: any(|change| change.tones.is_some()).then(|| each().flat_map(|change| factors(&change)).collect()),
            erased: any(|change| change.erased.is_some()).then(|| each().flat_map(|change| edges(&change)).collect()),
        }
    }

    #[allow(clippy::cast_possible_truncation)] // rounded to what a device computes with
    fn theta(&self, affine: Affine) -> impl Iterator<Item = f32> {
        let image = self.dataset.image();
        affine.theta(image.height, image.width).into_iter().flatten().map(|value| value as f32)
    }
}

/// Returns the factors of brightness and contrast; 1 if pixels keep their values.
fn factors(change: &Change) -> [f32; 2] {
    change.tones.map_or([1.0; 2], |Tones { brightness, contrast }| [brightness, contrast])
}

/// Returns the edges of the erased rectangle; an empty one if nothing is erased.
fn edges(change: &Change) -> [f32; 4] {
    change.erased.map_or([0.0; 4], |ErasedRectangle { from, to }| [from[0], from[1], to[0], to[1]])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::data::images::Augmenter;
    use crate::data::manifest::ImageShape;
    use crate::data::store::Dataset;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::{Augmentation, DatasetName, Preprocessing};

    #[test]
    fn a_map_is_given_only_where_pixels_are_sampled() {
        let dir = TempDir::new().unwrap();
        let image = ImageShape { width: 4, height: 4, channels: 1 };
        let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
        for label in [0, 1, 1] {
            writer.push(Split::Train, label, &[7; 16], "x").unwrap();
        }
        writer.finish(description(), false).unwrap();
        let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
        let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
        let plain = Images::plain(Arc::clone(&dataset), Some(augmenter));
        let spec = plain.batch_spec(Split::Train, &[2, 0], Pass::Training(3));
        assert_eq!((spec.indices, spec.labels), (vec![2, 0], vec![1, 0]));
        let expected: Vec<f64> = [2, 0]
            .iter()
            .flat_map(|index| plain.variant_change(&augmenter, 3, *index).affine.theta(4, 4))
            .flatten()
            .collect();
        let theta = spec.theta.unwrap();
        assert!(theta.len() == 12 && theta.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        assert_eq!(plain.batch_spec(Split::Train, &[2, 0], Pass::PLAIN).theta, None, "as they are");
        let resized = Images::prepared(dataset, 8, Preprocessing::VGGFACE, None).batch_spec(
            Split::Train,
            &[1],
            Pass::Training(1),
        );
        assert_eq!(resized.theta.unwrap(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "resizing is sampling");
    }
}
