//! A network that trains and evaluates: the steps of a [`Plan`], with weights.
//!
//! Weights are f32 whatever convolutions compute in. Batch norm's running statistics are buffers: no optimizer knows
//! them, and a training step returns those of its batch for [`Network::with_statistics`] to take up.

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{FloatDType, Tensor, TensorData, activation, backend::Backend, module};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::initializer::initial_values;
use super::kernels::{
    BatchNormSettings, BlockSettings, KernelBackend, Pool, batch_norm, batch_norm_fixed, cast, conv_block, convolution,
};
use crate::domain::arrays::find;
use crate::domain::network::{Op, Plan, ResolveError, Step, TensorSpec};
use crate::domain::{Architecture, Array, Arrays, MismatchError, NetworkName};

/// Which random numbers a training step draws: a function of these, so that none of them has to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    /// The run's seed.
    pub seed: u64,
    /// Counted from 1.
    pub epoch: u32,
    /// Counted from 1 in each epoch.
    pub step: u32,
}

/// Layers with weights, and how they are computed.
#[derive(Module, Debug)]
pub struct Network<B: Backend> {
    /// Of each layer of the plan, in order; `None` for layers without tensors.
    weights: Vec<Option<Weights<B>>>,
    #[module(skip)]
    plan: Arc<Plan>,
}

/// The tensors of one layer.
#[derive(Module, Debug)]
pub enum Weights<B: Backend> {
    /// A convolution.
    Convolution(ConvolutionWeights<B>),
    /// A dense layer.
    Dense(DenseWeights<B>),
    /// Batch norm.
    BatchNorm(BatchNormWeights<B>),
}

/// The tensors of a convolution.
#[derive(Module, Debug)]
pub struct ConvolutionWeights<B: Backend> {
    /// `[out, in, kernel, kernel]`.
    weight: Param<Tensor<B, 4>>,
    /// `[out]`.
    bias: Option<Param<Tensor<B, 1>>>,
}

/// The tensors of a dense layer.
#[derive(Module, Debug)]
pub struct DenseWeights<B: Backend> {
    /// `[in, out]`.
    weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    bias: Param<Tensor<B, 1>>,
}

/// The tensors of batch norm, `[channels]` each.
#[derive(Module, Debug)]
pub struct BatchNormWeights<B: Backend> {
    scale: Param<Tensor<B, 1>>,
    shift: Param<Tensor<B, 1>>,
    /// A buffer: no parameter.
    running_mean: Tensor<B, 1>,
    /// A buffer: no parameter.
    running_variance: Tensor<B, 1>,
}

/// The running statistics of a batch norm layer after a training step, `[channels]` each.
#[derive(Debug, Clone)]
pub struct RunningStatistics<B: Backend> {
    layer: usize,
    mean: Tensor<B, 1>,
    variance: Tensor<B, 1>,
}

/// What flows between layers.
enum Value<B: Backend> {
    /// `[n, channels, height, width]`.
    Maps(Tensor<B, 4>),
    /// `[n, features]`, f32.
    Flat(Tensor<B, 2>),
}

/// What a training step draws and collects on its way.
struct Training<B: Backend> {
    key: StepKey,
    /// Dropout layers so far.
    dropouts: u64,
    statistics: Vec<RunningStatistics<B>>,
}

impl<B: KernelBackend> Network<B> {
    /// The layers of `plan`. Tensors that the plan calls pretrained are taken from `pretrained`, by their names there;
    /// the others are drawn from `seed` in the order of the plan, the same on every device.
    ///
    /// # Errors
    /// When a pretrained tensor is missing or has another shape; names the first one.
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

    /// A network of the catalog with all weights drawn from `seed`, for images `[channels, height, width]`.
    ///
    /// # Errors
    /// When the images are too small for it.
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

    /// Logits `[n, classes]` in f32 for `[n, channels, height, width]`, in whose kind of number convolutions compute.
    #[must_use]
    pub fn logits(&self, inputs: Tensor<B, 4>) -> Tensor<B, 2> {
        match self.run(&self.plan.steps, Value::Maps(inputs), &mut None) {
            Value::Flat(logits) => logits,
            // A part without a dense layer: what is left is flat all the same.
            Value::Maps(maps) => flat(maps),
        }
    }

    /// The same in a training step: with dropout, batch norm by the batch's own statistics, and the running statistics
    /// after it.
    #[must_use]
    pub fn training_logits(&self, inputs: Tensor<B, 4>, key: StepKey) -> (Tensor<B, 2>, Vec<RunningStatistics<B>>) {
        let mut training = Some(Training { key, dropouts: 0, statistics: Vec::new() });
        let logits = match self.run(&self.plan.steps, Value::Maps(inputs), &mut training) {
            Value::Flat(logits) => logits,
            Value::Maps(maps) => flat(maps),
        };
        (logits, training.map(|training| training.statistics).unwrap_or_default())
    }

    /// The output of layers that end in maps, `[n, channels, height, width]`.
    #[must_use]
    pub fn maps(&self, inputs: Tensor<B, 4>) -> Tensor<B, 4> {
        match self.run(&self.plan.steps, Value::Maps(inputs), &mut None) {
            Value::Maps(maps) => maps,
            Value::Flat(features) => features.unsqueeze_dims(&[2, 3]),
        }
    }

    /// Whether a training step uses statistics of its batch, which padding must not enter.
    #[must_use]
    pub fn uses_batch_statistics(&self) -> bool {
        self.weights.iter().any(|weights| matches!(weights, Some(Weights::BatchNorm(_))))
    }

    fn run(&self, steps: &[Step], input: Value<B>, training: &mut Option<Training<B>>) -> Value<B> {
        steps.iter().fold(input, |value, step| self.step(step, value, training))
    }

    fn step(&self, step: &Step, value: Value<B>, training: &mut Option<Training<B>>) -> Value<B> {
        match step {
            Step::ConvolutionBlock { convolution, relu, pool } => {
                let (Some(Weights::Convolution(ConvolutionWeights { weight, bias })), Value::Maps(x)) =
                    (&self.weights[*convolution], value)
                else {
                    unreachable!("a plan names convolutions, which are of maps")
                };
                let settings = BlockSettings { relu: *relu, pool: if *pool { Pool::Max2 } else { Pool::None } };
                Value::Maps(conv_block(x, weight.val(), bias.as_ref().map(Param::val), settings))
            }
            Step::BatchNorm { layer, relu } => {
                let (Op::BatchNorm { epsilon, momentum }, Some(Weights::BatchNorm(weights)), Value::Maps(x)) =
                    (self.plan.layers[*layer].op, &self.weights[*layer], value)
                else {
                    unreachable!("a plan names batch norm layers, which are of maps")
                };
                let settings = BatchNormSettings { epsilon, momentum, relu: *relu };
                Value::Maps(weights.normalize(x, settings, *layer, training.as_mut()))
            }
            Step::Layer(layer) => self.layer(*layer, value, training),
            Step::Residual { body, shortcut } => {
                let Value::Maps(x) = value else { unreachable!("branches are of maps") };
                let through = self.run(body, Value::Maps(x.clone()), training);
                let beside = self.run(shortcut, Value::Maps(x), training);
                match (through, beside) {
                    (Value::Maps(through), Value::Maps(beside)) => Value::Maps(through + beside),
                    (Value::Flat(through), Value::Flat(beside)) => Value::Flat(through + beside),
                    _ => unreachable!("branches end in one shape, as resolving has checked"),
                }
            }
        }
    }

    fn layer(&self, index: usize, value: Value<B>, training: &mut Option<Training<B>>) -> Value<B> {
        match (self.plan.layers[index].op, &self.weights[index], value) {
            (Op::Convolution { stride, .. }, Some(Weights::Convolution(weights)), Value::Maps(x)) => {
                let kind = FloatDType::from(x.dtype());
                let maps = convolution(x, weights.weight.val(), stride);
                Value::Maps(match &weights.bias {
                    Some(bias) => maps + cast(bias.val(), kind).unsqueeze_dims(&[0, 2, 3]),
                    None => maps,
                })
            }
            (Op::Dense { .. }, Some(Weights::Dense(weights)), x) => {
                let x = x.flatten();
                Value::Flat(x.matmul(weights.weight.val()) + weights.bias.val().unsqueeze())
            }
            (Op::Standardize, _, Value::Maps(x)) => Value::Maps(standardize(x)),
            (Op::Relu, _, Value::Maps(x)) => Value::Maps(activation::relu(x)),
            (Op::Relu, _, Value::Flat(x)) => Value::Flat(activation::relu(x)),
            (Op::MaxPool { size }, _, Value::Maps(x)) => {
                Value::Maps(module::max_pool2d(x, [size; 2], [size; 2], [0; 2], [1; 2], false))
            }
            (Op::GlobalAverage, _, Value::Maps(x)) => Value::Maps(cast(x, FloatDType::F32).mean_dim(3).mean_dim(2)),
            (Op::Flatten, _, x) => Value::Flat(x.flatten()),
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

    /// The same network with the running statistics that a training step returned.
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
    /// The same network with `share` of its own parameters and buffers, and the rest of those of `other`, a network of
    /// the same plan.
    #[must_use]
    pub fn blend(mut self, other: &Self, share: f64) -> Self {
        for (own, other) in self.weights.iter_mut().zip(&other.weights) {
            if let (Some(own), Some(other)) = (own, other) {
                own.blend(other, share);
            }
        }
        self
    }

    /// The name of each parameter by its id.
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

    /// The parameters of pretrained layers, which have a learning rate of their own.
    #[must_use]
    pub fn pretrained_parameters(&self) -> Vec<ParamId> {
        let Some(prefix) = self.plan.prefix else { return Vec::new() };
        let names = self.parameter_names();
        // In the order of layers, so that nothing depends on a map's order.
        let ids = self.weights.iter().flatten().flat_map(Weights::ids);
        ids.filter(|id| names.get(id).is_some_and(|name| name.starts_with(prefix))).collect()
    }

    /// All tensors by name, copied to the host: parameters and buffers.
    #[must_use]
    pub fn to_arrays(&self) -> Arrays {
        let layers = self.plan.layers.iter().zip(&self.weights);
        let layers = layers.filter_map(|(layer, weights)| Some((layer, weights.as_ref()?)));
        layers.flat_map(|(layer, weights)| weights.to_arrays(&layer.tensors)).collect()
    }

    /// The same network with the tensors of these names; ids, by which optimizers know parameters, stay.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape; names the first one.
    pub fn load_arrays(mut self, arrays: &Arrays) -> Result<Self, MismatchError> {
        for (layer, weights) in self.plan.layers.iter().zip(&mut self.weights) {
            weights.iter_mut().try_for_each(|weights| weights.set(&layer.tensors, arrays))?;
        }
        Ok(self)
    }

    /// The same network with those tensors that `arrays` have.
    ///
    /// # Errors
    /// When one has another shape, or there are arrays that the network has no tensor for; names the first one.
    pub fn overlay(self, arrays: &Arrays) -> Result<Self, MismatchError> {
        let mut all = self.to_arrays();
        if let Some(foreign) = arrays.keys().find(|name| !all.contains_key(*name)) {
            return Err(MismatchError::Foreign(foreign.clone()));
        }
        all.extend(arrays.iter().map(|(name, array)| (name.clone(), array.clone())));
        self.load_arrays(&all)
    }
}

impl<B: Backend> Weights<B> {
    /// The tensors of one layer as `arrays` have them.
    fn load(tensors: &[TensorSpec], arrays: &Arrays, device: &B::Device) -> Result<Option<Self>, MismatchError> {
        let array = |tensor: &TensorSpec| find(arrays, &tensor.name, &tensor.shape);
        let vector = |tensor: &TensorSpec| Ok(array(tensor)?.to_tensor::<B, 1>(device));
        Ok(Some(match tensors {
            [] => return Ok(None),
            [weight, bias @ ..] if weight.shape.len() == 4 => Self::Convolution(ConvolutionWeights {
                weight: Param::from_tensor(array(weight)?.to_tensor(device)),
                bias: bias.first().map(vector).transpose()?.map(Param::from_tensor),
            }),
            [weight, bias] => Self::Dense(DenseWeights {
                weight: Param::from_tensor(array(weight)?.to_tensor(device)),
                bias: Param::from_tensor(vector(bias)?),
            }),
            [scale, shift, mean, variance] => Self::BatchNorm(BatchNormWeights {
                scale: Param::from_tensor(vector(scale)?),
                shift: Param::from_tensor(vector(shift)?),
                running_mean: vector(mean)?,
                running_variance: vector(variance)?,
            }),
            _ => unreachable!("no layer has other tensors"),
        }))
    }

    /// The ids of its parameters, in the order of their tensors.
    fn ids(&self) -> Vec<ParamId> {
        match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                std::iter::once(weight.id).chain(bias.as_ref().map(|bias| bias.id)).collect()
            }
            Self::Dense(DenseWeights { weight, bias }) => vec![weight.id, bias.id],
            Self::BatchNorm(BatchNormWeights { scale, shift, .. }) => vec![scale.id, shift.id],
        }
    }

    /// Keeps a share of its tensors, and takes the rest of another layer's of the same kind.
    fn blend(&mut self, other: &Self, share: f64) {
        match (self, other) {
            (Self::Convolution(own), Self::Convolution(other)) => {
                blend_parameter(&mut own.weight, &other.weight, share);
                if let (Some(own), Some(other)) = (&mut own.bias, &other.bias) {
                    blend_parameter(own, other, share);
                }
            }
            (Self::Dense(own), Self::Dense(other)) => {
                blend_parameter(&mut own.weight, &other.weight, share);
                blend_parameter(&mut own.bias, &other.bias, share);
            }
            (Self::BatchNorm(own), Self::BatchNorm(other)) => {
                blend_parameter(&mut own.scale, &other.scale, share);
                blend_parameter(&mut own.shift, &other.shift, share);
                own.running_mean = blend(own.running_mean.clone(), other.running_mean.clone(), share);
                own.running_variance = blend(own.running_variance.clone(), other.running_variance.clone(), share);
            }
            _ => unreachable!("layers of one plan are of one kind"),
        }
    }

    fn to_arrays(&self, tensors: &[TensorSpec]) -> Vec<(String, Array)> {
        let arrays = match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                let bias = bias.as_ref().map(|bias| Array::from_tensor(bias.val()));
                std::iter::once(Array::from_tensor(weight.val())).chain(bias).collect()
            }
            Self::Dense(DenseWeights { weight, bias }) => {
                vec![Array::from_tensor(weight.val()), Array::from_tensor(bias.val())]
            }
            Self::BatchNorm(BatchNormWeights { scale, shift, running_mean, running_variance }) => {
                [scale.val(), shift.val(), running_mean.clone(), running_variance.clone()]
                    .map(Array::from_tensor)
                    .into()
            }
        };
        tensors.iter().map(|tensor| tensor.name.clone()).zip(arrays).collect()
    }

    fn set(&mut self, tensors: &[TensorSpec], arrays: &Arrays) -> Result<(), MismatchError> {
        let array = |place: usize| find(arrays, &tensors[place].name, &tensors[place].shape);
        match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                replace(weight, array(0)?);
                if let Some(bias) = bias {
                    replace(bias, array(1)?);
                }
            }
            Self::Dense(DenseWeights { weight, bias }) => {
                replace(weight, array(0)?);
                replace(bias, array(1)?);
            }
            Self::BatchNorm(BatchNormWeights { scale, shift, running_mean, running_variance }) => {
                replace(scale, array(0)?);
                replace(shift, array(1)?);
                *running_mean = array(2)?.to_tensor(&running_mean.device());
                *running_variance = array(3)?.to_tensor(&running_variance.device());
            }
        }
        Ok(())
    }
}

impl<B: KernelBackend> BatchNormWeights<B> {
    /// `[n, channels, height, width]` with mean 0 and variance 1, scaled and shifted; in f32, returned in the kind of
    /// `x`.
    fn normalize(
        &self,
        x: Tensor<B, 4>,
        settings: BatchNormSettings,
        layer: usize,
        training: Option<&mut Training<B>>,
    ) -> Tensor<B, 4> {
        let parameters = [self.scale.val(), self.shift.val()];
        let running = [self.running_mean.clone(), self.running_variance.clone()];
        if let Some(training) = training {
            let (y, [mean, variance]) = batch_norm(x, parameters, running, settings);
            training.statistics.push(RunningStatistics { layer, mean, variance });
            return y;
        }
        batch_norm_fixed(x, parameters, running, settings)
    }
}

impl<B: Backend> Value<B> {
    /// The same with a share of its numbers zeroed, as dropout layer `number` does it in this step.
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

    /// `[n, features]` in f32.
    fn flatten(self) -> Tensor<B, 2> {
        match self {
            Self::Maps(maps) => flat(maps),
            Self::Flat(features) => features,
        }
    }
}

/// Each image with mean 0 and variance 1, in the kind of `x`: `(x − mean) / max(deviation, 1 / √numbers)`, as
/// `tf.image.per_image_standardization` has it.
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

/// A share of one tensor, and the rest of another.
fn blend<B: Backend, const D: usize>(own: Tensor<B, D>, other: Tensor<B, D>, share: f64) -> Tensor<B, D> {
    own.mul_scalar(share) + other.mul_scalar(1.0 - share)
}

fn blend_parameter<B: Backend, const D: usize>(own: &mut Param<Tensor<B, D>>, other: &Param<Tensor<B, D>>, share: f64) {
    let blended = own.clone().map(|tensor| blend(tensor, other.val(), share));
    *own = blended;
}

/// Sets a parameter's values; its id, and whether it is trained, stay.
fn replace<B: Backend, const D: usize>(param: &mut Param<Tensor<B, D>>, array: &Array) {
    let taken = param.clone().map(|tensor| {
        let trained = tensor.is_require_grad();
        array.to_tensor(&tensor.device()).set_require_grad(trained)
    });
    *param = taken;
}

/// 0 where a number is dropped, and `1 / (1 − rate)` where it is not. Drawn on the host: every device drops the same.
fn dropout_mask<B: Backend>(
    shape: [usize; 2],
    rate: f32,
    key: StepKey,
    number: u64,
    device: &B::Device,
) -> Tensor<B, 2> {
    // Another sequence for each dropout layer; of the first it is the seed's own.
    let mut rng = ChaCha8Rng::seed_from_u64(key.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.set_stream(u64::from(key.epoch) << 32 | u64::from(key.step));
    let keep = 1.0 / (1.0 - rate);
    let values: Vec<f32> =
        (0..shape[0] * shape[1]).map(|_| if rng.random::<f32>() < rate { 0.0 } else { keep }).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
