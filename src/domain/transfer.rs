//! The additional settings of a run on a base.

use serde::{Deserialize, Serialize};

use super::{RunId, StageName, WeightsName};

/// A base, the preparation of its input, and its trained stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The name of the imported weights.
    pub weights: WeightsName,
    /// The weights' hash and preprocessing at the run's creation; a worker refuses others.
    pub base: String,
    /// Side of the square that every image is resized to, in pixels.
    pub size: u32,
    /// The number of augmented variants of each training image, whose frozen-part outputs are computed once and cached.
    /// 0 augments in every epoch and caches nothing.
    pub variants: u32,
    /// The trained stages of the base; `None` trains only the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
}

/// The training of the upper part of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuning {
    /// The run whose best weights are the start.
    pub from: RunId,
    /// The lowest trained stage; those above it are trained too.
    pub unfreeze: StageName,
    /// Step size of the optimizer for the base; the recipe's learning rate is that of the head.
    pub base_learning_rate: f64,
}

impl Transfer {
    /// Returns the lowest trained stage, if any.
    #[must_use]
    pub fn unfrozen(&self) -> Option<&StageName> {
        self.fine_tuning.as_ref().map(|fine_tuning| &fine_tuning.unfreeze)
    }
}
