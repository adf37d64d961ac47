//! A dataset's images as network inputs: augmented, resized and scaled.

mod batch_spec;

use std::sync::Arc;

use rayon::prelude::*;

use super::augment::{Affine, Change};
use super::batch::{Pass, Source};
use super::manifest::ImageShape;
use super::store::Dataset;
use crate::domain::preprocessing::{ChannelOrder, Preprocessing};
use crate::domain::{Augmentation, Split, View};

pub use batch_spec::BatchSpec;

/// The factor from bytes to numbers from 0 to 1.
pub const SCALE: f32 = 1.0 / 255.0;

/// Floats from which several threads fill a batch; below, waking threads costs more than it saves.
const PARALLEL_FROM: usize = 1 << 18;

/// The random changes of training images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmenter {
    /// The ranges of the changes.
    pub ranges: Augmentation,
    /// The run's seed.
    pub seed: u64,
    /// The number of variants of each image; 0 draws a new one in every epoch.
    pub variants: u32,
}

impl Augmenter {
    /// Returns the number of the variant that an epoch shows; both count from 1. Variant n equals the change that epoch
    /// n would draw without variants.
    #[must_use]
    pub fn variant(&self, epoch: u64) -> u64 {
        if self.variants == 0 { epoch } else { (epoch.max(1) - 1) % u64::from(self.variants) + 1 }
    }
}

/// The images of a dataset, in one size and scaling.
#[derive(Debug, Clone)]
pub struct Images {
    dataset: Arc<Dataset>,
    /// Side of a square and preprocessing. `None` leaves size and channels unchanged and scales to 0 to 1.
    view: Option<(u32, Preprocessing)>,
    augmenter: Option<Augmenter>,
    /// Side of the square cut out of stored images, in pixels; 0: none.
    crop: u32,
}

impl Images {
    /// Returns the images in their stored size, scaled to 0 to 1.
    #[must_use]
    pub fn plain(dataset: Arc<Dataset>, augmenter: Option<Augmenter>) -> Self {
        Self { dataset, view: None, augmenter, crop: 0 }
    }

    /// Returns these images with a square of `crop` pixels cut out of each; 0 cuts nothing.
    ///
    /// # Panics
    /// If the square is larger than the images, or the images are prepared for a pretrained base.
    #[must_use]
    pub fn cropped(self, crop: u32) -> Self {
        let ImageShape { width, height, .. } = self.dataset.image();
        assert!(crop <= width.min(height) && (crop == 0 || self.view.is_none()), "a crop of {crop} pixels");
        Self { crop, ..self }
    }

    /// Returns the images as three-channel squares of `side` pixels, preprocessed for a pretrained base.
    #[must_use]
    pub fn prepared(
        dataset: Arc<Dataset>,
        side: u32,
        preprocessing: Preprocessing,
        augmenter: Option<Augmenter>,
    ) -> Self {
        Self { dataset, view: Some((side, preprocessing)), augmenter, crop: 0 }
    }

    /// Returns the dataset of the images.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Returns the preprocessing; `None` if pixels are only scaled to 0 to 1.
    #[must_use]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.view.as_ref().map(|(_, preprocessing)| preprocessing)
    }

    /// Returns the random changes of training images.
    #[must_use]
    pub fn augmenter(&self) -> Option<&Augmenter> {
        self.augmenter.as_ref()
    }

    /// Returns the change of image `index` in this pass; `None` if it stays as stored.
    fn pass_change(&self, pass: Pass, index: u32) -> Option<Change> {
        match (pass, self.augmenter) {
            (Pass::Training(epoch), Some(augmenter)) => {
                Some(self.variant_change(&augmenter, augmenter.variant(epoch), index))
            }
            (Pass::Training(_), None) => self.view_change(View::PLAIN),
            (Pass::Evaluation(view), _) => self.view_change(view),
        }
    }

    /// Returns the change of training image `index` in a variant (from 1).
    fn variant_change(&self, augmenter: &Augmenter, variant: u64, index: u32) -> Change {
        let key = [augmenter.seed, variant, u64::from(index)];
        Change::keyed(&augmenter.ranges, self.dataset.image(), self.crop, key)
    }

    /// Returns the change of a view; `None` if the view is the stored image.
    fn view_change(&self, view: View) -> Option<Change> {
        let whole = self.crop == 0 && view == View::PLAIN;
        (!whole).then(|| Change::of_view(view, self.dataset.image(), self.crop))
    }

    /// Writes the inputs of these images to `out` (f32 `[N, C, H, W]`), in an augmented variant (from 1) if one is
    /// given.
    ///
    /// # Panics
    /// If an index is out of range or `out` has another length.
    pub fn fill_variant(&self, split: Split, indices: &[u32], variant: Option<u64>, out: &mut [f32]) {
        self.fill_changed(split, indices, &|index| self.variant_or_plain_change(variant, index), out);
    }

    /// Returns the change of training image `index` in a variant (from 1), or of the plain view without one.
    fn variant_or_plain_change(&self, variant: Option<u64>, index: u32) -> Option<Change> {
        match (self.augmenter, variant) {
            (Some(augmenter), Some(variant)) => Some(self.variant_change(&augmenter, variant, index)),
            _ => self.view_change(View::PLAIN),
        }
    }

    /// Writes the inputs of these images to `out`, each changed by `change`.
    fn fill_changed(
        &self,
        split: Split,
        indices: &[u32],
        change: &(dyn Fn(u32) -> Option<Change> + Sync),
        out: &mut [f32],
    ) {
        let [channels, height, width] = self.shape();
        let len = channels * height * width;
        assert_eq!(out.len(), indices.len() * len, "floats of a batch");
        let size = [height, width].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let fill = |(index, out): (&u32, &mut [f32])| {
            let pixels = self.dataset.pixels(split, *index as usize);
            let change = change(*index);
            match self.view {
                None => plain(pixels, self.dataset.image(), change, size, out),
                Some((_, preprocessing)) => {
                    prepared(pixels, self.dataset.image(), change, size, &preprocessing, out);
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
            None if self.crop > 0 => [channels, self.crop, self.crop].map(|side| side as usize),
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

    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]) {
        self.fill_changed(split, indices, &|index| self.pass_change(pass, index), out);
    }
}

/// Writes an image (u8 `[H, W, C]`) to `out` (f32 `[C, H', W']`, 0 to 1); `size` is H', W'.
fn plain(pixels: &[u8], image: ImageShape, change: Option<Change>, size: [u32; 2], out: &mut [f32]) {
    if let Some(change) = change {
        change.affine.apply(pixels, image, size, SCALE, out);
        return change.paint(out, size);
    }
    // Equals the identity map, but is faster.
    let channels = image.channels as usize;
    let plane = out.len() / channels;
    for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.iter().skip(channel).step_by(channels)) {
            *value = f32::from(*pixel) * SCALE;
        }
    }
}

/// Writes an image (u8 `[H, W, C]`) to `out` (f32 `[3, H', W']`), preprocessed for a pretrained base; `size` is H', W'.
fn prepared(
    pixels: &[u8],
    image: ImageShape,
    change: Option<Change>,
    size: [u32; 2],
    preprocessing: &Preprocessing,
    out: &mut [f32],
) {
    let plane = out.len() / 3;
    let change = change.unwrap_or_else(|| Change::mapped(Affine::identity()));
    let drawn = &mut out[..plane * image.channels as usize];
    change.affine.apply(pixels, image, size, SCALE, drawn);
    change.paint(drawn, size);
    let (first, rest) = out.split_at_mut(plane);
    let (second, third) = rest.split_at_mut(plane);
    let Preprocessing { order, scale, mean, deviation } = *preprocessing;
    let value = |channel: usize, value: f32| (value * scale - mean[channel]) / deviation[channel];
    let reversed = order == ChannelOrder::Bgr;
    // One pass over the pixels, because the planes of a large image exceed the first-level cache.
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        let [red, green, blue] = if image.channels == 1 { [*first; 3] } else { [*first, *second, *third] };
        let [left, right] = if reversed { [blue, red] } else { [red, blue] };
        (*first, *second, *third) = (value(0, left), value(1, green), value(2, right));
    }
}

#[cfg(test)]
mod tests;
