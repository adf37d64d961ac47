//! The runs that a dashboard starts on a home elsewhere: the standard input and output of `mien launch-recipes` there.

use serde::{Deserialize, Serialize};

use crate::domain::{Recipe, RunId};

/// Runs to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaunchOrder {
    /// A single run.
    One {
        /// The requested name.
        id: RunId,
        /// The settings.
        recipe: Box<Recipe>,
    },
    /// The runs of all strategies, which wait for one another.
    All {
        /// The requested names.
        ids: [RunId; 4],
        /// The settings.
        recipes: Box<[Recipe; 4]>,
    },
    /// The runs of a sweep, which get one tag.
    Sweep {
        /// The name from which the tag is made.
        stem: RunId,
        /// The requested names and the settings.
        runs: Vec<(RunId, Recipe)>,
    },
}

impl LaunchOrder {
    /// Returns the recipes.
    #[must_use]
    pub fn recipes(&self) -> Vec<&Recipe> {
        match self {
            Self::One { recipe, .. } => vec![recipe],
            Self::All { recipes, .. } => recipes.iter().collect(),
            Self::Sweep { runs, .. } => runs.iter().map(|(_, recipe)| recipe).collect(),
        }
    }
}

/// The runs that were started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// Their names; where a requested one was taken, another.
    pub ids: Vec<RunId>,
}
