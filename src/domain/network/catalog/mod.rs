//! The architectures that can be trained. A new one is a file here and a line in `ALL`.

mod cnn;
mod deep;
mod vgg16;
mod vgg16_block4;
mod wide;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::Architecture;
use crate::domain::Strategy;

/// The functions that describe the architectures. The first is the default from scratch.
const ALL: &[fn() -> Architecture] =
    &[cnn::architecture, deep::architecture, wide::architecture, vgg16::architecture, vgg16_block4::architecture];

/// The name of an architecture of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct NetworkName(&'static str);

/// No architecture has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this mien has no network '{name}': it has {known}")]
pub struct UnknownNetwork {
    /// The requested name, safe for a terminal.
    name: String,
    /// The available names.
    known: String,
}

impl NetworkName {
    /// The small network from scratch.
    pub const CNN: Self = Self("cnn");

    /// Seven convolutions with batch norm, from scratch.
    pub const DEEP: Self = Self("deep");

    /// Nine wide convolutions with batch norm, from scratch.
    pub const WIDE: Self = Self("wide");

    /// VGG16 on imported weights.
    pub const VGG16: Self = Self("vgg16");

    /// Returns all names, in the order of the catalog.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|describe| Self(describe().name))
    }

    /// Returns the names of the architectures whose weights are drawn.
    pub fn from_scratch() -> impl Iterator<Item = Self> {
        Self::all().filter(|name| name.architecture().pretrained.is_none())
    }

    /// Returns the names of the architectures that a strategy can train.
    pub fn of_strategy(strategy: Strategy) -> impl Iterator<Item = Self> {
        Self::all().filter(move |name| name.architecture().pretrained.is_none() == strategy.is_from_scratch())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns the architecture of this name.
    ///
    /// # Panics
    /// Never: names come from the catalog, and tests check that the constants are in it.
    #[must_use]
    pub fn architecture(self) -> Architecture {
        let mut all = ALL.iter().map(|describe| describe());
        all.find(|architecture| architecture.name == self.0).expect("a name of the catalog")
    }
}

// Not derived: serde would require a `&'static str`.
impl<'de> Deserialize<'de> for NetworkName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<String> for NetworkName {
    type Error = UnknownNetwork;

    fn try_from(name: String) -> Result<Self, UnknownNetwork> {
        Self::all().find(|known| known.0 == name).ok_or_else(|| {
            let known: Vec<&str> = Self::all().map(Self::as_str).collect();
            UnknownNetwork { name: crate::domain::text::printable(&name), known: known.join(", ") }
        })
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> Self {
        name.0.to_owned()
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
