//! Measures the speed of a training step on inputs that are on the device.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::backend::Backend;

use super::agree::NetworkUnderTest;
use super::bench_inputs::{BenchInputs, made_up_weights};
use super::{BenchError, Finding, ReportFinding, spread, wait};
use crate::domain::arrays::Arrays;
use crate::domain::{NetworkName, Precision, StageName, Strategy};
use crate::model::device::Device;
use crate::model::kernels::{TrainBackend, copy_to_host};
use crate::model::network::{Network, StepKey};
use crate::train::epoch::train_step;
use crate::train::loss::Objective;
use crate::train::optimizer::{NetworkOptimizer, OptimizerSettings};
use crate::worker::backend::{DeviceJob, DevicePolicy, on_device};

/// Parts in which the steps are measured.
const PARTS: u32 = 5;

/// The settings of a measurement.
#[derive(Debug, Clone)]
pub struct Options {
    /// The strategy.
    pub strategy: Strategy,
    /// The network of a strategy without imported weights; by default the strategy's own.
    pub network: Option<NetworkName>,
    /// Images in a batch.
    pub batch: usize,
    /// Pixels along a side.
    pub size: usize,
    /// Steps to measure, at least one.
    pub steps: u32,
    /// Steps between the first step and the measured ones.
    pub warm_up: u32,
    /// The lowest stage that fine-tuning trains.
    pub unfreeze: StageName,
    /// The precision of convolutions.
    pub precision: Precision,
}

/// Measures a training step.
///
/// # Errors
/// If the network cannot be resolved for the images, has no such stage, or the device fails.
pub fn step(device: &Device, options: &Options, report: ReportFinding<'_>) -> Result<(), BenchError> {
    if options.batch == 0 || options.steps == 0 {
        return Err(BenchError::Nothing("image and step"));
    }
    let drawn = |network: NetworkName| network.architecture().pretrained.is_none();
    if options.network.is_some_and(|network| !options.strategy.is_from_scratch() || !drawn(network)) {
        return Err(BenchError::Network);
    }
    // Checked before weights are made up, which takes time.
    options.bench_inputs(Arrays::new()).resolve()?;
    report(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    let found = on_device(device.kind, 0, Job(options.clone()))?;
    report(found);
    Ok(())
}

struct Job(Options);

impl DeviceJob for Job {
    type Output = Result<Finding, BenchError>;

    fn run<B>(self, device: &B::Device, policy: DevicePolicy) -> Self::Output
    where
        B: TrainBackend,
    {
        let options = self.0;
        let weights = made_up_weights(options.strategy.network(), 1);
        let bench_inputs = BenchInputs { forward_chunk: policy.forward_chunk, ..options.bench_inputs(weights) };
        let (resolved, cut) = bench_inputs.resolve()?;
        let operations = resolved.forward_operations(cut.frozen()) + resolved.training_operations(cut);
        let subject = NetworkUnderTest::<B>::new(&bench_inputs, device)?;
        let seconds = time(&options, &subject, device)?;
        Ok(options.finding(bench_inputs.name(), seconds, operations))
    }
}

/// Seconds of the first step, and of one step in each part.
struct Seconds {
    first: f64,
    steps: Vec<f64>,
}

fn time<B>(options: &Options, subject: &NetworkUnderTest<B>, device: &B::Device) -> Result<Seconds, BenchError>
where
    B: TrainBackend,
{
    wait::<B>(device)?;
    let mut network = Some(subject.network.clone());
    let mut adam: NetworkOptimizer<B> = NetworkOptimizer::new(OptimizerSettings::ADAM);
    let mut number = 0;
    // Runs some steps, and waits until the device has finished them.
    let mut run = |steps: u32| -> Result<f64, BenchError> {
        let begun = Instant::now();
        for _ in 0..steps {
            number += 1;
            let key = StepKey { seed: 1, epoch: 1, step: number };
            let now = network.take().unwrap_or_else(|| unreachable!("put back by the step before"));
            let (inputs, labels) = (subject.inputs(), subject.labels.clone());
            let (moved, ..) = train_step(now, &mut adam, inputs, labels, key, [1e-4, 1e-5], &Objective::plain());
            network = Some(moved);
        }
        wait_for_weights(network.as_ref(), device)?;
        Ok(begun.elapsed().as_secs_f64() / f64::from(steps))
    };
    let first = run(1)?;
    if options.warm_up > 0 {
        run(options.warm_up)?;
    }
    let parts = PARTS.min(options.steps);
    let steps = (0..parts).map(|part| run(options.steps / parts + u32::from(part < options.steps % parts)));
    Ok(Seconds { first, steps: steps.collect::<Result<_, _>>()? })
}

/// Waits for the last step by reading weights, which only the optimizer writes.
fn wait_for_weights<B: TrainBackend>(network: Option<&Network<B>>, device: &B::Device) -> Result<(), BenchError> {
    struct Flush;
    impl<B: Backend> burn::module::ModuleVisitor<B> for Flush {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<burn::tensor::Tensor<B, D>>) {
            // Reads a number of each parameter, so that no part of the step can be deferred.
            let tensor = param.val();
            let first = tensor.dims().map(|_| 0..1);
            drop(copy_to_host(tensor.slice(first)));
        }
    }
    wait::<B>(device)?;
    if let Some(network) = network {
        network.visit(&mut Flush);
    }
    wait::<B>(device)
}

impl Options {
    /// Returns the inputs of the measurement with these imported weights.
    fn bench_inputs(&self, weights: Arrays) -> BenchInputs {
        let shape = [self.batch, self.size];
        let bench_inputs = BenchInputs::new(self.strategy, shape, self.unfreeze.clone(), weights, 1);
        let bench_inputs = BenchInputs { precision: self.precision, ..bench_inputs };
        match self.network {
            Some(network) => bench_inputs.select_network(network),
            None => bench_inputs,
        }
    }

    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn finding(&self, strategy: &'static str, Seconds { first, steps }: Seconds, operations: u64) -> Finding {
        let milliseconds = spread(steps).map(|seconds| 1e3 * seconds);
        let images_per_second = 1e3 * self.batch as f64 / milliseconds[0];
        Finding::Step {
            strategy,
            batch: self.batch,
            size: self.size,
            steps: self.steps,
            precision: self.precision,
            first_seconds: first,
            milliseconds,
            images_per_second,
            operations_per_image: operations,
            teraflops: operations as f64 * images_per_second / 1e12,
        }
    }
}
