//! Adam, and its state as plain arrays by parameter name.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::record::AdaptorRecord;
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Tensor, backend::AutodiffBackend};

use crate::model::network::Network;
use crate::model::parameters::{Array, Arrays, MismatchError};

/// Adam over a network.
pub type AdamOptimizer<B> = OptimizerAdaptor<Adam, Network<B>, B>;

type Record<B> = <AdamOptimizer<B> as Optimizer<Network<B>, B>>::Record;

/// What the names of the first and the second moments begin with in a checkpoint.
const MOMENTS: [&str; 2] = ["adam.m.", "adam.v."];

/// Whether an array of a checkpoint is the optimizer's, and not the network's.
#[must_use]
pub fn is_state(name: &str) -> bool {
    MOMENTS.iter().any(|moment| name.starts_with(moment))
}

/// Adam with Keras's constants.
#[must_use]
pub fn adam<B: AutodiffBackend>() -> AdamOptimizer<B> {
    AdamConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-7).init()
}

/// The first and second moments by name, and how many steps were taken.
#[must_use]
pub fn save<B: AutodiffBackend>(optimizer: &AdamOptimizer<B>, network: &Network<B>) -> (Arrays, usize) {
    let (names, record) = (network.parameter_names(), optimizer.to_record());
    let mut saver = Saver::<B> { names, record, arrays: Arrays::new(), steps: 0 };
    network.visit(&mut saver);
    (saver.arrays, saver.steps)
}

/// Adam as [`save`] found it.
///
/// # Errors
/// When the arrays lack a moment of a trained parameter, or one has another shape; names the first one.
pub fn load<B: AutodiffBackend>(
    network: &Network<B>,
    arrays: &Arrays,
    steps: usize,
) -> Result<AdamOptimizer<B>, MismatchError> {
    if steps == 0 {
        return Ok(adam());
    }
    let (names, record) = (network.parameter_names(), Record::<B>::default());
    let mut loader = Loader::<B> { names, arrays, steps, record, error: None };
    network.visit(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok(adam().load_record(loader.record)),
    }
}

struct Saver<B: AutodiffBackend> {
    names: HashMap<ParamId, String>,
    record: Record<B>,
    arrays: Arrays,
    steps: usize,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Saver<B> {
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

struct Loader<'a, B: AutodiffBackend> {
    names: HashMap<ParamId, String>,
    arrays: &'a Arrays,
    steps: usize,
    record: Record<B>,
    error: Option<MismatchError>,
}

impl<B: AutodiffBackend> Loader<'_, B> {
    fn moment(&self, moment: &str, id: ParamId, expected: &[usize]) -> Result<Array, MismatchError> {
        let name = format!("{moment}{}", self.names[&id]);
        match self.arrays.get(&name) {
            None => Err(MismatchError::Missing(name)),
            Some(array) if array.shape == expected => Ok(array.clone()),
            Some(array) => Err(MismatchError::Shape { name, expected: expected.to_vec(), found: array.shape.clone() }),
        }
    }
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Loader<'_, B> {
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
