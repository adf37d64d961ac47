//! The strategies: presets of network, initial weights and trained stages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::NetworkName;

/// A preset of network, initial weights and trained stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Trains all stages of a small network from drawn weights.
    Cnn,
    /// Trains all stages of a deeper network with batch norm from drawn weights.
    Deep,
    /// Trains the head of a network on frozen imported weights.
    Features,
    /// Trains the head and the upper stages of that network, from the best weights of an earlier run.
    Finetune,
}

impl Strategy {
    /// All strategies, in their usual order.
    pub const ALL: [Self; 4] = [Self::Cnn, Self::Deep, Self::Features, Self::Finetune];

    /// Returns the name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cnn => "cnn",
            Self::Deep => "deep",
            Self::Features => "features",
            Self::Finetune => "finetune",
        }
    }

    /// Returns the network of the strategy, unless a recipe names another.
    #[must_use]
    pub fn network(self) -> NetworkName {
        match self {
            Self::Cnn => NetworkName::CNN,
            Self::Deep => NetworkName::DEEP,
            Self::Features | Self::Finetune => NetworkName::VGG16,
        }
    }

    /// Returns whether all weights are drawn.
    #[must_use]
    pub fn is_from_scratch(self) -> bool {
        matches!(self, Self::Cnn | Self::Deep)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
