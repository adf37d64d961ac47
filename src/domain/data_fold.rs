//! A fold of k-fold cross-validation: the shares of a dataset's images that a run trains on, validates and tests.
//!
//! All images of the dataset are pooled, the official test split too, because each image is tested by exactly one of
//! the k runs. Each class is divided evenly. Of the images that are not tested, a tenth of each class validates. Where
//! the dataset knows groups of images, such as persons, whole groups are divided instead ([`GroupSizes`]).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GroupSizes, RecipeError, SplitCounts};

/// The largest number of folds.
pub const MAX_FOLDS: u32 = 100;

/// Of the images that a fold does not test, one in this many validates.
pub(super) const VALIDATION_DIVISOR: usize = 10;

/// A fold of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DataFold {
    /// The fold's number, from 1.
    pub number: u32,
    /// The number of folds.
    #[serde(rename = "of")]
    pub count: u32,
    /// The seed of the division, which is independent of the run's seed.
    pub seed: u64,
    /// The checksum of the dataset's groups, if they are divided as wholes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
}

impl DataFold {
    /// Returns every fold of a division into `count` folds.
    pub fn all(count: u32, seed: u64) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count, seed, groups: None })
    }

    /// Checks the numbers, because a person may have edited the recipe by hand.
    ///
    /// # Errors
    /// [`RecipeError::Fold`].
    pub fn check(self) -> Result<(), RecipeError> {
        let valid = (2..=MAX_FOLDS).contains(&self.count) && (1..=self.count).contains(&self.number);
        if valid { Ok(()) } else { Err(RecipeError::Fold) }
    }

    /// Returns whether the fold tests an image. `class_offset` is the number of images of the classes before its class,
    /// and `rank` its index in the random order of its class. Folds differ by at most one image, over all and by class.
    #[must_use]
    pub fn tests(self, class_offset: usize, rank: usize) -> bool {
        (class_offset + rank) % self.count as usize == self.number as usize - 1
    }

    /// Returns the number of validation images among a class's untested images: at least one, unless only one is
    /// untested.
    #[must_use]
    pub fn validation_count(untested: usize) -> usize {
        (untested / VALIDATION_DIVISOR).max(usize::from(untested > 1))
    }

    /// Returns the number of images of each class in the splits of the fold. `classes` has the dataset's own numbers,
    /// `groups` its groups, which count only where the fold divides groups.
    #[must_use]
    pub fn counts(self, classes: &[SplitCounts], groups: Option<&GroupSizes>) -> Vec<SplitCounts> {
        if let Some(groups) = groups.filter(|_| self.groups.is_some()) {
            return groups.counts(self, classes.len());
        }
        let mut class_offset = 0;
        let class = |counts: &SplitCounts| {
            let total = counts.total();
            let test = (0..total).filter(|rank| self.tests(class_offset, *rank)).count();
            class_offset += total;
            let validation = Self::validation_count(total - test);
            SplitCounts { train: total - test - validation, validation, test }
        };
        classes.iter().map(class).collect()
    }
}

impl fmt::Display for DataFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn impossible_folds_are_refused() {
        let table = [(1, 5, true), (5, 5, true), (0, 5, false), (6, 5, false), (1, 1, false), (1, 101, false)];
        for (number, count, valid) in table {
            assert_eq!(DataFold { number, count, seed: 0, groups: None }.check().is_ok(), valid, "{number} of {count}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn folds_are_even_in_every_class_and_in_all(sizes in proptest::collection::vec(0_usize..60, 2..6), count in 2_u32..9) {
            let classes: Vec<SplitCounts> =
                sizes.iter().map(|size| SplitCounts { train: size - size / 3, validation: 0, test: size / 3 }).collect();
            let folds: Vec<Vec<SplitCounts>> = DataFold::all(count, 3).map(|fold| fold.counts(&classes, None)).collect();
            let is_even = |tested: Vec<usize>| tested.iter().max().unwrap() - tested.iter().min().unwrap() <= 1;
            for (class, size) in sizes.iter().enumerate() {
                prop_assert!(folds.iter().all(|fold| fold[class].total() == *size));
                prop_assert_eq!(folds.iter().map(|fold| fold[class].test).sum::<usize>(), *size);
                prop_assert!(is_even(folds.iter().map(|fold| fold[class].test).collect()));
            }
            prop_assert!(is_even(folds.iter().map(|fold| fold.iter().map(|class| class.test).sum()).collect()));
        }
    }
}
