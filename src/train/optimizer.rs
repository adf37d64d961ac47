//! Adam, and its state as plain arrays by parameter name.

use std::marker::PhantomData;

use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::record::AdaptorRecord;
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Tensor, backend::AutodiffBackend};

use crate::model::parameters::{Array, Arrays, MismatchError};

/// Adam over a module.
pub type AdamOptimizer<M, B> = OptimizerAdaptor<Adam, M, B>;

type Record<M, B> = <AdamOptimizer<M, B> as Optimizer<M, B>>::Record;

/// Adam with Keras's constants.
#[must_use]
pub fn adam<B: AutodiffBackend, M: AutodiffModule<B>>() -> AdamOptimizer<M, B> {
    AdamConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-7).init()
}

/// The first and second moments by name, and how many steps were taken.
#[must_use]
pub fn save<B: AutodiffBackend, M: AutodiffModule<B>>(optimizer: &AdamOptimizer<M, B>, module: &M) -> (Arrays, usize) {
    let mut saver = Saver::<M, B> { path: Vec::new(), record: optimizer.to_record(), arrays: Arrays::new(), steps: 0 };
    module.visit(&mut saver);
    (saver.arrays, saver.steps)
}

/// Adam as [`save`] found it.
///
/// # Errors
/// When the arrays do not fit the module.
pub fn load<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    arrays: &Arrays,
    steps: usize,
) -> Result<AdamOptimizer<M, B>, MismatchError> {
    if steps == 0 {
        return Ok(adam());
    }
    let mut loader = Loader::<M, B> {
        path: Vec::new(),
        arrays,
        steps,
        record: Record::<M, B>::default(),
        error: None,
        module: PhantomData,
    };
    module.visit(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok(adam().load_record(loader.record)),
    }
}

const MOMENTS: [&str; 2] = ["adam.m", "adam.v"];

struct Saver<M: AutodiffModule<B>, B: AutodiffBackend> {
    path: Vec<String>,
    record: Record<M, B>,
    arrays: Arrays,
    steps: usize,
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> ModuleVisitor<B> for Saver<M, B> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(record) = self.record.remove(&param.id) else { return };
        let AdamState { momentum } = record.into_state::<D>();
        self.steps = momentum.time;
        let name = self.path.join(".");
        for (moment, tensor) in MOMENTS.into_iter().zip([momentum.moment_1, momentum.moment_2]) {
            self.arrays.insert(format!("{moment}.{name}"), Array::from_tensor(tensor));
        }
    }
}

struct Loader<'a, M: AutodiffModule<B>, B: AutodiffBackend> {
    path: Vec<String>,
    arrays: &'a Arrays,
    steps: usize,
    record: Record<M, B>,
    error: Option<MismatchError>,
    module: PhantomData<M>,
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> Loader<'_, M, B> {
    fn moment(&self, moment: &str, expected: &[usize]) -> Result<&Array, MismatchError> {
        let name = format!("{moment}.{}", self.path.join("."));
        let array = self.arrays.get(&name).ok_or_else(|| MismatchError::Missing(name.clone()))?;
        if array.shape == expected {
            Ok(array)
        } else {
            Err(MismatchError::Shape { name, expected: expected.to_vec(), found: array.shape.clone() })
        }
    }
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> ModuleVisitor<B> for Loader<'_, M, B> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let [first, second] = MOMENTS.map(|moment| self.moment(moment, &tensor.dims()).cloned());
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
