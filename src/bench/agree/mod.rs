//! Checks whether a device computes the same results as the CPU, from the same weights, batch and seed.
//!
//! With the CPU as the device, its fused kernels are switched off for that side. Otherwise both sides would be computed
//! in the same way and no check could fail.

mod networks;
mod pictures;
mod rounding;
mod sums;
mod trace;

use burn::backend::Flex;

use super::bench_inputs::{BenchInputs, highest_stage, made_up_weights};
use super::{BenchError, Check, Finding, ReportFinding};
use crate::domain::arrays::Arrays;
use crate::domain::{NetworkName, Precision, Strategy};
use crate::model::device::{Device, DeviceKind};
use crate::model::kernels::{TrainBackend, with_reference_kernels};
use crate::worker::backend::{DeviceJob, DevicePolicy, on_device};

pub(super) use networks::NetworkUnderTest;

/// The backend with which the device is compared.
type CpuBackend = burn::backend::Autodiff<Flex>;

/// The settings of a check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Images in a batch; the default depends on the kind of device.
    pub batch: Option<usize>,
    /// Pixels along a side for networks on imported weights.
    pub size: Option<usize>,
    /// VGG16's weights; made up if `None`.
    pub weights: Option<Arrays>,
    /// The seed of weights, inputs and labels.
    pub seed: u64,
    /// The precision of the device's convolutions; the CPU computes in f32.
    pub precision: Precision,
}

/// The expected accuracy of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerance {
    /// The largest relative error.
    pub(super) bar: f64,
    rounding: Rounding,
}

/// The rounding that the CPU simulates, to measure its effect without other errors.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rounding {
    /// Weights and inputs are rounded to so many bits after the first.
    Bits(u32),
    /// The CPU computes in bf16.
    Bf16,
}

impl Tolerance {
    /// TF32: ten bits of each factor.
    const TF32: Self = Self { bar: 1e-3, rounding: Rounding::Bits(10) };
    /// f32: results differ only by the order of sums.
    const FULL: Self = Self { bar: 1e-5, rounding: Rounding::Bits(21) };
    /// bf16: eight bits of everything between convolutions, compared with f32.
    const BF16: Self = Self { bar: 1e-2, rounding: Rounding::Bf16 };

    /// Returns the inputs, rounded or to be computed in bf16.
    fn perturbed(self, bench_inputs: &BenchInputs) -> BenchInputs {
        match self.rounding {
            Rounding::Bits(bits) => bench_inputs.rounded(bits),
            Rounding::Bf16 => bench_inputs.computing_in(Precision::Bf16),
        }
    }

    /// Returns the perturbed inputs and, where bits are rounded, inputs with one bit less. Ten steps may amplify a
    /// single rounding by chance.
    fn perturbations(self, bench_inputs: &BenchInputs) -> Vec<BenchInputs> {
        let coarser = match self.rounding {
            Rounding::Bits(bits) => Some(bench_inputs.rounded(bits - 1)),
            Rounding::Bf16 => None,
        };
        std::iter::once(self.perturbed(bench_inputs)).chain(coarser).collect()
    }
}

/// Runs all checks. Returns false if one fails.
///
/// # Errors
/// If the batch is empty, the images are too small, or the device fails.
pub fn agree(device: &Device, options: &Options, report: ReportFinding<'_>) -> Result<bool, BenchError> {
    let (batch, size) = match device.kind {
        DeviceKind::Cpu => (8, 48),
        DeviceKind::Cuda(_) => (32, 224),
    };
    let (batch, size) = (options.batch.unwrap_or(batch), options.size.unwrap_or(size));
    let least = Strategy::ALL.map(|strategy| strategy.network().architecture().min_side()).into_iter().max();
    let least = least.unwrap_or_default();
    if batch == 0 {
        return Err(BenchError::Nothing("image in a batch"));
    }
    if size < least as usize {
        return Err(BenchError::TooSmall(least));
    }
    report(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    let weights = options.weights.clone().unwrap_or_else(|| made_up_weights(NetworkName::VGG16, options.seed));
    let bench_inputs =
        |strategy, size| BenchInputs::new(strategy, [batch, size], highest_stage(), weights.clone(), options.seed);
    // `wide` has the layers of `deep`, and its nine batch norms amplify rounding so far that no bar separates right
    // from wrong.
    let is_distinguishable = |network: &NetworkName| *network != NetworkName::WIDE;
    let from_scratch = NetworkName::from_scratch()
        .filter(is_distinguishable)
        .map(|network| bench_inputs(Strategy::Cnn, 48).select_network(network));
    let subjects =
        from_scratch.chain([Strategy::Features, Strategy::Finetune].map(|strategy| bench_inputs(strategy, size)));
    let subjects = subjects
        .map(|bench_inputs| InputPair { here: bench_inputs.computing_in(options.precision), cpu: bench_inputs });
    let job = Job { kind: device.kind, size, subjects: subjects.collect(), precision: options.precision, report };
    on_device(device.kind, 0, job)
}

/// The inputs of the device and of the CPU, which differ only in tests.
#[derive(Debug, Clone)]
pub(super) struct InputPair {
    pub(super) here: BenchInputs,
    pub(super) cpu: BenchInputs,
}

struct Job<'a> {
    kind: DeviceKind,
    size: usize,
    subjects: Vec<InputPair>,
    precision: Precision,
    report: ReportFinding<'a>,
}

impl DeviceJob for Job<'_> {
    type Output = Result<bool, BenchError>;

    fn run<B>(self, device: &B::Device, _: DevicePolicy) -> Self::Output
    where
        B: TrainBackend,
    {
        let Self { kind, size, subjects, precision, report } = self;
        let mut holds = true;
        let mut report = |finding: Finding| {
            holds &= !matches!(&finding, Finding::Check(Check { holds: false, .. }));
            report(finding);
        };
        let mut all = || run_checks::<B>(device, kind, size, &subjects, precision, &mut report);
        match kind {
            DeviceKind::Cpu => with_reference_kernels(all),
            DeviceKind::Cuda(_) => all(),
        }?;
        Ok(holds)
    }
}

fn run_checks<B>(
    device: &B::Device,
    kind: DeviceKind,
    size: usize,
    subjects: &[InputPair],
    precision: Precision,
    report: ReportFinding<'_>,
) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let measured = rounding::measure::<B::InnerBackend>(device, kind, report);
    let expected = match precision {
        Precision::F32 => measured,
        Precision::Bf16 => Tolerance::BF16,
    };
    for pair in subjects {
        networks::check::<B>(pair, expected, device, report)?;
    }
    for pair in subjects {
        trace::check::<B>(pair, expected, device, report)?;
    }
    pictures::check::<B::InnerBackend>(device, size, report)?;
    pictures::gather::<B::InnerBackend>(device, kind, report);
    sums::check::<B>(device, report)
}

/// Calls `act` on a thread with the CPU's own kernels, also where they are switched off on this thread.
fn on_cpu<T>(act: impl FnOnce() -> T + Send) -> T
where
    T: Send,
{
    // The switch belongs to the calling thread.
    std::thread::scope(|scope| {
        let thread = scope.spawn(act);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Returns ‖a − b‖ / ‖b‖; NaN if the lengths differ or a value is NaN.
pub(super) fn relative(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    let size = norm(&mut b.iter().map(|b| f64::from(*b)));
    if difference == 0.0 { 0.0 } else { difference / size }
}

/// Returns the parts that fail if the device gets a perturbed network.
#[cfg(test)]
pub(super) fn failed_with<B>(
    strategy: Strategy,
    change: super::bench_inputs::Perturbation,
    device: &B::Device,
) -> Vec<String>
where
    B: TrainBackend,
{
    let cpu = BenchInputs::new(strategy, [4, 32], highest_stage(), made_up_weights(NetworkName::VGG16, 7), 7);
    let pair = InputPair { here: BenchInputs { change, ..cpu.clone() }, cpu };
    let mut failed = Vec::new();
    let mut report = |finding| {
        if let Finding::Check(Check { holds: false, part, .. }) = finding {
            failed.push(part);
        }
    };
    networks::check::<B>(&pair, Tolerance::FULL, device, &mut report).expect("computed");
    trace::check::<B>(&pair, Tolerance::FULL, device, &mut report).expect("trained");
    failed
}

/// Returns each part's bar on a device that rounds to ten bits.
#[cfg(test)]
pub(super) fn bars<B>(strategy: Strategy, device: &B::Device) -> Vec<(String, f64)>
where
    B: TrainBackend,
{
    let bench_inputs = BenchInputs::new(strategy, [4, 32], highest_stage(), made_up_weights(NetworkName::VGG16, 7), 7);
    let pair = InputPair { here: bench_inputs.clone(), cpu: bench_inputs };
    let mut bars = Vec::new();
    let mut report = |finding| {
        if let Finding::Check(Check { part, bar, .. }) = finding {
            bars.push((part, bar));
        }
    };
    networks::check::<B>(&pair, Tolerance::TF32, device, &mut report).expect("computed");
    bars
}
