//! Forward pass, loss and the gradient of every parameter of each strategy.

use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Int, Tensor};

use super::{Expected, Pair, Processor, on_the_processor, relative};
use crate::bench::material::{CLASSES, Material};
use crate::bench::{Check, Finding, Tell};
use crate::domain::vgg16::Block;
use crate::domain::{Precision, Strategy};
use crate::model::cnn::Cnn;
use crate::model::in_precision;
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters::{self, Array, Arrays};
use crate::model::vgg16::{FrozenBase, StepKey, TransferNetwork};
use crate::train::classifier::Classifier;

/// A strategy's network with its first weights, and a batch as it enters the trained part.
pub(crate) struct Subject<B: AutodiffBackend, M> {
    pub(crate) network: M,
    pub(crate) frozen: Option<FrozenBase<B::InnerBackend>>,
    pub(crate) images: Tensor<B::InnerBackend, 4>,
    pub(crate) labels: Tensor<B::InnerBackend, 1, Int>,
    pub(crate) precision: Precision,
}

impl<B, M> Subject<B, M>
where
    B: AutodiffBackend,
    B::InnerBackend: ConvBlockBackend,
{
    /// The batch behind the frozen part.
    pub(crate) fn inputs(&self) -> Tensor<B::InnerBackend, 4> {
        let inputs = match &self.frozen {
            Some(frozen) => frozen.forward(self.images.clone()),
            None => self.images.clone(),
        };
        in_precision(inputs, self.precision)
    }
}

/// Something to do with a subject, whatever its network.
pub(crate) trait Visit<B: AutodiffBackend> {
    type Output;

    fn visit<M: AutodiffModule<B> + Classifier<B>>(self, subject: Subject<B, M>) -> Result<Self::Output, String>;
}

/// Sets a strategy up on a device.
pub(crate) fn visit<B, V>(material: &Material, device: &B::Device, visit: V) -> Result<V::Output, String>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
    V: Visit<B>,
{
    let words = |error: parameters::MismatchError| error.to_string();
    let (images, labels) = (material.images(device), material.labels(device));
    let [_, channels, height, width] = material.shape;
    if material.strategy == Strategy::Cnn {
        let network = changed(material, Cnn::<B>::new([height, width, channels], CLASSES, material.seed, device))?;
        return visit.visit(Subject { network, frozen: None, images, labels, precision: material.precision });
    }
    let unfrozen = material.unfrozen();
    let base = || FrozenBase::new(&material.weights, unfrozen, height, device).map_err(words);
    let frozen = (unfrozen != Some(Block::Block1)).then(base).transpose()?;
    let frozen = frozen.map(|base| base.computing_in(material.precision).at_once(material.at_once));
    let network = TransferNetwork::<B>::new(&material.weights, unfrozen, CLASSES, material.seed, device);
    let network = changed(material, network.map_err(words)?)?;
    // A head alone computes in f32.
    let precision = unfrozen.map_or(Precision::F32, |_| material.precision);
    visit.visit(Subject { network, frozen, images, labels, precision })
}

fn changed<B: AutodiffBackend, M: Module<B>>(material: &Material, network: M) -> Result<M, String> {
    let parameters = material.change.of(parameters::save(&network));
    parameters::load(network, &parameters).map_err(|error| error.to_string())
}

/// What one pass forward and back amounts to.
#[derive(Debug)]
struct Measured {
    logits: Vec<f32>,
    loss: f32,
    gradients: Arrays,
}

struct Pass;

impl<B: AutodiffBackend> Visit<B> for Pass
where
    B::InnerBackend: ConvBlockBackend,
{
    type Output = Measured;

    fn visit<M: AutodiffModule<B> + Classifier<B>>(self, subject: Subject<B, M>) -> Result<Measured, String> {
        let inputs = Tensor::from_inner(subject.inputs());
        let Subject { network, labels, .. } = subject;
        let logits = network.training_logits(inputs, StepKey { seed: 1, epoch: 1, step: 1 });
        let loss_function = CrossEntropyLossConfig::new().init::<B>(&logits.device());
        let loss = loss_function.forward(logits.clone(), Tensor::from_inner(labels));
        let gradients = loss.backward();
        let mut found = Gradients::<B> { path: Vec::new(), all: &gradients, arrays: Arrays::new() };
        network.visit(&mut found);
        let values = |array: Array| array.values;
        let gradients = found.arrays;
        let loss = values(Array::from_tensor(loss)).first().copied().unwrap_or(f32::NAN);
        Ok(Measured { logits: values(Array::from_tensor(logits)), loss, gradients })
    }
}

struct Gradients<'a, B: AutodiffBackend> {
    path: Vec<String>,
    all: &'a B::Gradients,
    arrays: Arrays,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gradients<'_, B> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        // One without a gradient is missing, and that fails.
        let gradient = param.val().grad(self.all).map(Array::from_tensor);
        self.arrays.extend(gradient.map(|gradient| (self.path.join("."), gradient)));
    }
}

/// Holds the device against the processor.
pub(super) fn check<B>(pair: &Pair, expected: Expected, device: &B::Device, tell: Tell<'_>) -> Result<(), String>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    let here = visit::<B, _>(&pair.here, device, Pass)?;
    let rounded = expected.moved(&pair.processor);
    let measure = |material| on_the_processor(|| visit::<Processor, _>(material, &Default::default(), Pass));
    let (processor, rounded) = (measure(&pair.processor)?, measure(&rounded)?);
    let of = pair.processor.strategy.name();
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
