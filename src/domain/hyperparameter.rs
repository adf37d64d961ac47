//! The settings that a person may change, in one table of names, explanations, ranges, parsers and formatters.
//!
//! The command line and the dashboard's form derive from this table, so both accept the same values.

use std::borrow::Cow;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use super::{
    Augmentation, Balance, FineTuning, Monitor, NetworkName, Optimizer, Precision, Recipe, RecipeError, Schedule,
    Strategy,
};

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

/// The largest side of an image that enters a pretrained base, in pixels.
const MAX_SIZE: u32 = 512;

/// Returns the smallest side of an image that enters a pretrained base, in pixels.
fn min_size() -> u32 {
    Strategy::Features.network().architecture().min_side()
}

impl Hyperparameter {
    /// All settings, in the order of the form.
    pub const ALL: [Self; 27] = [
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
    ];

    /// Returns the settings of a strategy, in the order of the form.
    pub fn of(strategy: Strategy) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |setting| setting.is_of(strategy))
    }

    /// Returns whether a strategy has this setting.
    #[must_use]
    pub fn is_of(self, strategy: Strategy) -> bool {
        match self {
            Self::Network | Self::Crop | Self::Standardize => strategy.is_from_scratch(),
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
            Self::Views => "1",
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
        }
    }

    /// Returns a one-line explanation.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Network => "the network that is trained from scratch",
            Self::Size => "side of the square that images are resized to for the pretrained base, in pixels",
            Self::Unfreeze => "the lowest stage of the base that is trained; the stages above it are too",
            Self::Epochs => "most passes over the training images; early stopping may end the run sooner",
            Self::BatchSize => "images per step of the optimizer",
            Self::LearningRate => "step size of the optimizer; the largest of its schedule",
            Self::BaseLearningRate => "step size of the optimizer for the unfrozen stages; moves as the head's does",
            Self::Schedule => {
                "how the learning rate moves: one-cycle (up, then down to 0), cosine (down to 0), plateau (halved when \
                 validation stalls) or constant"
            }
            Self::WeightDecay => {
                "share of each weight that a step takes away, times the learning rate (with sgd through its momentum); \
                 not of biases and batch norm"
            }
            Self::LabelSmoothing => {
                "share of each training label that is spread evenly over all classes; it raises the training loss, not \
                 the validation loss"
            }
            Self::Monitor => "the validation metric that early stopping watches",
            Self::Patience => "epochs in a row without improvement before the run stops; off never stops it",
            Self::MinDelta => "by how much validation must improve to count",
            Self::Augmentation => {
                "random changes of training images: reference (±15° rotation, ±15% zoom, ±10% shift, flip), strong \
                 (smaller, with erasing), none, or parts joined by +"
            }
            Self::Variants => {
                "augmented variants of each training image, used in turn: features are computed once and cached on disk; \
                 0 augments in every epoch, caches nothing"
            }
            Self::Seed => "seed of weights, data order and augmentation: the same seed gives the same run",
            Self::Device => "auto takes a CUDA device when one works, else the CPU",
            Self::Precision => {
                "what convolutions compute in: f32, or bf16 with weights, optimizer, head and loss in f32 (for GPUs; on a CPU it \
                 is slower)"
            }
            Self::Optimizer => {
                "adam and adamw are the same: weight decay is separate from the gradient; sgd has Nesterov momentum of 0.9 and \
                 wants a larger learning rate, such as 0.1"
            }
            Self::Warmup => "epochs in which the learning rate rises evenly from 0 to its schedule's first value",
            Self::ClipNorm => "largest norm of all gradients together: larger ones are scaled down; 0 scales none",
            Self::Average => {
                "decay of a moving average of the weights per step, such as 0.999; validation and test use the average; 0 \
                 disables it"
            }
            Self::Balance => {
                "more weight for rare classes: weights in the loss, or a sampler that draws them more often, by the \
                 inverse share or its square root (sqrt)"
            }
            Self::Crop => {
                "side in pixels of the square that is cut out: anywhere in training, in the middle in evaluation; 0 takes \
                 images whole"
            }
            Self::Standardize => "image gives each image a mean of 0 and a variance of 1 before the first layer",
            Self::PatienceFrom => "first epoch that patience counts; 0 counts all",
            Self::Views => {
                "views of each test image whose probabilities are averaged, in addition to the plain test: 2 adds the mirror \
                 image, 10 the corners too"
            }
        }
    }

    /// Returns the accepted values, in words.
    #[must_use]
    pub fn range(self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Network => return self.choices().join(", ").into(),
            Self::Unfreeze => {
                let mut stages = self.choices();
                stages.reverse();
                return stages.join(", ").into();
            }
            Self::Size => return format!("{} to {MAX_SIZE}", min_size()).into(),
            Self::Epochs => "1 to 10000",
            Self::BatchSize => "1 to 4096",
            Self::LearningRate | Self::BaseLearningRate => "above 0, at most 1",
            Self::Schedule => "one-cycle, cosine, plateau, constant",
            Self::LabelSmoothing => "0 to 0.5",
            Self::Monitor => "val_loss, val_accuracy",
            Self::Patience => "1 to 1000, off",
            Self::WeightDecay | Self::MinDelta => "0 to 1",
            Self::Augmentation => {
                "reference, strong, none, or parts such as rotation=10+zoom=0.1+shift=0.1+flip+brightness=0.2+contrast=0.2\
                 +erasing=0.25+mixup=0.2"
            }
            Self::Variants => "0 to 64",
            Self::Seed => "0 to 9007199254740991",
            Self::Device => "auto, cpu, cuda, cuda:N",
            Self::Precision => "f32, bf16",
            Self::Optimizer => "adam, adamw, sgd",
            Self::Warmup | Self::ClipNorm => "0 to 1000",
            Self::Average => "0 to 0.99999",
            Self::Balance => "none, weights, weights-sqrt, sampler, sampler-sqrt",
            Self::Crop => "0 to 512",
            Self::Standardize => "none, image",
            Self::PatienceFrom => "0 to 10000",
            Self::Views => "1, 2, 10",
        };
        fixed.into()
    }

    /// Returns the values to step through if there are few, else an empty list.
    #[must_use]
    pub fn choices(self) -> Vec<String> {
        let fixed: &[&str] = match self {
            Self::Network => return NetworkName::from_scratch().map(String::from).collect(),
            Self::Unfreeze => {
                let stages = Strategy::Finetune.network().architecture();
                return stages.stage_names().rev().map(String::from).collect();
            }
            Self::Schedule => &["one-cycle", "cosine", "plateau", "constant"],
            Self::Monitor => &["val_loss", "val_accuracy"],
            Self::Augmentation => &Augmentation::PRESET_NAMES,
            Self::Device => &["auto", "cpu", "cuda"],
            Self::Precision => &["f32", "bf16"],
            Self::Optimizer => &Optimizer::ALL.map(Optimizer::name),
            Self::Balance => &Balance::ALL.map(Balance::name),
            Self::Standardize => &["none", "image"],
            Self::Views => &["1", "2", "10"],
            _ => &[],
        };
        fixed.iter().map(|choice| (*choice).to_owned()).collect()
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
        }
    }

    /// Parses `text` into `recipe`, which is unchanged on an error.
    ///
    /// # Errors
    /// A [`SettingError`] with the given text and the accepted values.
    pub fn set(self, recipe: &mut Recipe, text: &str) -> Result<(), SettingError> {
        let text = text.trim();
        let wrong =
            || SettingError::OutOfRange { setting: self, given: super::text::printable(text), allowed: self.range() };
        let whole = |low: u32, high: u32| {
            text.parse::<u32>().ok().filter(|value| (low..=high).contains(value)).ok_or_else(wrong)
        };
        let real = || text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong);
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
            Self::Network | Self::Crop | Self::Standardize if !strategy.is_from_scratch() => return Err(foreign()),
            Self::Network => {
                let network = NetworkName::from_scratch().find(|network| network.as_str() == text);
                recipe.set_network(network.ok_or_else(wrong)?);
            }
            Self::Size => transfer?.size = whole(min_size(), MAX_SIZE)?,
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
                recipe.seed = text.parse().ok().filter(|seed| *seed < 1 << 53).ok_or_else(wrong)?;
            }
            Self::Device => recipe.device = text.parse().map_err(|_| wrong())?,
            Self::Precision => recipe.precision = Precision::named(text).ok_or_else(wrong)?,
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

/// A number of epochs without improvement, as settings write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub u32);

impl Patience {
    /// The largest number of epochs of a run: early stopping never ends it.
    pub const OFF: u32 = 10_000;

    /// Returns whether early stopping never ends the run.
    #[must_use]
    pub fn is_off(self) -> bool {
        self.0 >= Self::OFF
    }

    /// Returns the patience as text: `10 epochs`, `off`.
    #[must_use]
    pub fn in_epochs(self) -> String {
        match self.0 {
            _ if self.is_off() => "off".into(),
            1 => "1 epoch".into(),
            epochs => format!("{epochs} epochs"),
        }
    }
}

impl FromStr for Patience {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        if text == "off" { Ok(Self(Self::OFF)) } else { text.parse().map(Self) }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() { f.pad("off") } else { self.0.fmt(f) }
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
                for choice in field.choices() {
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
    fn a_setting_of_another_strategy_is_refused() {
        for (strategy, field) in [
            (Strategy::Cnn, Hyperparameter::Size),
            (Strategy::Deep, Hyperparameter::Variants),
            (Strategy::Features, Hyperparameter::Network),
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
