//! The runs that the form describes, as recipes.

use super::super::{Field, Form, FormChoices};
use crate::domain::{Recipe, RunId, Strategy, StrategyChoice};
use crate::supervise::{strategy_run_names, sweep_names};

/// The error of a form whose dataset or base is missing.
pub(in crate::tui::screens::train) const NOTHING_TO_TRAIN_ON: &str = "the dataset or the imported weights are missing";

/// The runs to launch.
#[derive(Debug, Clone, PartialEq)]
pub enum LaunchPlan {
    /// A single run.
    One(RunId, Box<Recipe>),
    /// Four runs, one after the other.
    All([RunId; 4], Box<[Recipe; 4]>),
    /// The runs of a sweep, whose tag is made from a name.
    Sweep(RunId, Vec<(RunId, Recipe)>),
}

impl Form {
    /// Returns the recipe of a strategy. Invalid settings have their defaults, varied ones their first value. `None`
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
                // The launch replaces this run by the features run of the four.
                let stem = RunId::of_new_run(self.name.text()).ok()?;
                Recipe::fine_tuning_from(&self.draft(Strategy::Features, choices)?, stem, choices.now)?
            }
            Strategy::Finetune => {
                let run = self.start(choices)?;
                Recipe::fine_tuning_from(&run.summary.as_ref().ok()?.recipe, run.id.clone(), choices.now)?
            }
        };
        // Fine-tuning on a fold makes the corrections of its start: the form's images have other indices.
        if recipe.fold.is_none() {
            recipe.correct(self.corrections(choices));
        }
        for setting in self.strategy_choice.settings().filter(|setting| setting.is_of(strategy)) {
            // `check` reports invalid values.
            let _ = setting.set(&mut recipe, &self.first_value(setting, choices));
        }
        Some(recipe)
    }

    /// Returns a recipe with every setting of the form, for the values that they accept.
    #[must_use]
    pub fn sample(&self, choices: &FormChoices<'_>) -> Recipe {
        let last = self.strategy_choice.strategies().last();
        last.and_then(|strategy| self.draft(strategy, choices)).unwrap_or_else(|| self.strategy_choice.sample())
    }

    /// Returns the names of the runs of one strategy: `stem`, or for several values a numbered name each.
    #[must_use]
    pub fn run_names(&self, stem: &RunId, choices: &FormChoices<'_>) -> Vec<RunId> {
        let folds = self.fold_count().map_or(1, u64::from);
        match self.sweep(choices).map_or(1, |sweep| usize::try_from(sweep.runs().saturating_mul(folds)).unwrap_or(1)) {
            0 | 1 => vec![stem.clone()],
            runs => sweep_names(stem, runs),
        }
    }

    /// Returns the run or runs that the form describes.
    ///
    /// # Errors
    /// The first line with an error, and the error.
    pub fn launch_plan(&self, choices: &FormChoices<'_>) -> Result<LaunchPlan, (Field, String)> {
        if let Some(error) = self.first_error(choices) {
            return Err(error);
        }
        let name = RunId::of_new_run(self.name.text()).map_err(|error| (Field::Name, error.to_string()))?;
        let draft = |strategy| self.draft(strategy, choices);
        let incomplete = || (Field::Strategy, NOTHING_TO_TRAIN_ON.to_owned());
        match self.strategy_choice {
            StrategyChoice::One(strategy) => {
                let recipe = draft(strategy).ok_or_else(incomplete)?;
                let recipes = self.recipes(&recipe, choices);
                let recipes = recipes.map_err(|error| (Field::Strategy, error.to_string()))?;
                if let [_] = recipes[..] {
                    return Ok(LaunchPlan::One(name, Box::new(recipe)));
                }
                if let Some(problem) = recipes.iter().find_map(|recipe| self.problem_of(recipe, choices)) {
                    return Err(problem);
                }
                let names = self.run_names(&name, choices);
                Ok(LaunchPlan::Sweep(name, names.into_iter().zip(recipes).collect()))
            }
            StrategyChoice::All => {
                let [Some(cnn), Some(deep), Some(features), Some(finetune)] = Strategy::ALL.map(draft) else {
                    return Err(incomplete());
                };
                Ok(LaunchPlan::All(strategy_run_names(&name), Box::new([cnn, deep, features, finetune])))
            }
        }
    }
}
