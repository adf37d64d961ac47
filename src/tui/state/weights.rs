//! What the dashboard knows of pretrained weights.

use crate::domain::WeightsName;
use crate::weights::{Manifest, preferred};

/// What lies under a name: weights, or why they cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsEntry {
    /// The file's name.
    pub name: WeightsName,
    /// What the file says of itself, or the reason in words.
    pub manifest: Result<Manifest, String>,
}

/// The pretrained weights of the home.
#[derive(Debug, Clone, Default)]
pub struct WeightsState {
    /// Whether they were read.
    pub loaded: bool,
    /// Why they cannot be listed.
    pub error: Option<String>,
    /// All, by name.
    pub entries: Vec<WeightsEntry>,
}

impl WeightsState {
    /// The weights of this name, or why they cannot be read; `None` if there are none.
    #[must_use]
    pub fn find(&self, name: &WeightsName) -> Option<&Result<Manifest, String>> {
        self.entries.iter().find(|entry| entry.name == *name).map(|entry| &entry.manifest)
    }

    /// Those that are taken where nobody chose: trained on faces, else on ImageNet, else the first.
    #[must_use]
    pub fn preferred(&self) -> Option<&WeightsName> {
        let names: Vec<&WeightsName> = self.entries.iter().map(|entry| &entry.name).collect();
        preferred(&names).or(names.first().copied())
    }
}
