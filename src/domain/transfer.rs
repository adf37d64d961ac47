//! What a run on a pretrained base has in addition.

use serde::{Deserialize, Serialize};

use super::{Architecture, RunId, StageName, WeightsName};

/// A pretrained base, how images reach it, and how much of it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The name of the imported weights.
    pub weights: WeightsName,
    /// Their hash and preprocessing when the run was created; a worker refuses others.
    pub base: String,
    /// Side of the square that every image is resized to, in pixels.
    pub size: u32,
    /// How many augmented variants of each training image there are; what the frozen layers make of them is then computed
    /// once and kept. 0 augments anew in every epoch and keeps nothing.
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
    /// Step size of Adam for the base; the head has the recipe's own.
    pub base_learning_rate: f64,
}

impl Transfer {
    /// The lowest stage that is trained, if any.
    #[must_use]
    pub fn unfrozen(&self) -> Option<&StageName> {
        self.fine_tuning.as_ref().map(|fine_tuning| &fine_tuning.unfreeze)
    }

    /// Whether fine-tuning like this may start from the best weights of a run `id` with the base `start`: a stage that it
    /// trained must not be frozen, as a checkpoint lacks frozen weights.
    ///
    /// # Errors
    /// A sentence that names the stage.
    pub fn check_start(&self, id: &RunId, start: &Self, architecture: &Architecture) -> Result<(), String> {
        let index = |name| architecture.stage_index(name);
        match (self.unfrozen(), start.unfrozen()) {
            (Some(lowest), Some(trained)) if index(lowest) > index(trained) => Err(format!(
                "{id} has trained {trained}, which would be frozen here: unfreeze {trained} or a lower one"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hyperparameter, NetworkName, Recipe, Strategy};

    #[test]
    fn what_a_run_has_trained_is_not_frozen_after_it() {
        let id = RunId::new("calm-heron").expect("an id");
        let unfreezing = |block: Option<&str>| {
            let strategy = if block.is_some() { Strategy::Finetune } else { Strategy::Features };
            let mut recipe = Recipe::sample(strategy);
            block.into_iter().for_each(|text| Hyperparameter::Unfreeze.set(&mut recipe, text).expect("accepted"));
            recipe.transfer.expect("a base")
        };
        for (mine, start, fits) in [
            ("block5", None, true),
            ("block5", Some("block5"), true),
            ("block3", Some("block4"), true),
            ("block5", Some("block4"), false),
        ] {
            let result =
                unfreezing(Some(mine)).check_start(&id, &unfreezing(start), &NetworkName::VGG16.architecture());
            assert_eq!(result.is_ok(), fits, "{mine} after {start:?}: {result:?}");
        }
    }
}
