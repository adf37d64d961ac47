//! The table of an import's options: names, explanations and how values are read, for every form that offers them.

use std::path::PathBuf;

use super::limits::LONGEST_SIDE;
use super::options::ImportOptions;
use crate::domain::DatasetName;
use crate::domain::text::printable;

/// An option of an import, for command lines and forms.
#[derive(Debug, Clone, Copy)]
pub struct ImportOption {
    /// The name, as in `--size`.
    pub name: &'static str,
    /// The kind of value in capitals; `None` for an option that is only given or not.
    pub value: Option<&'static str>,
    /// The explanation.
    pub explanation: &'static str,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// The options that it excludes.
    pub excludes: &'static [&'static str],
    /// Whether a form hides the typed value, because others may see the screen.
    pub is_secret: bool,
    set: fn(&mut ImportOptions, &str) -> Result<(), String>,
}

impl ImportOption {
    /// Sets the option to a value; an option without a value ignores the text.
    ///
    /// # Errors
    /// The reason why the value is not accepted.
    pub fn set(&self, options: &mut ImportOptions, text: &str) -> Result<(), String> {
        (self.set)(options, text)
    }

    const fn flag(name: &'static str, explanation: &'static str, set: Setter) -> Self {
        Self { name, value: None, explanation, repeats: false, excludes: &[], is_secret: false, set }
    }

    const fn with(name: &'static str, value: &'static str, explanation: &'static str, set: Setter) -> Self {
        Self { name, value: Some(value), explanation, repeats: false, excludes: &[], is_secret: false, set }
    }
}

type Setter = fn(&mut ImportOptions, &str) -> Result<(), String>;

/// Sets a field to a parsed value.
macro_rules! field {
    ($field:ident) => {
        |options, text| text.parse().map(|value| options.$field = value)
    };
    (some $field:ident) => {
        |options, text| text.parse().map(|value| options.$field = Some(value))
    };
}

/// All options of an import in the order of the help.
pub const IMPORT_OPTIONS: [ImportOption; 19] = [
    ImportOption::flag("replace", "Replace another dataset of this name; marks follow their images", |options, _| {
        options.replace = true;
        Ok(())
    }),
    ImportOption::flag("strict", "Refuse the source if anything in it would have to be skipped", |options, _| {
        options.strict = true;
        Ok(())
    }),
    ImportOption::with(
        "protocol",
        "NAME",
        "How images are assigned to splits: keras (validation is cut from the training images, and all that is called \
         test tests), or official (FER-2013's own: `Training` trains, `PublicTest` validates, `PrivateTest` tests) \
         [default: keras]",
        field!(protocol),
    ),
    ImportOption::with(
        "validation",
        "FRACTION",
        "The share of each class's training files that becomes validation, unless the source has a validation split \
         [default: 0.1]",
        |options, text| fraction(text).map(|value| options.validation = value),
    ),
    ImportOption::with(
        "test",
        "FRACTION",
        "The share of each class's files that becomes test, unless the source has a test split [default: 0.1]",
        |options, text| fraction(text).map(|value| options.test = value),
    ),
    ImportOption {
        excludes: &["validation", "test", "protocol"],
        ..ImportOption::with(
            "split",
            "TRAIN/VALIDATION/TEST",
            "Divide all images by these shares, such as 80/10/10, whatever splits the source has",
            set_split,
        )
    },
    ImportOption::with(
        "by",
        "WAY",
        "How shares are taken: keras (the first files of each class by name), stratified (of each class by a seed), \
         seed (of all images), or group (whole persons: {group} of --pattern, a column such as person, or the folders \
         below the class) [default: keras]",
        field!(by),
    ),
    ImportOption::with("seed", "NUMBER", "The seed of --by [default: 0]", |options, text| {
        let seed = text.parse().map_err(|_| format!("'{}' is not a whole number", printable(text)))?;
        options.seed = seed;
        Ok(())
    }),
    ImportOption::with(
        "size",
        "N|WxH",
        "The size of stored images, as 48 or 64x48 [default: the usual size; without one, a square as the median's \
         short side, at most 224]",
        |options, text| size(text).map(|size| options.size = Some(size)),
    ),
    ImportOption::with(
        "fit",
        "WAY",
        "How pictures of another shape come to that size: squash (stretched), crop (the middle), pad (black edges) \
         [default: squash; pad where no size is usual]",
        field!(some fit),
    ),
    ImportOption {
        excludes: &["colour"],
        ..ImportOption::flag("gray", "Store gray images [default: if all pictures are gray]", |options, _| {
            options.gray = Some(true);
            Ok(())
        })
    },
    ImportOption::flag("colour", "Store colour images", |options, _| {
        options.gray = Some(false);
        Ok(())
    }),
    ImportOption {
        repeats: true,
        excludes: &["pattern"],
        ..ImportOption::with(
            "labels",
            "FILE",
            "A file with the labels of images, on disk or inside the source: a list or a table with a file name and a \
             class in each row, as RAF-DB and AffectNet have, or FERPlus's votes; may be given several times. Of \
             Parquet files, the column of labels",
            |options, text| {
                options.labels.push(PathBuf::from(text));
                Ok(())
            },
        )
    },
    ImportOption::with(
        "pattern",
        "PATTERN",
        "Take classes from file names: jaffe, kdef, rafd, or a pattern such as '{class}_*' or '{group}-{class:2}*' \
         (* is any text, # is digits, {class:2} has two letters)",
        field!(some pattern),
    ),
    ImportOption::with(
        "map",
        "OLD=NEW,…",
        "Rename classes (happy=joy), join them (fear=angry) or leave them out (contempt=)",
        field!(map),
    ),
    ImportOption {
        excludes: &["size", "gray", "colour"],
        ..ImportOption::with(
            "into",
            "DATASET",
            "Merge the images with those of this dataset, whose size and classes they get; --map names its classes, \
             and the result has the name of --name",
            |options, text| {
                let name = DatasetName::new(text).map_err(|error| error.to_string())?;
                options.into = Some(name);
                Ok(())
            },
        )
    },
    ImportOption::flag("follow-links", "Follow links in a folder, also out of it", |options, _| {
        options.follow_links = true;
        Ok(())
    }),
    ImportOption::with(
        "encoding",
        "NAME",
        "The encoding of names in the source that are not UTF-8, such as gbk, shift_jis, cp850 or latin1 [default: cp437 \
         in a zip archive; elsewhere such bytes are shown as \\xE9]",
        field!(some encoding),
    ),
    ImportOption {
        is_secret: true,
        ..ImportOption::with("password", "TEXT", "The password of an encrypted zip or 7z archive", |options, text| {
            options.password = Some(text.to_owned());
            Ok(())
        })
    },
];

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|value| (0.0..1.0).contains(value));
    fraction.ok_or_else(|| format!("'{}' is not a fraction from 0 to below 1: write one such as 0.1", printable(text)))
}

/// Reads shares such as 80/10/10.
fn set_split(options: &mut ImportOptions, text: &str) -> Result<(), String> {
    let shares: Vec<f64> = text.split('/').filter_map(|part| part.trim().parse().ok()).collect();
    let sum: f64 = shares.iter().sum();
    match shares[..] {
        [first, validation, last]
            if text.split('/').count() == 3
                && first > 0.0
                && [validation, last].iter().all(|share| *share >= 0.0)
                && sum.is_finite()
                && ((sum - 1.0).abs() < 1e-6 || (sum - 100.0).abs() < 1e-6) =>
        {
            // Divided first: 10 of 100 is then exactly 0.1.
            (options.validation, options.test) = (validation / sum.round(), last / sum.round());
            options.pooled = true;
            Ok(())
        }
        _ => Err(format!(
            "'{}' is not a valid --split: write the percentages of train/validation/test, such as 80/10/10",
            printable(text)
        )),
    }
}

/// Reads a size such as 48 or 64x48.
fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=LONGEST_SIDE).contains(side));
    let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
    side(width).zip(side(height)).ok_or_else(|| {
        format!("'{}' is not a size: write 48, or 64x48 for width and height, up to {LONGEST_SIDE}", printable(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, text: &str) -> Result<ImportOptions, String> {
        let mut options = ImportOptions::default();
        let option = IMPORT_OPTIONS.iter().find(|option| option.name == name).expect("an option");
        option.set(&mut options, text).map(|()| options)
    }

    #[test]
    fn values_are_read_or_refused_with_an_example() {
        let size = |text| set("size", text).map(|options| options.size);
        assert_eq!(size("48"), Ok(Some((48, 48))));
        assert_eq!(size("64x48"), Ok(Some((64, 48))));
        let split = set("split", "80/10/10").expect("a division");
        assert_eq!((split.validation, split.test, split.pooled), (0.1, 0.1, true));
        let split = set("split", "0.7/0/0.3").expect("a division");
        assert_eq!((split.validation, split.test), (0.0, 0.3));
        let map = set("map", "happy=joy, contempt=").expect("a map").map;
        assert_eq!(map.0, [("happy".into(), "joy".into()), ("contempt".into(), String::new())]);
        let refused = [
            ("size", "0", "64x48"),
            ("size", "9000", "64x48"),
            ("size", "48x", "64x48"),
            ("split", "80/10", "80/10/10"),
            ("split", "80/10/20", "80/10/10"),
            ("split", "0/50/50", "80/10/10"),
            ("split", "x/10/10/80", "80/10/10"),
            ("fit", "stretch", "squash, crop or pad"),
            ("by", "person", "keras, seed, stratified or group"),
            ("map", "happy", "happy=joy"),
            ("map", "=joy", "happy=joy"),
            ("validation", "1", "0.1"),
            ("encoding", "klingon", "cp437"),
            ("seed", "-1", "whole number"),
            ("pattern", "*.png", "{class}"),
        ];
        for (name, text, words) in refused {
            let error = set(name, text).expect_err(text);
            assert!(error.contains(words), "{name} {text}: {error}");
        }
    }
}
