//! The settings that a person may change, in one table of names, explanations, ranges, parsers and formatters.
//!
//! The command line and the dashboard's form derive from this table, so both accept the same values.

mod patience;
mod texts;
mod values;

pub use patience::Patience;

use std::borrow::Cow;

use super::{Recipe, RecipeError, Schedule, Strategy};

/// A setting of a [`Recipe`] that commands and forms offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hyperparameter {
    /// [`Recipe::network`].
    Network,
    /// `transfer.size`.
    Size,
    /// `transfer.fine_tuning.unfreeze`.
    Unfreeze,
    /// [`Recipe::epochs`].
    Epochs,
    /// [`Recipe::batch_size`].
    BatchSize,
    /// [`Recipe::learning_rate`].
    LearningRate,
    /// `transfer.fine_tuning.base_learning_rate`.
    BaseLearningRate,
    /// [`Recipe::schedule`].
    Schedule,
    /// [`Recipe::weight_decay`].
    WeightDecay,
    /// [`Recipe::label_smoothing`].
    LabelSmoothing,
    /// `early_stopping.monitor`.
    Monitor,
    /// `early_stopping.patience`.
    Patience,
    /// `early_stopping.min_delta`.
    MinDelta,
    /// [`Recipe::augmentation`].
    Augmentation,
    /// `transfer.variants`.
    Variants,
    /// [`Recipe::seed`].
    Seed,
    /// [`Recipe::device`].
    Device,
    /// [`Recipe::precision`].
    Precision,
    /// [`Recipe::optimizer`].
    Optimizer,
    /// [`Recipe::warmup`].
    Warmup,
    /// [`Recipe::clip_norm`].
    ClipNorm,
    /// [`Recipe::average`].
    Average,
    /// [`Recipe::balance`].
    Balance,
    /// [`Recipe::crop`].
    Crop,
    /// [`Recipe::standardize`].
    Standardize,
    /// `early_stopping.start_from`.
    PatienceFrom,
    /// [`Recipe::views`].
    Views,
    /// [`Recipe::fraction`].
    Fraction,
}

/// Why a setting does not take a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The value is not among the accepted ones.
    #[error("{} must be {allowed}, not '{given}'", setting.name())]
    OutOfRange {
        /// The setting.
        setting: Hyperparameter,
        /// The value as it was typed, safe to print.
        given: String,
        /// The accepted values, in words.
        allowed: Cow<'static, str>,
    },
    /// The strategy has no such setting.
    #[error("the strategy {strategy} has no {}", setting.name())]
    Foreign {
        /// The setting.
        setting: Hyperparameter,
        /// The strategy.
        strategy: Strategy,
    },
}

impl SettingError {
    /// Returns the setting that does not take the value.
    #[must_use]
    pub fn setting(&self) -> Hyperparameter {
        match self {
            Self::OutOfRange { setting, .. } | Self::Foreign { setting, .. } => *setting,
        }
    }
}

impl Hyperparameter {
    /// All settings, in the order of the form.
    pub const ALL: [Self; 28] = [
        Self::Network,
        Self::Size,
        Self::Unfreeze,
        Self::Epochs,
        Self::BatchSize,
        Self::LearningRate,
        Self::BaseLearningRate,
        Self::Schedule,
        Self::Monitor,
        Self::Patience,
        Self::MinDelta,
        Self::Augmentation,
        Self::Variants,
        Self::Seed,
        Self::Device,
        Self::Precision,
        Self::WeightDecay,
        Self::LabelSmoothing,
        Self::Optimizer,
        Self::Warmup,
        Self::ClipNorm,
        Self::Average,
        Self::Balance,
        Self::Crop,
        Self::Standardize,
        Self::PatienceFrom,
        Self::Views,
        Self::Fraction,
    ];

    /// Returns the settings of a strategy, in the order of the form.
    pub fn of(strategy: Strategy) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |setting| setting.is_of(strategy))
    }

    /// Returns whether a strategy has this setting.
    #[must_use]
    pub fn is_of(self, strategy: Strategy) -> bool {
        match self {
            // Fine-tuning continues with the network of its start.
            Self::Network => strategy != Strategy::Finetune,
            Self::Crop | Self::Standardize => strategy.is_from_scratch(),
            Self::Size | Self::Variants => !strategy.is_from_scratch(),
            Self::Unfreeze | Self::BaseLearningRate => strategy == Strategy::Finetune,
            _ => true,
        }
    }

    /// Returns whether the setting has no effect in this recipe, as a weight decay of 0. Short lists omit such
    /// settings.
    #[must_use]
    pub fn is_off(self, recipe: &Recipe) -> bool {
        let off = match self {
            Self::WeightDecay
            | Self::LabelSmoothing
            | Self::Warmup
            | Self::ClipNorm
            | Self::Average
            | Self::Crop
            | Self::PatienceFrom => "0",
            Self::Optimizer => "adam",
            Self::Balance | Self::Standardize => "none",
            Self::Views | Self::Fraction => "1",
            _ => return false,
        };
        self.get(recipe) == off
    }

    /// Returns the option's name, as in `--batch-size`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Size => "size",
            Self::Unfreeze => "unfreeze",
            Self::Epochs => "epochs",
            Self::BatchSize => "batch-size",
            Self::LearningRate => "learning-rate",
            Self::BaseLearningRate => "base-learning-rate",
            Self::Schedule => "schedule",
            Self::WeightDecay => "weight-decay",
            Self::LabelSmoothing => "label-smoothing",
            Self::Monitor => "monitor",
            Self::Patience => "patience",
            Self::MinDelta => "min-delta",
            Self::Augmentation => "augment",
            Self::Variants => "variants",
            Self::Seed => "seed",
            Self::Device => "device",
            Self::Precision => "precision",
            Self::Optimizer => "optimizer",
            Self::Warmup => "warmup",
            Self::ClipNorm => "clip-norm",
            Self::Average => "average",
            Self::Balance => "balance",
            Self::Crop => "crop",
            Self::Standardize => "standardize",
            Self::PatienceFrom => "patience-from",
            Self::Views => "views",
            Self::Fraction => "fraction",
        }
    }

    /// Checks every setting of a recipe, which a person may have edited by hand, against its range.
    ///
    /// # Errors
    /// A [`RecipeError`] about the first setting out of its range.
    pub fn check(recipe: &Recipe) -> Result<(), RecipeError> {
        recipe.check_parts()?;
        Self::of(recipe.strategy).try_for_each(|setting| setting.set(&mut recipe.clone(), &setting.get(recipe)))?;
        match recipe.augmentation {
            Some(ranges) if !ranges.is_sensible() => Err(RecipeError::Augmentation),
            _ => match recipe.schedule {
                Schedule::Plateau { factor, patience } if !(factor > 0.0 && factor < 1.0 && patience > 0) => {
                    Err(RecipeError::Plateau)
                }
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_accepted_and_reads_back_as_itself() {
        for strategy in Strategy::ALL {
            let recipe = Recipe::sample(strategy);
            Hyperparameter::check(&recipe).unwrap_or_else(|error| panic!("{error}"));
            for field in Hyperparameter::of(strategy) {
                let mut copy = recipe.clone();
                field.set(&mut copy, &field.get(&recipe)).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(copy, recipe, "{}", field.name());
                for choice in field.choices(&recipe) {
                    field.set(&mut copy, &choice).unwrap_or_else(|error| panic!("{error}"));
                }
            }
        }
    }

    #[test]
    fn a_refused_value_names_the_option_and_changes_nothing() {
        let cases = [
            (Hyperparameter::Epochs, "0"),
            (Hyperparameter::BatchSize, "-3"),
            (Hyperparameter::LearningRate, "0"),
            (Hyperparameter::LearningRate, "NaN"),
            (Hyperparameter::LearningRate, "2"),
            (Hyperparameter::BaseLearningRate, "0"),
            (Hyperparameter::Schedule, "linear"),
            (Hyperparameter::MinDelta, "inf"),
            (Hyperparameter::Size, "31"),
            (Hyperparameter::Variants, "65"),
            (Hyperparameter::Unfreeze, "block6"),
            (Hyperparameter::Unfreeze, "head"),
            (Hyperparameter::Seed, "9007199254740992"),
            (Hyperparameter::Device, "gpu"),
            (Hyperparameter::Precision, "fp16"),
        ];
        for (field, text) in cases {
            let recipe = Recipe::sample(Strategy::Finetune);
            let mut copy = recipe.clone();
            let error = field.set(&mut copy, text).expect_err(text);
            let words = error.to_string();
            assert!(error.setting() == field && words.starts_with(field.name()) && words.contains(text), "{words}");
            assert_eq!(copy, recipe);
        }
    }

    #[test]
    fn networks_and_stages_are_those_of_the_strategy_and_of_the_start() {
        let network = Hyperparameter::Network;
        assert_eq!(network.choices(&Recipe::sample(Strategy::Deep)), ["cnn", "deep", "wide"]);
        let mut features = Recipe::sample(Strategy::Features);
        assert_eq!(network.choices(&features), ["vgg16", "vgg16-block4"]);
        network.set(&mut features, "deep").expect_err("not on imported weights");
        network.set(&mut features, "vgg16-block4").expect("on imported weights");
        let from = crate::domain::RunId::new("any").expect("a name");
        let mut finetune = Recipe::fine_tuning_from(&features, from, 0).expect("on a base");
        assert_eq!(
            (network.get(&finetune), Hyperparameter::Unfreeze.get(&finetune)),
            (network.get(&features), "block4".into())
        );
        let error = Hyperparameter::Unfreeze.set(&mut finetune, "block5").expect_err("not in this base").to_string();
        assert_eq!(error, "unfreeze must be block1, block2, block3, block4, not 'block5'");
    }

    #[test]
    fn a_setting_of_another_strategy_is_refused() {
        for (strategy, field) in [
            (Strategy::Cnn, Hyperparameter::Size),
            (Strategy::Deep, Hyperparameter::Variants),
            (Strategy::Finetune, Hyperparameter::Network),
            (Strategy::Cnn, Hyperparameter::Variants),
            (Strategy::Features, Hyperparameter::Unfreeze),
            (Strategy::Features, Hyperparameter::BaseLearningRate),
        ] {
            let value = field.get(&Recipe::sample(Strategy::Finetune));
            let error = field.set(&mut Recipe::sample(strategy), &value).expect_err("refused");
            assert_eq!(error, SettingError::Foreign { setting: field, strategy });
            assert_eq!(error.to_string(), format!("the strategy {strategy} has no {}", field.name()));
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        for (strategy, parts) in [(Strategy::Features, Strategy::Cnn), (Strategy::Finetune, Strategy::Features)] {
            let recipe = Recipe { strategy, ..Recipe::sample(parts) };
            let error = Hyperparameter::check(&recipe).expect_err("refused");
            assert!(error.to_string().contains(strategy.name()), "{error}");
        }
    }
}
