//! Backward pass: from the gradient of the outputs to those of weight, bias and input.

use rayon::prelude::*;

use super::super::RequiredGradients;
use super::super::geometry::{BlockGradients, Geometry};
use super::super::lanes::{dispatch, lanes};
use super::super::scratch::{Scratch, recycled};
use super::input::{IntoInput, Kernels};
use super::padded::{pad, unpad};
use super::runs::{IntoRuns, Runs};
use super::thin::{self, IntoTaps};

/// The most parts of a batch. Each sums its own weight gradient, and the parts are added in order. A constant: a number
/// that followed the threads would change the rounding.
const PARTS: usize = 16;

/// The most numbers of all partial weight gradients, unless that left fewer than four parts.
const PARTIALS: usize = 16 << 20;

/// The gradient of one image's outputs `[h, w, c_out]`, with the codes that route it.
#[derive(Clone, Copy)]
pub(super) struct OutputGradient<'a> {
    pub(super) geometry: &'a Geometry,
    pub(super) grad: &'a [f32],
    pub(super) codes: &'a [u8],
}

impl OutputGradient<'_> {
    /// Returns the offset of each code's patch from the first one of its window, in a padded image. The last entry
    /// belongs to [`RELU_ZERO`](super::super::geometry::RELU_ZERO), so that the look-up needs no branch.
    pub(super) fn offsets(geometry: &Geometry) -> [usize; 5] {
        let (row, pixel) = (geometry.padded_row(), geometry.c_in);
        [0, pixel, row, row + pixel, 0]
    }

    /// Returns the index at which the patch of the window at row `y`, column `x` starts.
    #[inline(always)]
    pub(super) fn patch(geometry: &Geometry, y: usize, x: usize) -> usize {
        geometry.stride() * (y * geometry.padded_row() + x * geometry.c_in)
    }
}

/// Computes gradients from `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]`, `grad`, and the `codes` of the
/// forward pass. The last two have the layout of the output. The input's gradient has the layout of the input.
pub(in super::super) fn backward(
    geometry: &Geometry,
    grad: &[f32],
    x: &[f32],
    weight: &[f32],
    codes: &[u8],
    wanted: RequiredGradients,
) -> BlockGradients {
    BlockGradients {
        parameters: wanted.parameters.then(|| parameter_gradients(geometry, grad, x, codes)),
        x: wanted.x.then(|| input_gradient(geometry, grad, weight, codes)),
    }
}

fn parameter_gradients(geometry: &Geometry, grad: &[f32], x: &[f32], codes: &[u8]) -> (Vec<f32>, Vec<f32>) {
    let &Geometry { n, c_in, c_out, .. } = geometry;
    let thin = thin::suits(geometry);
    let runs = Runs::new(c_in, lanes());
    let weights = if thin { 9 * c_in * c_out } else { runs.numbers(c_out) };
    // Gradients of the weights, then of the biases.
    let len = weights + c_out;
    let out_image = c_out * geometry.out_plane();
    let parts = (PARTIALS / len).clamp(4, PARTS);
    let images = n.div_ceil(parts).max(1);
    let partials: Vec<Scratch> = (
        x.par_chunks(images * geometry.in_image()),
        grad.par_chunks((images * out_image).max(1)),
        codes.par_chunks((images * out_image).max(1)),
    )
        .into_par_iter()
        .map(|(x, grad, codes)| {
            let mut sums = Scratch::zeros(len);
            let (weight_sums, bias_sums) = sums.split_at_mut(weights);
            for (i, x) in x.chunks(geometry.in_image()).enumerate() {
                let padded = pad(geometry, x);
                let image = i * out_image..(i + 1) * out_image;
                let gradient = OutputGradient { geometry, grad: &grad[image.clone()], codes: &codes[image] };
                if thin {
                    dispatch(IntoTaps { gradient, padded: &padded, weight_sums, bias_sums });
                } else {
                    dispatch(IntoRuns { gradient, runs: &runs, padded: &padded, weight_sums, bias_sums });
                }
            }
            sums
        })
        .collect();
    let mut total = Scratch::zeros(len);
    for partial in &partials {
        for (total, part) in total.iter_mut().zip(partial.iter()) {
            *total += part;
        }
    }
    let (found, bias) = total.split_at(weights);
    (if thin { thin::unpack(geometry, found) } else { runs.unpack(found) }, bias.to_vec())
}

fn input_gradient(geometry: &Geometry, grad: &[f32], weight: &[f32], codes: &[u8]) -> Vec<f32> {
    let mut found = recycled(geometry.n * geometry.in_image());
    let kernels = Kernels::new(geometry, weight);
    let out_image = geometry.c_out * geometry.out_plane();
    (found.par_chunks_mut(geometry.in_image()), grad.par_chunks(out_image), codes.par_chunks(out_image))
        .into_par_iter()
        .for_each(|(found, grad, codes)| {
            let mut padded = Scratch::zeros(geometry.padded_len());
            let gradient = OutputGradient { geometry, grad, codes };
            dispatch(IntoInput { gradient, kernels: &kernels, padded: &mut padded });
            unpad(geometry, &padded, found);
        });
    found
}
