//! Measures how a device rounds products, because burn's kernels on a GPU depend on shapes and on tuning.

use burn::tensor::{Tensor, TensorData};

use super::{Tolerance, relative};
use crate::bench::bench_inputs::uniform;
use crate::bench::{Check, Finding, ReportFinding};
use crate::model::device::DeviceKind;
use crate::model::kernels::{KernelBackend, conv3x3_relu, copy_to_host};

/// The side of a matrix product; images, channels and side of a convolution.
type Shapes = (usize, [usize; 3]);

/// Small shapes, and for a GPU also those of a network's middle layers, for which burn may choose other kernels.
const SMALL: Shapes = (256, [1, 64, 16]);
const LARGE: Shapes = (2048, [16, 128, 56]);

/// Results that are also computed in f64; all would take too long.
const SAMPLES: usize = 2048;

/// The largest error of a device that computes with all bits of both factors.
const EXACT: f64 = 1e-5;

/// Multiplies and convolves, reports the errors against f64, and returns the tolerance for the other checks.
pub(super) fn measure<B: KernelBackend>(device: &B::Device, kind: DeviceKind, report: ReportFinding<'_>) -> Tolerance {
    let shapes: &[Shapes] = match kind {
        DeviceKind::Cpu => &[SMALL],
        DeviceKind::Cuda(_) => &[SMALL, LARGE],
    };
    // NaN stays NaN, because a comparison with it is false.
    let worst = |errors: Vec<f64>| {
        errors.into_iter().fold(0.0, |worst, e| if e <= worst || worst.is_nan() { worst } else { e })
    };
    let product = worst(shapes.iter().map(|(size, _)| product::<B>(*size, device)).collect());
    let convolution = worst(shapes.iter().map(|(_, shape)| convolution::<B>(*shape, device)).collect());
    // NaN is not exact either.
    let coarse = !(product <= EXACT && convolution <= EXACT);
    let expected = if coarse { Tolerance::TF32 } else { Tolerance::FULL };
    report(Finding::Rounding { coarse, product, convolution });
    report(Finding::Check(Check::new("arithmetic", "matrix product", product, 0.0, expected.bar)));
    report(Finding::Check(Check::new("arithmetic", "convolution", convolution, 0.0, expected.bar)));
    expected
}

/// Returns the relative error of a sample of the results.
#[allow(clippy::cast_possible_truncation)] // the reference, rounded to what is compared
fn error<B: KernelBackend, const D: usize>(found: Tensor<B, D>, expected: impl Fn(usize) -> f64) -> f64 {
    let found: Vec<f32> = copy_to_host(found).convert::<f32>().into_vec().unwrap_or_default();
    // An odd stride, so that all rows, columns and channels are sampled.
    let stride = (found.len() / SAMPLES).max(1) | 1;
    let sampled: Vec<usize> = (0..found.len()).step_by(stride).collect();
    let found: Vec<f32> = sampled.iter().map(|at| found[*at]).collect();
    let expected: Vec<f32> = sampled.into_iter().map(|at| expected(at) as f32).collect();
    if found.is_empty() { f64::NAN } else { relative(&found, &expected) }
}

fn product<B: KernelBackend>(size: usize, device: &B::Device) -> f64 {
    let [a, b] = [1, 2].map(|seed| uniform(size * size, 1.0, seed));
    let [left, right] =
        [&a, &b].map(|values| Tensor::<B, 2>::from_data(TensorData::new(values.clone(), [size, size]), device));
    error(left.matmul(right), |at| {
        let (row, column) = (at / size, at % size);
        (0..size).map(|k| f64::from(a[row * size + k]) * f64::from(b[k * size + column])).sum()
    })
}

fn convolution<B: KernelBackend>([images, channels, side]: [usize; 3], device: &B::Device) -> f64 {
    let plane = side * side;
    let (x, w) = (uniform(images * channels * plane, 1.0, 3), uniform(channels * channels * 9, 1.0, 4));
    let input = Tensor::<B, 4>::from_data(TensorData::new(x.clone(), [images, channels, side, side]), device);
    let weight = Tensor::<B, 4>::from_data(TensorData::new(w.clone(), [channels, channels, 3, 3]), device);
    error(conv3x3_relu(input, weight, Tensor::zeros([channels], device)), |at| {
        let (image, channel) = (at / (channels * plane), at / plane % channels);
        let (row, column) = (at / side % side, at % side);
        let mut sum = 0.0;
        for from in 0..channels {
            let of_input = &x[(image * channels + from) * plane..][..plane];
            for tap in 0..9 {
                let (down, right) = (row + tap / 3, column + tap % 3);
                if (1..=side).contains(&down) && (1..=side).contains(&right) {
                    let weight = w[(channel * channels + from) * 9 + tap];
                    sum += f64::from(weight) * f64::from(of_input[(down - 1) * side + right - 1]);
                }
            }
        }
        sum.max(0.0)
    })
}
