//! Everything that decides how a run goes, frozen when the run is created.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Augmentation, DatasetName, DeviceRequest};

/// The newest recipe format that this program writes and reads.
pub const RECIPE_VERSION: u32 = 1;

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// The small convolutional network, from scratch.
    Cnn,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cnn => f.pad("cnn"),
        }
    }
}

/// The validation figure that early stopping watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Validation loss; lower is better.
    #[default]
    ValLoss,
    /// Validation accuracy; higher is better.
    ValAccuracy,
}

impl Monitor {
    /// The name used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
        }
    }

    /// Whether `value` beats `best` by more than `min_delta`. NaN beats nothing.
    #[must_use]
    pub fn improves(self, value: f64, best: f64, min_delta: f64) -> bool {
        match self {
            Self::ValLoss => value < best - min_delta,
            Self::ValAccuracy => value > best + min_delta,
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// What is watched.
    pub monitor: Monitor,
    /// How many epochs in a row may fail to improve on the best before the run stops.
    pub patience: u32,
    /// By how much a value must beat the best to count as better.
    pub min_delta: f64,
}

/// How the learning rate moves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// Always the recipe's learning rate.
    Constant,
    /// Multiplied by `factor` whenever the monitored value has not improved for `patience` epochs
    /// (Keras's `ReduceLROnPlateau`).
    Plateau {
        /// What the rate is multiplied by, between 0 and 1.
        factor: f64,
        /// Epochs without improvement before the rate drops.
        patience: u32,
    },
    /// Half a cosine from the recipe's rate down to zero over all its epochs, step by step.
    Cosine,
    /// Up to the recipe's rate over the first three tenths of all epochs, then down to nearly zero, both along half a
    /// cosine, step by step (Smith & Topin 2018; PyTorch's `OneCycleLR` with its default shape).
    OneCycle,
}

impl Schedule {
    /// The plateau schedule with the program's own settings.
    pub const PLATEAU: Self = Self::Plateau { factor: 0.5, patience: 2 };

    /// The word used in commands and forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Plateau { .. } => "plateau",
            Self::Cosine => "cosine",
            Self::OneCycle => "one-cycle",
        }
    }
}

/// The settings of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Format of this file; see [`RECIPE_VERSION`].
    pub version: u32,
    /// When the run was created, in milliseconds since 1970.
    pub created_at: u64,
    /// What is trained.
    pub strategy: Strategy,
    /// The dataset's name.
    pub dataset: DatasetName,
    /// The dataset's fingerprint when the run was created; a worker refuses another one.
    pub fingerprint: String,
    /// Most epochs to train.
    pub epochs: u32,
    /// Images per training step.
    pub batch_size: u32,
    /// Step size of Adam; the largest of its schedule.
    pub learning_rate: f64,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// When to stop before the last epoch.
    pub early_stopping: EarlyStopping,
    /// Random changes to training images; `None` trains on the images as they are.
    pub augmentation: Option<Augmentation>,
    /// Seed of weights, data order and augmentation.
    pub seed: u64,
    /// The device asked for.
    pub device: DeviceRequest,
}

impl Recipe {
    /// The default recipe of the `cnn` strategy on a dataset.
    #[must_use]
    pub fn cnn(dataset: DatasetName, fingerprint: String, created_at: u64) -> Self {
        Self {
            version: RECIPE_VERSION,
            created_at,
            strategy: Strategy::Cnn,
            dataset,
            fingerprint,
            epochs: 50,
            batch_size: 64,
            learning_rate: 2e-3,
            schedule: Schedule::OneCycle,
            early_stopping: EarlyStopping { monitor: Monitor::ValLoss, patience: 10, min_delta: 0.0 },
            augmentation: Some(Augmentation::REFERENCE),
            seed: 42,
            device: DeviceRequest::Auto,
        }
    }
}
