//! The order of a dataset's images in one fold of cross-validation.

use super::manifest::ClassCounts;
use super::random::{KeyedRng, Purpose};
use crate::domain::{DataFold, Split};

/// Returns the stored position of every image in the fold's own order: by split, by class, then as stored. `classes`
/// has the stored numbers.
///
/// # Panics
/// If there are 2³² images or more.
pub(super) fn order(classes: &[ClassCounts], fold: DataFold) -> Vec<u32> {
    let mut splits: [Vec<u32>; 3] = Default::default();
    let mut class_offset = 0;
    for (label, class) in classes.iter().enumerate() {
        let mut images = stored(classes, label);
        shuffle(&mut images, fold.seed, label as u64);
        let tests = |rank: usize| fold.tests(class_offset, rank);
        let part = |tested: bool| -> Vec<u32> {
            let images = images.iter().enumerate().filter(|(rank, _)| tests(*rank) == tested);
            images.map(|(_, position)| *position).collect()
        };
        let (tested, others) = (part(true), part(false));
        let (validation, train) = others.split_at(DataFold::validation_count(others.len()));
        for (split, images) in Split::ALL.into_iter().zip([train, validation, &tested]) {
            let mut positions = images.to_vec();
            positions.sort_unstable();
            splits[split as usize].extend(positions);
        }
        class_offset += class.counts.total();
    }
    splits.concat()
}

/// Returns the stored position of every image in the order of a fold of groups: by split, by class, then as stored.
/// `labels` and `groups` are those of each image, `splits` those of each group.
///
/// # Panics
/// If there are 2³² images or more.
pub(super) fn order_by_groups(labels: &[u16], groups: &[u32], splits: &[Split]) -> Vec<u32> {
    let mut order: Vec<(Split, u16, u32)> = (0_u32..)
        .zip(labels.iter().zip(groups))
        .map(|(position, (label, group))| (splits[*group as usize], *label, position))
        .collect();
    assert_eq!(order.len(), labels.len(), "images");
    order.sort_unstable();
    order.into_iter().map(|(_, _, position)| position).collect()
}

/// Returns the stored positions of a class's images, ascending.
fn stored(classes: &[ClassCounts], label: usize) -> Vec<u32> {
    let mut found = Vec::new();
    let mut begin = 0;
    for split in Split::ALL {
        for (other, class) in classes.iter().enumerate() {
            let end = begin + class.counts.get(split);
            if other == label {
                found.extend((begin..end).map(|at| u32::try_from(at).unwrap_or_else(|_| panic!("image {at}"))));
            }
            begin = end;
        }
    }
    found
}

/// Brings the images of a class into a random order.
fn shuffle(images: &mut [u32], seed: u64, label: u64) {
    let mut random = KeyedRng::new(Purpose::Fold, seed, 0, label);
    for end in (1..images.len()).rev() {
        // Positions are u32, so lengths are.
        let other = random.below(u32::try_from(end + 1).unwrap_or(u32::MAX)) as usize;
        images.swap(end, other);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::SplitCounts;

    fn classes(sizes: &[[usize; 3]]) -> Vec<ClassCounts> {
        let class = |[train, validation, test]: &[usize; 3]| ClassCounts {
            name: "x".into(),
            counts: SplitCounts { train: *train, validation: *validation, test: *test },
        };
        sizes.iter().map(class).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_image_is_tested_once_under_its_own_class(
            sizes in proptest::collection::vec([0_usize..30, 0_usize..9, 0_usize..9], 2..5),
            of in 2_u32..7,
            seed in any::<u64>(),
        ) {
            let classes = classes(&sizes);
            let stored_counts: Vec<SplitCounts> = classes.iter().map(|class| class.counts).collect();
            let total: usize = stored_counts.iter().map(|counts| counts.total()).sum();
            let mut tested = Vec::new();
            for fold in DataFold::all(of, seed) {
                let order = order(&classes, fold);
                prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), total, "each image is in one split");
                let mut rest = order.as_slice();
                for split in Split::ALL {
                    for (label, counts) in fold.counts(&stored_counts, None).iter().enumerate() {
                        let (images, after) = rest.split_at(counts.get(split));
                        rest = after;
                        let own = stored(&classes, label);
                        prop_assert!(images.iter().all(|image| own.contains(image)) && images.is_sorted());
                        if split == Split::Test {
                            tested.extend_from_slice(images);
                        }
                    }
                }
                prop_assert!(rest.is_empty());
            }
            tested.sort_unstable();
            prop_assert_eq!(tested, (0..u32::try_from(total).unwrap()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_division_never_changes_and_another_seed_divides_otherwise() {
        let classes = classes(&[[6, 1, 3], [4, 2, 4]]);
        let order = |seed| order(&classes, DataFold { number: 1, count: 5, seed, groups: None });
        let expected = [0, 1, 3, 10, 13, 14, 15, 6, 8, 11, 12, 17, 18, 19, 5, 9, 2, 4, 7, 16];
        assert_eq!(order(0), expected, "otherwise old runs could not be resumed");
        assert_ne!(order(0), order(1));
    }
}
