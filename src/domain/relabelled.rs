//! Training images that a run trains with another class than their label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::printable;
use super::{LeftOutImages, RecipeError, RunId};

/// A training image, and the class that replaces its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelabelledImage {
    /// The index of the image in the training split.
    pub index: u32,
    /// The index of the class.
    pub class: u16,
}

/// The training images that a run trains with another class, frozen in its recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelabelledImages {
    /// The images by ascending index, each once.
    pub images: Vec<RelabelledImage>,
    /// The runs whose predictions revealed the images, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found_with: Vec<RunId>,
}

impl RelabelledImages {
    /// Returns these images by index and these runs by name, each once; of several classes the first counts.
    #[must_use]
    pub fn new(mut images: Vec<RelabelledImage>, mut found_with: Vec<RunId>) -> Self {
        images.sort_by_key(|image| image.index);
        images.dedup_by_key(|image| image.index);
        found_with.sort();
        found_with.dedup();
        Self { images, found_with }
    }

    /// Returns whether every image keeps its label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Returns the number of images with another class.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Returns the class that replaces the label of this image of the training split, if any.
    #[must_use]
    pub fn class_of(&self, index: u32) -> Option<u16> {
        let at = self.images.binary_search_by_key(&index, |image| image.index).ok()?;
        Some(self.images[at].class)
    }

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

    /// Checks that the list is sorted without duplicates, because a person may have edited the recipe by hand.
    ///
    /// # Errors
    /// [`RecipeError::RelabelledOrder`] if the indices are not ascending, each once.
    pub fn check(&self) -> Result<(), RecipeError> {
        let ascending = self.images.windows(2).all(|pair| pair[0].index < pair[1].index);
        if ascending { Ok(()) } else { Err(RecipeError::RelabelledOrder) }
    }
}

/// Corrections of training images with wrong labels: images left out, and images trained with another class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corrections {
    /// The images left out.
    pub left_out: LeftOutImages,
    /// The images trained with another class.
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

    #[test]
    fn images_are_sorted_and_unique_and_their_class_is_found() {
        let id = |text| RunId::new(text).expect("an id");
        let image = |index, class| RelabelledImage { index, class };
        let images =
            RelabelledImages::new(vec![image(4, 1), image(1, 0), image(4, 2)], vec![id("b"), id("a"), id("b")]);
        assert_eq!(images.images, [image(1, 0), image(4, 1)]);
        assert_eq!([0, 1, 4].map(|index| images.class_of(index)), [None, Some(0), Some(1)]);
        assert_eq!((images.found_with.as_slice(), images.check()), (&[id("a"), id("b")][..], Ok(())));
        assert_eq!(images.by_class(&["fear".into()]), "1 fear, 1 class 1");
        let twice = RelabelledImages { images: vec![image(2, 0), image(2, 1)], found_with: Vec::new() };
        assert_eq!(twice.check(), Err(RecipeError::RelabelledOrder));
        let both = Corrections { left_out: LeftOutImages::new(vec![3], vec![id("c"), id("a")]), relabelled: images };
        assert_eq!(both.found_with(), [&id("a"), &id("b"), &id("c")]);
        assert!(!both.is_empty() && Corrections::default().is_empty());
    }
}
