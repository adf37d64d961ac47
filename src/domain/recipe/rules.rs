//! The rules that a recipe sets for training: early stopping and the learning rate schedule.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The validation metric that early stopping watches.
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
    /// Returns the name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
        }
    }

    /// Returns whether `value` beats `best` by more than `min_delta`. NaN beats nothing.
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

/// The rule for stopping before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// The watched metric.
    pub monitor: Monitor,
    /// The number of epochs in a row without improvement before the run stops.
    pub patience: u32,
    /// The difference by which a value must beat the best one.
    pub min_delta: f64,
    /// The first epoch that patience counts; 0 and 1 count all.
    #[serde(default, skip_serializing_if = "super::is_none")]
    pub start_from: u32,
}

impl EarlyStopping {
    /// Returns the rule on validation loss with this patience.
    #[must_use]
    pub const fn with_patience(patience: u32) -> Self {
        Self { monitor: Monitor::ValLoss, patience, min_delta: 0.0, start_from: 0 }
    }
}

/// The rule by which the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// The recipe's learning rate in every step.
    Constant,
    /// Multiplied by `factor` whenever the monitored value has not improved for `patience` epochs
    /// (Keras's `ReduceLROnPlateau`).
    Plateau {
        /// The factor of the rate, between 0 and 1.
        factor: f64,
        /// Epochs without improvement before the rate drops.
        patience: u32,
    },
    /// Half a cosine from the recipe's rate down to zero over all its epochs, step by step.
    Cosine,
    /// Up to the recipe's rate over the first three tenths of all epochs, then down to nearly zero, both along half a
    /// cosine. Follows Smith & Topin 2018 and the default shape of PyTorch's `OneCycleLR`.
    OneCycle,
}

impl Schedule {
    /// The plateau schedule with the program's own settings.
    pub const PLATEAU: Self = Self::Plateau { factor: 0.5, patience: 2 };

    /// Returns whether the rate of an epoch depends on the number of all epochs.
    #[must_use]
    pub fn depends_on_epochs(self) -> bool {
        matches!(self, Self::Cosine | Self::OneCycle)
    }

    /// Returns the name in commands and forms.
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
