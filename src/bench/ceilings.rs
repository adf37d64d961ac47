//! Measures the peak speed of a device through burn: matrix products in f32, and copies of memory.

use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};

use super::bench_inputs::uniform;
use super::{BenchError, Finding, ReportFinding, spread, wait};
use crate::model::device::{Device, DeviceKind};
use crate::model::kernels::TrainBackend;
use crate::worker::backend::{DeviceJob, DevicePolicy, on_device};

/// Repeats: the first ones are not counted, because kernels are compiled and tuned in them.
const WARM_UP: usize = 3;
const REPEATS: usize = 10;

/// The settings of a measurement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Rows and columns of the matrices; the default depends on the kind of device.
    pub size: Option<usize>,
    /// Mebibytes to copy.
    pub mebibytes: Option<usize>,
}

/// Measures matrix products and copies.
///
/// # Errors
/// If nothing would be measured, or the device fails.
pub fn ceilings(device: &Device, options: Options, report: ReportFinding<'_>) -> Result<(), BenchError> {
    let (size, mebibytes) = match device.kind {
        DeviceKind::Cpu => (512, 64),
        DeviceKind::Cuda(_) => (8192, 1024),
    };
    let (size, mebibytes) = (options.size.unwrap_or(size), options.mebibytes.unwrap_or(mebibytes));
    if size == 0 || mebibytes == 0 {
        return Err(BenchError::Nothing("row and mebibyte"));
    }
    report(Finding::Device { device: device.kind.to_string(), description: device.description.clone() });
    on_device(device.kind, 0, Job { size, mebibytes, report })
}

struct Job<'a> {
    size: usize,
    mebibytes: usize,
    report: ReportFinding<'a>,
}

impl DeviceJob for Job<'_> {
    type Output = Result<(), BenchError>;

    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn run<B>(self, device: &B::Device, _: DevicePolicy) -> Self::Output
    where
        B: TrainBackend,
    {
        let Self { size, mebibytes, report } = self;
        // Random numbers, because zeros can be faster than real data.
        let matrix = |seed| {
            let values = TensorData::new(uniform(size * size, 1.0, seed), [size, size]);
            Tensor::<B::InnerBackend, 2>::from_data(values, device)
        };
        let (a, b) = (matrix(1), matrix(2));
        let seconds = repeat::<B>(device, || drop(a.clone().matmul(b.clone())))?;
        let rate = |seconds: f64| 2.0 * (size as f64).powi(3) / seconds / 1e12;
        report(Finding::Product { size, teraflops: rates(seconds, rate) });
        drop((a, b));

        let count = mebibytes << 18;
        let part = uniform(1 << 18, 1.0, 3);
        let values: Vec<f32> = part.into_iter().cycle().take(count).collect();
        let source = Tensor::<B::InnerBackend, 1>::from_data(TensorData::new(values, [count]), device);
        // The result is new memory, because the source is needed again.
        let seconds = repeat::<B>(device, || drop(source.clone().mul_scalar(1.5)))?;
        let bytes = 4 * count as u64;
        let rate = |seconds: f64| 2.0 * bytes as f64 / seconds / 1e9;
        report(Finding::Copy { bytes, gigabytes_per_second: rates(seconds, rate) });
        Ok(())
    }
}

/// Returns the seconds of each repeat. Each is waited for, because the device could merge several into one pass over
/// memory.
fn repeat<B: AutodiffBackend>(device: &B::Device, mut act: impl FnMut()) -> Result<Vec<f64>, BenchError> {
    let mut seconds = Vec::with_capacity(REPEATS);
    for number in 0..WARM_UP + REPEATS {
        let begun = Instant::now();
        act();
        wait::<B>(device)?;
        if number >= WARM_UP {
            seconds.push(begun.elapsed().as_secs_f64());
        }
    }
    Ok(seconds)
}

/// Returns the median rate, the least and the most.
fn rates(seconds: Vec<f64>, rate: impl Fn(f64) -> f64) -> [f64; 3] {
    let [middle, least, most] = spread(seconds);
    [rate(middle), rate(most), rate(least)]
}
