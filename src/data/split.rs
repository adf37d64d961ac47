//! Which files of a class train, which validate and which test: Keras's `validation_split`, by file name, or what the
//! makers of FER-2013 say of each image.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::Split;
use crate::domain::text::printable;

/// By which rule the images of a source come to their splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Validation is cut from the training images as Keras does it, and all that the source calls test tests.
    #[default]
    Keras,
    /// That of FER-2013's makers: `Training` trains, `PublicTest` validates, `PrivateTest` tests.
    Official,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Keras, Self::Official];

    /// The word used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keras => "keras",
            Self::Official => "official",
        }
    }

    /// Whether it is the one by which everything was imported before there were two: manifests leave it out.
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
        found.ok_or_else(|| format!("'{}' is no protocol: use keras or official", printable(text)))
    }
}

/// What FER-2013 says an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// To train on.
    Training,
    /// The public leaderboard of the contest in which it was published.
    PublicTest,
    /// The final ranking of the contest.
    PrivateTest,
}

impl Usage {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Training, Self::PublicTest, Self::PrivateTest];

    /// The word in tables and file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "Training",
            Self::PublicTest => "PublicTest",
            Self::PrivateTest => "PrivateTest",
        }
    }

    /// The usage of this name, in small or capital letters.
    #[must_use]
    pub fn named(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| text.eq_ignore_ascii_case(usage.name().as_bytes()))
    }

    /// The usage that a file's name begins with, as in `PublicTest_123.jpg`.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        Self::named(name.split(|c: char| !c.is_ascii_alphabetic()).next()?.as_bytes())
    }

    /// The split of an image for this use.
    #[must_use]
    pub fn split(self, protocol: Protocol) -> Split {
        match (self, protocol) {
            (Self::Training, _) => Split::Train,
            (Self::PublicTest, Protocol::Official) => Split::Validation,
            _ => Split::Test,
        }
    }

    /// The usage of a split's images by the official protocol.
    #[must_use]
    pub fn of_split(split: Split) -> Self {
        match split {
            Split::Train => Self::Training,
            Split::Validation => Self::PublicTest,
            Split::Test => Self::PrivateTest,
        }
    }
}

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
            assert_eq!(Usage::of_file(name), expected, "{name}");
        }
    }

    #[test]
    fn the_protocols_differ_in_what_public_test_is_for() {
        let splits = |protocol| Usage::ALL.map(|usage| usage.split(protocol));
        assert_eq!(splits(Protocol::Keras), [Split::Train, Split::Test, Split::Test]);
        assert_eq!(splits(Protocol::Official), [Split::Train, Split::Validation, Split::Test]);
        for usage in Usage::ALL {
            assert_eq!(Usage::of_split(usage.split(Protocol::Official)), usage);
        }
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
        assert!("kaggle\u{1b}".parse::<Protocol>().expect_err("none").contains("use keras or official"));
    }

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
