//! Reading and writing the value of each setting in a recipe.

use super::texts::{MAX_SIZE, min_size};
use super::{Hyperparameter, Patience, SettingError};
use crate::domain::text::printable;
use crate::domain::{
    Augmentation, Balance, FineTuning, Monitor, NetworkName, Optimizer, Precision, Recipe, Schedule, Strategy,
};

impl Hyperparameter {
    /// Returns the value in `recipe`, as [`Self::set`] parses it; empty if the strategy has no such setting.
    #[must_use]
    pub fn get(self, recipe: &Recipe) -> String {
        let transfer = recipe.transfer.as_ref();
        let fine_tuning = |show: fn(&FineTuning) -> String| {
            transfer.and_then(|transfer| transfer.fine_tuning.as_ref()).map(show).unwrap_or_default()
        };
        match self {
            Self::Network => recipe.network_name().to_string(),
            Self::Size => transfer.map(|transfer| transfer.size.to_string()).unwrap_or_default(),
            Self::Variants => transfer.map(|transfer| transfer.variants.to_string()).unwrap_or_default(),
            Self::Unfreeze => fine_tuning(|fine_tuning| fine_tuning.unfreeze.to_string()),
            Self::BaseLearningRate => fine_tuning(|fine_tuning| fine_tuning.base_learning_rate.to_string()),
            Self::Epochs => recipe.epochs.to_string(),
            Self::BatchSize => recipe.batch_size.to_string(),
            Self::LearningRate => recipe.learning_rate.to_string(),
            Self::Schedule => recipe.schedule.name().into(),
            Self::WeightDecay => recipe.weight_decay.to_string(),
            Self::LabelSmoothing => recipe.label_smoothing.to_string(),
            Self::Monitor => recipe.early_stopping.monitor.name().into(),
            Self::Patience => Patience(recipe.early_stopping.patience).to_string(),
            Self::MinDelta => recipe.early_stopping.min_delta.to_string(),
            Self::Augmentation => Augmentation::to_text(recipe.augmentation),
            Self::Seed => recipe.seed.to_string(),
            Self::Device => recipe.device.to_string(),
            Self::Precision => recipe.precision.to_string(),
            Self::Optimizer => recipe.optimizer.name().into(),
            Self::Warmup => recipe.warmup.to_string(),
            Self::ClipNorm => recipe.clip_norm.to_string(),
            Self::Average => recipe.average.to_string(),
            Self::Balance => recipe.balance.name().into(),
            Self::Crop => recipe.crop.to_string(),
            Self::Standardize => if recipe.standardize { "image" } else { "none" }.into(),
            Self::PatienceFrom => recipe.early_stopping.start_from.to_string(),
            Self::Views => recipe.views.count().to_string(),
            Self::Fraction => recipe.fraction.to_string(),
        }
    }

    /// Returns whether recipes of any strategy take this value.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        Strategy::ALL.into_iter().any(|strategy| self.set(&mut Recipe::sample(strategy), text).is_ok())
    }

    /// Parses `text` into `recipe`, which is unchanged on an error.
    ///
    /// # Errors
    /// A [`SettingError`] with the given text and the accepted values.
    pub fn set(self, recipe: &mut Recipe, text: &str) -> Result<(), SettingError> {
        let text = text.trim();
        let before = recipe.clone();
        let wrong = || SettingError::OutOfRange { setting: self, given: printable(text), allowed: self.range(&before) };
        // 0,001 typed with a comma is two values for the command line, and 001 would be taken as 1. +10 may be meant as
        // ten more.
        let has_leading_zero = text
            .trim_start_matches('-')
            .strip_prefix('0')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_plain = !has_leading_zero && !text.starts_with('+');
        let whole = |low: u32, high: u32| {
            text.parse::<u32>().ok().filter(|value| is_plain && (low..=high).contains(value)).ok_or_else(wrong)
        };
        let real = || text.parse::<f64>().ok().filter(|value| is_plain && value.is_finite()).ok_or_else(wrong);
        let rate = || real().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0).ok_or_else(wrong);
        // −0 would write another recipe file for the same training.
        let upto = |most: f64| {
            real().ok().map(|value| value + 0.0).filter(|value| (0.0..=most).contains(value)).ok_or_else(wrong)
        };
        let strategy = recipe.strategy;
        let foreign = || SettingError::Foreign { setting: self, strategy };
        let stage = recipe.architecture().stage_names().find(|stage| stage.as_str() == text);
        let transfer = recipe.transfer.as_mut().ok_or_else(foreign);
        match self {
            Self::Network if strategy == Strategy::Finetune => return Err(foreign()),
            Self::Crop | Self::Standardize if !strategy.is_from_scratch() => return Err(foreign()),
            Self::Network => {
                let network = NetworkName::of_strategy(strategy).find(|network| network.as_str() == text);
                recipe.set_network(network.ok_or_else(wrong)?);
            }
            Self::Size => transfer?.size = whole(min_size(&before), MAX_SIZE)?,
            Self::Variants => transfer?.variants = whole(0, 64)?,
            Self::Unfreeze => {
                transfer?.fine_tuning.as_mut().ok_or_else(foreign)?.unfreeze = stage.ok_or_else(wrong)?;
            }
            Self::BaseLearningRate => {
                transfer?.fine_tuning.as_mut().ok_or_else(foreign)?.base_learning_rate = rate()?;
            }
            Self::Epochs => recipe.epochs = whole(1, 10_000)?,
            Self::BatchSize => recipe.batch_size = whole(1, 4096)?,
            Self::LearningRate => recipe.learning_rate = rate()?,
            Self::Schedule => {
                recipe.schedule = match text {
                    "constant" => Schedule::Constant,
                    "plateau" => Schedule::PLATEAU,
                    "cosine" => Schedule::Cosine,
                    "one-cycle" => Schedule::OneCycle,
                    _ => return Err(wrong()),
                }
            }
            Self::WeightDecay => recipe.weight_decay = upto(1.0)?,
            Self::LabelSmoothing => recipe.label_smoothing = upto(0.5)?,
            Self::Monitor => {
                recipe.early_stopping.monitor = match text {
                    "val_loss" => Monitor::ValLoss,
                    "val_accuracy" => Monitor::ValAccuracy,
                    _ => return Err(wrong()),
                }
            }
            Self::Patience if text == "off" => recipe.early_stopping.patience = Patience::OFF,
            Self::Patience => recipe.early_stopping.patience = whole(1, 1000)?,
            Self::MinDelta => recipe.early_stopping.min_delta = upto(1.0)?,
            Self::Augmentation => recipe.augmentation = Augmentation::parse(text).ok_or_else(wrong)?,
            // 2^53 − 1 is the largest integer that every JSON reader represents exactly.
            Self::Seed => {
                recipe.seed = text.parse().ok().filter(|seed| is_plain && *seed < 1 << 53).ok_or_else(wrong)?;
            }
            Self::Device => recipe.device = text.parse().map_err(|_| wrong())?,
            Self::Precision => recipe.precision = Precision::parse(text).ok_or_else(wrong)?,
            Self::Optimizer => {
                recipe.optimizer = named(&Optimizer::ALL, Optimizer::name, text).ok_or_else(wrong)?;
            }
            Self::Warmup => recipe.warmup = whole(0, 1000)?,
            Self::ClipNorm => recipe.clip_norm = upto(1000.0)?,
            Self::Average => recipe.average = upto(0.99999)?,
            Self::Balance => recipe.balance = named(&Balance::ALL, Balance::name, text).ok_or_else(wrong)?,
            Self::Crop => recipe.crop = whole(0, MAX_SIZE)?,
            Self::Standardize => {
                recipe.standardize = match text {
                    "image" => true,
                    "none" => false,
                    _ => return Err(wrong()),
                }
            }
            Self::Fraction => recipe.fraction = rate()?,
            Self::PatienceFrom => recipe.early_stopping.start_from = whole(0, 10_000)?,
            Self::Views => recipe.views = whole(1, 10)?.try_into().map_err(|_| wrong())?,
        }
        recipe.update_version();
        Ok(())
    }
}

/// Returns the value whose name is `text`.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == text)
}
