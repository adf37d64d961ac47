//! Training images that a run never uses.

use serde::{Deserialize, Serialize};

use super::{RecipeError, RunId};

/// The training images that a run leaves out, frozen in its recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutImages {
    /// Indices into the dataset's training split, ascending, each once.
    pub images: Vec<u32>,
    /// The runs whose predictions revealed the images, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found_with: Vec<RunId>,
}

impl LeftOutImages {
    /// Returns the set of these images and runs, sorted, each once.
    #[must_use]
    pub fn new(mut images: Vec<u32>, mut found_with: Vec<RunId>) -> Self {
        images.sort_unstable();
        images.dedup();
        found_with.sort();
        found_with.dedup();
        Self { images, found_with }
    }

    /// Returns whether no image is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Returns the number of images left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Returns whether this image of the training split is left out.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.images.binary_search(&index).is_ok()
    }

    /// Returns the indices of the training images that a run uses, ascending. `count` is the number of training images.
    ///
    /// # Panics
    /// If there are 2³² images or more.
    #[must_use]
    pub fn remaining_indices(&self, count: usize) -> Vec<u32> {
        let count = u32::try_from(count).unwrap_or_else(|_| panic!("{count} images are more than an order can number"));
        (0..count).filter(|index| !self.contains(*index)).collect()
    }

    /// Checks that the list is sorted without duplicates, because a person may have edited the recipe by hand.
    ///
    /// # Errors
    /// [`RecipeError::LeftOutOrder`] if the indices are not ascending, each once.
    pub fn check(&self) -> Result<(), RecipeError> {
        let ascending = self.images.windows(2).all(|pair| pair[0] < pair[1]);
        if ascending { Ok(()) } else { Err(RecipeError::LeftOutOrder) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_sorted_and_unique_and_the_others_remain() {
        let id = |text| RunId::new(text).expect("an id");
        let left_out = LeftOutImages::new(vec![4, 1, 4], vec![id("b"), id("a"), id("b")]);
        assert_eq!(
            (left_out.images.as_slice(), left_out.found_with.as_slice()),
            (&[1, 4][..], &[id("a"), id("b")][..])
        );
        assert_eq!(left_out.remaining_indices(6), [0, 2, 3, 5]);
        assert_eq!(LeftOutImages::default().remaining_indices(3), [0, 1, 2]);
        assert_eq!(left_out.check(), Ok(()));
        assert!(LeftOutImages { images: vec![2, 2], found_with: Vec::new() }.check().is_err());
    }
}
