//! What a run on a pretrained base has in addition.

use serde::{Deserialize, Serialize};

use super::vgg16::Block;
use super::{RunId, WeightsName};

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
    /// The lowest block that is trained; those above it are too.
    pub unfreeze: Block,
    /// Step size of Adam for the base; the head has the recipe's own.
    pub base_learning_rate: f64,
}

impl Transfer {
    /// The lowest block that is trained, if any.
    #[must_use]
    pub fn unfrozen(&self) -> Option<Block> {
        self.fine_tuning.as_ref().map(|fine_tuning| fine_tuning.unfreeze)
    }

    /// Whether fine-tuning like this may go on from the best weights of a run `id` with the base `start`: what that has
    /// trained must not be frozen, as a checkpoint holds nothing of what is.
    ///
    /// # Errors
    /// A sentence that names the block.
    pub fn check_start(&self, id: &RunId, start: &Self) -> Result<(), String> {
        match start.unfrozen() {
            Some(trained) if self.unfrozen().is_some_and(|lowest| lowest > trained) => Err(format!(
                "{id} has trained {trained}, which would be frozen here: unfreeze {trained} or a lower one"
            )),
            _ => Ok(()),
        }
    }

    /// What is trained, in words: `head`, `block5 + head`, `block3–5 + head`.
    #[must_use]
    pub fn trained(&self) -> String {
        match self.unfrozen() {
            None => "head".into(),
            Some(Block::Block5) => "block5 + head".into(),
            Some(lowest) => format!("{lowest}–5 + head"),
        }
    }

    /// What is not, in words: `block1–5`; `None` where all of the base is trained.
    #[must_use]
    pub fn frozen(&self) -> Option<String> {
        let highest = match self.unfrozen() {
            None => Block::Block5,
            Some(lowest) => lowest.below()?,
        };
        let count = highest as usize + 1;
        Some(if count == 1 { highest.to_string() } else { format!("block1–{count}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hyperparameter, Recipe, Strategy};

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
            let result = unfreezing(Some(mine)).check_start(&id, &unfreezing(start));
            assert_eq!(result.is_ok(), fits, "{mine} after {start:?}: {result:?}");
        }
    }

    #[test]
    fn what_is_frozen_and_what_is_trained_is_told_by_name() {
        let words = |recipe: &Recipe| {
            let transfer = recipe.transfer.clone().expect("a base");
            (transfer.frozen(), transfer.trained())
        };
        let table = [
            ("block5", Some("block1–4"), "block5 + head"),
            ("block4", Some("block1–3"), "block4–5 + head"),
            ("block2", Some("block1"), "block2–5 + head"),
            ("block1", None, "block1–5 + head"),
        ];
        for (lowest, frozen, trained) in table {
            let mut recipe = Recipe::sample(Strategy::Finetune);
            Hyperparameter::Unfreeze.set(&mut recipe, lowest).expect("accepted");
            assert_eq!(words(&recipe), (frozen.map(Into::into), trained.into()), "{lowest}");
        }
        assert_eq!(words(&Recipe::sample(Strategy::Features)), (Some("block1–5".into()), "head".into()));
    }
}
