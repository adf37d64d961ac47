//! A dataset's images as inputs of a network: augmented, resized, scaled as the network wants them.

mod picks;

use std::sync::Arc;

use rayon::prelude::*;

use super::augment::Affine;
use super::batch::Source;
use super::manifest::ImageShape;
use super::store::Dataset;
use crate::domain::preprocessing::{ChannelOrder, Preprocessing};
use crate::domain::{Augmentation, Split};

pub use picks::Picks;

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

    /// How image `index` of the training split is changed in a variant.
    #[must_use]
    pub fn change(&self, variant: u64, index: u64) -> Affine {
        Affine::keyed(&self.ranges, self.seed, variant, index)
    }
}

/// The images of a dataset, of one size and scaling.
#[derive(Debug, Clone)]
pub struct Images {
    dataset: Arc<Dataset>,
    /// Side of a square, and what happens to pixels; `None` leaves size and channels alone and scales from 0 to 1.
    view: Option<(u32, Preprocessing)>,
    augmenter: Option<Augmenter>,
}

impl Images {
    /// The images as they are stored, from 0 to 1.
    #[must_use]
    pub fn plain(dataset: Arc<Dataset>, augmenter: Option<Augmenter>) -> Self {
        Self { dataset, view: None, augmenter }
    }

    /// The images as three-channel squares of this side in pixels, for a pretrained base.
    #[must_use]
    pub fn prepared(
        dataset: Arc<Dataset>,
        side: u32,
        preprocessing: Preprocessing,
        augmenter: Option<Augmenter>,
    ) -> Self {
        Self { dataset, view: Some((side, preprocessing)), augmenter }
    }

    /// Where they come from.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// What happens to pixels beside random changes; `None` where they are only scaled from 0 to 1.
    #[must_use]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.view.as_ref().map(|(_, preprocessing)| preprocessing)
    }

    /// The random changes of training images.
    #[must_use]
    pub fn augmenter(&self) -> Option<&Augmenter> {
        self.augmenter.as_ref()
    }

    /// The variant that an epoch of training shows; `None` for images as they are.
    fn variant(&self, epoch: Option<u64>) -> Option<u64> {
        epoch.and_then(|epoch| self.augmenter.map(|augmenter| augmenter.variant(epoch)))
    }

    /// Writes the inputs of these images, of an augmented variant (from 1) if there is one, to `out`.
    ///
    /// # Panics
    /// If an index is out of range or `out` has another length than the inputs together.
    pub fn fill_variant(&self, split: Split, indices: &[u32], variant: Option<u64>, out: &mut [f32]) {
        let len: usize = self.shape().iter().product();
        assert_eq!(out.len(), indices.len() * len, "floats of a batch");
        let change = variant.and_then(|variant| self.augmenter.map(|augmenter| (augmenter, variant)));
        let fill = |(index, out): (&u32, &mut [f32])| {
            let pixels = self.dataset.pixels(split, *index as usize);
            let affine = change.map(|(augmenter, variant)| augmenter.change(variant, u64::from(*index)));
            match self.view {
                None => plain(pixels, self.dataset.image(), affine, out),
                Some((side, preprocessing)) => {
                    prepared(pixels, self.dataset.image(), affine, side, &preprocessing, out);
                }
            }
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
        let ImageShape { width, height, channels } = self.dataset.image();
        match self.view {
            None => [channels, height, width].map(|side| side as usize),
            Some((side, _)) => [3, side as usize, side as usize],
        }
    }

    fn count(&self, split: Split) -> usize {
        self.dataset.len(split)
    }

    fn label(&self, split: Split, index: usize) -> usize {
        self.dataset.label(split, index)
    }

    fn fill(&self, split: Split, indices: &[u32], epoch: Option<u64>, out: &mut [f32]) {
        self.fill_variant(split, indices, self.variant(epoch), out);
    }
}

/// From u8 H×W×C to f32 C×H×W of 0 to 1.
fn plain(pixels: &[u8], image: ImageShape, affine: Option<Affine>, out: &mut [f32]) {
    if let Some(affine) = affine {
        return affine.apply(pixels, image, [image.height, image.width], SCALE, out);
    }
    // What the identity map gives, only faster.
    let channels = image.channels as usize;
    let plane = out.len() / channels;
    for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.iter().skip(channel).step_by(channels)) {
            *value = f32::from(*pixel) * SCALE;
        }
    }
}

/// From u8 H×W×C to f32 3×`side`×`side` as a pretrained base wants it.
fn prepared(
    pixels: &[u8],
    image: ImageShape,
    affine: Option<Affine>,
    side: u32,
    preprocessing: &Preprocessing,
    out: &mut [f32],
) {
    let plane = out.len() / 3;
    let affine = affine.unwrap_or_else(Affine::identity);
    let drawn = &mut out[..plane * image.channels as usize];
    affine.apply(pixels, image, [side, side], SCALE, drawn);
    let (first, rest) = out.split_at_mut(plane);
    let (second, third) = rest.split_at_mut(plane);
    let Preprocessing { order, scale, mean, deviation } = *preprocessing;
    let value = |channel: usize, value: f32| (value * scale - mean[channel]) / deviation[channel];
    let reversed = order == ChannelOrder::Bgr;
    // One pass: planes of a large image are more than the nearest cache holds.
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        let [red, green, blue] = if image.channels == 1 { [*first; 3] } else { [*first, *second, *third] };
        let [left, right] = if reversed { [blue, red] } else { [red, blue] };
        (*first, *second, *third) = (value(0, left), value(1, green), value(2, right));
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
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
        source.fill(Split::Train, &[0], None, &mut out);
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
        assert_eq!(three.change(2, 9), anew.change(2, 9));
        assert_ne!(three.change(1, 9), three.change(2, 9));
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
        let seen = |epoch| {
            let mut out = vec![0.0; 3 * 256];
            images.fill(Split::Train, &[0], epoch, &mut out);
            out
        };
        assert_eq!(seen(Some(1)), seen(Some(1)));
        assert_ne!(seen(Some(1)), seen(Some(2)));
        assert_eq!(seen(None), seen(None));
        assert_ne!(seen(None), seen(Some(1)));
    }
}
