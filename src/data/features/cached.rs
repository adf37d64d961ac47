//! Cached features as a source of batches.

use std::sync::Arc;

use super::section::Complete;
use crate::data::batch::{Pass, Source};
use crate::data::images::Augmenter;
use crate::data::store::Dataset;
use crate::domain::Split;

/// The cached features of a dataset's images; splits are added as they are computed.
#[derive(Debug)]
pub struct CachedFeatures {
    dataset: Arc<Dataset>,
    shape: [usize; 3],
    augmenter: Option<Augmenter>,
    /// By split: one section per variant of the training images, or one for unchanged images.
    sections: [Vec<Complete>; 3],
}

impl CachedFeatures {
    /// Returns a source without features, for rows of this shape (channels, height, width).
    #[must_use]
    pub fn new(dataset: Arc<Dataset>, shape: [usize; 3], augmenter: Option<Augmenter>) -> Self {
        Self { dataset, shape, augmenter, sections: [Vec::new(), Vec::new(), Vec::new()] }
    }

    /// Adds the sections of a split, in the order of [`SectionName::of_split`](super::SectionName::of_split).
    ///
    /// # Panics
    /// If a section has not as many rows as the split has images.
    pub fn add(&mut self, split: Split, sections: Vec<Complete>) {
        assert!(sections.iter().all(|section| section.rows() == self.dataset.len(split)), "rows of {split}");
        self.sections[split as usize] = sections;
    }
}

impl Source for CachedFeatures {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn count(&self, split: Split) -> usize {
        self.dataset.len(split)
    }

    fn label(&self, split: Split, index: usize) -> usize {
        self.dataset.label(split, index)
    }

    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]) {
        let variant = match (pass, self.augmenter) {
            (Pass::Training(epoch), Some(augmenter)) => augmenter.variant(epoch),
            _ => 1,
        };
        let section = usize::try_from(variant - 1).ok().and_then(|index| self.sections[split as usize].get(index));
        let section = section.unwrap_or_else(|| panic!("the features of {split} were not computed"));
        let row: usize = self.shape.iter().product();
        for (index, out) in indices.iter().zip(out.chunks_exact_mut(row)) {
            section.read(*index as usize, out);
        }
    }
}
