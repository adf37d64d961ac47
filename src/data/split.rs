//! Which files of a class train, which validate and which test: Keras's `validation_split`, by file name.

use std::ops::Range;

/// The parts of one class's files, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The first files.
    pub validation: Range<usize>,
    /// The ones after them.
    pub test: Range<usize>,
    /// The rest.
    pub train: Range<usize>,
}

/// `int(fraction * count)` as Python computes it: in 64-bit floats, cut towards zero.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn share(fraction: f64, count: usize) -> usize {
    ((fraction * count as f64) as usize).min(count)
}

/// Cuts `count` files: the first `int(validation * count)` validate, the next `int(test * count)` test, the rest train.
///
/// With `test` 0 this is what `ImageDataGenerator(validation_split=…).flow_from_directory` does with each class's file
/// list, before any file is opened: files that turn out to be unreadable still count.
#[must_use]
pub fn cut(count: usize, validation: f64, test: f64) -> Parts {
    let first = share(validation, count);
    let second = (first + share(test, count)).min(count);
    Parts { validation: 0..first, test: first..second, train: second..count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fer2013_is_cut_as_keras_cuts_it() {
        let train = [3995, 436, 4097, 7215, 4965, 4830, 3171];
        let validation: usize = train.iter().map(|count| cut(*count, 0.1, 0.0).validation.len()).sum();
        assert_eq!((train.iter().sum::<usize>() - validation, validation), (25_841, 2_868));
    }

    #[test]
    fn a_share_is_computed_in_floats_as_python_does() {
        // Python: int(0.29 * 100) == 28, int(0.1 * 30) == 3, int(0.7 * 10) == 7
        assert_eq!([share(0.29, 100), share(0.1, 30), share(0.7, 10)], [28, 3, 7]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_parts_are_disjoint_and_complete(count in 0_usize..10_000, v in 0.0..0.5_f64, t in 0.0..0.5_f64) {
            let parts = cut(count, v, t);
            prop_assert_eq!(parts.validation.start, 0);
            prop_assert_eq!(parts.validation.end, parts.test.start);
            prop_assert_eq!(parts.test.end, parts.train.start);
            prop_assert_eq!(parts.train.end, count);
            prop_assert_eq!(parts.validation.len(), share(v, count));
            prop_assert!(count == 0 || !parts.train.is_empty());
        }
    }
}
