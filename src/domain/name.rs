//! Names that are also names of folders and files: runs, datasets and weights; and tags, which are written alike.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text cannot name a run, a dataset or weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name cannot be empty")]
    Empty,
    /// Longer than [`MAX_LENGTH`] bytes.
    #[error("a name has at most {MAX_LENGTH} characters, this one has {0}")]
    TooLong(usize),
    /// A character that is not a letter, digit, `-`, `_` or `.`, or a leading `.` or `-`.
    #[error("'{0}' cannot be a name: use letters, digits, '-', '_' and '.', beginning with a letter or digit")]
    Character(String),
    /// The word for the newest run in every command.
    #[error("'latest' always means the newest run: choose another name")]
    Latest,
}

/// A word where one of a few was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is no {kind}: use {allowed}")]
pub struct UnknownName {
    /// What the word should name, such as `device`.
    pub kind: &'static str,
    /// The word, safe to print.
    pub given: String,
    /// The accepted words.
    pub allowed: String,
}

impl UnknownName {
    pub(super) fn new(kind: &'static str, given: &str, allowed: impl Into<String>) -> Self {
        Self { kind, given: super::text::printable(given), allowed: allowed.into() }
    }
}

/// Longest name accepted, in bytes.
pub const MAX_LENGTH: usize = 64;

fn check(text: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.chars().next() {
        None => Err(NameError::Empty),
        _ if text.len() > MAX_LENGTH => Err(NameError::TooLong(text.len())),
        Some(first) if first.is_ascii_alphanumeric() && text.chars().all(plain) => Ok(()),
        Some(_) => Err(NameError::Character(super::text::printable(text))),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// A [`NameError`] when the text could not be the name of one folder.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name! {
    /// The name of a run and of its folder, such as `calm-heron`.
    RunId
}
name! {
    /// The name of an imported dataset and of its folder, such as `fer2013`.
    DatasetName
}
name! {
    /// The name of imported weights and of their file, such as `vggface`.
    WeightsName
}
name! {
    /// A word that runs are marked with, such as `baseline`.
    Tag
}

impl RunId {
    /// The name of a new run: not `latest`, which means the newest run in every command.
    ///
    /// # Errors
    /// A [`NameError`].
    pub fn of_new_run(text: &str) -> Result<Self, NameError> {
        Self::new(text).and_then(|id| if id.as_str() == "latest" { Err(NameError::Latest) } else { Ok(id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_always_one_plain_folder() {
        for good in ["fer2013", "calm-heron", "A_b.c", "9"] {
            assert!(DatasetName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "-flag", "a/b", "a b", "ä", "x\u{1b}", &"a".repeat(65)] {
            assert!(RunId::new(bad).is_err(), "{bad:?}");
        }
    }
}
