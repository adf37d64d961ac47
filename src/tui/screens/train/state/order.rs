//! What a form amounts to: recipes.

use super::super::{Field, Form, FormChoices};
use crate::domain::{Recipe, RunId, Strategy, StrategyChoice};
use crate::supervise::strategy_run_names;

/// What is to be launched.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// One run.
    One(RunId, Box<Recipe>),
    /// Three, one after the other.
    All([RunId; 4], Box<[Recipe; 4]>),
}

impl Form {
    /// The recipe of a strategy as far as the form tells it: settings that are wrong count with their defaults. `None`
    /// where the dataset, the base or the run to start from is missing.
    #[must_use]
    pub fn draft(&self, strategy: Strategy, choices: &FormChoices<'_>) -> Option<Recipe> {
        let mut recipe = match strategy {
            Strategy::Cnn => {
                let dataset = self.dataset(choices)?;
                Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), choices.now)
            }
            Strategy::Deep => {
                let dataset = self.dataset(choices)?;
                let side = dataset.width.min(dataset.height);
                Recipe::deep(dataset.name.clone(), dataset.fingerprint.clone(), choices.now, side)
            }
            Strategy::Features => {
                let (dataset, weights) = (self.dataset(choices)?, self.weights(choices)?);
                let base = choices.base(weights)?.identity();
                let (name, fingerprint) = (dataset.name.clone(), dataset.fingerprint.clone());
                Recipe::features(name, fingerprint, choices.now, weights.clone(), base)
            }
            Strategy::Finetune if self.strategy_choice == StrategyChoice::All => {
                // Where the last starts is for the launch to say.
                let stem = RunId::of_new_run(self.name.text()).ok()?;
                Recipe::fine_tuning_from(&self.draft(Strategy::Features, choices)?, stem, choices.now)?
            }
            Strategy::Finetune => {
                let run = self.start(choices)?;
                Recipe::fine_tuning_from(&run.summary.as_ref().ok()?.recipe, run.id.clone(), choices.now)?
            }
        };
        // Fine-tuning on a fold leaves out what its start does: the form's images have other indices.
        if recipe.fold.is_none() {
            recipe.leave_out(self.left_out(choices));
        }
        for setting in self.strategy_choice.settings().filter(|setting| setting.is_of(strategy)) {
            // What is wrong is told by `check`.
            let _ = setting.set(&mut recipe, self.value(setting, choices).text());
        }
        Some(recipe)
    }

    /// The run or runs that the form describes.
    ///
    /// # Errors
    /// The first line that is wrong, and what is wrong with it.
    pub fn order(&self, choices: &FormChoices<'_>) -> Result<Order, (Field, String)> {
        if let Some(error) = self.first_error(choices) {
            return Err(error);
        }
        let name = RunId::of_new_run(self.name.text()).map_err(|error| (Field::Name, error.to_string()))?;
        let draft = |strategy| self.draft(strategy, choices);
        let incomplete = || (Field::Strategy, "something to train on is missing".to_owned());
        match self.strategy_choice {
            StrategyChoice::One(strategy) => Ok(Order::One(name, Box::new(draft(strategy).ok_or_else(incomplete)?))),
            StrategyChoice::All => {
                let [Some(cnn), Some(deep), Some(features), Some(finetune)] = Strategy::ALL.map(draft) else {
                    return Err(incomplete());
                };
                Ok(Order::All(strategy_run_names(&name), Box::new([cnn, deep, features, finetune])))
            }
        }
    }
}
