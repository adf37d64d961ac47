//! What is computed on: weights, inputs and labels out of a seed, the same for every device.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::arrays::{Array, Arrays};
use crate::domain::network::{Cut, FORWARD_CHUNK, ResolveError, Resolved, TensorKind};
use crate::domain::{NetworkName, Precision, StageName, Strategy, TrainedStages};

/// Classes, as in FER-2013.
pub(super) const CLASSES: usize = 7;

/// Channels of images that enter a network as they are stored, as in FER-2013.
const GRAY: usize = 1;

/// A strategy and what it is computed on.
#[derive(Debug, Clone)]
pub(super) struct Material {
    pub(super) strategy: Strategy,
    pub(super) network: NetworkName,
    /// The lowest stage that fine-tuning trains.
    pub(super) unfreeze: StageName,
    /// The imported weights, for strategies that have any.
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
            // Pixels from 0 to 1.
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
            at_once: FORWARD_CHUNK,
            change: Change::Nothing,
        }
    }

    /// The same images in another network whose weights are drawn.
    pub(super) fn through(self, network: NetworkName) -> Self {
        Self { network, ..self }
    }

    /// The strategy's name, or the network's where it is not the strategy's own.
    pub(super) fn name(&self) -> &'static str {
        if self.network == self.strategy.network() { self.strategy.name() } else { self.network.as_str() }
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

    /// The network on this batch's images, and where its trained part begins.
    pub(super) fn resolve(&self) -> Result<(Resolved, Cut), ResolveError> {
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

/// The stages that a strategy trains, fine-tuning from `unfreeze` on.
pub(super) fn trained_stages(strategy: Strategy, unfreeze: &StageName) -> TrainedStages<'_> {
    match strategy {
        Strategy::Cnn | Strategy::Deep => TrainedStages::All,
        Strategy::Features => TrainedStages::Head,
        Strategy::Finetune => TrainedStages::From(unfreeze),
    }
}

/// The highest stage below the head of the network that fine-tuning trains: its default.
pub(super) fn highest_stage() -> StageName {
    let stages = Strategy::Finetune.network().architecture();
    stages.stage_names().next_back().unwrap_or_else(|| unreachable!("a network on imported weights has stages"))
}

/// Imported weights, made up so that they keep the size of what goes through them (He et al. 2015).
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
        // Keys that no two tensors share: what a device was held against before stays comparable.
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
