//! A batch as places and maps: all that a device which holds the pixels has to be told.

use super::{Affine, Images, Source};
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
}

impl Images {
    /// The batch that [`Source::fill`] makes floats of, as places and maps.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn picks(&self, split: Split, indices: &[u32], epoch: Option<u64>) -> Picks {
        self.picks_of_variant(split, indices, self.variant(epoch))
    }

    /// The same for an augmented variant (from 1), as [`fill_variant`](Images::fill_variant).
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn picks_of_variant(&self, split: Split, indices: &[u32], variant: Option<u64>) -> Picks {
        let change = variant.and_then(|variant| self.augmenter.map(|augmenter| (augmenter, variant)));
        let theta = match (change, self.view) {
            (None, None) => None,
            _ => Some(indices.iter().flat_map(|index| {
                let affine = change.map(|(augmenter, variant)| augmenter.change(variant, u64::from(*index)));
                self.theta(affine.unwrap_or_else(Affine::identity))
            })),
        };
        let theta = theta.map(Iterator::collect);
        Picks { split, indices: indices.to_vec(), labels: labels(self as &dyn Source, split, indices), theta }
    }

    #[allow(clippy::cast_possible_truncation)] // rounded to what a device computes with
    fn theta(&self, affine: Affine) -> impl Iterator<Item = f32> {
        let image = self.dataset.image();
        affine.theta(image.height, image.width).into_iter().flatten().map(|value| value as f32)
    }
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
        let picked = plain.picks(Split::Train, &[2, 0], Some(3));
        assert_eq!((picked.indices, picked.labels), (vec![2, 0], vec![1, 0]));
        let expected: Vec<f64> =
            [2, 0].iter().flat_map(|index| augmenter.change(3, *index).theta(4, 4).into_iter().flatten()).collect();
        let theta = picked.theta.unwrap();
        assert!(theta.len() == 12 && theta.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        assert_eq!(plain.picks(Split::Train, &[2, 0], None).theta, None, "as they are");
        let resized = Images::prepared(dataset, 8, Preprocessing::VGGFACE, None).picks(Split::Train, &[1], Some(1));
        assert_eq!(resized.theta.unwrap(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "resizing is sampling");
    }
}
