//! Measures the speed of each convolution of VGG16, forward and with its gradients.

use std::time::Instant;

use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};

use super::bench_inputs::{CLASSES, made_up_weights};
use super::{BenchError, Finding, ReportFinding, spread, wait};
use crate::domain::arrays::{Arrays, MismatchError};
use crate::domain::network::{ResolveError, ResolvedLayer, ResolvedNetwork, Step};
use crate::domain::{NetworkName, Precision};
use crate::model::device::{Device, DeviceKind};
use crate::model::in_precision;
use crate::model::kernels::{KernelBackend, TrainBackend, conv3x3_relu, conv3x3_relu_maxpool2};
use crate::worker::backend::{DeviceJob, DevicePolicy, on_device};

/// Passes that are not counted, because kernels are compiled and tuned in them.
const WARM_UP: u32 = 2;

/// Parts in which the passes are measured.
const PARTS: u32 = 5;

/// The settings of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Images in a batch; the default depends on the kind of device.
    pub batch: Option<usize>,
    /// Pixels along a side of the images.
    pub size: Option<usize>,
    /// The precision of convolutions.
    pub precision: Precision,
    /// Passes in each of five parts, after which the device is waited for.
    pub repeats: u32,
}

/// Measures all convolutions in their order.
///
/// # Errors
/// If the images are too small for the network, or the device fails.
pub fn layers(device: &Device, options: Options, report: ReportFinding<'_>) -> Result<(), BenchError> {
    let (batch, size) = match device.kind {
        DeviceKind::Cpu => (4, 64),
        DeviceKind::Cuda(_) => (64, 224),
    };
    let (batch, size) = (options.batch.unwrap_or(batch), options.size.unwrap_or(size));
    if batch == 0 || options.repeats == 0 {
        return Err(BenchError::Nothing("image and pass"));
    }
    resolve(size)?;
    report(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    on_device(device.kind, 0, Job { batch, size, precision: options.precision, repeats: options.repeats, report })
}

/// Resolves VGG16 for images of this side.
fn resolve(size: usize) -> Result<ResolvedNetwork, ResolveError> {
    let architecture = NetworkName::VGG16.architecture();
    let channels = architecture.pretrained.map_or(1, |pretrained| pretrained.channels);
    architecture.resolve([channels, size, size], CLASSES)
}

struct Job<'a> {
    batch: usize,
    size: usize,
    precision: Precision,
    repeats: u32,
    report: ReportFinding<'a>,
}

impl DeviceJob for Job<'_> {
    type Output = Result<(), BenchError>;

    fn run<B>(mut self, device: &B::Device, _: DevicePolicy) -> Self::Output
    where
        B: TrainBackend,
    {
        let weights = made_up_weights(NetworkName::VGG16, 1);
        let resolved = resolve(self.size)?;
        let plan = resolved.plan(0..resolved.units.len());
        let blocks = plan.steps.iter().filter_map(|step| match step {
            Step::ConvolutionBlock { convolution, pool, .. } => Some((*convolution, *pool)),
            _ => None,
        });
        blocks
            .into_iter()
            .try_for_each(|(index, pool)| self.layer::<B>(&weights, &plan.layers[index], pool, index == 0, device))
    }
}

impl Job<'_> {
    fn layer<B>(
        &mut self,
        weights: &Arrays,
        layer: &ResolvedLayer,
        pooled: bool,
        first: bool,
        device: &B::Device,
    ) -> Result<(), BenchError>
    where
        B: TrainBackend,
    {
        let prefix = NetworkName::VGG16.architecture().pretrained.map_or("", |pretrained| pretrained.prefix);
        let name = layer.name.strip_prefix(prefix).unwrap_or(&layer.name).to_owned();
        let ([inputs, side, _], [outputs, ..]) = (layer.input, layer.output);
        let array = |part: &str| {
            let name = format!("{name}.{part}");
            weights.get(&name).ok_or(MismatchError::Missing(name))
        };
        let (weight, bias) = (array("weight")?, array("bias")?);

        // Both signs, so that `ReLU` sets about half of the outputs to zero, as in a trained network.
        let images = Tensor::<B::InnerBackend, 4>::random(
            [self.batch, inputs, side, side],
            Distribution::Uniform(-1.0, 1.0),
            device,
        );
        let images = in_precision(images, self.precision);
        let forward = {
            let (weight, bias) = (weight.to_tensor(device), bias.to_tensor(device));
            self.milliseconds::<B::InnerBackend>(device, || {
                drop(convolve(images.clone(), &weight, &bias, pooled));
            })?
        };
        let both = {
            let weight = weight.to_tensor::<B, 4>(device).require_grad();
            let bias = bias.to_tensor::<B, 1>(device).require_grad();
            let images = Tensor::<B, 4>::from_inner(images);
            // The first convolution's input needs no gradient.
            let images = if first { images } else { images.require_grad() };
            self.milliseconds::<B>(device, || drop(convolve(images.clone(), &weight, &bias, pooled).backward()))?
        };
        let backward_products = if first { 1 } else { 2 };
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let teraflops = |products: u64, milliseconds: f64| {
            (2 * layer.multiply_adds * self.batch as u64 * products) as f64 / milliseconds / 1e9
        };
        (self.report)(Finding::Layer {
            teraflops: [teraflops(1, forward[0]), teraflops(1 + backward_products, both[0])],
            layer: name,
            batch: self.batch,
            channels: [inputs, outputs],
            side,
            precision: self.precision,
            forward_milliseconds: forward,
            both_milliseconds: both,
        });
        Ok(())
    }

    /// Returns the milliseconds of a pass: the median of several parts, the least and the most.
    fn milliseconds<B: Backend>(&self, device: &B::Device, mut pass: impl FnMut()) -> Result<[f64; 3], BenchError> {
        let mut part = |passes: u32| {
            let begun = Instant::now();
            for _ in 0..passes {
                pass();
            }
            wait::<B>(device)?;
            Ok(1e3 * begun.elapsed().as_secs_f64() / f64::from(passes))
        };
        part(WARM_UP)?;
        Ok(spread((0..PARTS).map(|_| part(self.repeats)).collect::<Result<_, BenchError>>()?))
    }
}

fn convolve<B: KernelBackend>(
    x: Tensor<B, 4>,
    weight: &Tensor<B, 4>,
    bias: &Tensor<B, 1>,
    pooled: bool,
) -> Tensor<B, 4> {
    let (weight, bias) = (weight.clone(), bias.clone());
    if pooled { conv3x3_relu_maxpool2(x, weight, bias) } else { conv3x3_relu(x, weight, bias) }
}
