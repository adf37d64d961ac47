//! How fast a training step is, on inputs that are on the device already.

use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::agree::{Subject, Visit, visit};
use super::material::{CLASSES, Material, vgg16};
use super::{Finding, Tell, spread, wait};
use crate::domain::vgg16::{self, Block, MIN_SIZE};
use crate::domain::{Precision, Strategy};
use crate::model::cnn::MIN_SIDE;
use crate::model::device::Device;
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters;
use crate::model::vgg16::StepKey;
use crate::train::classifier::Classifier;
use crate::train::epoch::train_step;
use crate::train::optimizer::{self, AdamOptimizer};
use crate::worker::backend::{DeviceJob, Habits, on_device};

/// Parts that the steps are measured in.
const PARTS: u32 = 5;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The strategy.
    pub strategy: Strategy,
    /// Images in a batch.
    pub batch: usize,
    /// Pixels along a side.
    pub size: usize,
    /// Steps to measure, at least one.
    pub steps: u32,
    /// Steps before those, behind the first.
    pub warm_up: u32,
    /// The lowest block that fine-tuning trains.
    pub unfreeze: Block,
    /// What convolutions compute in.
    pub precision: Precision,
}

/// Measures it.
///
/// # Errors
/// In words: sizes that no network takes, or a device that fails.
pub fn step(device: &Device, options: &Options, tell: Tell<'_>) -> Result<(), String> {
    let least = if options.strategy == Strategy::Cnn { MIN_SIDE } else { MIN_SIZE as usize };
    if options.size < least || options.batch == 0 || options.steps == 0 {
        return Err(format!("there is at least one image and one step, and {least} pixels a side"));
    }
    tell(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    let found = on_device(device.kind, 0, Job(*options))?;
    tell(found);
    Ok(())
}

struct Job(Options);

impl DeviceJob for Job {
    type Output = Result<Finding, String>;

    fn run<B>(self, device: &B::Device, habits: Habits) -> Self::Output
    where
        B: AutodiffBackend + ConvBlockBackend,
        B::InnerBackend: ConvBlockBackend,
    {
        let Options { strategy, batch, size, unfreeze, precision, .. } = self.0;
        let weights = if strategy == Strategy::Cnn { parameters::Arrays::new() } else { vgg16(1) };
        let material = Material::new(strategy, [batch, size], unfreeze, weights, 1);
        let material = Material { precision, at_once: habits.at_once, ..material };
        let seconds = visit::<B, _>(&material, device, Timed { options: self.0, device: device.clone() })?;
        Ok(self.0.finding(seconds))
    }
}

/// Seconds of the first step, and of one step in each part.
struct Seconds {
    first: f64,
    steps: Vec<f64>,
}

struct Timed<D> {
    options: Options,
    device: D,
}

impl<B: AutodiffBackend> Visit<B> for Timed<B::Device>
where
    B::InnerBackend: ConvBlockBackend,
{
    type Output = Seconds;

    fn visit<M: AutodiffModule<B> + Classifier<B>>(self, subject: Subject<B, M>) -> Result<Seconds, String> {
        let Self { options, device } = self;
        wait::<B>(&device)?;
        let mut network = Some(subject.network.clone());
        let mut adam: AdamOptimizer<M, B> = optimizer::adam();
        let mut number = 0;
        // So many steps, and then nothing left to do on the device.
        let mut run = |steps: u32| -> Result<f64, String> {
            let begun = Instant::now();
            for _ in 0..steps {
                number += 1;
                let key = StepKey { seed: 1, epoch: 1, step: number };
                let now = network.take().ok_or("a step before this one failed")?;
                let (inputs, labels) = (subject.inputs(), subject.labels.clone());
                let (moved, ..) = train_step(now, &mut adam, inputs, labels, key, [1e-4, 1e-5]);
                network = Some(moved);
            }
            settle(network.as_ref(), &device)?;
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
}

/// Waits for the last step to its end: what is asked of the device is the weights, which nothing but the optimizer makes.
fn settle<B: AutodiffBackend, M: AutodiffModule<B>>(network: Option<&M>, device: &B::Device) -> Result<(), String> {
    struct Flush;
    impl<B: Backend> burn::module::ModuleVisitor<B> for Flush {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<burn::tensor::Tensor<B, D>>) {
            // One number of each, so that nothing of a step can be left for later.
            let tensor = param.val();
            let first = tensor.dims().map(|_| 0..1);
            drop(tensor.slice(first).into_data());
        }
    }
    wait::<B>(device)?;
    if let Some(network) = network {
        network.visit(&mut Flush);
    }
    wait::<B>(device)
}

impl Options {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn finding(self, Seconds { first, steps }: Seconds) -> Finding {
        let milliseconds = spread(steps).map(|seconds| 1e3 * seconds);
        let images_per_second = 1e3 * self.batch as f64 / milliseconds[0];
        let operations = self.operations();
        Finding::Step {
            strategy: self.strategy.name(),
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

    /// Multiplications and additions of convolutions and dense layers for one image: forward what is frozen; what is trained
    /// forward, and back to its weights and its input.
    fn operations(self) -> u64 {
        if self.strategy == Strategy::Cnn {
            let pixels = (self.size * self.size) as u64;
            let dense = 64 * (self.size / 4).pow(2) * CLASSES;
            // The input needs no gradient.
            return 2 * (2 * 9 * 32 * pixels + 3 * (9 * 32 * 64 * pixels / 4 + dense as u64));
        }
        let unfrozen = (self.strategy == Strategy::Finetune).then_some(self.unfreeze);
        let sum =
            |blocks: &mut dyn Iterator<Item = Block>| blocks.map(|block| block.operations(self.size)).sum::<u64>();
        let below = sum(&mut vgg16::frozen_blocks(unfrozen));
        let above = sum(&mut vgg16::trained_blocks(unfrozen)) + 2 * vgg16::head_parameters(CLASSES) as u64;
        below + 3 * above - self.first_input(unfrozen)
    }

    /// What is saved because the lowest trained convolution passes no gradient on.
    fn first_input(self, unfrozen: Option<Block>) -> u64 {
        unfrozen.map_or(0, |block| {
            let side = block.below().map_or(self.size, |below| below.side(self.size));
            2 * (9 * block.inputs() * block.channels() * side * side) as u64
        })
    }
}
