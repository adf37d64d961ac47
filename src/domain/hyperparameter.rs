//! The settings that a person may change, in one table: name, meaning, range, reading and writing.
//!
//! The command line and the dashboard's form are both made from it, so they accept and explain the same things.

use super::{Augmentation, Monitor, Recipe, Schedule};

/// One setting of a [`Recipe`] that commands and forms offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hyperparameter {
    /// [`Recipe::epochs`].
    Epochs,
    /// [`Recipe::batch_size`].
    BatchSize,
    /// [`Recipe::learning_rate`].
    LearningRate,
    /// [`Recipe::schedule`].
    Schedule,
    /// `early_stopping.monitor`.
    Monitor,
    /// `early_stopping.patience`.
    Patience,
    /// `early_stopping.min_delta`.
    MinDelta,
    /// [`Recipe::augmentation`].
    Augmentation,
    /// [`Recipe::seed`].
    Seed,
    /// [`Recipe::device`].
    Device,
}

impl Hyperparameter {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 10] = [
        Self::Epochs,
        Self::BatchSize,
        Self::LearningRate,
        Self::Schedule,
        Self::Monitor,
        Self::Patience,
        Self::MinDelta,
        Self::Augmentation,
        Self::Seed,
        Self::Device,
    ];

    /// The option's name, as in `--batch-size`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::BatchSize => "batch-size",
            Self::LearningRate => "learning-rate",
            Self::Schedule => "schedule",
            Self::Monitor => "monitor",
            Self::Patience => "patience",
            Self::MinDelta => "min-delta",
            Self::Augmentation => "augment",
            Self::Seed => "seed",
            Self::Device => "device",
        }
    }

    /// One line of explanation.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Epochs => "most passes over the training images; early stopping may end the run sooner",
            Self::BatchSize => "images per step of the optimizer",
            Self::LearningRate => "step size of Adam; the largest of its schedule",
            Self::Schedule => {
                "how the learning rate moves: one-cycle (up, then down to 0), cosine (down to 0), plateau (halved when \
                 validation stalls) or constant"
            }
            Self::Monitor => "the validation figure that early stopping watches",
            Self::Patience => "epochs in a row without improvement before the run stops",
            Self::MinDelta => "by how much validation must improve to count",
            Self::Augmentation => {
                "random rotation, zoom, shift and mirroring of training images: reference (±15°, ±15%, ±10%) or none"
            }
            Self::Seed => "seed of weights, data order and augmentation: the same seed gives the same run",
            Self::Device => "auto takes a CUDA device when one works, else the CPU",
        }
    }

    /// The accepted values, in words.
    #[must_use]
    pub fn range(self) -> &'static str {
        match self {
            Self::Epochs => "1 to 10000",
            Self::BatchSize => "1 to 4096",
            Self::LearningRate => "above 0, at most 1",
            Self::Schedule => "one-cycle, cosine, plateau, constant",
            Self::Monitor => "val_loss, val_accuracy",
            Self::Patience => "1 to 1000",
            Self::MinDelta => "0 to 1",
            Self::Augmentation => "reference, none",
            Self::Seed => "0 to 9007199254740991",
            Self::Device => "auto, cpu, cuda, cuda:N",
        }
    }

    /// The values to step through, where there are few.
    #[must_use]
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Schedule => &["one-cycle", "cosine", "plateau", "constant"],
            Self::Monitor => &["val_loss", "val_accuracy"],
            Self::Augmentation => &["reference", "none"],
            Self::Device => &["auto", "cpu", "cuda"],
            _ => &[],
        }
    }

    /// Whether every setting of a recipe, which a person may have edited by hand, is in its range.
    ///
    /// # Errors
    /// A sentence about the first that is not.
    pub fn check(recipe: &Recipe) -> Result<(), String> {
        Self::ALL.into_iter().try_for_each(|setting| setting.set(&mut recipe.clone(), &setting.get(recipe)))?;
        match recipe.augmentation {
            Some(ranges) if !ranges.is_sensible() => Err("the augmentation's ranges are out of bounds".into()),
            _ => match recipe.schedule {
                Schedule::Plateau { factor, patience } if !(factor > 0.0 && factor < 1.0 && patience > 0) => {
                    Err("the plateau schedule's factor must be between 0 and 1 and its patience at least 1".into())
                }
                _ => Ok(()),
            },
        }
    }

    /// The value in `recipe`, as [`Self::set`] would read it.
    #[must_use]
    pub fn get(self, recipe: &Recipe) -> String {
        match self {
            Self::Epochs => recipe.epochs.to_string(),
            Self::BatchSize => recipe.batch_size.to_string(),
            Self::LearningRate => recipe.learning_rate.to_string(),
            Self::Schedule => recipe.schedule.name().into(),
            Self::Monitor => recipe.early_stopping.monitor.name().into(),
            Self::Patience => recipe.early_stopping.patience.to_string(),
            Self::MinDelta => recipe.early_stopping.min_delta.to_string(),
            Self::Augmentation => if recipe.augmentation.is_some() { "reference" } else { "none" }.into(),
            Self::Seed => recipe.seed.to_string(),
            Self::Device => recipe.device.to_string(),
        }
    }

    /// Reads `text` into `recipe`, which is left alone on an error.
    ///
    /// # Errors
    /// A sentence that names the option, what was given and what is accepted.
    pub fn set(self, recipe: &mut Recipe, text: &str) -> Result<(), String> {
        let text = text.trim();
        let wrong = || format!("{} must be {}, not '{}'", self.name(), self.range(), super::text::printable(text));
        let whole = |low: u32, high: u32| {
            text.parse::<u32>().ok().filter(|value| (low..=high).contains(value)).ok_or_else(wrong)
        };
        let real = || text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong);
        match self {
            Self::Epochs => recipe.epochs = whole(1, 10_000)?,
            Self::BatchSize => recipe.batch_size = whole(1, 4096)?,
            Self::LearningRate => {
                recipe.learning_rate = real().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0).ok_or_else(wrong)?;
            }
            Self::Schedule => {
                recipe.schedule = match text {
                    "constant" => Schedule::Constant,
                    "plateau" => Schedule::PLATEAU,
                    "cosine" => Schedule::Cosine,
                    "one-cycle" => Schedule::OneCycle,
                    _ => return Err(wrong()),
                }
            }
            Self::Monitor => {
                recipe.early_stopping.monitor = match text {
                    "val_loss" => Monitor::ValLoss,
                    "val_accuracy" => Monitor::ValAccuracy,
                    _ => return Err(wrong()),
                }
            }
            Self::Patience => recipe.early_stopping.patience = whole(1, 1000)?,
            Self::MinDelta => {
                recipe.early_stopping.min_delta =
                    real().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(wrong)?;
            }
            Self::Augmentation => {
                recipe.augmentation = match text {
                    "reference" => Some(Augmentation::REFERENCE),
                    "none" => None,
                    _ => return Err(wrong()),
                }
            }
            // 2^53 − 1: the largest whole number that every JSON reader keeps exact.
            Self::Seed => {
                recipe.seed = text.parse().ok().filter(|seed| *seed < 1 << 53).ok_or_else(wrong)?;
            }
            Self::Device => recipe.device = text.parse().map_err(|_| wrong())?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DatasetName;

    fn recipe() -> Recipe {
        Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 0)
    }

    #[test]
    fn every_default_is_accepted_and_reads_back_as_itself() {
        for field in Hyperparameter::ALL {
            let mut copy = recipe();
            field.set(&mut copy, &field.get(&recipe())).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(copy, recipe(), "{}", field.name());
            for choice in field.choices() {
                field.set(&mut copy, choice).unwrap_or_else(|error| panic!("{error}"));
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
            (Hyperparameter::Schedule, "linear"),
            (Hyperparameter::MinDelta, "inf"),
            (Hyperparameter::Seed, "9007199254740992"),
            (Hyperparameter::Device, "gpu"),
        ];
        for (field, text) in cases {
            let mut copy = recipe();
            let error = field.set(&mut copy, text).expect_err(text);
            assert!(error.starts_with(field.name()) && error.contains(text), "{error}");
            assert_eq!(copy, recipe());
        }
    }
}
