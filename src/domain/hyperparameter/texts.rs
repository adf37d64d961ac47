//! The explanation, the range and the choices of each setting.

use std::borrow::Cow;

use super::Hyperparameter;
use crate::domain::{Augmentation, Balance, NetworkName, Optimizer, Recipe, StageName, Strategy};

/// The largest side of an image that enters a base, in pixels.
pub(super) const MAX_SIZE: u32 = 512;

/// Returns the smallest side of an image that enters the recipe's base, in pixels.
pub(super) fn min_size(recipe: &Recipe) -> u32 {
    recipe.architecture().min_side()
}

impl Hyperparameter {
    /// Returns a one-line explanation.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Network => "the network; with imported weights, the base and its head",
            Self::Size => "side of the square that images are resized to for the base, in pixels",
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
                "augmented variants of each training image, used in turn: features are computed once and cached on \
                 disk; 0 augments in every epoch, caches nothing"
            }
            Self::Seed => "seed of weights, data order and augmentation: the same seed gives the same run",
            Self::Device => "auto takes a CUDA device when one works, else the CPU",
            Self::Precision => {
                "what convolutions compute in: f32, or bf16 with weights, optimizer, head and loss in f32 (for GPUs; \
                 on a CPU it is slower)"
            }
            Self::Optimizer => {
                "adam and adamw are the same: weight decay is separate from the gradient; sgd has Nesterov momentum of \
                 0.9 and wants a larger learning rate, such as 0.1"
            }
            Self::Warmup => "epochs in which the learning rate rises evenly from 0 to its schedule's first value",
            Self::ClipNorm => "largest norm of all gradients together: larger ones are scaled down; 0 scales none",
            Self::Average => {
                "decay of a moving average of the weights per step, such as 0.999; validation and test use the \
                 average; 0 disables it"
            }
            Self::Balance => {
                "more weight for rare classes: weights in the loss, or a sampler that draws them more often, by the \
                 inverse share or its square root (sqrt)"
            }
            Self::Crop => {
                "side in pixels of the square that is cut out: anywhere in training, in the middle in evaluation; 0 \
                 takes images whole"
            }
            Self::Standardize => "image gives each image a mean of 0 and a variance of 1 before the first layer",
            Self::PatienceFrom => "first epoch that patience counts; 0 counts all",
            Self::Fraction => {
                "share of the training images of each class that is trained, for a quick look; validation and test stay \
                 whole"
            }
            Self::Views => {
                "views of each test image whose probabilities are averaged, in addition to the plain test: 2 adds the \
                 mirror image, 10 the corners too"
            }
        }
    }

    /// Returns the values that a recipe accepts, in words.
    #[must_use]
    pub fn range(self, recipe: &Recipe) -> Cow<'static, str> {
        let fixed = match self {
            Self::Network => return self.choices(recipe).join(", ").into(),
            Self::Unfreeze => {
                let mut stages = self.choices(recipe);
                stages.reverse();
                return stages.join(", ").into();
            }
            Self::Size => return format!("{} to {MAX_SIZE}", min_size(recipe)).into(),
            Self::Epochs => "1 to 10000",
            Self::BatchSize => "1 to 4096",
            Self::LearningRate | Self::BaseLearningRate | Self::Fraction => "above 0, at most 1",
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

    /// Returns whether a person steps through the values instead of typing one.
    #[must_use]
    pub fn has_choices(self) -> bool {
        !self.choices(&Recipe::sample(Strategy::Finetune)).is_empty()
    }

    /// Returns a recipe's values to step through if there are few, else an empty list.
    #[must_use]
    pub fn choices(self, recipe: &Recipe) -> Vec<String> {
        let fixed: &[&str] = match self {
            Self::Network => return NetworkName::of_strategy(recipe.strategy).map(String::from).collect(),
            Self::Unfreeze => return recipe.architecture().stage_names().rev().map(StageName::into).collect(),
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
}
