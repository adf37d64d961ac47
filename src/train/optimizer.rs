//! Optimizers, and their state as arrays by parameter name.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::record::AdaptorRecord;
use burn::optim::{
    Adam, AdamConfig, AdamState, AdaptiveMomentumState, GradientsParams, LearningRate, Optimizer as _, SimpleOptimizer,
};
use burn::record::Record;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::domain::arrays::{Array, Arrays, MismatchError};
use crate::domain::{Optimizer, Recipe};
use crate::model::kernels::{AdamStep, DescentStep, KernelBackend, TrainBackend};
use crate::model::network::Network;

use super::clip;

type Adaptor<B> = OptimizerAdaptor<UpdateRule, Network<B>, B>;

type States<B> = <Adaptor<B> as burn::optim::Optimizer<Network<B>, B>>::Record;

/// Decay rates of Adam's moments, and the number added to the root of the second: Keras's defaults.
const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-7;

/// The factor by which a step of gradient descent multiplies the velocity.
const MOMENTUM: f64 = 0.9;

/// The settings of an optimizer, except the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerSettings {
    /// The kind of update.
    pub kind: Optimizer,
    /// The share of each weight that a step at a learning rate of 1 would subtract. Vectors, such as biases and the
    /// parameters of batch norm, do not decay.
    pub weight_decay: f64,
    /// The largest common norm of all gradients; 0 does not clip.
    pub clip_norm: f64,
}

impl OptimizerSettings {
    /// Adam without decay and clipping.
    pub const ADAM: Self = Self { kind: Optimizer::Adam, weight_decay: 0.0, clip_norm: 0.0 };

    /// Returns the optimizer settings of a recipe.
    #[must_use]
    pub fn of(recipe: &Recipe) -> Self {
        Self { kind: recipe.optimizer, weight_decay: recipe.weight_decay, clip_norm: recipe.clip_norm }
    }
}

/// An optimizer of a network.
#[derive(Clone)]
pub struct NetworkOptimizer<B: TrainBackend> {
    adaptor: Adaptor<B>,
    settings: OptimizerSettings,
}

/// The update of one parameter by its gradient.
#[derive(Clone)]
pub struct UpdateRule {
    adam: Adam,
    kind: Optimizer,
    weight_decay: f64,
}

/// The optimizer state of one parameter.
#[derive(Record, Clone)]
pub struct Moments<B: Backend, const D: usize> {
    /// Steps taken.
    time: usize,
    /// Adam's first moment, or the velocity.
    first: Tensor<B, D>,
    /// Adam's second moment.
    second: Option<Tensor<B, D>>,
}

impl<B: KernelBackend> SimpleOptimizer<B> for UpdateRule {
    type State<const D: usize> = Moments<B, D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<Moments<B, D>>,
    ) -> (Tensor<B, D>, Option<Moments<B, D>>) {
        let decay = if D > 1 { self.weight_decay } else { 0.0 };
        match self.kind {
            Optimizer::Adam | Optimizer::AdamW => adam_step(&self.adam, rate, decay, parameter, gradient, state),
            Optimizer::Sgd => descent_step(rate, decay, parameter, gradient, state),
        }
    }

    fn to_device<const D: usize>(state: Moments<B, D>, device: &B::Device) -> Moments<B, D> {
        let Moments { time, first, second } = state;
        Moments { time, first: first.to_device(device), second: second.map(|second| second.to_device(device)) }
    }
}

/// Runs a step of Adam, by the backend's kernel where it has one. Weights decay apart from the gradient (`AdamW`: I.
/// Loshchilov and F. Hutter 2019, <https://arxiv.org/abs/1711.05101>).
fn adam_step<B: KernelBackend, const D: usize>(
    adam: &Adam,
    rate: LearningRate,
    decay: f64,
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    state: Option<Moments<B, D>>,
) -> (Tensor<B, D>, Option<Moments<B, D>>) {
    #[allow(clippy::cast_possible_truncation)] // rounded as a tensor's scalar is
    let kept = if decay > 0.0 { (1.0 - rate * decay) as f32 } else { 1.0 };
    // The first step has no moments yet.
    if let Some(Moments { time, first, second: Some(second) }) = &state {
        let of = |tensor: &Tensor<B, D>| tensor.clone().into_primitive().tensor();
        let step = AdamStep { kept, ..fused_step(time + 1, rate) };
        if let Some(found) = B::adam_step(&of(&parameter), &of(&gradient), [&of(first), &of(second)], step) {
            let [parameter, first, second] = found.map(|tensor| Tensor::from_primitive(TensorPrimitive::Float(tensor)));
            return (parameter, Some(Moments { time: time + 1, first, second: Some(second) }));
        }
    }
    #[allow(clippy::float_cmp)] // exactly 1 without decay, which keeps the bits
    let parameter = if kept == 1.0 { parameter } else { parameter.mul_scalar(kept) };
    let state = state.and_then(|Moments { time, first, second }| {
        second.map(|second| AdamState::new(AdaptiveMomentumState::new(time, first, second)))
    });
    let (parameter, state) = SimpleOptimizer::<B>::step(adam, rate, parameter, gradient, state);
    let moments = state.map(|AdamState { momentum }| Moments {
        time: momentum.time,
        first: momentum.moment_1,
        second: Some(momentum.moment_2),
    });
    (parameter, moments)
}

/// Runs a step of gradient descent with Nesterov momentum, by the backend's kernel where it has one. Decay is a part of
/// the gradient, as in `torch.optim.SGD` with `nesterov=True` (I. Sutskever et al. 2013).
fn descent_step<B: KernelBackend, const D: usize>(
    rate: LearningRate,
    decay: f64,
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    state: Option<Moments<B, D>>,
) -> (Tensor<B, D>, Option<Moments<B, D>>) {
    // The first step has no velocity yet.
    if let Some(Moments { time, first, .. }) = &state {
        let of = |tensor: &Tensor<B, D>| tensor.clone().into_primitive().tensor();
        #[allow(clippy::cast_possible_truncation)] // rounded as a tensor's scalar is
        let step = DescentStep { rate: rate as f32, decay: decay as f32, momentum: MOMENTUM as f32 };
        if let Some(found) = B::descent_step(&of(&parameter), &of(&gradient), &of(first), step) {
            let [parameter, first] = found.map(|tensor| Tensor::from_primitive(TensorPrimitive::Float(tensor)));
            return (parameter, Some(Moments { time: time + 1, first, second: None }));
        }
    }
    let gradient = if decay > 0.0 { gradient + parameter.clone().mul_scalar(decay) } else { gradient };
    let (time, velocity) = match state {
        Some(Moments { time, first, .. }) => (time + 1, first.mul_scalar(MOMENTUM) + gradient.clone()),
        None => (1, gradient.clone()),
    };
    let direction = gradient + velocity.clone().mul_scalar(MOMENTUM);
    (parameter - direction.mul_scalar(rate), Some(Moments { time, first: velocity, second: None }))
}

/// Returns the coefficients of step `time`, counted from 1, in the precision in which burn's Adam computes them.
#[allow(clippy::cast_possible_truncation)] // rounded as a tensor's scalar is; no run has 2^31 steps
fn fused_step(time: usize, rate: LearningRate) -> AdamStep {
    let [first, second] = BETAS.map(|beta| 1.0 - beta.powi(i32::try_from(time).unwrap_or(i32::MAX)));
    let root = second.sqrt();
    AdamStep { rate: rate as f32, kept: 1.0, betas: BETAS, correction: root / first, epsilon: EPSILON * root }
}

/// Returns the prefixes of an optimizer's moments in a checkpoint: of the first, and of the second if there is one.
fn prefixes(kind: Optimizer) -> (&'static str, Option<&'static str>) {
    match kind {
        Optimizer::Adam | Optimizer::AdamW => ("adam.m.", Some("adam.v.")),
        Optimizer::Sgd => ("sgd.velocity.", None),
    }
}

/// Returns whether a checkpoint's array of this name is optimizer state.
#[must_use]
pub fn is_state(name: &str) -> bool {
    Optimizer::ALL
        .into_iter()
        .map(prefixes)
        .any(|(first, second)| name.starts_with(first) || second.is_some_and(|second| name.starts_with(second)))
}

impl<B: TrainBackend> NetworkOptimizer<B> {
    /// Creates an optimizer that has taken no step.
    #[must_use]
    pub fn new(settings: OptimizerSettings) -> Self {
        let [first, second] = BETAS;
        let adam = AdamConfig::new().with_beta_1(first).with_beta_2(second).with_epsilon(EPSILON).build();
        let OptimizerSettings { kind, weight_decay, .. } = settings;
        Self { adaptor: UpdateRule { adam, kind, weight_decay }.into(), settings }
    }

    /// Returns the network after one step; the second rate is that of pretrained layers.
    #[must_use]
    pub fn step(
        &mut self,
        network: Network<B>,
        mut gradients: B::Gradients,
        [rate, base_rate]: [f64; 2],
    ) -> Network<B> {
        let base = network.pretrained_parameters();
        let of_base = (!base.is_empty()).then(|| GradientsParams::from_params(&mut gradients, &network, &base));
        // `from_params` has removed the gradients of pretrained layers.
        let others = GradientsParams::from_module(&mut gradients, &network);
        let mut parts: Vec<(f64, GradientsParams)> = of_base.into_iter().map(|part| (base_rate, part)).collect();
        parts.push((rate, others));
        if self.settings.clip_norm > 0.0 {
            clip::clip(&network, parts.iter_mut().map(|(_, part)| part), self.settings.clip_norm);
        }
        parts.into_iter().fold(network, |network, (rate, part)| self.adaptor.step(rate, network, part))
    }

    /// Returns the moments by name, and the number of steps taken.
    #[must_use]
    pub fn save(&self, network: &Network<B>) -> (Arrays, usize) {
        let (names, states) = (network.parameter_names(), self.adaptor.to_record());
        let mut saver = Saver::<B> { kind: self.settings.kind, names, states, arrays: Arrays::new(), steps: 0 };
        network.visit(&mut saver);
        (saver.arrays, saver.steps)
    }

    /// Restores an optimizer from the results of [`save`](Self::save).
    ///
    /// # Errors
    /// If the arrays lack a moment of a trained parameter, or one has another shape; names the first one.
    pub fn load(
        network: &Network<B>,
        arrays: &Arrays,
        steps: usize,
        settings: OptimizerSettings,
    ) -> Result<Self, MismatchError> {
        let new = Self::new(settings);
        if steps == 0 {
            return Ok(new);
        }
        let (names, states) = (network.parameter_names(), States::<B>::default());
        let mut loader = Loader::<B> { kind: settings.kind, names, arrays, steps, states, error: None };
        network.visit(&mut loader);
        match loader.error {
            Some(error) => Err(error),
            None => Ok(Self { adaptor: new.adaptor.load_record(loader.states), settings }),
        }
    }
}

struct Saver<B: TrainBackend> {
    kind: Optimizer,
    names: HashMap<ParamId, String>,
    states: States<B>,
    arrays: Arrays,
    steps: usize,
}

impl<B: TrainBackend> ModuleVisitor<B> for Saver<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(state) = self.states.remove(&param.id) else { return };
        let Moments { time, first, second } = state.into_state::<D>();
        self.steps = time;
        let (name, (of_first, of_second)) = (&self.names[&param.id], prefixes(self.kind));
        self.arrays.insert(format!("{of_first}{name}"), Array::from_tensor(first));
        if let (Some(prefix), Some(second)) = (of_second, second) {
            self.arrays.insert(format!("{prefix}{name}"), Array::from_tensor(second));
        }
    }
}

struct Loader<'a, B: TrainBackend> {
    kind: Optimizer,
    names: HashMap<ParamId, String>,
    arrays: &'a Arrays,
    steps: usize,
    states: States<B>,
    error: Option<MismatchError>,
}

impl<B: TrainBackend> Loader<'_, B> {
    fn moment(&self, prefix: &str, id: ParamId, expected: &[usize]) -> Result<Array, MismatchError> {
        let name = format!("{prefix}{}", self.names[&id]);
        match self.arrays.get(&name) {
            None => Err(MismatchError::Missing(name)),
            Some(array) if array.shape == expected => Ok(array.clone()),
            Some(array) => Err(MismatchError::Shape { name, expected: expected.to_vec(), found: array.shape.clone() }),
        }
    }

    fn moments<const D: usize>(
        &self,
        id: ParamId,
        like: &Tensor<B, D>,
    ) -> Result<Moments<B::InnerBackend, D>, MismatchError> {
        let (device, (of_first, of_second)) = (like.device(), prefixes(self.kind));
        let tensor = |prefix| Ok(self.moment(prefix, id, &like.dims())?.to_tensor(&device));
        Ok(Moments { time: self.steps, first: tensor(of_first)?, second: of_second.map(tensor).transpose()? })
    }
}

impl<B: TrainBackend> ModuleVisitor<B> for Loader<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        // A parameter that is not trained has no moments.
        if !tensor.is_require_grad() {
            return;
        }
        match self.moments(param.id, &tensor) {
            Ok(moments) => {
                self.states.insert(param.id, AdaptorRecord::from_state::<D>(moments));
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}
