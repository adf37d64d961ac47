//! Whether a device computes what the processor computes: the same weights, batch and seed on both.
//!
//! The processor as a device plays another one: its fused kernels are switched off, so that both sides are computed in
//! different ways and a rehearsal can fail.

mod networks;
mod pictures;
mod rounding;
mod sums;
mod trace;

use burn::backend::Flex;

use super::material::{Material, highest_stage, made_up_weights};
use super::{BenchError, Check, Finding, Tell};
use crate::domain::arrays::Arrays;
use crate::domain::{NetworkName, Precision, Strategy};
use crate::model::device::{Device, DeviceKind};
use crate::model::kernels::{TrainBackend, plainly};
use crate::worker::backend::{DeviceJob, Habits, on_device};

pub(super) use networks::Subject;

/// The side that the device is held against.
type Processor = burn::backend::Autodiff<Flex>;

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Images in a batch; by default what the device is good for.
    pub batch: Option<usize>,
    /// Pixels along a side for a pretrained base.
    pub size: Option<usize>,
    /// VGG16's weights; without them made-up ones.
    pub weights: Option<Arrays>,
    /// Decides weights, inputs and labels.
    pub seed: u64,
    /// What the device's convolutions compute in; the processor's do in f32.
    pub precision: Precision,
}

/// How exact a device is expected to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected {
    /// What an error may be.
    pub(super) bar: f64,
    rounding: Rounding,
}

/// What the processor does to find out what rounding alone moves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rounding {
    /// So many bits behind the first survive in weights and inputs.
    Bits(u32),
    /// It computes in bf16 itself.
    Bf16,
}

impl Expected {
    /// Ten bits of each factor.
    const TF32: Self = Self { bar: 1e-3, rounding: Rounding::Bits(10) };
    /// All bits; what is rounded last differs with the order of sums.
    const FULL: Self = Self { bar: 1e-5, rounding: Rounding::Bits(21) };
    /// Eight bits of everything that is between convolutions, against f32.
    const BF16: Self = Self { bar: 1e-2, rounding: Rounding::Bf16 };

    /// What the processor computes on besides.
    fn moved(self, material: &Material) -> Material {
        match self.rounding {
            Rounding::Bits(bits) => material.rounded(bits),
            Rounding::Bf16 => material.computing_in(Precision::Bf16),
        }
    }

    /// The same and, where bits are rounded, one bit less: ten steps grow a single rounding by chance.
    fn moved_twice(self, material: &Material) -> Vec<Material> {
        let coarser = match self.rounding {
            Rounding::Bits(bits) => Some(material.rounded(bits - 1)),
            Rounding::Bf16 => None,
        };
        std::iter::once(self.moved(material)).chain(coarser).collect()
    }
}

/// Checks everything. False if anything is not as it should be.
///
/// # Errors
/// When there is nothing to check, or the device fails at it.
pub fn agree(device: &Device, options: &Options, tell: Tell<'_>) -> Result<bool, BenchError> {
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
    tell(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    let weights = options.weights.clone().unwrap_or_else(|| made_up_weights(NetworkName::VGG16, options.seed));
    let material =
        |strategy, size| Material::new(strategy, [batch, size], highest_stage(), weights.clone(), options.seed);
    // `wide` has the layers of `deep`. Its nine batch norms grow rounding so far that no bar would tell right from wrong.
    let told_apart = |network: &NetworkName| *network != NetworkName::WIDE;
    let from_scratch =
        NetworkName::from_scratch().filter(told_apart).map(|network| material(Strategy::Cnn, 48).through(network));
    let subjects =
        from_scratch.chain([Strategy::Features, Strategy::Finetune].map(|strategy| material(strategy, size)));
    let subjects =
        subjects.map(|material| Pair { here: material.computing_in(options.precision), processor: material });
    let job = Job { kind: device.kind, size, subjects: subjects.collect(), precision: options.precision, tell };
    on_device(device.kind, 0, job)
}

/// What is computed on the device, and on the processor: the same, but in tests.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) here: Material,
    pub(super) processor: Material,
}

struct Job<'a> {
    kind: DeviceKind,
    size: usize,
    subjects: Vec<Pair>,
    precision: Precision,
    tell: Tell<'a>,
}

impl DeviceJob for Job<'_> {
    type Output = Result<bool, BenchError>;

    fn run<B>(self, device: &B::Device, _: Habits) -> Self::Output
    where
        B: TrainBackend,
    {
        let Self { kind, size, subjects, precision, tell } = self;
        let mut holds = true;
        let mut tell = |finding: Finding| {
            holds &= !matches!(&finding, Finding::Check(Check { holds: false, .. }));
            tell(finding);
        };
        let mut all = || everything::<B>(device, kind, size, &subjects, precision, &mut tell);
        match kind {
            DeviceKind::Cpu => plainly(all),
            DeviceKind::Cuda(_) => all(),
        }?;
        Ok(holds)
    }
}

fn everything<B>(
    device: &B::Device,
    kind: DeviceKind,
    size: usize,
    subjects: &[Pair],
    precision: Precision,
    tell: Tell<'_>,
) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let measured = rounding::measure::<B::InnerBackend>(device, kind, tell);
    let expected = match precision {
        Precision::F32 => measured,
        Precision::Bf16 => Expected::BF16,
    };
    for pair in subjects {
        networks::check::<B>(pair, expected, device, tell)?;
    }
    for pair in subjects {
        trace::check::<B>(pair, expected, device, tell)?;
    }
    pictures::check::<B::InnerBackend>(device, size, tell)?;
    pictures::gather::<B::InnerBackend>(device, kind, tell);
    sums::check::<B>(device, tell)
}

/// Computes on the processor with its own kernels, whatever is switched off around it.
fn on_the_processor<T>(act: impl FnOnce() -> T + Send) -> T
where
    T: Send,
{
    // The switch is one of the calling thread.
    std::thread::scope(|scope| {
        let thread = scope.spawn(act);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// ‖a − b‖ / ‖b‖; no number if the lengths differ, or if something in them is none.
pub(super) fn relative(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    let size = norm(&mut b.iter().map(|b| f64::from(*b)));
    if difference == 0.0 { 0.0 } else { difference / size }
}

/// The parts that fail when the device is given another network than the processor.
#[cfg(test)]
pub(super) fn failed_with<B>(strategy: Strategy, change: super::material::Change, device: &B::Device) -> Vec<String>
where
    B: TrainBackend,
{
    let processor = Material::new(strategy, [4, 32], highest_stage(), made_up_weights(NetworkName::VGG16, 7), 7);
    let pair = Pair { here: Material { change, ..processor.clone() }, processor };
    let mut failed = Vec::new();
    let mut tell = |finding| {
        if let Finding::Check(Check { holds: false, part, .. }) = finding {
            failed.push(part);
        }
    };
    networks::check::<B>(&pair, Expected::FULL, device, &mut tell).expect("computed");
    trace::check::<B>(&pair, Expected::FULL, device, &mut tell).expect("trained");
    failed
}

/// What errors may be on a device that rounds to ten bits, by part.
#[cfg(test)]
pub(super) fn bars<B>(strategy: Strategy, device: &B::Device) -> Vec<(String, f64)>
where
    B: TrainBackend,
{
    let material = Material::new(strategy, [4, 32], highest_stage(), made_up_weights(NetworkName::VGG16, 7), 7);
    let pair = Pair { here: material.clone(), processor: material };
    let mut bars = Vec::new();
    let mut tell = |finding| {
        if let Finding::Check(Check { part, bar, .. }) = finding {
            bars.push((part, bar));
        }
    };
    networks::check::<B>(&pair, Expected::TF32, device, &mut tell).expect("computed");
    bars
}
