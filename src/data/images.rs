//! A dataset's images as inputs of a network: augmented, resized, scaled as the network wants them.

mod picks;
mod preparation;

use std::sync::Arc;

use rayon::prelude::*;

use super::augment::Change;
use super::batch::{Pass, Source};
use super::store::Dataset;
use crate::domain::preprocessing::Preprocessing;
use crate::domain::{Augmentation, Split, View};

pub use picks::Picks;
pub use preparation::Preparation;

/// What bytes are multiplied by to become numbers from 0 to 1.
pub const SCALE: f32 = 1.0 / 255.0;

/// Floats from which on a batch is made by several threads; below, waking them costs more than it saves.
const PARALLEL_FROM: usize = 1 << 18;

/// Which random changes training images get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmenter {
    /// Their ranges.
    pub ranges: Augmentation,
    /// The run's seed.
    pub seed: u64,
    /// How many variants of each image there are; 0 for a new one in every epoch.
    pub variants: u32,
}

impl Augmenter {
    /// The number of the variant that an epoch shows, from 1; both count from 1. Variant n is what epoch n sees when
    /// there is a new one in every epoch.
    #[must_use]
    pub fn variant(&self, epoch: u64) -> u64 {
        if self.variants == 0 { epoch } else { (epoch.max(1) - 1) % u64::from(self.variants) + 1 }
    }
}

/// The images of a dataset, of one size and scaling.
#[derive(Debug, Clone)]
pub struct Images {
    dataset: Arc<Dataset>,
    preparation: Preparation,
    augmenter: Option<Augmenter>,
}

impl Images {
    /// The images as they are stored, from 0 to 1.
    #[must_use]
    pub fn plain(dataset: Arc<Dataset>, augmenter: Option<Augmenter>) -> Self {
        Self { preparation: Preparation::plain(dataset.image()), dataset, augmenter }
    }

    /// The same with a square of so many pixels cut out of each; 0 cuts nothing.
    ///
    /// # Panics
    /// If it is larger than the images, or these are prepared for a pretrained base.
    #[must_use]
    pub fn cropped(self, crop: u32) -> Self {
        Self { preparation: self.preparation.cropped(crop), ..self }
    }

    /// The images as three-channel squares of this side in pixels, for a pretrained base.
    #[must_use]
    pub fn prepared(
        dataset: Arc<Dataset>,
        side: u32,
        preprocessing: Preprocessing,
        augmenter: Option<Augmenter>,
    ) -> Self {
        Self { preparation: Preparation::for_base(dataset.image(), side, preprocessing), dataset, augmenter }
    }

    /// The images of a dataset, prepared.
    ///
    /// # Panics
    /// If the preparation is for images of another shape.
    #[must_use]
    pub fn new(dataset: Arc<Dataset>, preparation: Preparation, augmenter: Option<Augmenter>) -> Self {
        assert_eq!(preparation.image(), dataset.image(), "prepared as images of another shape");
        Self { dataset, preparation, augmenter }
    }

    /// Where they come from.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// What happens to pixels beside random changes; `None` where they are only scaled from 0 to 1.
    #[must_use]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preparation.preprocessing()
    }

    /// The random changes of training images.
    #[must_use]
    pub fn augmenter(&self) -> Option<&Augmenter> {
        self.augmenter.as_ref()
    }

    /// How this pass sees image `index` of the training split; `None` where it is as it is stored.
    fn change(&self, pass: Pass, index: u32) -> Option<Change> {
        match (pass, self.augmenter) {
            (Pass::Training(epoch), Some(augmenter)) => {
                Some(self.augmented(&augmenter, augmenter.variant(epoch), index))
            }
            (Pass::Training(_), None) => self.preparation.seen(View::PLAIN),
            (Pass::Evaluation(view), _) => self.preparation.seen(view),
        }
    }

    /// How image `index` of the training split is changed in a variant (from 1).
    fn augmented(&self, augmenter: &Augmenter, variant: u64, index: u32) -> Change {
        let key = [augmenter.seed, variant, u64::from(index)];
        Change::keyed(&augmenter.ranges, self.dataset.image(), self.preparation.crop(), key)
    }

    /// Writes the inputs of these images, of an augmented variant (from 1) if there is one, to `out`.
    ///
    /// # Panics
    /// If an index is out of range or `out` has another length than the inputs together.
    pub fn fill_variant(&self, split: Split, indices: &[u32], variant: Option<u64>, out: &mut [f32]) {
        self.fill_changed(split, indices, &|index| self.of_variant(variant, index), out);
    }

    /// How a variant (from 1) shows image `index` of the training split; the plain view without one.
    fn of_variant(&self, variant: Option<u64>, index: u32) -> Option<Change> {
        match (self.augmenter, variant) {
            (Some(augmenter), Some(variant)) => Some(self.augmented(&augmenter, variant, index)),
            _ => self.preparation.seen(View::PLAIN),
        }
    }

    /// Writes the inputs of these images to `out`, each changed as `change` says.
    fn fill_changed(
        &self,
        split: Split,
        indices: &[u32],
        change: &(dyn Fn(u32) -> Option<Change> + Sync),
        out: &mut [f32],
    ) {
        let len = self.shape().iter().product::<usize>();
        assert_eq!(out.len(), indices.len() * len, "floats of a batch");
        let fill = |(index, out): (&u32, &mut [f32])| {
            self.preparation.fill(self.dataset.pixels(split, *index as usize), change(*index), out);
        };
        if out.len() < PARALLEL_FROM {
            indices.iter().zip(out.chunks_exact_mut(len)).for_each(fill);
        } else {
            indices.par_iter().zip(out.par_chunks_exact_mut(len)).for_each(fill);
        }
    }
}

impl Source for Images {
    fn shape(&self) -> [usize; 3] {
        self.preparation.shape()
    }

    fn count(&self, split: Split) -> usize {
        self.dataset.len(split)
    }

    fn label(&self, split: Split, index: usize) -> usize {
        self.dataset.label(split, index)
    }

    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]) {
        self.fill_changed(split, indices, &|index| self.change(pass, index), out);
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::writer::{Workshop, Writer, tests::description};
    use crate::domain::DatasetName;

    /// One image of one pixel value for each split, `[red, green, blue]` or gray.
    fn dataset(dir: &TempDir, pixel: &[u8]) -> Arc<Dataset> {
        let image = ImageShape { width: 6, height: 4, channels: u32::try_from(pixel.len()).unwrap() };
        let workshop = Workshop::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).unwrap();
        writer.push(Split::Train, 0, &pixel.repeat(24), "x").unwrap();
        writer.finish(description(), false).unwrap();
        Arc::new(Dataset::open(&dir.path().join("d")).unwrap())
    }

    fn channels(source: &Images) -> Vec<f32> {
        let [channels, height, width] = source.shape();
        let mut out = vec![0.0; channels * height * width];
        source.fill(Split::Train, &[0], Pass::PLAIN, &mut out);
        out.chunks(height * width)
            .map(|plane| {
                assert!(plane.iter().all(|value| (value - plane[0]).abs() < 1e-4), "a flat image stays flat");
                plane[0]
            })
            .collect()
    }

    fn close(ours: &[f32], theirs: [f32; 3]) {
        assert!(ours.iter().zip(theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-3), "{ours:?}, {theirs:?}");
    }

    #[test]
    fn pixels_become_what_the_weights_were_trained_on() {
        // Keras: x[..., ::-1] - [103.939, 116.779, 123.68]; keras-vggface, version 1: x[..., ::-1] - [93.5940,
        // 104.7624,
        // 129.1863]; torchvision: (x / 255 - mean) / std.
        let table = [
            (Preprocessing::KERAS_IMAGENET, [30.0 - 103.939, 20.0 - 116.779, 10.0 - 123.68]),
            (Preprocessing::VGGFACE, [30.0 - 93.5940, 20.0 - 104.7624, 10.0 - 129.1863]),
            (
                Preprocessing::TORCHVISION,
                [(10.0 / 255.0 - 0.485) / 0.229, (20.0 / 255.0 - 0.456) / 0.224, (30.0 / 255.0 - 0.406) / 0.225],
            ),
        ];
        let dir = TempDir::new().unwrap();
        let colour = dataset(&dir, &[10, 20, 30]);
        for (preprocessing, expected) in table {
            let images = Images::prepared(Arc::clone(&colour), 9, preprocessing, None);
            assert_eq!(images.shape(), [3, 9, 9]);
            close(&channels(&images), expected);
        }
        let dir = TempDir::new().unwrap();
        let gray = dataset(&dir, &[100]);
        let images = Images::prepared(Arc::clone(&gray), 9, Preprocessing::KERAS_IMAGENET, None);
        close(&channels(&images), [100.0 - 103.939, 100.0 - 116.779, 100.0 - 123.68]);
    }

    #[test]
    fn without_augmentation_images_are_the_stored_bytes_in_planes() {
        let dir = TempDir::new().unwrap();
        let colour = dataset(&dir, &[51, 102, 255]);
        let found = channels(&Images::plain(colour, None));
        close(&found, [0.2, 0.4, 1.0]);
    }

    #[test]
    fn variants_come_round_and_each_is_what_its_epoch_would_see() {
        let anew = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
        let three = Augmenter { variants: 3, ..anew };
        assert_eq!([1, 2, 3, 4, 5].map(|epoch| anew.variant(epoch)), [1, 2, 3, 4, 5]);
        assert_eq!([1, 2, 3, 4, 7].map(|epoch| three.variant(epoch)), [1, 2, 3, 1, 1]);
    }

    #[test]
    fn a_crop_is_in_the_middle_in_evaluation_and_anywhere_in_training() {
        let dir = TempDir::new().unwrap();
        let image = ImageShape { width: 6, height: 4, channels: 1 };
        let workshop = Workshop::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).unwrap();
        writer.push(Split::Train, 0, &(0..24).collect::<Vec<u8>>(), "x").unwrap();
        writer.finish(description(), false).unwrap();
        let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
        let augmenter = Augmenter { ranges: Augmentation::default(), seed: 5, variants: 0 };
        let images = Images::plain(dataset, Some(augmenter)).cropped(2);
        assert_eq!(images.shape(), [1, 2, 2]);
        let seen = |pass| {
            let mut out = vec![0.0; 4];
            images.fill(Split::Train, &[0], pass, &mut out);
            out.iter().map(|value| (value * 255.0).round()).collect::<Vec<f32>>()
        };
        assert_eq!(seen(Pass::PLAIN), [8.0, 9.0, 14.0, 15.0]);
        let first: Vec<f32> = (1..100).map(|epoch| seen(Pass::Training(epoch))[0]).collect();
        let places = (0_u8..3).flat_map(|row| (0..5).map(move |column| f32::from(row * 6 + column)));
        assert!(places.clone().all(|place| first.contains(&place)), "{first:?}");
    }

    #[test]
    fn only_training_sees_random_changes() {
        let dir = TempDir::new().unwrap();
        let image = ImageShape { width: 8, height: 8, channels: 1 };
        let workshop = Workshop::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
        let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).unwrap();
        writer.push(Split::Train, 0, &(0..64).map(|at| at * 3).collect::<Vec<u8>>(), "x").unwrap();
        writer.finish(description(), false).unwrap();
        let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
        let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
        let images = Images::prepared(dataset, 16, Preprocessing::VGGFACE, Some(augmenter));
        let seen = |pass| {
            let mut out = vec![0.0; 3 * 256];
            images.fill(Split::Train, &[0], pass, &mut out);
            out
        };
        assert_eq!(seen(Pass::Training(1)), seen(Pass::Training(1)));
        assert_ne!(seen(Pass::Training(1)), seen(Pass::Training(2)));
        assert_eq!(seen(Pass::PLAIN), seen(Pass::PLAIN));
        assert_ne!(seen(Pass::PLAIN), seen(Pass::Training(1)));
    }
}
