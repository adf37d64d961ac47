//! The options of an import and their values.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::labels::Pattern;
use super::limits::LONGEST_SIDE;
use super::names::NameEncoding;
use crate::data::split::{Division, Protocol};
use crate::domain::DatasetName;
use crate::domain::text::printable;

/// The way in which a picture of another shape is brought to the size of the dataset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Stretched in each direction, as Keras does.
    #[default]
    Squash,
    /// Scaled until it covers the size; the parts beyond it are cut off on both sides alike.
    Crop,
    /// Scaled until it lies within the size; the rest is black.
    Pad,
}

impl Fit {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Squash, Self::Crop, Self::Pad];

    /// Returns the name used in commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }

    /// Returns whether pictures are stretched, which manifests leave out for the sake of older files.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference
    pub fn is_squash(&self) -> bool {
        *self == Self::Squash
    }
}

impl FromStr for Fit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fit| fit.name() == text);
        found.ok_or_else(|| format!("'{}' is not a value of --fit: use squash, crop or pad", printable(text)))
    }
}

/// Changes of class names: pairs of a class and its new name, which is empty for a class that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassMap(pub(super) Vec<(String, String)>);

impl ClassMap {
    /// Returns whether a class gets another name or is left out.
    pub(super) fn names(&self, class: &str) -> bool {
        self.0.iter().any(|(from, _)| from == class)
    }

    /// Returns whether a class is the new name of another one.
    pub(super) fn gives(&self, class: &str) -> bool {
        self.0.iter().any(|(_, to)| to == class)
    }
}

impl FromStr for ClassMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = |part: &str| {
            let (from, to) = part.split_once('=').filter(|(from, _)| !from.trim().is_empty()).ok_or_else(|| {
                format!(
                    "'{}' is not OLD=NEW: write happy=joy to rename a class, or contempt= to leave it out",
                    printable(part)
                )
            })?;
            Ok((super::names::to_nfc(from.trim()), super::names::to_nfc(to.trim())))
        };
        text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect::<Result<_, String>>().map(Self)
    }
}

/// The options of an import.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // options that are given or not
pub struct ImportOptions {
    /// Whether to replace another dataset of this name.
    pub replace: bool,
    /// Whether to reject the source if any file would be skipped.
    pub strict: bool,
    /// The rule by which images are divided into splits.
    pub protocol: Protocol,
    /// The share of each class's training files that becomes validation, unless the source has a validation split.
    pub validation: f64,
    /// The share of each class's files that becomes test, unless the source has a test split.
    pub test: f64,
    /// Whether all images are divided by these shares, whatever splits the source has.
    pub pooled: bool,
    /// The way in which the shares are taken.
    pub by: Division,
    /// The seed of that division.
    pub seed: u64,
    /// Width and height of stored images; `None` for the usual size.
    pub size: Option<(u32, u32)>,
    /// The way in which pictures of another shape are fitted; `None` for the default.
    pub fit: Option<Fit>,
    /// Whether images are stored gray (`true`) or in colour (`false`); `None` for gray if all of them are gray.
    pub gray: Option<bool>,
    /// Files with the labels of images, on disk or inside the source.
    pub labels: Vec<PathBuf>,
    /// The pattern of file names that state labels.
    pub pattern: Option<Pattern>,
    /// Changes of class names.
    pub map: ClassMap,
    /// Whether links in a folder are followed.
    pub follow_links: bool,
    /// The encoding of names that are not UTF-8.
    pub encoding: Option<NameEncoding>,
    /// The password of an encrypted archive.
    pub password: Option<String>,
    /// The dataset into which the source is merged.
    pub into: Option<DatasetName>,
    /// The classes of that dataset, which the import fills in.
    pub known_classes: Vec<String>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            replace: false,
            strict: false,
            protocol: Protocol::default(),
            validation: 0.1,
            test: 0.1,
            pooled: false,
            by: Division::default(),
            seed: 0,
            size: None,
            fit: None,
            gray: None,
            labels: Vec::new(),
            pattern: None,
            map: ClassMap::default(),
            follow_links: false,
            encoding: None,
            password: None,
            into: None,
            known_classes: Vec::new(),
        }
    }
}

impl ImportOptions {
    /// Checks that the options do not contradict each other.
    pub(super) fn check(&self) -> Result<(), String> {
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        if !fraction(self.validation) || !fraction(self.test) || self.validation + self.test >= 1.0 {
            return Err(
                "--validation and --test must leave training images: each is from 0 to below 1, and their sum below 1"
                    .into(),
            );
        }
        if self.pooled && self.protocol == Protocol::Official {
            return Err(
                "--split divides all images, and --protocol official takes the splits of the source: choose one".into(),
            );
        }
        if self.pattern.is_some() && !self.labels.is_empty() {
            return Err("--labels and --pattern both state the classes: choose one".into());
        }
        if let Some(into) = self.into.as_ref().filter(|_| self.size.is_some() || self.gray.is_some()) {
            return Err(format!(
                "--size and --gray do not go with --into: images get the size and colours of '{into}'"
            ));
        }
        let side = 1..=LONGEST_SIDE;
        match self.size {
            Some((width, height)) if !side.contains(&width) || !side.contains(&height) => {
                Err(format!("--size {width}x{height} is out of range: sides have 1 to {LONGEST_SIDE} pixels"))
            }
            _ => Ok(()),
        }
    }
}
