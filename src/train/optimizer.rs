//! Adam, and its state as plain arrays by parameter name.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::record::AdaptorRecord;
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, LearningRate, Optimizer, SimpleOptimizer};
use burn::tensor::{Tensor, TensorPrimitive};

use crate::model::kernels::{AdamStep, KernelBackend, TrainBackend};
use crate::model::network::Network;
use crate::model::parameters::{Array, Arrays, MismatchError};

/// Adam over a network.
pub type AdamOptimizer<B> = OptimizerAdaptor<FusedAdam, Network<B>, B>;

type Record<B> = <AdamOptimizer<B> as Optimizer<Network<B>, B>>::Record;

/// What the names of the first and the second moments begin with in a checkpoint.
const MOMENTS: [&str; 2] = ["adam.m.", "adam.v."];

/// The share of each moment that a step keeps, and what is added to the root of the second: Keras's.
const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-7;

/// Adam by the backend's own kernel where it has one, else by burn's operations, with decay of weights apart from the
/// gradient (I. Loshchilov and F. Hutter 2019, <https://arxiv.org/abs/1711.05101>: `AdamW`).
#[derive(Clone)]
pub struct FusedAdam {
    adam: Adam,
    /// Times the learning rate: the share that a step takes of each weight. Vectors, which are biases and batch norm,
    /// keep theirs.
    weight_decay: f64,
}

impl<B: KernelBackend> SimpleOptimizer<B> for FusedAdam {
    type State<const D: usize> = AdamState<B, D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<AdamState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdamState<B, D>>) {
        #[allow(clippy::cast_possible_truncation)] // rounded as a tensor's scalar is
        let kept = if D > 1 { (1.0 - rate * self.weight_decay) as f32 } else { 1.0 };
        // At the first step there are no moments yet.
        if let Some(AdamState { momentum }) = &state {
            let of = |tensor: &Tensor<B, D>| tensor.clone().into_primitive().tensor();
            let time = momentum.time + 1;
            let step = AdamStep { kept, ..fused_step(time, rate) };
            let moments = [&of(&momentum.moment_1), &of(&momentum.moment_2)];
            if let Some(found) = B::adam_step(&of(&parameter), &of(&gradient), moments, step) {
                let [parameter, first, second] =
                    found.map(|tensor| Tensor::from_primitive(TensorPrimitive::Float(tensor)));
                return (parameter, Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))));
            }
        }
        #[allow(clippy::float_cmp)] // exactly 1 without decay, which keeps the bits
        let parameter = if kept == 1.0 { parameter } else { parameter.mul_scalar(kept) };
        SimpleOptimizer::<B>::step(&self.adam, rate, parameter, gradient, state)
    }

    fn to_device<const D: usize>(state: AdamState<B, D>, device: &B::Device) -> AdamState<B, D> {
        <Adam as SimpleOptimizer<B>>::to_device(state, device)
    }
}

/// The numbers of a step, from 1, in the precision in which burn's Adam computes them.
#[allow(clippy::cast_possible_truncation)] // rounded as a tensor's scalar is; no run has 2^31 steps
fn fused_step(time: usize, rate: LearningRate) -> AdamStep {
    let [first, second] = BETAS.map(|beta| 1.0 - beta.powi(i32::try_from(time).unwrap_or(i32::MAX)));
    let root = second.sqrt();
    AdamStep { rate: rate as f32, kept: 1.0, betas: BETAS, correction: root / first, epsilon: EPSILON * root }
}

/// Whether an array of a checkpoint is the optimizer's, and not the network's.
#[must_use]
pub fn is_state(name: &str) -> bool {
    MOMENTS.iter().any(|moment| name.starts_with(moment))
}

/// Adam with Keras's constants, and decay of weights.
#[must_use]
pub fn adam<B: TrainBackend>(weight_decay: f64) -> AdamOptimizer<B> {
    let [first, second] = BETAS;
    let adam = AdamConfig::new().with_beta_1(first).with_beta_2(second).with_epsilon(EPSILON).build();
    FusedAdam { adam, weight_decay }.into()
}

/// The first and second moments by name, and how many steps were taken.
#[must_use]
pub fn save<B: TrainBackend>(optimizer: &AdamOptimizer<B>, network: &Network<B>) -> (Arrays, usize) {
    let (names, record) = (network.parameter_names(), optimizer.to_record());
    let mut saver = Saver::<B> { names, record, arrays: Arrays::new(), steps: 0 };
    network.visit(&mut saver);
    (saver.arrays, saver.steps)
}

/// Adam as [`save`] found it.
///
/// # Errors
/// When the arrays lack a moment of a trained parameter, or one has another shape; names the first one.
pub fn load<B: TrainBackend>(
    network: &Network<B>,
    arrays: &Arrays,
    steps: usize,
    weight_decay: f64,
) -> Result<AdamOptimizer<B>, MismatchError> {
    if steps == 0 {
        return Ok(adam(weight_decay));
    }
    let (names, record) = (network.parameter_names(), Record::<B>::default());
    let mut loader = Loader::<B> { names, arrays, steps, record, error: None };
    network.visit(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok(adam(weight_decay).load_record(loader.record)),
    }
}

struct Saver<B: TrainBackend> {
    names: HashMap<ParamId, String>,
    record: Record<B>,
    arrays: Arrays,
    steps: usize,
}

impl<B: TrainBackend> ModuleVisitor<B> for Saver<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(record) = self.record.remove(&param.id) else { return };
        let AdamState { momentum } = record.into_state::<D>();
        self.steps = momentum.time;
        let name = &self.names[&param.id];
        for (moment, tensor) in MOMENTS.into_iter().zip([momentum.moment_1, momentum.moment_2]) {
            self.arrays.insert(format!("{moment}{name}"), Array::from_tensor(tensor));
        }
    }
}

struct Loader<'a, B: TrainBackend> {
    names: HashMap<ParamId, String>,
    arrays: &'a Arrays,
    steps: usize,
    record: Record<B>,
    error: Option<MismatchError>,
}

impl<B: TrainBackend> Loader<'_, B> {
    fn moment(&self, moment: &str, id: ParamId, expected: &[usize]) -> Result<Array, MismatchError> {
        let name = format!("{moment}{}", self.names[&id]);
        match self.arrays.get(&name) {
            None => Err(MismatchError::Missing(name)),
            Some(array) if array.shape == expected => Ok(array.clone()),
            Some(array) => Err(MismatchError::Shape { name, expected: expected.to_vec(), found: array.shape.clone() }),
        }
    }
}

impl<B: TrainBackend> ModuleVisitor<B> for Loader<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        // A parameter that is not trained has no moments.
        if !tensor.is_require_grad() {
            return;
        }
        let [first, second] = MOMENTS.map(|moment| self.moment(moment, param.id, &tensor.dims()));
        match (first, second) {
            (Ok(first), Ok(second)) => {
                let device = tensor.device();
                let momentum =
                    AdaptiveMomentumState::new(self.steps, first.to_tensor(&device), second.to_tensor(&device));
                self.record.insert(param.id, AdaptorRecord::from_state::<D>(AdamState::new(momentum)));
            }
            (Err(error), _) | (_, Err(error)) => {
                self.error.get_or_insert(error);
            }
        }
    }
}
