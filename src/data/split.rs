//! The division of a class's files into splits: Keras's `validation_split` by file name, or FER-2013's `Usage` column.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::Split;
use crate::domain::text::printable;

/// The rule by which an import makes splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Keras's: validation is cut from the training images, and all images that the source calls test are test images.
    #[default]
    Keras,
    /// FER-2013's own: `Training` trains, `PublicTest` validates, `PrivateTest` tests.
    Official,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 2] = [Self::Keras, Self::Official];

    /// Returns the name used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keras => "keras",
            Self::Official => "official",
        }
    }

    /// Returns whether the protocol is Keras's, which manifests leave out for the sake of older files.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference
    pub fn is_keras(&self) -> bool {
        *self == Self::Keras
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        found.ok_or_else(|| format!("'{}' is not a protocol: use keras or official", printable(text)))
    }
}

/// The way in which an import divides images into the splits that a source lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Division {
    /// The first files of each class by name, as Keras's `validation_split` takes them.
    #[default]
    Keras,
    /// Images drawn by a seed, whatever their class.
    Seed,
    /// Images of each class drawn by a seed.
    Stratified,
    /// Whole groups, such as persons, drawn by a seed.
    Group,
}

impl Division {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::Keras, Self::Seed, Self::Stratified, Self::Group];

    /// Returns the name used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keras => "keras",
            Self::Seed => "seed",
            Self::Stratified => "stratified",
            Self::Group => "group",
        }
    }

    /// Returns whether this is Keras's cut, which manifests leave out for the sake of older files.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference
    pub fn is_keras(&self) -> bool {
        *self == Self::Keras
    }
}

impl FromStr for Division {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|division| division.name() == text);
        let unknown = || format!("'{}' is not a value of --by: use keras, seed, stratified or group", printable(text));
        found.ok_or_else(unknown)
    }
}

/// An image's usage in FER-2013's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Training.
    Training,
    /// The public leaderboard of the contest.
    PublicTest,
    /// The final ranking of the contest.
    PrivateTest,
}

impl Usage {
    /// All usages.
    pub const ALL: [Self; 3] = [Self::Training, Self::PublicTest, Self::PrivateTest];

    /// Returns the name in tables and file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "Training",
            Self::PublicTest => "PublicTest",
            Self::PrivateTest => "PrivateTest",
        }
    }

    /// Returns the usage with this name, ignoring case.
    #[must_use]
    pub fn from_name(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| text.eq_ignore_ascii_case(usage.name().as_bytes()))
    }

    /// Returns the usage that a file's name begins with, as in `PublicTest_123.jpg`.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::from_name(name.split(|c: char| !c.is_ascii_alphabetic()).next()?.as_bytes())
    }

    /// Returns the split of images with this usage.
    #[must_use]
    pub fn split(self, protocol: Protocol) -> Split {
        match (self, protocol) {
            (Self::Training, _) => Split::Train,
            (Self::PublicTest, Protocol::Official) => Split::Validation,
            _ => Split::Test,
        }
    }

    /// Returns the usage of a split's images by the official protocol.
    #[must_use]
    pub fn for_split(split: Split) -> Self {
        match split {
            Split::Train => Self::Training,
            Split::Validation => Self::PublicTest,
            Split::Test => Self::PrivateTest,
        }
    }
}

/// The division of one class's files, sorted by name, as index ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The first files.
    pub validation: Range<usize>,
    /// The files after validation.
    pub test: Range<usize>,
    /// The remaining files.
    pub train: Range<usize>,
}

/// Returns `int(fraction * count)` as Python computes it: in 64-bit floats, truncated.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn share(fraction: f64, count: usize) -> usize {
    ((fraction * count as f64) as usize).min(count)
}

/// Divides `count` files: the first `int(validation * count)` validate, the next `int(test * count)` test, the rest
/// train. A split with a share above 0 gets at least one file, where one is left to train.
///
/// With `test` 0, the division of ten and more files equals that of Keras's
/// `ImageDataGenerator(validation_split=0.1).flow_from_directory`. Keras would give fewer files no validation.
/// Keras divides each class's file list before it opens a file, so unreadable files count too.
#[must_use]
pub fn split_files(count: usize, validation: f64, test: f64) -> Parts {
    let wanted = usize::from(validation > 0.0) + usize::from(test > 0.0);
    let at_least_one = |fraction: f64| usize::from(fraction > 0.0 && count > wanted);
    let first = share(validation, count).max(at_least_one(validation));
    let second = (first + share(test, count).max(at_least_one(test))).min(count);
    Parts { validation: 0..first, test: first..second, train: second..count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_usage_is_what_a_file_name_begins_with() {
        let table = [
            ("Training_3908.jpg", Some(Usage::Training)),
            ("publictest_12.png", Some(Usage::PublicTest)),
            ("PrivateTest-7.jpg", Some(Usage::PrivateTest)),
            ("PrivateTest", Some(Usage::PrivateTest)),
            ("TrainingDay.jpg", None),
            ("im_Training_1.jpg", None),
            ("0001.jpg", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(Usage::from_file_name(name), expected, "{name}");
        }
    }

    #[test]
    fn the_protocols_differ_in_what_public_test_is_for() {
        let splits = |protocol| Usage::ALL.map(|usage| usage.split(protocol));
        assert_eq!(splits(Protocol::Keras), [Split::Train, Split::Test, Split::Test]);
        assert_eq!(splits(Protocol::Official), [Split::Train, Split::Validation, Split::Test]);
        for usage in Usage::ALL {
            assert_eq!(Usage::for_split(usage.split(Protocol::Official)), usage);
        }
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
        assert!("kaggle\u{1b}".parse::<Protocol>().expect_err("none").contains("use keras or official"));
    }

    #[test]
    fn fer2013_is_cut_as_keras_cuts_it() {
        let train = [3995, 436, 4097, 7215, 4965, 4830, 3171];
        let validation: usize = train.iter().map(|count| split_files(*count, 0.1, 0.0).validation.len()).sum();
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
            let parts = split_files(count, v, t);
            prop_assert_eq!(parts.validation.start, 0);
            prop_assert_eq!(parts.validation.end, parts.test.start);
            prop_assert_eq!(parts.test.end, parts.train.start);
            prop_assert_eq!(parts.train.end, count);
            prop_assert!(parts.validation.len() == share(v, count) || parts.validation.len() == 1);
            if count >= 3 && v > 0.0 && t > 0.0 {
                prop_assert!(!parts.validation.is_empty() && !parts.test.is_empty());
            }
            prop_assert!(count == 0 || !parts.train.is_empty());
        }
    }
}
