//! A network that trains and evaluates: the steps of a [`Plan`] with their weights.
//!
//! Weights are f32 in every precision. The running statistics of batch norm are buffers, which no optimizer updates. A
//! training step returns those of its batch, and [`Network::with_statistics`] sets them.

mod class_activation;
mod weights;

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{FloatDType, Tensor, TensorData, activation, backend::Backend, module};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::initializer::initial_values;
use super::kernels::{BatchNormSettings, BlockSettings, KernelBackend, Pool, cast, conv_block, convolution};
use crate::domain::arrays::{Array, Arrays, MismatchError, find};
use crate::domain::network::{Op, Plan, ResolveError, Step};
use crate::domain::{Architecture, NetworkName};

pub use weights::{BatchNormWeights, ConvolutionWeights, DenseWeights, RunningStatistics, Weights};

/// The key of a training step's random numbers, so that no generator state has to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// The step, counted from 1 in each epoch.
    pub step: u32,
}

/// The weights of a network's layers, and the plan of their computation.
#[derive(Module, Debug)]
pub struct Network<B: Backend> {
    /// The weights of each layer of the plan; `None` for layers without tensors.
    weights: Vec<Option<Weights<B>>>,
    #[module(skip)]
    plan: Arc<Plan>,
}

/// The output of a layer.
enum Activation<B: Backend> {
    /// `[n, channels, height, width]`.
    Maps(Tensor<B, 4>),
    /// `[n, features]`, f32.
    Flat(Tensor<B, 2>),
}

/// The random key of a training step, and the statistics that it collects.
struct Training<B: Backend> {
    key: StepKey,
    /// The number of dropout layers passed.
    dropouts: u64,
    statistics: Vec<RunningStatistics<B>>,
}

impl<B: KernelBackend> Network<B> {
    /// Builds the layers of `plan`. Tensors that the plan calls pretrained are taken from `pretrained` by name. The
    /// others are drawn from `seed` in the order of the plan, the same on every device.
    ///
    /// # Errors
    /// If a pretrained tensor is missing or has another shape; names the first one.
    pub fn new(plan: Plan, pretrained: &Arrays, seed: u64, device: &B::Device) -> Result<Self, MismatchError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut arrays = Arrays::new();
        for tensor in plan.layers.iter().flat_map(|layer| &layer.tensors) {
            let array = match plan.prefix.and_then(|prefix| tensor.name.strip_prefix(prefix)) {
                Some(name) => find(pretrained, name, &tensor.shape)?.clone(),
                None => Array { shape: tensor.shape.clone(), values: initial_values(tensor, &mut rng) },
            };
            arrays.insert(tensor.name.clone(), array);
        }
        let layers = plan.layers.iter().map(|layer| Weights::load(&layer.tensors, &arrays, device));
        let weights = layers.collect::<Result<_, _>>()?;
        Ok(Self { weights, plan: Arc::new(plan) })
    }

    /// Builds a network of the catalog for images `[channels, height, width]`, with all weights drawn from `seed`.
    ///
    /// # Errors
    /// If the images are too small for the network.
    pub fn from_scratch(
        name: NetworkName,
        input: [usize; 3],
        classes: usize,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, ResolveError> {
        let architecture = Architecture { pretrained: None, ..name.architecture() };
        let resolved = architecture.resolve(input, classes)?;
        let plan = resolved.plan(0..resolved.units.len());
        let drawn = Self::new(plan, &Arrays::new(), seed, device);
        Ok(drawn.unwrap_or_else(|error| unreachable!("nothing is taken from imported weights: {error}")))
    }

    /// Returns logits `[n, classes]` in f32 for inputs `[n, channels, height, width]`. Convolutions compute in the type
    /// of the inputs.
    #[must_use]
    pub fn logits(&self, inputs: Tensor<B, 4>) -> Tensor<B, 2> {
        match self.run(&self.plan.steps, Activation::Maps(inputs), &mut None) {
            Activation::Flat(logits) => logits,
            // A part without a dense layer ends in maps.
            Activation::Maps(maps) => flat(maps),
        }
    }

    /// Returns logits as [`Self::logits`] does, in a training step: with dropout, with batch norm by the batch's
    /// statistics, and with the new running statistics.
    #[must_use]
    pub fn training_logits(&self, inputs: Tensor<B, 4>, key: StepKey) -> (Tensor<B, 2>, Vec<RunningStatistics<B>>) {
        let mut training = Some(Training { key, dropouts: 0, statistics: Vec::new() });
        let logits = match self.run(&self.plan.steps, Activation::Maps(inputs), &mut training) {
            Activation::Flat(logits) => logits,
            Activation::Maps(maps) => flat(maps),
        };
        (logits, training.map(|training| training.statistics).unwrap_or_default())
    }

    /// Returns the output of layers that end in maps, `[n, channels, height, width]`.
    #[must_use]
    pub fn maps(&self, inputs: Tensor<B, 4>) -> Tensor<B, 4> {
        match self.run(&self.plan.steps, Activation::Maps(inputs), &mut None) {
            Activation::Maps(maps) => maps,
            Activation::Flat(features) => features.unsqueeze_dims(&[2, 3]),
        }
    }

    /// Returns whether a training step uses statistics of its batch, which padding would change.
    #[must_use]
    pub fn uses_batch_statistics(&self) -> bool {
        self.weights.iter().any(|weights| matches!(weights, Some(Weights::BatchNorm(_))))
    }

    fn run(&self, steps: &[Step], input: Activation<B>, training: &mut Option<Training<B>>) -> Activation<B> {
        steps.iter().fold(input, |value, step| self.step(step, value, training))
    }

    fn step(&self, step: &Step, value: Activation<B>, training: &mut Option<Training<B>>) -> Activation<B> {
        match step {
            Step::ConvolutionBlock { convolution, relu, pool } => {
                let (Some(Weights::Convolution(ConvolutionWeights { weight, bias })), Activation::Maps(x)) =
                    (&self.weights[*convolution], value)
                else {
                    unreachable!("a plan names convolutions, which are of maps")
                };
                let settings = BlockSettings { relu: *relu, pool: if *pool { Pool::Max2 } else { Pool::None } };
                Activation::Maps(conv_block(x, weight.val(), bias.as_ref().map(Param::val), settings))
            }
            Step::BatchNorm { layer, relu } => {
                let (Op::BatchNorm { epsilon, momentum }, Some(Weights::BatchNorm(weights)), Activation::Maps(x)) =
                    (self.plan.layers[*layer].op, &self.weights[*layer], value)
                else {
                    unreachable!("a plan names batch norm layers, which are of maps")
                };
                let settings = BatchNormSettings { epsilon, momentum, relu: *relu };
                Activation::Maps(weights.normalize(x, settings, *layer, training.as_mut()))
            }
            Step::Layer(layer) => self.layer(*layer, value, training),
            Step::Residual { body, shortcut } => {
                let Activation::Maps(x) = value else { unreachable!("branches are of maps") };
                let through = self.run(body, Activation::Maps(x.clone()), training);
                let skipped = self.run(shortcut, Activation::Maps(x), training);
                match (through, skipped) {
                    (Activation::Maps(through), Activation::Maps(skipped)) => Activation::Maps(through + skipped),
                    (Activation::Flat(through), Activation::Flat(skipped)) => Activation::Flat(through + skipped),
                    _ => unreachable!("branches end in one shape, as resolving has checked"),
                }
            }
        }
    }

    fn layer(&self, index: usize, value: Activation<B>, training: &mut Option<Training<B>>) -> Activation<B> {
        match (self.plan.layers[index].op, &self.weights[index], value) {
            (Op::Convolution { stride, .. }, Some(Weights::Convolution(weights)), Activation::Maps(x)) => {
                let kind = FloatDType::from(x.dtype());
                let maps = convolution(x, weights.weight.val(), stride);
                Activation::Maps(match &weights.bias {
                    Some(bias) => maps + cast(bias.val(), kind).unsqueeze_dims(&[0, 2, 3]),
                    None => maps,
                })
            }
            (Op::Dense { .. }, Some(Weights::Dense(weights)), x) => {
                let x = x.flatten();
                Activation::Flat(x.matmul(weights.weight.val()) + weights.bias.val().unsqueeze())
            }
            (Op::Standardize, _, Activation::Maps(x)) => Activation::Maps(standardize(x)),
            (Op::Relu, _, Activation::Maps(x)) => Activation::Maps(activation::relu(x)),
            (Op::Relu, _, Activation::Flat(x)) => Activation::Flat(activation::relu(x)),
            (Op::MaxPool { size }, _, Activation::Maps(x)) => {
                Activation::Maps(module::max_pool2d(x, [size; 2], [size; 2], [0; 2], [1; 2], false))
            }
            (Op::GlobalAverage, _, Activation::Maps(x)) => {
                Activation::Maps(cast(x, FloatDType::F32).mean_dim(3).mean_dim(2))
            }
            (Op::Flatten, _, x) => Activation::Flat(x.flatten()),
            (Op::Dropout { rate }, _, x) => match training {
                Some(training) => {
                    training.dropouts += 1;
                    x.drop_out(rate, training.key, training.dropouts - 1)
                }
                None => x,
            },
            (op, ..) => unreachable!("{op:?} without its weights or with flat input, which resolving refuses"),
        }
    }

    /// Sets the running statistics that a training step returned.
    #[must_use]
    pub fn with_statistics(mut self, statistics: Vec<RunningStatistics<B>>) -> Self {
        for RunningStatistics { layer, mean, variance } in statistics {
            if let Some(Weights::BatchNorm(weights)) = &mut self.weights[layer] {
                weights.running_mean = mean;
                weights.running_variance = variance;
            }
        }
        self
    }
}

impl<B: Backend> Network<B> {
    /// Blends parameters and buffers: `share` of this network's, and the rest of those of `other`, a network of the
    /// same plan.
    #[must_use]
    pub fn blend(mut self, other: &Self, share: f64) -> Self {
        for (own, other) in self.weights.iter_mut().zip(&other.weights) {
            if let (Some(own), Some(other)) = (own, other) {
                own.blend(other, share);
            }
        }
        self
    }

    /// Returns the name of each parameter by its id.
    #[must_use]
    pub fn parameter_names(&self) -> HashMap<ParamId, String> {
        let mut names = HashMap::new();
        for (layer, weights) in self.plan.layers.iter().zip(&self.weights) {
            let tensors = layer.tensors.iter().filter(|tensor| tensor.kind.is_trained());
            let ids = weights.iter().flat_map(Weights::ids);
            names.extend(ids.zip(tensors.map(|tensor| tensor.name.clone())));
        }
        names
    }

    /// Returns the parameters of pretrained layers, which have their own learning rate.
    #[must_use]
    pub fn pretrained_parameters(&self) -> Vec<ParamId> {
        let Some(prefix) = self.plan.prefix else { return Vec::new() };
        let names = self.parameter_names();
        // In the order of layers, because a map's order would change from run to run.
        let ids = self.weights.iter().flatten().flat_map(Weights::ids);
        ids.filter(|id| names.get(id).is_some_and(|name| name.starts_with(prefix))).collect()
    }

    /// Copies all tensors to the host by name: parameters and buffers.
    #[must_use]
    pub fn to_arrays(&self) -> Arrays {
        let layers = self.plan.layers.iter().zip(&self.weights);
        let layers = layers.filter_map(|(layer, weights)| Some((layer, weights.as_ref()?)));
        layers.flat_map(|(layer, weights)| weights.to_arrays(&layer.tensors)).collect()
    }

    /// Sets all tensors by name. Parameter ids stay, by which optimizers find their state.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape; names the first one.
    pub fn load_arrays(mut self, arrays: &Arrays) -> Result<Self, MismatchError> {
        for (layer, weights) in self.plan.layers.iter().zip(&mut self.weights) {
            weights.iter_mut().try_for_each(|weights| weights.set(&layer.tensors, arrays))?;
        }
        Ok(self)
    }

    /// Sets the tensors that `arrays` contain.
    ///
    /// # Errors
    /// If an array has another shape, or the network has no tensor of its name; names the first one.
    pub fn overlay(self, arrays: &Arrays) -> Result<Self, MismatchError> {
        let mut all = self.to_arrays();
        if let Some(foreign) = arrays.keys().find(|name| !all.contains_key(*name)) {
            return Err(MismatchError::Foreign(foreign.clone()));
        }
        all.extend(arrays.iter().map(|(name, array)| (name.clone(), array.clone())));
        self.load_arrays(&all)
    }
}

impl<B: Backend> Activation<B> {
    /// Zeroes a share of its numbers, as dropout layer `number` does in this step.
    fn drop_out(self, rate: f32, key: StepKey, number: u64) -> Self {
        match self {
            Self::Flat(x) => {
                let mask = dropout_mask(x.dims(), rate, key, number, &x.device());
                Self::Flat(x * mask)
            }
            Self::Maps(x) => {
                let [images, channels, height, width] = x.dims();
                let mask = dropout_mask([images, channels * height * width], rate, key, number, &x.device());
                let mask = cast(mask.reshape([images, channels, height, width]), FloatDType::from(x.dtype()));
                Self::Maps(x * mask)
            }
        }
    }

    /// Returns `[n, features]` in f32.
    fn flatten(self) -> Tensor<B, 2> {
        match self {
            Self::Maps(maps) => flat(maps),
            Self::Flat(features) => features,
        }
    }
}

/// Normalizes each image to mean 0 and variance 1, in the type of `x`: `(x − mean) / max(deviation, 1 / √numbers)`, as
/// in `tf.image.per_image_standardization`.
#[allow(clippy::cast_precision_loss)] // of an image
fn standardize<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let (kind, shape) = (FloatDType::from(x.dtype()), x.dims());
    let flat = flat(x);
    let numbers = flat.dims()[1] as f64;
    let centred = flat.clone() - flat.mean_dim(1);
    let deviation = centred.clone().powi_scalar(2).mean_dim(1).sqrt().clamp_min(numbers.sqrt().recip());
    cast(centred.div(deviation).reshape(shape), kind)
}

/// `[n, channels, height, width]` → `[n, channels · height · width]` in f32.
fn flat<B: Backend>(maps: Tensor<B, 4>) -> Tensor<B, 2> {
    cast(maps.flatten::<2>(1, 3), FloatDType::F32)
}

/// Returns a mask of 0 for dropped numbers and `1 / (1 − rate)` for the others, `shape`. Drawn on the host, so that
/// every device drops the same numbers.
fn dropout_mask<B: Backend>(
    shape: [usize; 2],
    rate: f32,
    key: StepKey,
    number: u64,
    device: &B::Device,
) -> Tensor<B, 2> {
    // Each dropout layer has its own seed; the first one has the run's.
    let mut rng = ChaCha8Rng::seed_from_u64(key.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.set_stream(u64::from(key.epoch) << 32 | u64::from(key.step));
    let keep = 1.0 / (1.0 - rate);
    let values: Vec<f32> =
        (0..shape[0] * shape[1]).map(|_| if rng.random::<f32>() < rate { 0.0 } else { keep }).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
pub(crate) mod tests;
