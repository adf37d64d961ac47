//! Weights, inputs and labels from a seed, the same for every device.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::arrays::{Array, Arrays};
use crate::domain::network::{Cut, FORWARD_CHUNK, ResolveError, ResolvedNetwork, TensorKind};
use crate::domain::{NetworkName, Precision, StageName, Strategy, TrainedStages};

/// Classes, as in FER-2013.
pub(super) const CLASSES: usize = 7;

/// Channels of images that networks without imported weights take, as in FER-2013.
const GRAY: usize = 1;

/// A strategy, its network, and the data of a check or measurement.
#[derive(Debug, Clone)]
pub(super) struct BenchInputs {
    pub(super) strategy: Strategy,
    pub(super) network: NetworkName,
    /// The lowest stage that fine-tuning trains.
    pub(super) unfreeze: StageName,
    /// The imported weights, for strategies with any.
    pub(super) weights: Arrays,
    pub(super) seed: u64,
    /// The shape of the inputs, `[n, channels, height, width]`.
    pub(super) shape: [usize; 4],
    pub(super) inputs: Vec<f32>,
    pub(super) labels: Vec<i32>,
    /// The precision of convolutions.
    pub(super) precision: Precision,
    /// The number of values that the widest output of a frozen part may have in one pass.
    pub(super) forward_chunk: usize,
    pub(super) change: Perturbation,
}

/// A change of all weights and inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Perturbation {
    Nothing,
    /// Values are rounded to so many bits after the first.
    Rounded(u32),
    /// The parameter of this name is multiplied: a fault, for tests.
    #[cfg(test)]
    Scaled(&'static str, f32),
}

impl BenchInputs {
    pub(super) fn new(
        strategy: Strategy,
        [batch, size]: [usize; 2],
        unfreeze: StageName,
        weights: Arrays,
        seed: u64,
    ) -> Self {
        let network = strategy.network();
        let pretrained = network.architecture().pretrained;
        let channels = pretrained.map_or(GRAY, |pretrained| pretrained.channels);
        let shape = [batch, channels, size, size];
        let labels = (0..batch).map(|image| i32::try_from(image % CLASSES).unwrap_or(0)).collect();
        let mut inputs = uniform(shape.iter().product(), 1.0, seed);
        if pretrained.is_none() {
            // Pixels are from 0 to 1.
            inputs.iter_mut().for_each(|value| *value = value.midpoint(1.0));
        }
        let precision = Precision::F32;
        Self {
            strategy,
            network,
            unfreeze,
            weights,
            seed,
            shape,
            inputs,
            labels,
            precision,
            forward_chunk: FORWARD_CHUNK,
            change: Perturbation::Nothing,
        }
    }

    /// Selects another network without imported weights.
    pub(super) fn select_network(self, network: NetworkName) -> Self {
        Self { network, ..self }
    }

    /// Returns the strategy's name, or the network's if it is not the strategy's own.
    pub(super) fn name(&self) -> &'static str {
        if self.network == self.strategy.network() { self.strategy.name() } else { self.network.as_str() }
    }

    /// Returns the inputs and weights rounded to so many bits.
    pub(super) fn rounded(&self, bits: u32) -> Self {
        let change = Perturbation::Rounded(bits);
        let inputs = self.inputs.iter().map(|value| round(*value, bits)).collect();
        Self { inputs, weights: change.of(self.weights.clone()), change, ..self.clone() }
    }

    /// Returns the inputs with another precision.
    pub(super) fn computing_in(&self, precision: Precision) -> Self {
        Self { precision, ..self.clone() }
    }

    /// Resolves the network for the images, and returns it with the cut below the trained part.
    pub(super) fn resolve(&self) -> Result<(ResolvedNetwork, Cut), ResolveError> {
        let [_, channels, height, width] = self.shape;
        let resolved = self.network.architecture().resolve([channels, height, width], CLASSES)?;
        let cut = resolved.cut(trained_stages(self.strategy, &self.unfreeze))?;
        Ok((resolved, cut))
    }

    pub(super) fn images<B: Backend>(&self, device: &B::Device) -> Tensor<B, 4> {
        Tensor::from_data(TensorData::new(self.inputs.clone(), self.shape), device)
    }

    pub(super) fn labels<B: Backend>(&self, device: &B::Device) -> Tensor<B, 1, Int> {
        Tensor::from_data(TensorData::new(self.labels.clone(), [self.labels.len()]), device)
    }
}

impl Perturbation {
    /// Applies the change to parameters.
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

/// Rounds to so many bits after the first; TF32 has ten.
pub(super) fn round(value: f32, bits: u32) -> f32 {
    let dropped = 23 - bits.min(23);
    let half = (1_u32 << dropped) >> 1;
    f32::from_bits((value.to_bits().wrapping_add(half)) & !((1_u32 << dropped) - 1))
}

/// Returns `count` numbers from −`bound` to `bound`.
pub(super) fn uniform(count: usize, bound: f32, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
}

/// Returns the stages that a strategy trains; fine-tuning trains from `unfreeze` on.
pub(super) fn trained_stages(strategy: Strategy, unfreeze: &StageName) -> TrainedStages<'_> {
    match strategy {
        Strategy::Cnn | Strategy::Deep => TrainedStages::All,
        Strategy::Features => TrainedStages::Head,
        Strategy::Finetune => TrainedStages::From(unfreeze),
    }
}

/// Returns the highest stage below the head of fine-tuning's network, the default of fine-tuning.
pub(super) fn highest_stage() -> StageName {
    let stages = Strategy::Finetune.network().architecture();
    stages.stage_names().next_back().unwrap_or_else(|| unreachable!("a network on imported weights has stages"))
}

/// Returns made-up imported weights that preserve the variance of activations (K. He et al. 2015,
/// <https://arxiv.org/abs/1502.01852>).
#[allow(clippy::cast_precision_loss)] // widths are small
pub(super) fn made_up_weights(network: NetworkName, seed: u64) -> Arrays {
    let mut weights = Arrays::new();
    let (mut stage, mut number, mut within) = (0_u64, 0_u64, String::new());
    for tensor in network.architecture().pretrained_tensors() {
        let of = tensor.name.split('.').next().unwrap_or_default();
        if of != within {
            (stage, number, within) = (stage + 1, 0, of.to_owned());
        }
        let is_weight = matches!(tensor.kind, TensorKind::Weight { .. });
        number += u64::from(is_weight);
        // Each tensor has its own key. With another rule, results could not be compared with earlier ones.
        let key = seed ^ (stage << 8 | number);
        let key = if is_weight { key } else { !key };
        let bound = match tensor.kind {
            TensorKind::Weight { fan_in, .. } => (6.0 / fan_in as f32).sqrt(),
            _ => 0.1,
        };
        let mut values = uniform(tensor.len(), bound, key);
        if matches!(tensor.kind, TensorKind::Scale | TensorKind::RunningVariance) {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        weights.insert(tensor.name, Array { shape: tensor.shape, values });
    }
    weights
}
