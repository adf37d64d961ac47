//! What a run costs, counted from its settings: parameters, arithmetic, memory, disk.

use super::vgg16::{self, Block};
use super::{DeviceRequest, Precision, Recipe, SplitCounts};

/// Bytes of a number.
const FLOAT: u64 = 4;

/// Bytes of a number between convolutions.
fn bytes_between(recipe: &Recipe) -> u64 {
    match recipe.precision {
        Precision::F32 => FLOAT,
        Precision::Bf16 => 2,
    }
}

/// Filters of the small network's two convolutions.
const FILTERS: [usize; 2] = [32, 64];

/// A training step goes through a layer three times: forward, and back to its weights and to its input.
const PASSES: u64 = 3;

/// What a run is made of. Arithmetic is counted in multiplications and additions of convolutions and dense layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Parameters in all.
    pub parameters: usize,
    /// Those that are trained.
    pub trained: usize,
    /// Operations per training image in every epoch.
    pub operations: u64,
    /// The same for an image that is validated: forward only.
    pub forward: u64,
    /// Images that go through the frozen base before the first epoch, if its features are kept.
    pub precomputed: usize,
    /// Operations for each of these.
    pub precomputed_operations: u64,
    /// Bytes on disk of the features that are kept.
    pub features_bytes: u64,
    /// Bytes that a worker takes at most, roughly: parameters, optimizer, activations, batches.
    pub memory: u64,
}

impl Work {
    /// Of a recipe on images of this height, width and number of channels.
    #[must_use]
    pub fn of(recipe: &Recipe, image: [usize; 3], classes: usize, images: SplitCounts) -> Self {
        let mut work = match &recipe.transfer {
            None => cnn(image, classes),
            Some(_) => on_base(recipe, classes, images),
        };
        // Weights; for those that are trained also gradients and Adam's two moments.
        work.memory += FLOAT * (work.parameters + 3 * work.trained) as u64;
        work.memory += u64::from(recipe.batch_size) * activations(recipe, image);
        work
    }
}

fn cnn([height, width, channels]: [usize; 3], classes: usize) -> Work {
    let dense = FILTERS[1] * (height / 4) * (width / 4);
    let layers = [(channels, FILTERS[0], height * width), (FILTERS[0], FILTERS[1], (height / 2) * (width / 2))];
    let convolutions: usize = layers.iter().map(|(inputs, outputs, pixels)| 9 * inputs * outputs * pixels).sum();
    let parameters = layers.iter().map(|(inputs, outputs, _)| (9 * inputs + 1) * outputs).sum::<usize>();
    let parameters = parameters + (dense + 1) * classes;
    Work {
        parameters,
        trained: parameters,
        operations: PASSES * 2 * (convolutions + dense * classes) as u64,
        forward: 2 * (convolutions + dense * classes) as u64,
        precomputed: 0,
        precomputed_operations: 0,
        features_bytes: 0,
        memory: 0,
    }
}

fn on_base(recipe: &Recipe, classes: usize, images: SplitCounts) -> Work {
    let (size, variants, unfrozen) = recipe
        .transfer
        .as_ref()
        .map_or((0, 0, None), |transfer| (transfer.size as usize, transfer.variants as usize, transfer.unfrozen()));
    let above: u64 = vgg16::trained_blocks(unfrozen).map(|block| block.operations(size)).sum();
    let above = above + 2 * vgg16::head_parameters(classes) as u64;
    let below: u64 = vgg16::frozen_blocks(unfrozen).map(|block| block.operations(size)).sum();
    let kept = recipe.repeats_images() && below > 0;
    // Without random changes there is one variant, whatever the setting says.
    let variants = if recipe.augmentation.is_some() { variants } else { 1 };
    let precomputed = if kept { images.train * variants + images.validation + images.test } else { 0 };
    let anew = if kept { 0 } else { below };
    Work {
        parameters: vgg16::base_parameters() + vgg16::head_parameters(classes),
        trained: vgg16::trained_parameters(unfrozen, classes),
        operations: PASSES * above + anew,
        forward: above + anew,
        precomputed,
        precomputed_operations: below,
        features_bytes: precomputed as u64 * FLOAT * features(unfrozen, size) as u64,
        // The two largest layers of a slice of images, in and out.
        memory: if below > 0 { 2 * bytes_between(recipe) * at_once(recipe, size) } else { 0 },
    }
}

/// Numbers of the widest layer that go through a frozen base at once: a slice's, or a batch's on a GPU, which has the room or takes
/// less.
fn at_once(recipe: &Recipe, size: usize) -> u64 {
    match recipe.device {
        DeviceRequest::Cuda(_) => u64::from(recipe.batch_size) * (Block::Block1.channels() * size * size) as u64,
        DeviceRequest::Cpu | DeviceRequest::Auto => vgg16::SLICE as u64,
    }
}

/// Numbers that the frozen part makes of an image.
fn features(unfrozen: Option<Block>, size: usize) -> usize {
    vgg16::features_shape(unfrozen, size).iter().product()
}

/// Bytes that one image of a batch takes in a training step: what the trained layers keep for the way back, and the
/// batches made ahead.
fn activations(recipe: &Recipe, [height, width, channels]: [usize; 3]) -> u64 {
    const AHEAD: usize = 4;
    let (ahead, kept) = match &recipe.transfer {
        None => (height * width * channels, (FILTERS[0] + FILTERS[1] / 2) * height * width / 2),
        Some(transfer) => {
            let size = transfer.size as usize;
            let kept = |block: Block| {
                let pixels = block.below().map_or(size, |below| below.side(size)).pow(2);
                // Each layer's output, and its gradient on the way back.
                2 * block.convolutions() * block.channels() * pixels
            };
            let ahead = if recipe.repeats_images() {
                features(transfer.unfrozen(), size)
            } else {
                vgg16::INPUT_CHANNELS * size * size
            };
            (ahead, vgg16::trained_blocks(transfer.unfrozen()).map(kept).sum::<usize>())
        }
    };
    FLOAT * (AHEAD * ahead) as u64 + bytes_between(recipe) * kept as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hyperparameter, Strategy};

    const IMAGES: SplitCounts = SplitCounts { train: 25_841, validation: 2_868, test: 7_178 };

    fn work(strategy: Strategy, settings: &[(Hyperparameter, &str)]) -> Work {
        let mut recipe = Recipe::sample(strategy);
        for (setting, text) in settings {
            setting.set(&mut recipe, text).expect("accepted");
        }
        Work::of(&recipe, [48, 48, 1], 7, IMAGES)
    }

    #[test]
    fn parameters_are_the_references() {
        let counts = Strategy::ALL.map(|strategy| {
            let work = work(strategy, &[]);
            (work.parameters, work.trained)
        });
        assert_eq!(counts, [(83_335, 83_335), (14_847_815, 133_127), (14_847_815, 7_212_551)]);
    }

    #[test]
    fn kept_features_move_the_base_from_every_epoch_to_the_beginning() {
        let anew = work(Strategy::Features, &[]);
        assert_eq!((anew.precomputed, anew.features_bytes), (0, 0));
        let kept = work(Strategy::Features, &[(Hyperparameter::Variants, "4")]);
        assert_eq!(kept.precomputed, 4 * 25_841 + 2_868 + 7_178);
        assert_eq!(kept.features_bytes, kept.precomputed as u64 * 2048);
        assert_eq!(anew.operations - kept.operations, kept.precomputed_operations);
        let plain =
            work(Strategy::Features, &[(Hyperparameter::Augmentation, "none"), (Hyperparameter::Variants, "4")]);
        assert_eq!(plain.precomputed, IMAGES.total());
    }

    #[test]
    fn a_gpu_takes_a_batch_through_the_base_at_once() {
        let on = |device, batch| {
            work(Strategy::Features, &[(Hyperparameter::Device, device), (Hyperparameter::BatchSize, batch)]).memory
        };
        let more = on("cuda:0", "256") - on("cuda:0", "64");
        // Of the widest layer, in and out.
        assert!(more > 2 * 4 * 192 * 64 * 224 * 224, "{more}");
        assert!(on("cpu", "256") - on("cpu", "64") < more / 2);
    }

    #[test]
    fn the_lower_the_cut_the_more_is_trained_and_the_less_precomputed() {
        let works: Vec<Work> = ["block5", "block4", "block3", "block2", "block1"]
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
