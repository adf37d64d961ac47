//! Names that are also file or folder names: runs, datasets and weights. Tags follow the same rules.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason why a text cannot name a run, a dataset or weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text is longer than [`MAX_LENGTH`] bytes.
    #[error("a name has at most {MAX_LENGTH} characters, this one has {0}")]
    TooLong(usize),
    /// The text has a character that is not a letter, digit, `-`, `_` or `.`, or begins with `.` or `-`.
    #[error("'{0}' cannot be a name: use letters, digits, '-', '_' and '.', beginning with a letter or digit")]
    Character(String),
    /// The text is `latest`, which stands for the newest run in every command.
    #[error("'latest' always means the newest run: choose another name")]
    Latest,
}

/// A name that is not in a short list of accepted ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is not a known {kind}: use {allowed}")]
pub struct UnknownName {
    /// The kind of thing to be named, such as `device`.
    pub kind: &'static str,
    /// The given name, safe to print.
    pub given: String,
    /// The accepted names.
    pub allowed: String,
}

impl UnknownName {
    pub(super) fn new(kind: &'static str, given: &str, allowed: impl Into<String>) -> Self {
        Self { kind, given: super::text::printable(given), allowed: allowed.into() }
    }
}

/// The greatest length of a name, in bytes.
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
            /// Returns `text` as a name.
            ///
            /// # Errors
            /// A [`NameError`] if the text cannot be the name of one folder.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// Returns the name as text.
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
    /// A label of runs, such as `baseline`.
    Tag
}

impl RunId {
    /// Returns the name of a new run, which may not be `latest`: every command reads that as the newest run.
    ///
    /// # Errors
    /// Returns a [`NameError`].
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
