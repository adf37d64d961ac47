//! Corrections of training images with wrong labels: images that a run leaves out, and images that it trains with
//! another class than their label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RunId;
use super::text::printable;

/// A value about one image of the training split.
pub trait OfImage: Copy {
    /// Returns the index of the image in the training split.
    fn index(self) -> u32;
}

impl OfImage for u32 {
    fn index(self) -> u32 {
        self
    }
}

/// A training image, and the class that replaces its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelabelledImage {
    /// The index of the image in the training split.
    pub index: u32,
    /// The index of the class.
    pub class: u16,
}

impl OfImage for RelabelledImage {
    fn index(self) -> u32 {
        self.index
    }
}

/// Training images that a run corrects, frozen in its recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectedImages<T> {
    /// The images by ascending index, each once.
    pub images: Vec<T>,
    /// The runs whose predictions revealed the images, by name.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub found_with: Vec<RunId>,
}

/// The training images that a run leaves out, by index.
pub type LeftOutImages = CorrectedImages<u32>;

/// The training images that a run trains with another class.
pub type RelabelledImages = CorrectedImages<RelabelledImage>;

impl<T> Default for CorrectedImages<T> {
    fn default() -> Self {
        Self { images: Vec::new(), found_with: Vec::new() }
    }
}

impl<T: OfImage> CorrectedImages<T> {
    /// Returns these images by index and these runs by name, each once; of several values of an image the first counts.
    #[must_use]
    pub fn new(mut images: Vec<T>, mut found_with: Vec<RunId>) -> Self {
        images.sort_by_key(|image| image.index());
        images.dedup_by_key(|image| image.index());
        found_with.sort();
        found_with.dedup();
        Self { images, found_with }
    }

    /// Returns whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Returns the number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Returns the value of this image of the training split, if it is one of these.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<T> {
        let at = self.images.binary_search_by_key(&index, |image| image.index()).ok()?;
        Some(self.images[at])
    }

    /// Returns whether this image of the training split is one of these.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.get(index).is_some()
    }

    /// Returns whether the list is sorted without duplicates, which one edited by hand may not be.
    #[must_use]
    pub fn is_ascending(&self) -> bool {
        self.images.windows(2).all(|pair| pair[0].index() < pair[1].index())
    }
}

impl LeftOutImages {
    /// Returns the indices of the training images that a run uses, ascending. `count` is the number of training images.
    ///
    /// # Panics
    /// If there are 2³² images or more.
    #[must_use]
    pub fn remaining_indices(&self, count: usize) -> Vec<u32> {
        let count = u32::try_from(count).unwrap_or_else(|_| panic!("{count} images are more than an order can number"));
        (0..count).filter(|index| !self.contains(*index)).collect()
    }
}

impl RelabelledImages {
    /// Returns the number of images by new class, as text: `2 fear, 1 sad`. `classes` are the names of all classes.
    #[must_use]
    pub fn by_class(&self, classes: &[String]) -> String {
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for image in &self.images {
            *counts.entry(image.class).or_default() += 1;
        }
        let name = |class: &u16| match classes.get(usize::from(*class)) {
            Some(name) => printable(name),
            None => format!("class {class}"),
        };
        let parts: Vec<String> = counts.iter().map(|(class, count)| format!("{count} {}", name(class))).collect();
        parts.join(", ")
    }
}

/// The corrections that a run makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corrections {
    /// The images left out.
    pub left_out: LeftOutImages,
    /// The images trained with another class. One that is also left out stays out.
    pub relabelled: RelabelledImages,
}

impl Corrections {
    /// Returns whether training uses every image with its label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left_out.is_empty() && self.relabelled.is_empty()
    }

    /// Returns the runs whose predictions revealed the images, each once, by name.
    #[must_use]
    pub fn found_with(&self) -> Vec<&RunId> {
        let mut runs: Vec<&RunId> = self.left_out.found_with.iter().chain(&self.relabelled.found_with).collect();
        runs.sort();
        runs.dedup();
        runs
    }
}

impl From<LeftOutImages> for Corrections {
    fn from(left_out: LeftOutImages) -> Self {
        Self { left_out, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RunId {
        RunId::new(text).expect("an id")
    }

    #[test]
    fn images_are_sorted_and_unique_and_the_others_remain() {
        let left_out = LeftOutImages::new(vec![4, 1, 4], vec![id("b"), id("a"), id("b")]);
        assert_eq!(
            (left_out.images.as_slice(), left_out.found_with.as_slice()),
            (&[1, 4][..], &[id("a"), id("b")][..])
        );
        assert_eq!(left_out.remaining_indices(6), [0, 2, 3, 5]);
        assert_eq!(LeftOutImages::default().remaining_indices(3), [0, 1, 2]);
        assert!(left_out.is_ascending());
        assert!(!LeftOutImages { images: vec![2, 2], found_with: Vec::new() }.is_ascending());
    }

    #[test]
    fn the_class_of_a_relabelled_image_is_found() {
        let image = |index, class| RelabelledImage { index, class };
        let images = RelabelledImages::new(vec![image(4, 1), image(1, 0), image(4, 2)], vec![id("b"), id("a")]);
        assert_eq!(images.images, [image(1, 0), image(4, 1)]);
        assert_eq!([0, 1, 4].map(|index| images.get(index).map(|image| image.class)), [None, Some(0), Some(1)]);
        assert_eq!(images.by_class(&["fear".into()]), "1 fear, 1 class 1");
        let both = Corrections { left_out: LeftOutImages::new(vec![3], vec![id("c"), id("a")]), relabelled: images };
        assert_eq!(both.found_with(), [&id("a"), &id("b"), &id("c")]);
        assert!(!both.is_empty() && Corrections::default().is_empty());
    }
}
