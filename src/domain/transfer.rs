//! What a run on a pretrained base has in addition.

use serde::{Deserialize, Serialize};

use super::{RunId, StageName, WeightsName};

/// A pretrained base, how images reach it, and how much of it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The name of the imported weights.
    pub weights: WeightsName,
    /// Their hash and preprocessing when the run was created; a worker refuses others.
    pub base: String,
    /// Side of the square that every image is resized to, in pixels.
    pub size: u32,
    /// How many augmented variants of each training image there are; what the frozen layers make of them is then
    /// computed once and kept. 0 augments anew in every epoch and keeps nothing.
    pub variants: u32,
    /// What of the base is trained; `None` trains the head alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
}

/// Training the upper part of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuning {
    /// The run whose best weights are the start.
    pub from: RunId,
    /// The lowest stage that is trained; those above it are too.
    pub unfreeze: StageName,
    /// Step size of the optimizer for the base; the head has the recipe's own.
    pub base_learning_rate: f64,
}

impl Transfer {
    /// The lowest stage that is trained, if any.
    #[must_use]
    pub fn unfrozen(&self) -> Option<&StageName> {
        self.fine_tuning.as_ref().map(|fine_tuning| &fine_tuning.unfreeze)
    }
}
