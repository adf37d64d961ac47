//! The names of stages, and the choice of trained stages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Stage;
use crate::domain::UnknownName;

/// The name of a stage, such as `block5`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageName(String);

/// The trained stages of an architecture; those below stay as imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainedStages<'a> {
    /// Every stage.
    All,
    /// Only the head.
    Head,
    /// This stage and those above it.
    From(&'a StageName),
}

impl StageName {
    /// The greatest length of a name, in characters.
    const MAX_LENGTH: usize = 32;

    /// Returns the name of a stage of the catalog.
    #[must_use]
    pub(in crate::domain) fn of(stage: &Stage) -> Self {
        Self(stage.name.clone())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for StageName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for StageName {
    type Error = UnknownName;

    fn try_from(text: String) -> Result<Self, UnknownName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !text.is_empty() && text.len() <= Self::MAX_LENGTH && text.chars().all(allowed) {
            return Ok(Self(text));
        }
        Err(UnknownName::new("name of a stage", &text, "letters, digits, '_', '-', '.'"))
    }
}

impl From<StageName> for String {
    fn from(name: StageName) -> Self {
        name.0
    }
}

impl<'a> From<Option<&'a StageName>> for TrainedStages<'a> {
    /// Fine-tuning from a stage upwards; without a stage, the head alone.
    fn from(unfrozen: Option<&'a StageName>) -> Self {
        unfrozen.map_or(Self::Head, Self::From)
    }
}
