//! A dataset's images as network inputs: augmented, resized and scaled.

mod batch_spec;
mod preparation;

use std::sync::Arc;

use rayon::prelude::*;

use super::augment::Change;
use super::batch::{Pass, Source};
use super::store::Dataset;
use crate::domain::preprocessing::Preprocessing;
use crate::domain::{Augmentation, Recipe, Split, View};

pub use batch_spec::BatchSpec;
pub use preparation::Preparation;

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
    /// Returns the random changes of a recipe's training images; `None` where they stay as they are.
    #[must_use]
    pub fn of(recipe: &Recipe) -> Option<Self> {
        let variants = recipe.transfer.as_ref().map_or(0, |transfer| transfer.variants);
        // A crop has a random offset, also where nothing else is augmented.
        let ranges = recipe.augmentation.or((recipe.crop > 0).then(Augmentation::default))?;
        Some(Self { ranges, seed: recipe.seed, variants })
    }

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
    preparation: Preparation,
    augmenter: Option<Augmenter>,
}

impl Images {
    /// Returns the images in their stored size, scaled to 0 to 1.
    #[must_use]
    pub fn plain(dataset: Arc<Dataset>, augmenter: Option<Augmenter>) -> Self {
        Self { preparation: Preparation::plain(dataset.image()), dataset, augmenter }
    }

    /// Returns these images with a square of `crop` pixels cut out of each; 0 cuts nothing.
    ///
    /// # Panics
    /// If the square is larger than the images, or the images are prepared for a base.
    #[must_use]
    pub fn cropped(self, crop: u32) -> Self {
        Self { preparation: self.preparation.cropped(crop), ..self }
    }

    /// Returns the images as three-channel squares of `side` pixels, preprocessed for a base.
    #[must_use]
    pub fn prepared(
        dataset: Arc<Dataset>,
        side: u32,
        preprocessing: Preprocessing,
        augmenter: Option<Augmenter>,
    ) -> Self {
        Self { preparation: Preparation::for_base(dataset.image(), side, preprocessing), dataset, augmenter }
    }

    /// Returns the images of a dataset with this preparation.
    ///
    /// # Panics
    /// If the preparation is for images of another shape.
    #[must_use]
    pub fn new(dataset: Arc<Dataset>, preparation: Preparation, augmenter: Option<Augmenter>) -> Self {
        assert_eq!(preparation.image(), dataset.image(), "prepared as images of another shape");
        Self { dataset, preparation, augmenter }
    }

    /// Returns the dataset of the images.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Returns the preprocessing; `None` if pixels are only scaled to 0 to 1.
    #[must_use]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preparation.preprocessing()
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
            (Pass::Training(_), None) => self.preparation.view_change(View::PLAIN),
            (Pass::Evaluation(view), _) => self.preparation.view_change(view),
        }
    }

    /// Returns the change of training image `index` in a variant (from 1).
    fn variant_change(&self, augmenter: &Augmenter, variant: u64, index: u32) -> Change {
        let key = [augmenter.seed, variant, u64::from(index)];
        Change::keyed(&augmenter.ranges, self.dataset.image(), self.preparation.crop(), key)
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
            _ => self.preparation.view_change(View::PLAIN),
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
        self.fill_changed(split, indices, &|index| self.pass_change(pass, index), out);
    }
}

#[cfg(test)]
mod tests;
