//! A batch as places and maps: all that a device which holds the pixels has to be told.

use super::{Change, Images, Pass, Source};
use crate::data::augment::{Affine, Erased, Tones};
use crate::data::batch::labels;
use crate::domain::Split;

/// Some images of a split, and how each is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Picks {
    /// The split.
    pub split: Split,
    /// Places in it.
    pub indices: Vec<u32>,
    /// Class of each image.
    pub labels: Vec<i32>,
    /// For each image the map that it is sampled with, N×2×3, as [`Affine::theta`] has it; `None` where pixels are
    /// taken as they are.
    pub theta: Option<Vec<f32>>,
    /// For each image the factors of its brightness and contrast, N×2; `None` where no image has any.
    pub tones: Option<Vec<f32>>,
    /// For each image the rectangle that is erased, N×4: upper, left, lower and right edge in fractions of its sides;
    /// `None` where no image has one.
    pub erased: Option<Vec<f32>>,
}

impl Images {
    /// The batch that [`Source::fill`] makes floats of, as places and maps.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn picks(&self, split: Split, indices: &[u32], pass: Pass) -> Picks {
        self.picked(split, indices, |index| self.change(pass, index))
    }

    /// The same for an augmented variant (from 1), as [`fill_variant`](Images::fill_variant).
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn picks_of_variant(&self, split: Split, indices: &[u32], variant: Option<u64>) -> Picks {
        self.picked(split, indices, |index| self.of_variant(variant, index))
    }

    fn picked(&self, split: Split, indices: &[u32], change: impl Fn(u32) -> Option<Change>) -> Picks {
        let changes: Vec<Option<Change>> = indices.iter().map(|index| change(*index)).collect();
        let each = || changes.iter().map(|change| change.unwrap_or_else(|| Change::mapped(Affine::identity())));
        let any = |has: fn(&Change) -> bool| changes.iter().flatten().any(has);
        let sampled = self.preparation.is_for_base() || any(|_| true);
        Picks {
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

/// The factors of brightness and contrast; 1 where pixels keep their values.
fn factors(change: &Change) -> [f32; 2] {
    change.tones.map_or([1.0; 2], |Tones { brightness, contrast }| [brightness, contrast])
}

/// The edges of the erased rectangle; of one without extent where nothing is erased.
fn edges(change: &Change) -> [f32; 4] {
    change.erased.map_or([0.0; 4], |Erased { from, to }| [from[0], from[1], to[0], to[1]])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::data::images::Augmenter;
    use crate::data::manifest::ImageShape;
    use crate::data::store::Dataset;
    use crate::data::writer::{Workshop, Writer, tests::description};
    use crate::domain::{Augmentation, DatasetName, Preprocessing};

    #[test]
    fn a_map_is_told_only_where_something_is_sampled() {
        let dir = TempDir::new().unwrap();
        let image = ImageShape { width: 4, height: 4, channels: 1 };
        let workshop = Workshop::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).unwrap();
        for label in [0, 1, 1] {
            writer.push(Split::Train, label, &[7; 16], "x").unwrap();
        }
        writer.finish(description(), false).unwrap();
        let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
        let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
        let plain = Images::plain(Arc::clone(&dataset), Some(augmenter));
        let picked = plain.picks(Split::Train, &[2, 0], Pass::Training(3));
        assert_eq!((picked.indices, picked.labels), (vec![2, 0], vec![1, 0]));
        let expected: Vec<f64> = [2, 0]
            .iter()
            .flat_map(|index| plain.augmented(&augmenter, 3, *index).affine.theta(4, 4))
            .flatten()
            .collect();
        let theta = picked.theta.unwrap();
        assert!(theta.len() == 12 && theta.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        assert_eq!(plain.picks(Split::Train, &[2, 0], Pass::PLAIN).theta, None, "as they are");
        let resized =
            Images::prepared(dataset, 8, Preprocessing::VGGFACE, None).picks(Split::Train, &[1], Pass::Training(1));
        assert_eq!(resized.theta.unwrap(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "resizing is sampling");
    }
}
