//! What is computed on: weights, inputs and labels out of a seed, the same for every device.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::vgg16::{Block, INPUT_CHANNELS, SLICE};
use crate::domain::{Precision, Strategy};
use crate::model::parameters::{Array, Arrays};

/// Classes, as in FER-2013.
pub(super) const CLASSES: usize = 7;

/// Channels of the images of the `cnn` strategy.
const GRAY: usize = 1;

/// A strategy and what it is computed on.
#[derive(Debug, Clone)]
pub(super) struct Material {
    pub(super) strategy: Strategy,
    /// The lowest block that fine-tuning trains.
    pub(super) unfreeze: Block,
    /// Of VGG16.
    pub(super) weights: Arrays,
    pub(super) seed: u64,
    /// N, C, H, W.
    pub(super) shape: [usize; 4],
    pub(super) inputs: Vec<f32>,
    pub(super) labels: Vec<i32>,
    /// What convolutions compute in.
    pub(super) precision: Precision,
    /// Numbers that the widest layer of a frozen base may have at once.
    pub(super) at_once: usize,
    pub(super) change: Change,
}

/// What is done to all weights and inputs before anything is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    Nothing,
    /// They keep so many bits behind the first.
    Rounded(u32),
    /// The parameter of this name is multiplied: a fault, for tests.
    #[cfg(test)]
    Scaled(&'static str, f32),
}

impl Material {
    pub(super) fn new(
        strategy: Strategy,
        [batch, size]: [usize; 2],
        unfreeze: Block,
        weights: Arrays,
        seed: u64,
    ) -> Self {
        let channels = if strategy == Strategy::Cnn { GRAY } else { INPUT_CHANNELS };
        let shape = [batch, channels, size, size];
        let labels = (0..batch).map(|image| i32::try_from(image % CLASSES).unwrap_or(0)).collect();
        let mut inputs = uniform(shape.iter().product(), 1.0, seed);
        if strategy == Strategy::Cnn {
            // Pixels from 0 to 1.
            inputs.iter_mut().for_each(|value| *value = value.midpoint(1.0));
        }
        let precision = Precision::F32;
        Self {
            strategy,
            unfreeze,
            weights,
            seed,
            shape,
            inputs,
            labels,
            precision,
            at_once: SLICE,
            change: Change::Nothing,
        }
    }

    /// The same with everything rounded to so many bits.
    pub(super) fn rounded(&self, bits: u32) -> Self {
        let change = Change::Rounded(bits);
        let inputs = self.inputs.iter().map(|value| round(*value, bits)).collect();
        Self { inputs, weights: change.of(self.weights.clone()), change, ..self.clone() }
    }

    /// The same in another precision.
    pub(super) fn computing_in(&self, precision: Precision) -> Self {
        Self { precision, ..self.clone() }
    }

    /// The lowest block that this strategy trains.
    pub(super) fn unfrozen(&self) -> Option<Block> {
        (self.strategy == Strategy::Finetune).then_some(self.unfreeze)
    }

    pub(super) fn images<B: Backend>(&self, device: &B::Device) -> Tensor<B, 4> {
        Tensor::from_data(TensorData::new(self.inputs.clone(), self.shape), device)
    }

    pub(super) fn labels<B: Backend>(&self, device: &B::Device) -> Tensor<B, 1, Int> {
        Tensor::from_data(TensorData::new(self.labels.clone(), [self.labels.len()]), device)
    }
}

impl Change {
    /// Parameters as they are then.
    pub(super) fn of(self, mut parameters: Arrays) -> Arrays {
        for (name, array) in &mut parameters {
            match self {
                Self::Nothing => {}
                Self::Rounded(bits) => array.values.iter_mut().for_each(|value| *value = round(*value, bits)),
                #[cfg(test)]
                Self::Scaled(wanted, by) if wanted == name => array.values.iter_mut().for_each(|value| *value *= by),
                #[cfg(test)]
                Self::Scaled(..) => {}
            }
            let _ = name;
        }
        parameters
    }
}

/// Keeps so many bits behind the first, as TF32 (ten) does it.
pub(super) fn round(value: f32, bits: u32) -> f32 {
    let dropped = 23 - bits.min(23);
    let half = (1_u32 << dropped) >> 1;
    f32::from_bits((value.to_bits().wrapping_add(half)) & !((1_u32 << dropped) - 1))
}

/// Numbers from −`bound` to `bound`.
pub(super) fn uniform(count: usize, bound: f32, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
}

/// Weights of VGG16's shapes that keep the size of what goes through them (He et al. 2015).
#[allow(clippy::cast_precision_loss)] // widths are small
pub(super) fn vgg16(seed: u64) -> Arrays {
    let mut weights = Arrays::new();
    for block in Block::ALL {
        for number in 1..=block.convolutions() {
            let inputs = if number == 1 { block.inputs() } else { block.channels() };
            let shape = vec![block.channels(), inputs, 3, 3];
            let bound = (6.0 / (9 * inputs) as f32).sqrt();
            let key = seed ^ ((block as u64 + 1) << 8 | number as u64);
            let values = uniform(shape.iter().product(), bound, key);
            weights.insert(format!("{block}.conv{number}.weight"), Array { shape, values });
            let bias = Array { shape: vec![block.channels()], values: uniform(block.channels(), 0.1, !key) };
            weights.insert(format!("{block}.conv{number}.bias"), bias);
        }
    }
    weights
}
