//! The settings that decide the result of a run, frozen when the run is created.

mod defaults;
mod rules;
mod strategy;

pub use rules::{EarlyStopping, Monitor, Schedule};
pub use strategy::Strategy;

use serde::{Deserialize, Serialize};

use super::fraction;
use super::network::{ResolveError, ResolvedNetwork, Stage};
use super::{
    Architecture, Augmentation, Balance, Corrections, DataFold, DatasetName, DeviceRequest, LeftOutImages, NetworkName,
    Optimizer, Precision, RelabelledImages, RunId, SettingError, StageName, TrainedStages, Transfer, Views,
};

/// The newest recipe format that this program writes and reads.
pub const RECIPE_VERSION: u32 = 11;

/// The format of a recipe without newer settings, which older programs read.
const PLAIN_VERSION: u32 = 2;

/// The format of a recipe that leaves images out.
const LEAVING_OUT_VERSION: u32 = 3;

/// The format of a recipe that computes in another precision than f32.
const PRECISION_VERSION: u32 = 4;

/// The format of a recipe that trains another network than its strategy's own.
const NETWORK_VERSION: u32 = 5;

/// The format of a recipe that smooths labels or decays weights.
const REGULARIZATION_VERSION: u32 = 6;

/// The format of a recipe with an optimizer, a balance, views, or another setting of the same release.
const OPTIMIZATION_VERSION: u32 = 7;

/// The format of a recipe that trains on a fold of its dataset.
const FOLD_VERSION: u32 = 8;

/// The format of a recipe whose fold divides groups of images.
const GROUPED_FOLD_VERSION: u32 = 9;

/// The format of a recipe that trains images with another class than their label.
const RELABELLING_VERSION: u32 = 10;

/// The first format with [`Recipe::fraction`].
const FRACTION_VERSION: u32 = 11;

/// The reason why a recipe, which a person may have edited by hand, cannot be used for training.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A setting has a value outside its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// [`Recipe::transfer`] is set although the strategy has none, or missing although it needs one.
    #[error("its parts do not belong to the strategy {0}")]
    Parts(Strategy),
    /// [`Recipe::transfer`] is set although the network takes none, or missing although it needs one.
    #[error(
        "the network {network} {} imported weights, and the strategy is {strategy}", if *given { "takes no" } else { "needs" }
    )]
    ImportedWeights {
        /// The network.
        network: &'static str,
        /// Whether the recipe names imported weights.
        given: bool,
        /// The strategy.
        strategy: Strategy,
    },
    /// [`LeftOutImages::images`] is not sorted, or has duplicates.
    #[error("the images left out are not in ascending order, each once")]
    LeftOutOrder,
    /// [`RelabelledImages::images`] is not sorted, or has duplicates.
    #[error("the relabelled images are not in ascending order, each once")]
    RelabelledOrder,
    /// [`Recipe::fold`] is no fold.
    #[error("the fold is out of bounds: folds are 2 to {}, numbered from 1", super::data_fold::MAX_FOLDS)]
    Fold,
    /// A range of the augmentation is out of bounds.
    #[error("the augmentation's ranges are out of bounds")]
    Augmentation,
    /// A number of the plateau schedule is out of bounds.
    #[error("the plateau schedule's factor must be between 0 and 1 and its patience at least 1")]
    Plateau,
}

/// The settings of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Format of this file; see [`RECIPE_VERSION`].
    pub version: u32,
    /// When the run was created, in milliseconds since 1970.
    pub created_at: u64,
    /// The strategy.
    pub strategy: Strategy,
    /// The network; `None` for the strategy's own, so that older programs can read the recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkName>,
    /// The dataset's name.
    pub dataset: DatasetName,
    /// The dataset's fingerprint at the run's creation; a worker refuses another one.
    pub fingerprint: String,
    /// The largest number of epochs.
    pub epochs: u32,
    /// Images per training step.
    pub batch_size: u32,
    /// Step size of the optimizer: the maximum of the schedule.
    pub learning_rate: f64,
    /// The rule by which the learning rate changes.
    pub schedule: Schedule,
    /// The share of each weight that a step with learning rate 1 would remove. Biases and batch norm have no decay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight_decay: f64,
    /// The share of each label that training spreads evenly over all classes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// The rule by which weights are updated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optimizer: Optimizer,
    /// The number of epochs in which the learning rate rises to the schedule's first value.
    #[serde(default, skip_serializing_if = "is_none")]
    pub warmup: u32,
    /// The maximum of the norm of all gradients together; 0 does not clip.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clip_norm: f64,
    /// The decay of a moving average of the weights, per step. Validation and the test use the average; 0 disables it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub average: f64,
    /// The fraction of the training images of each class that is trained, above 0 to 1.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub fraction: f64,
    /// The way in which rare classes get more weight.
    #[serde(default, skip_serializing_if = "is_default")]
    pub balance: Balance,
    /// Side in pixels of the square cut out of each image: at random in training, from the middle in evaluation.
    /// 0 uses whole images.
    #[serde(default, skip_serializing_if = "is_none")]
    pub crop: u32,
    /// Whether the first layer standardizes each image to mean 0 and variance 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub standardize: bool,
    /// Views of each test image whose probabilities are averaged, in addition to the plain test.
    #[serde(default, skip_serializing_if = "is_default")]
    pub views: Views,
    /// The rule for stopping before the last epoch.
    pub early_stopping: EarlyStopping,
    /// Random changes of training images; `None` uses the images unchanged.
    pub augmentation: Option<Augmentation>,
    /// Seed of weights, data order and augmentation.
    pub seed: u64,
    /// The requested device.
    pub device: DeviceRequest,
    /// The number type of convolutions.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
    /// The base; `None` for strategies from scratch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// A run that has to end, in any state, before this one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RunId>,
    /// Training images that the run never uses; of a fold, by their indices in the fold's training split.
    #[serde(default, skip_serializing_if = "LeftOutImages::is_empty")]
    pub left_out: LeftOutImages,
    /// Training images with another class than their label; of a fold, by their indices in the fold's training split.
    #[serde(default, skip_serializing_if = "RelabelledImages::is_empty")]
    pub relabelled: RelabelledImages,
    /// The fold of the dataset whose splits are used; `None` for the dataset's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<DataFold>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_none(value: &u32) -> bool {
    *value == 0
}

fn whole() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_whole(value: &f64) -> bool {
    fraction::is_whole(*value)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Recipe {
    /// Returns the runs that have to end before this one begins, each once. A run that is `started` has its initial
    /// weights and no longer needs the run that they came from.
    #[must_use]
    pub fn awaited(&self, started: bool) -> Vec<RunId> {
        let fine_tuning = self.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
        let from = fine_tuning.filter(|_| !started).map(|fine_tuning| &fine_tuning.from);
        let mut runs: Vec<RunId> = self.after.iter().chain(from).cloned().collect();
        runs.dedup();
        runs
    }

    /// Leaves out the images of these corrections, and trains the others of them with their new class.
    pub fn correct(&mut self, corrections: Corrections) {
        Corrections { left_out: self.left_out, relabelled: self.relabelled } = corrections;
        self.update_version();
    }

    /// Returns the images that are left out or trained with another class.
    #[must_use]
    pub fn corrections(&self) -> Corrections {
        Corrections { left_out: self.left_out.clone(), relabelled: self.relabelled.clone() }
    }

    /// Sets the fold of the dataset.
    pub fn set_fold(&mut self, fold: Option<DataFold>) {
        self.fold = fold;
        self.update_version();
    }

    /// Returns whether another run trains on, validates and tests the same images, but for those left out.
    #[must_use]
    pub fn same_images(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.fold == other.fold
    }

    /// Sets the number type of convolutions.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
        self.update_version();
    }

    /// Returns the number type of the trained part's inputs. A head has no convolutions and takes the f32 output of the
    /// frozen part.
    #[must_use]
    pub fn trained_precision(&self) -> Precision {
        match self.strategy {
            Strategy::Features => Precision::F32,
            Strategy::Cnn | Strategy::Deep | Strategy::Finetune => self.precision,
        }
    }

    /// Sets the network.
    pub fn set_network(&mut self, network: NetworkName) {
        self.network = Some(network).filter(|network| *network != self.strategy.network());
        self.update_version();
    }

    /// Returns the name of the network.
    #[must_use]
    pub fn network_name(&self) -> NetworkName {
        self.network.unwrap_or_else(|| self.strategy.network())
    }

    /// Returns the architecture of the network.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        let architecture = self.network_name().architecture();
        if self.standardize { architecture.standardizing() } else { architecture }
    }

    /// Returns the stages of the network that are trained.
    #[must_use]
    pub fn trained_stages(&self) -> TrainedStages<'_> {
        match &self.transfer {
            None => TrainedStages::All,
            Some(transfer) => transfer.unfrozen().into(),
        }
    }

    /// Returns the network's input shape `[channels, height, width]` for stored images `[height, width, channels]`.
    #[must_use]
    pub fn network_input(&self, [height, width, channels]: [usize; 3]) -> [usize; 3] {
        match (&self.transfer, self.architecture().pretrained) {
            (Some(transfer), Some(pretrained)) => [pretrained.channels, transfer.size as usize, transfer.size as usize],
            _ if self.crop > 0 => [channels, self.crop as usize, self.crop as usize],
            _ => [channels, height, width],
        }
    }

    /// Resolves the network for stored images `[height, width, channels]`.
    ///
    /// # Errors
    /// If the images are too small for the network or for the crop.
    pub fn resolve(&self, image: [usize; 3], classes: usize) -> Result<ResolvedNetwork, ResolveError> {
        let [height, width, _] = image;
        if self.crop as usize > height.min(width) {
            return Err(ResolveError::Crop { crop: self.crop, width, height });
        }
        self.architecture().resolve(self.network_input(image), classes)
    }

    /// Returns the oldest format that represents the whole recipe. Older programs refuse newer formats: otherwise they
    /// would ignore left-out and relabelled images, the precision, the network, regularization or the fold.
    fn needed_version(&self) -> u32 {
        let needs = [
            (LEAVING_OUT_VERSION, !self.left_out.is_empty()),
            (PRECISION_VERSION, self.precision != Precision::F32),
            (NETWORK_VERSION, self.network.is_some()),
            (REGULARIZATION_VERSION, self.weight_decay != 0.0 || self.label_smoothing != 0.0),
            (OPTIMIZATION_VERSION, self.uses_optimization_settings()),
            (FOLD_VERSION, self.fold.is_some()),
            (GROUPED_FOLD_VERSION, self.fold.is_some_and(|fold| fold.groups.is_some())),
            (RELABELLING_VERSION, !self.relabelled.is_empty()),
            (FRACTION_VERSION, !fraction::is_whole(self.fraction)),
        ];
        needs.into_iter().filter(|(_, needed)| *needed).map(|(version, _)| version).fold(PLAIN_VERSION, u32::max)
    }

    /// Returns whether a setting of [`OPTIMIZATION_VERSION`] differs from its neutral value.
    fn uses_optimization_settings(&self) -> bool {
        let numbers = [self.warmup, self.crop, self.early_stopping.start_from];
        let shares = [self.clip_norm, self.average];
        self.strategy == Strategy::Deep
            || self.optimizer != Optimizer::Adam
            || self.balance != Balance::None
            || self.views != Views::One
            || self.standardize
            || numbers.iter().any(|number| *number > 0)
            || shares.iter().any(|share| *share != 0.0)
            || self.augmentation.is_some_and(|ranges| !ranges.is_affine())
    }

    /// Sets the format to the oldest that represents the whole recipe.
    pub(super) fn update_version(&mut self) {
        self.version = self.needed_version();
    }

    /// Returns the trained stages as text: `head`, `block5 + head`, `block3–5 + head`; `None` if nothing is pretrained.
    #[must_use]
    pub fn trained_stages_text(&self) -> Option<String> {
        let unfrozen = self.transfer.as_ref()?.unfrozen();
        let architecture = self.architecture();
        let highest = architecture.stage_names().next_back();
        Some(match (unfrozen, highest) {
            (Some(lowest), Some(highest)) => format!("{} + head", span(lowest, &highest)),
            _ => "head".into(),
        })
    }

    /// Returns the lowest stage that this recipe freezes and that has a tensor among these names from a checkpoint.
    #[must_use]
    pub fn frozen_stage_of<'a>(&self, tensors: &(impl Iterator<Item = &'a str> + Clone)) -> Option<StageName> {
        let (architecture, transfer) = (self.architecture(), self.transfer.as_ref()?);
        let prefix = architecture.pretrained?.prefix;
        let frozen = match transfer.unfrozen() {
            None => architecture.base(),
            Some(lowest) => &architecture.base()[..architecture.stage_index(lowest)?],
        };
        let holds = |stage: &&Stage| {
            let layers = stage.layers().map(|layer| format!("{prefix}{}.", layer.name));
            layers.into_iter().any(|layer| tensors.clone().any(|name| name.starts_with(&layer)))
        };
        frozen.iter().find(holds).map(StageName::of)
    }

    /// Returns the frozen stages as text: `block1–5`; `None` if all stages are trained.
    #[must_use]
    pub fn frozen_stages_text(&self) -> Option<String> {
        let transfer = self.transfer.as_ref()?;
        let names: Vec<StageName> = self.architecture().stage_names().collect();
        let frozen = match transfer.unfrozen() {
            None => names.len(),
            Some(lowest) => names.iter().position(|name| name == lowest)?,
        };
        let frozen = &names[..frozen];
        Some(span(frozen.first()?, frozen.last()?))
    }

    /// Returns whether every epoch uses one of a few fixed sets of images, so that caching the frozen part's outputs
    /// saves time.
    #[must_use]
    pub fn repeats_images(&self) -> bool {
        self.augmentation.is_none() || self.transfer.as_ref().is_some_and(|transfer| transfer.variants > 0)
    }

    /// Checks that the parts of the recipe, which a person may have edited by hand, fit together.
    ///
    /// # Errors
    /// A [`RecipeError`] about the first part that does not fit.
    pub fn check_parts(&self) -> Result<(), RecipeError> {
        let (transfer, fine_tuning) = (self.transfer.as_ref(), self.transfer.as_ref().map(|t| t.fine_tuning.is_some()));
        let whole = match self.strategy {
            Strategy::Cnn | Strategy::Deep => transfer.is_none(),
            Strategy::Features => fine_tuning == Some(false),
            Strategy::Finetune => fine_tuning == Some(true),
        };
        if !self.left_out.is_ascending() {
            return Err(RecipeError::LeftOutOrder);
        }
        if !self.relabelled.is_ascending() {
            return Err(RecipeError::RelabelledOrder);
        }
        self.fold.map_or(Ok(()), DataFold::check)?;
        let architecture = self.architecture();
        if architecture.pretrained.is_some() != transfer.is_some() {
            let (network, given, strategy) = (architecture.name, transfer.is_some(), self.strategy);
            return Err(RecipeError::ImportedWeights { network, given, strategy });
        }
        if whole { Ok(()) } else { Err(RecipeError::Parts(self.strategy)) }
    }
}

/// Returns adjacent stages as text: `block3–5`, or the name of the only one.
fn span(lowest: &StageName, highest: &StageName) -> String {
    let (first, last) = (lowest.as_str(), highest.as_str());
    if first == last {
        return first.into();
    }
    let number = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let common = number(first) == number(last) && first[..number(first)] == last[..number(last)];
    format!("{first}–{}", if common { &last[number(last)..] } else { last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hyperparameter, RelabelledImage};

    #[test]
    fn frozen_and_trained_stages_are_named() {
        let words = |recipe: &Recipe| (recipe.frozen_stages_text(), recipe.trained_stages_text().expect("a base"));
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
        assert_eq!(Recipe::sample(Strategy::Cnn).trained_stages_text(), None);
    }

    #[test]
    fn a_recipe_has_the_oldest_format_that_represents_all_of_it() {
        let mut recipe = Recipe::sample(Strategy::Features);
        assert_eq!(recipe.version, 2);
        let plain = serde_json::to_string(&recipe).expect("plain values");
        assert!(!plain.contains("precision") && !plain.contains("left_out"), "{plain}");
        recipe.correct(LeftOutImages::new(vec![3], Vec::new()).into());
        assert_eq!(recipe.version, 3);
        recipe.set_precision(Precision::Bf16);
        assert_eq!(recipe.version, 4);
        let text = serde_json::to_string(&recipe).expect("plain values");
        assert!(text.contains(r#""precision":"bf16""#), "{text}");
        assert_eq!(serde_json::from_str::<Recipe>(&text).expect("its own"), recipe);
        let onward = Recipe::fine_tuning_from(&recipe, RunId::new("any").expect("a name"), 0).expect("a base");
        assert_eq!((onward.precision, onward.version), (Precision::Bf16, 4));
        let relabelled = RelabelledImages::new(vec![RelabelledImage { index: 3, class: 1 }], Vec::new());
        recipe.correct(Corrections { relabelled, ..Corrections::default() });
        assert_eq!(recipe.version, 10);
        let text = serde_json::to_string(&recipe).expect("plain values");
        assert!(text.contains(r#""relabelled":{"images":[{"index":3,"class":1}]}"#), "{text}");
        assert_eq!(serde_json::from_str::<Recipe>(&text).expect("its own"), recipe);
        let onward = Recipe::fine_tuning_from(&recipe, RunId::new("any").expect("a name"), 0).expect("a base");
        assert_eq!(onward.corrections(), recipe.corrections());
        recipe.correct(Corrections::default());
        assert_eq!(recipe.version, 4);
        recipe.set_precision(Precision::F32);
        assert_eq!(recipe.version, 2);
        recipe.set_fold(Some(DataFold { number: 2, count: 5, seed: 0, groups: None }));
        assert_eq!((recipe.version, recipe.check_parts()), (8, Ok(())));
        let text = serde_json::to_string(&recipe).expect("plain values");
        assert!(text.contains(r#""fold":{"number":2,"of":5,"seed":0}"#), "{text}");
        let onward = Recipe::fine_tuning_from(&recipe, RunId::new("any").expect("a name"), 0).expect("a base");
        assert_eq!((onward.fold, onward.version, onward.same_images(&recipe)), (recipe.fold, 8, true));
        recipe.set_fold(Some(DataFold { number: 6, count: 5, seed: 0, groups: None }));
        assert_eq!(recipe.check_parts(), Err(RecipeError::Fold));
        recipe.set_fold(None);
        assert_eq!((recipe.version, onward.same_images(&recipe)), (2, false));
        assert_eq!(serde_json::from_str::<Recipe>(&plain).expect("without a precision"), recipe);
    }
}
