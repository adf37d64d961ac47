//! Checks the forward pass, the loss and the gradient of every parameter of each strategy's networks.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor};

use super::{CpuBackend, InputPair, Tolerance, on_cpu, relative};
use crate::bench::bench_inputs::BenchInputs;
use crate::bench::{BenchError, Check, Finding, ReportFinding};
use crate::domain::arrays::{Array, Arrays};
use crate::domain::{Precision, Strategy};
use crate::model::frozen::FrozenPart;
use crate::model::in_precision;
use crate::model::kernels::TrainBackend;
use crate::model::network::{Network, StepKey};

/// A strategy's network with its initial weights, and a batch of images.
pub(crate) struct NetworkUnderTest<B: TrainBackend> {
    pub(crate) network: Network<B>,
    pub(crate) frozen: Option<FrozenPart<B::InnerBackend>>,
    pub(crate) images: Tensor<B::InnerBackend, 4>,
    pub(crate) labels: Tensor<B::InnerBackend, 1, Int>,
    pub(crate) precision: Precision,
}

impl<B> NetworkUnderTest<B>
where
    B: TrainBackend,
{
    /// Builds the network of `bench_inputs` on a device.
    ///
    /// # Errors
    /// If the images are too small for the network, or the weights do not fit.
    pub(crate) fn new(bench_inputs: &BenchInputs, device: &B::Device) -> Result<Self, BenchError> {
        let (resolved, cut) = bench_inputs.resolve()?;
        let frozen = FrozenPart::new(&resolved, cut, &bench_inputs.weights, device)?;
        let frozen =
            frozen.map(|part| part.computing_in(bench_inputs.precision).in_chunks_of(bench_inputs.forward_chunk));
        let network = Network::new(resolved.plan(cut.trained()), &bench_inputs.weights, bench_inputs.seed, device);
        let network = network?;
        let parameters = bench_inputs.change.of(network.to_arrays());
        let network = network.load_arrays(&parameters)?;
        // A head without trained convolutions computes in f32.
        let only_head = bench_inputs.strategy == Strategy::Features;
        let precision = if only_head { Precision::F32 } else { bench_inputs.precision };
        Ok(Self {
            network,
            frozen,
            images: bench_inputs.images(device),
            labels: bench_inputs.labels(device),
            precision,
        })
    }

    /// Returns the batch behind the frozen part.
    pub(crate) fn inputs(&self) -> Tensor<B::InnerBackend, 4> {
        let inputs = match &self.frozen {
            Some(frozen) => frozen.forward(self.images.clone()),
            None => self.images.clone(),
        };
        in_precision(inputs, self.precision)
    }
}

/// The results of one forward and backward pass.
#[derive(Debug)]
struct MeasuredError {
    logits: Vec<f32>,
    loss: f32,
    gradients: Arrays,
}

/// Runs one forward and backward pass.
fn pass<B>(bench_inputs: &BenchInputs, device: &B::Device) -> Result<MeasuredError, BenchError>
where
    B: TrainBackend,
{
    let subject = NetworkUnderTest::<B>::new(bench_inputs, device)?;
    let inputs = Tensor::from_inner(subject.inputs());
    let NetworkUnderTest { network, labels, .. } = subject;
    let (logits, _) = network.training_logits(inputs, StepKey { seed: 1, epoch: 1, step: 1 });
    let loss_function = CrossEntropyLossConfig::new().init::<B>(&logits.device());
    let loss = loss_function.forward(logits.clone(), Tensor::from_inner(labels));
    let gradients = loss.backward();
    let mut found = Gradients::<B> { names: network.parameter_names(), all: &gradients, arrays: Arrays::new() };
    network.visit(&mut found);
    let values = |array: Array| array.values;
    let gradients = found.arrays;
    let loss = values(Array::from_tensor(loss)).first().copied().unwrap_or(f32::NAN);
    Ok(MeasuredError { logits: values(Array::from_tensor(logits)), loss, gradients })
}

struct Gradients<'a, B: TrainBackend> {
    names: HashMap<ParamId, String>,
    all: &'a B::Gradients,
    arrays: Arrays,
}

impl<B: TrainBackend> ModuleVisitor<B> for Gradients<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        // A parameter without a gradient is missing here, and its check fails.
        let gradient = param.val().grad(self.all).map(Array::from_tensor);
        self.arrays.extend(gradient.map(|gradient| (self.names[&param.id].clone(), gradient)));
    }
}

/// Compares the device with the CPU.
pub(super) fn check<B>(
    pair: &InputPair,
    expected: Tolerance,
    device: &B::Device,
    report: ReportFinding<'_>,
) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let here = pass::<B>(&pair.here, device)?;
    let rounded = expected.perturbed(&pair.cpu);
    let measure = |bench_inputs| on_cpu(|| pass::<CpuBackend>(bench_inputs, &Default::default()));
    let (cpu, rounded) = (measure(&pair.cpu)?, measure(&rounded)?);
    let of = pair.cpu.name();
    let mut report_check = |part: &str, [here, rounded, cpu]: [&[f32]; 3]| {
        let (error, moved) = (relative(here, cpu), relative(rounded, cpu));
        report(Finding::Check(Check::new(of, part, error, moved, expected.bar)));
    };
    report_check("logits", [&here.logits, &rounded.logits, &cpu.logits]);
    report_check("loss", [&[here.loss], &[rounded.loss], &[cpu.loss]]);
    for (name, gradient) in &cpu.gradients {
        let values = |of: &MeasuredError| of.gradients.get(name).map_or_else(Vec::new, |array| array.values.clone());
        report_check(&format!("gradient of {name}"), [&values(&here), &values(&rounded), &gradient.values]);
    }
    Ok(())
}
