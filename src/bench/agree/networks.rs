//! Forward pass, loss and the gradient of every parameter of each strategy's networks.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor};

use super::{Expected, Pair, Processor, on_the_processor, relative};
use crate::bench::material::Material;
use crate::bench::{BenchError, Check, Finding, Tell};
use crate::domain::arrays::{Array, Arrays};
use crate::domain::{Precision, Strategy};
use crate::model::frozen::FrozenPart;
use crate::model::in_precision;
use crate::model::kernels::TrainBackend;
use crate::model::network::{Network, StepKey};

/// A strategy's network with its first weights, and a batch as it enters the trained part.
pub(crate) struct Subject<B: TrainBackend> {
    pub(crate) network: Network<B>,
    pub(crate) frozen: Option<FrozenPart<B::InnerBackend>>,
    pub(crate) images: Tensor<B::InnerBackend, 4>,
    pub(crate) labels: Tensor<B::InnerBackend, 1, Int>,
    pub(crate) precision: Precision,
}

impl<B> Subject<B>
where
    B: TrainBackend,
{
    /// Sets a strategy up on a device.
    ///
    /// # Errors
    /// When the images are too small for the network, or its weights do not fit.
    pub(crate) fn new(material: &Material, device: &B::Device) -> Result<Self, BenchError> {
        let (resolved, cut) = material.resolve()?;
        let frozen = FrozenPart::new(&resolved, cut, &material.weights, device)?;
        let frozen = frozen.map(|part| part.computing_in(material.precision).in_chunks_of(material.at_once));
        let network = Network::new(resolved.plan(cut.trained()), &material.weights, material.seed, device);
        let network = network?;
        let parameters = material.change.of(network.to_arrays());
        let network = network.load_arrays(&parameters)?;
        // A head alone computes in f32.
        let head_alone = material.strategy == Strategy::Features;
        let precision = if head_alone { Precision::F32 } else { material.precision };
        Ok(Self { network, frozen, images: material.images(device), labels: material.labels(device), precision })
    }

    /// The batch behind the frozen part.
    pub(crate) fn inputs(&self) -> Tensor<B::InnerBackend, 4> {
        let inputs = match &self.frozen {
            Some(frozen) => frozen.forward(self.images.clone()),
            None => self.images.clone(),
        };
        in_precision(inputs, self.precision)
    }
}

/// What one pass forward and back amounts to.
#[derive(Debug)]
struct Measured {
    logits: Vec<f32>,
    loss: f32,
    gradients: Arrays,
}

/// Goes forward and back once.
fn pass<B>(material: &Material, device: &B::Device) -> Result<Measured, BenchError>
where
    B: TrainBackend,
{
    let subject = Subject::<B>::new(material, device)?;
    let inputs = Tensor::from_inner(subject.inputs());
    let Subject { network, labels, .. } = subject;
    let (logits, _) = network.training_logits(inputs, StepKey { seed: 1, epoch: 1, step: 1 });
    let loss_function = CrossEntropyLossConfig::new().init::<B>(&logits.device());
    let loss = loss_function.forward(logits.clone(), Tensor::from_inner(labels));
    let gradients = loss.backward();
    let mut found = Gradients::<B> { names: network.parameter_names(), all: &gradients, arrays: Arrays::new() };
    network.visit(&mut found);
    let values = |array: Array| array.values;
    let gradients = found.arrays;
    let loss = values(Array::from_tensor(loss)).first().copied().unwrap_or(f32::NAN);
    Ok(Measured { logits: values(Array::from_tensor(logits)), loss, gradients })
}

struct Gradients<'a, B: TrainBackend> {
    names: HashMap<ParamId, String>,
    all: &'a B::Gradients,
    arrays: Arrays,
}

impl<B: TrainBackend> ModuleVisitor<B> for Gradients<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        // One without a gradient is missing, and that fails.
        let gradient = param.val().grad(self.all).map(Array::from_tensor);
        self.arrays.extend(gradient.map(|gradient| (self.names[&param.id].clone(), gradient)));
    }
}

/// Holds the device against the processor.
pub(super) fn check<B>(pair: &Pair, expected: Expected, device: &B::Device, tell: Tell<'_>) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let here = pass::<B>(&pair.here, device)?;
    let rounded = expected.moved(&pair.processor);
    let measure = |material| on_the_processor(|| pass::<Processor>(material, &Default::default()));
    let (processor, rounded) = (measure(&pair.processor)?, measure(&rounded)?);
    let of = pair.processor.name();
    let mut told = |part: &str, [here, rounded, processor]: [&[f32]; 3]| {
        let (error, moved) = (relative(here, processor), relative(rounded, processor));
        tell(Finding::Check(Check::new(of, part, error, moved, expected.bar)));
    };
    told("logits", [&here.logits, &rounded.logits, &processor.logits]);
    told("loss", [&[here.loss], &[rounded.loss], &[processor.loss]]);
    for (name, gradient) in &processor.gradients {
        let values = |of: &Measured| of.gradients.get(name).map_or_else(Vec::new, |array| array.values.clone());
        told(&format!("gradient of {name}"), [&values(&here), &values(&rounded), &gradient.values]);
    }
    Ok(())
}
