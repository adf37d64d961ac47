//! The cost of a run, counted from its settings: parameters, arithmetic, memory, disk.

use super::network::{Cut, FORWARD_CHUNK, ResolveError, ResolvedNetwork};
use super::number_text::{count, thousands};
use super::{DeviceRequest, Optimizer, Precision, Recipe, Size, SplitCounts};

/// Bytes of an f32 number.
const FLOAT: u64 = 4;

/// Batches in memory: those prepared ahead of the training step, and the one in it.
const BATCHES: u64 = 4;

/// Returns the bytes of a number between convolutions.
fn bytes_between(recipe: &Recipe) -> u64 {
    match recipe.precision {
        Precision::F32 => FLOAT,
        Precision::Bf16 => 2,
    }
}

/// The cost of a run. Operations are multiplications and additions of convolutions and dense layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingCost {
    /// The number of all parameters.
    pub parameters: usize,
    /// The number of trained parameters.
    pub trained: usize,
    /// Operations per training image in an epoch.
    pub operations: u64,
    /// Operations per validation image: forward only.
    pub forward: u64,
    /// Images that pass the frozen part before the first epoch, if their features are cached.
    pub precomputed: usize,
    /// Operations for each of these images.
    pub precomputed_operations: u64,
    /// Bytes on disk of the cached features.
    pub features_bytes: u64,
    /// Approximate peak memory of a worker in bytes: parameters, optimizer, activations, batches.
    pub memory: u64,
}

impl TrainingCost {
    /// Returns the cost of a recipe on images `[height, width, channels]`.
    ///
    /// # Errors
    /// If the images are too small for the network.
    pub fn of(recipe: &Recipe, image: [usize; 3], classes: usize, images: SplitCounts) -> Result<Self, ResolveError> {
        let network = recipe.resolve(image, classes)?;
        let cut = network.cut(recipe.trained_stages())?;
        let below = network.forward_operations(cut.frozen());
        let cached = recipe.repeats_images() && below > 0;
        let variants = recipe.transfer.as_ref().map_or(0, |transfer| transfer.variants as usize);
        // Without augmentation there is one variant, regardless of the setting.
        let variants = if recipe.augmentation.is_some() { variants } else { 1 };
        let precomputed = if cached { images.train * variants + images.validation + images.test } else { 0 };
        let per_epoch = if cached { 0 } else { below };
        let (parameters, trained) = (network.parameters(), network.parameters_of(cut.trained()));
        let trained_input = network.trained_input(cut).iter().product::<usize>();
        Ok(Self {
            parameters,
            trained,
            operations: network.training_operations(cut) + per_epoch,
            forward: network.forward_operations(cut.trained()) + per_epoch,
            precomputed,
            precomputed_operations: below,
            features_bytes: (precomputed * trained_input) as u64 * FLOAT,
            // The weights, and for trained ones also gradients, the optimizer's moments and the average.
            memory: FLOAT * (parameters + numbers_per_trained_parameter(recipe) * trained) as u64
                + frozen_bytes(recipe, &network, cut)
                + u64::from(recipe.batch_size) * image_bytes(recipe, &network, cut),
        })
    }
}

/// Returns a sentence on a run's features of `images` images, of which `to_compute` are not on disk yet.
#[must_use]
pub fn features_text(images: usize, to_compute: usize, disk: Size) -> String {
    let all = count(images, "image", "images");
    match to_compute {
        0 => format!("features of {all} are on disk"),
        _ if to_compute < images => {
            let left = thousands(to_compute);
            format!("features of {left} of {all} are computed once; all take {disk} on disk")
        }
        _ => format!("features of {all} are computed once and take {disk} on disk"),
    }
}

/// The number of images whose features a run finds on disk. Features differ between the kinds of devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CachedImages {
    /// The number of images computed on a CPU.
    pub cpu: usize,
    /// The number of images computed on a GPU.
    pub cuda: usize,
}

impl CachedImages {
    /// Returns the number for a run on a device such as `cpu` or `cuda:0`; the smaller number if the device is not
    /// known.
    #[must_use]
    pub fn on(self, device: Option<&str>) -> usize {
        match device {
            Some("cpu") => self.cpu,
            Some(_) => self.cuda,
            None => self.cpu.min(self.cuda),
        }
    }
}

/// Returns how many numbers training stores for each trained parameter in addition to its value.
fn numbers_per_trained_parameter(recipe: &Recipe) -> usize {
    let moments = match recipe.optimizer {
        Optimizer::Adam | Optimizer::AdamW => 2,
        Optimizer::Sgd => 1,
    };
    1 + moments + usize::from(recipe.average > 0.0)
}

/// Returns the bytes of a computing frozen part: its widest output and that layer's input. A GPU computes a batch at
/// once; the CPU computes a chunk.
fn frozen_bytes(recipe: &Recipe, network: &ResolvedNetwork, cut: Cut) -> u64 {
    if !cut.freezes() {
        return 0;
    }
    let numbers = match recipe.device {
        DeviceRequest::Cuda(_) => u64::from(recipe.batch_size) * network.widest(cut.frozen()) as u64,
        DeviceRequest::Cpu | DeviceRequest::Auto => FORWARD_CHUNK as u64,
    };
    2 * bytes_between(recipe) * numbers
}

/// Returns the bytes of one image in a training step: its inputs in the prepared batches, and the stored outputs.
fn image_bytes(recipe: &Recipe, network: &ResolvedNetwork, cut: Cut) -> u64 {
    let input = if recipe.repeats_images() { network.trained_input(cut) } else { network.input };
    let stored = network.stored_numbers(cut.trained()) as u64;
    FLOAT * BATCHES * input.iter().product::<usize>() as u64 + bytes_between(recipe) * stored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hyperparameter, Strategy};

    const IMAGES: SplitCounts = SplitCounts { train: 25_841, validation: 2_868, test: 7_178 };

    fn work(strategy: Strategy, settings: &[(Hyperparameter, &str)]) -> TrainingCost {
        let mut recipe = Recipe::sample(strategy);
        for (setting, text) in settings {
            setting.set(&mut recipe, text).expect("accepted");
        }
        TrainingCost::of(&recipe, [48, 48, 1], 7, IMAGES).expect("large enough")
    }

    #[test]
    fn parameters_are_the_references() {
        let counts = Strategy::ALL.map(|strategy| {
            let work = work(strategy, &[]);
            (work.parameters, work.trained)
        });
        assert_eq!(counts, [(83_335, 83_335), (1_165_159, 1_165_159), (14_847_815, 133_127), (14_847_815, 7_212_551)]);
    }

    #[test]
    fn cached_features_move_the_base_from_every_epoch_to_the_beginning() {
        let per_epoch = work(Strategy::Features, &[]);
        assert_eq!((per_epoch.precomputed, per_epoch.features_bytes), (0, 0));
        let cached = work(Strategy::Features, &[(Hyperparameter::Variants, "4")]);
        assert_eq!(cached.precomputed, 4 * 25_841 + 2_868 + 7_178);
        assert_eq!(cached.features_bytes, cached.precomputed as u64 * 2048);
        assert_eq!(per_epoch.operations - cached.operations, cached.precomputed_operations);
        let plain =
            work(Strategy::Features, &[(Hyperparameter::Augmentation, "none"), (Hyperparameter::Variants, "4")]);
        assert_eq!(plain.precomputed, IMAGES.total());
    }

    #[test]
    fn an_optimizer_and_an_average_take_memory_for_each_parameter() {
        let with = |settings: &[(Hyperparameter, &str)]| work(Strategy::Cnn, settings).memory;
        let parameters = 4 * 83_335;
        assert_eq!(with(&[]) - with(&[(Hyperparameter::Optimizer, "sgd")]), parameters);
        assert_eq!(with(&[(Hyperparameter::Average, "0.9")]) - with(&[]), parameters);
    }

    #[test]
    fn a_gpu_takes_a_batch_through_the_base_at_once() {
        let on = |device, batch| {
            work(Strategy::Features, &[(Hyperparameter::Device, device), (Hyperparameter::BatchSize, batch)]).memory
        };
        let more = on("cuda:0", "256") - on("cuda:0", "64");
        // The input and the output of the widest layer.
        assert!(more > 2 * 4 * 192 * 64 * 224 * 224, "{more}");
        assert!(on("cpu", "256") - on("cpu", "64") < more / 2);
    }

    #[test]
    fn the_lower_the_cut_the_more_is_trained_and_the_less_precomputed() {
        let works: Vec<TrainingCost> = ["block5", "block4", "block3", "block2", "block1"]
            .iter()
            .map(|block| {
                work(Strategy::Finetune, &[(Hyperparameter::Unfreeze, block), (Hyperparameter::Variants, "1")])
            })
            .collect();
        assert!(works.is_sorted_by(|upper, lower| upper.operations < lower.operations && upper.memory < lower.memory));
        assert!(works.is_sorted_by(|upper, lower| upper.precomputed_operations > lower.precomputed_operations));
        assert_eq!(works[4].precomputed, 0, "there is no base left to keep anything of");
    }
}
