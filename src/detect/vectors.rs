//! Convolutions of one row with SIMD vectors. Rows are `[pixels, channels]`.

use pulp::Simd;

/// Pixels computed together: with two vectors each, twelve sums fit into registers.
const PIXELS: usize = 6;

/// The weights of a convolution: of a pointwise one `[inputs, outputs]`, of a depthwise one `[3, 3, channels]`.
#[derive(Debug, Clone)]
pub(super) struct Kernel {
    pub(super) weight: Vec<f32>,
    /// The biases, `[outputs]`; their number is a multiple of 16.
    pub(super) bias: Vec<f32>,
}

/// Writes `input[pixel]` · weight + bias, at least `floor`, to `out[pixel]`; both rows have the same number of pixels.
#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
pub(super) fn pointwise<S: Simd>(simd: S, input: &[f32], kernel: &Kernel, floor: f32, out: &mut [f32]) {
    if kernel.bias.len().is_multiple_of(2 * S::F32_LANES) {
        panels::<S, 2>(simd, input, kernel, floor, out);
    } else {
        panels::<S, 1>(simd, input, kernel, floor, out);
    }
}

#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
fn panels<S: Simd, const V: usize>(simd: S, input: &[f32], kernel: &Kernel, floor: f32, out: &mut [f32]) {
    let outputs = kernel.bias.len();
    let inputs = kernel.weight.len() / outputs;
    for first in (0..outputs).step_by(V * S::F32_LANES) {
        for (input, out) in input.chunks(PIXELS * inputs).zip(out.chunks_mut(PIXELS * outputs)) {
            match input.len() / inputs {
                6 => block::<S, V, 6>(simd, input, kernel, first, floor, out),
                5 => block::<S, V, 5>(simd, input, kernel, first, floor, out),
                4 => block::<S, V, 4>(simd, input, kernel, first, floor, out),
                3 => block::<S, V, 3>(simd, input, kernel, first, floor, out),
                2 => block::<S, V, 2>(simd, input, kernel, first, floor, out),
                _ => block::<S, V, 1>(simd, input, kernel, first, floor, out),
            }
        }
    }
}

/// Writes `V` vectors of outputs of `P` pixels, from output `first` on.
#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
fn block<S: Simd, const V: usize, const P: usize>(
    simd: S,
    input: &[f32],
    kernel: &Kernel,
    first: usize,
    floor: f32,
    out: &mut [f32],
) {
    let outputs = kernel.bias.len();
    let inputs = input.len() / P;
    let mut sums = [load::<S, V>(&kernel.bias[first..]); P];
    let pixels: [&[f32]; P] = std::array::from_fn(|pixel| &input[pixel * inputs..][..inputs]);
    for (at, weights) in kernel.weight.chunks_exact(outputs).enumerate() {
        let weights = load::<S, V>(&weights[first..]);
        for (sums, pixel) in sums.iter_mut().zip(pixels) {
            let value = simd.splat_f32s(pixel[at]);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_f32s(value, weight, *sum);
            }
        }
    }
    let floor = simd.splat_f32s(floor);
    for (out, sums) in out.chunks_exact_mut(outputs).zip(sums) {
        let out = &mut out[first..][..V * S::F32_LANES];
        for (out, sum) in S::as_mut_simd_f32s(out).0.iter_mut().zip(sums) {
            *out = simd.max_f32s(sum, floor);
        }
    }
}

/// Writes the depthwise 3×3 convolution of three rows, at least `floor`. The rows have a pixel of padding at both ends.
#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
pub(super) fn depthwise<S: Simd>(simd: S, rows: [&[f32]; 3], kernel: &Kernel, floor: f32, out: &mut [f32]) {
    let channels = kernel.bias.len();
    let floor = simd.splat_f32s(floor);
    for first in (0..channels).step_by(S::F32_LANES) {
        let [bias] = load::<S, 1>(&kernel.bias[first..]);
        let weights: [S::f32s; 9] =
            std::array::from_fn(|tap| load::<S, 1>(&kernel.weight[tap * channels + first..])[0]);
        for (pixel, out) in out.chunks_exact_mut(channels).enumerate() {
            let mut sum = bias;
            for (row, weights) in rows.iter().zip(weights.chunks_exact(3)) {
                // The pixel before, the pixel and the one after it.
                let row = &row[pixel * channels..][..3 * channels];
                for (column, weight) in weights.iter().enumerate() {
                    let [value] = load::<S, 1>(&row[column * channels + first..]);
                    sum = simd.mul_add_f32s(value, *weight, sum);
                }
            }
            let out = &mut out[first..][..S::F32_LANES];
            S::as_mut_simd_f32s(out).0[0] = simd.max_f32s(sum, floor);
        }
    }
}

/// Returns the first `V` vectors of `values`.
#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
fn load<S: Simd, const V: usize>(values: &[f32]) -> [S::f32s; V] {
    let vectors = S::as_simd_f32s(&values[..V * S::F32_LANES]).0;
    std::array::from_fn(|at| vectors[at])
}
