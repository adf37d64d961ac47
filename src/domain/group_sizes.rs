//! The groups of a dataset's images, such as persons, and their division into the folds of a cross-validation.

use serde::{Deserialize, Serialize};

use super::data_fold::VALIDATION_DIVISOR;
use super::{DataFold, Split, SplitCounts};

/// How many images of each class the groups of a dataset have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSizes {
    /// Class and number of images, by group; classes ascend.
    sizes: Vec<Vec<(u16, u32)>>,
    /// The checksum of the groups of all images, by which a changed grouping is recognized.
    checksum: u32,
}

impl GroupSizes {
    /// Counts the images of each group from the group and the label of each image.
    #[must_use]
    pub fn count(groups: &[u32], labels: &[u16], checksum: u32) -> Self {
        let number = groups.iter().max().map_or(0, |last| *last as usize + 1);
        let mut sizes: Vec<Vec<(u16, u32)>> = vec![Vec::new(); number];
        for (group, label) in groups.iter().zip(labels) {
            let of_group = &mut sizes[*group as usize];
            match of_group.binary_search_by_key(label, |(class, _)| *class) {
                Ok(at) => of_group[at].1 += 1,
                Err(at) => of_group.insert(at, (*label, 1)),
            }
        }
        Self { sizes, checksum }
    }

    /// Returns whether the groups are those of a dataset with this number of classes, and their counts can be added.
    #[must_use]
    pub fn fit(&self, classes: usize) -> bool {
        let all = || self.sizes.iter().flatten();
        let total = all().try_fold(0_u32, |sum, (_, count)| sum.checked_add(*count));
        total.is_some() && all().all(|(class, _)| usize::from(*class) < classes)
    }

    /// Returns the number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Returns whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Returns the checksum of the groups of all images.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// Returns the split of each group in a fold. The largest groups are dealt first, each to the fold that has the
    /// smallest part of the group's classes. Groups of one size come in an order drawn by the seed.
    #[must_use]
    pub fn splits(&self, fold: DataFold) -> Vec<Split> {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by_key(|group| (std::cmp::Reverse(self.images(*group)), mix(fold.seed, *group as u64)));
        let classes = self.sizes.iter().flatten().map(|(class, _)| usize::from(*class) + 1).max().unwrap_or(0);
        let mut dealt = vec![vec![0_usize; classes]; fold.count as usize];
        let mut totals = vec![0_usize; fold.count as usize];
        let mut splits = vec![Split::Train; self.sizes.len()];
        let mut untested = Vec::new();
        for group in order {
            let filled = |part: &usize| {
                let of_classes = self.sizes[group].iter();
                let own: usize =
                    of_classes.map(|(class, count)| dealt[*part][usize::from(*class)] * *count as usize).sum();
                (own, totals[*part], *part)
            };
            let part = (0..fold.count as usize).min_by_key(filled).unwrap_or(0);
            totals[part] += self.images(group);
            for (class, count) in &self.sizes[group] {
                dealt[part][usize::from(*class)] += *count as usize;
            }
            if part + 1 == fold.number as usize {
                splits[group] = Split::Test;
            } else {
                untested.push(group);
            }
        }
        self.choose_validation(&untested, fold, &mut splits);
        splits
    }

    /// Makes a tenth of the images that are not tested validate, in whole groups drawn by the seed. A class keeps its
    /// last training group, without which it could not be learned.
    fn choose_validation(&self, untested: &[usize], fold: DataFold, splits: &mut [Split]) {
        let total: usize = untested.iter().map(|group| self.images(*group)).sum();
        let wanted = total / VALIDATION_DIVISOR;
        let mut drawn = untested.to_vec();
        drawn.sort_by_key(|group| mix(fold.seed ^ u64::from(fold.number).rotate_right(8), *group as u64));
        let classes = self.sizes.iter().flatten().map(|(class, _)| usize::from(*class) + 1).max().unwrap_or(0);
        let mut left = vec![0_usize; classes];
        for (class, _) in untested.iter().flat_map(|group| &self.sizes[*group]) {
            left[usize::from(*class)] += 1;
        }
        let mut taken = 0;
        for group in drawn {
            let size = self.images(group);
            let is_last = self.sizes[group].iter().any(|(class, _)| left[usize::from(*class)] < 2);
            // The first group always fits: a fold without validation images could not be trained.
            if is_last || (taken > 0 && taken + size > wanted.max(1)) {
                continue;
            }
            taken += size;
            splits[group] = Split::Validation;
            for (class, _) in &self.sizes[group] {
                left[usize::from(*class)] -= 1;
            }
        }
    }

    /// Returns the number of images of each of `classes` classes in the splits of a fold.
    #[must_use]
    pub fn counts(&self, fold: DataFold, classes: usize) -> Vec<SplitCounts> {
        let mut counts = vec![SplitCounts::default(); classes];
        for (sizes, split) in self.sizes.iter().zip(self.splits(fold)) {
            for (class, count) in sizes {
                *counts[usize::from(*class)].get_mut(split) += *count as usize;
            }
        }
        counts
    }

    fn images(&self, group: usize) -> usize {
        self.sizes[group].iter().map(|(_, count)| *count as usize).sum()
    }
}

/// Returns the `SplitMix64` hash of a number under a seed. It never changes: old runs resume by it.
fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_group_is_tested_by_one_fold_and_counts_agree(
            images in proptest::collection::vec((0_u32..12, 0_u16..3), 20..200),
            of in 2_u32..6,
            seed in any::<u64>(),
        ) {
            let (groups, labels): (Vec<u32>, Vec<u16>) = images.into_iter().unzip();
            let sizes = GroupSizes::count(&groups, &labels, 0);
            let mut tested = vec![0; sizes.len()];
            for fold in DataFold::all(of, seed) {
                let splits = sizes.splits(fold);
                for (group, split) in splits.iter().enumerate() {
                    tested[group] += usize::from(*split == Split::Test);
                }
                let counted: usize = sizes.counts(fold, 3).iter().map(|counts| counts.total()).sum();
                prop_assert_eq!(counted, groups.len());
            }
            prop_assert!(tested.iter().all(|times| *times == 1), "{:?}", tested);
        }
    }

    #[test]
    fn folds_of_equal_persons_are_even_and_never_change() {
        let groups: Vec<u32> = (0..20).flat_map(|person| [person; 6]).collect();
        let labels: Vec<u16> = (0..20).flat_map(|_| [0, 0, 1, 1, 2, 2]).collect();
        let sizes = GroupSizes::count(&groups, &labels, 0);
        let of = |number, seed| DataFold { groups: Some(0), ..DataFold { number, count: 5, seed, groups: None } };
        for number in 1..=5 {
            let counts = sizes.counts(of(number, 0), 3);
            assert!(counts.iter().all(|class| (class.test, class.validation, class.train) == (8, 2, 30)), "{counts:?}");
        }
        let tested = |seed| {
            let splits = sizes.splits(of(1, seed));
            splits
                .iter()
                .enumerate()
                .filter(|(_, split)| **split == Split::Test)
                .map(|(group, _)| group)
                .collect::<Vec<_>>()
        };
        assert_ne!(tested(0), tested(1));
        assert_eq!(tested(0), [2, 5, 7, 12], "otherwise old runs could not be resumed");
    }
}
