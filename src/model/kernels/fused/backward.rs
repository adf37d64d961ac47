//! Backward: from the outputs' gradient to the weight's, the bias's and the input's.

use rayon::prelude::*;

use super::super::RequiredGradients;
use super::super::geometry::{BlockGradients, Geometry};
use super::super::lanes::{dispatch, lanes};
use super::super::scratch::{Scratch, recycled};
use super::input::{IntoInput, Kernels};
use super::padded::{pad, unpad};
use super::runs::{IntoRuns, Runs};
use super::thin::{self, IntoTaps};

/// Into how many parts a batch is cut at most. Each sums its own weight gradient, and they are added up in order:
/// fixed, because a number that followed the threads would make the rounding follow them too.
const PARTS: usize = 16;

/// All partial weight gradients together take no more numbers than this, unless that left fewer than four parts.
const PARTIALS: usize = 16 << 20;

/// The gradient that arrives at one image's outputs `[h, w, c_out]`, and the way it takes.
#[derive(Clone, Copy)]
pub(super) struct OutputGradient<'a> {
    pub(super) geometry: &'a Geometry,
    pub(super) grad: &'a [f32],
    pub(super) codes: &'a [u8],
}

impl OutputGradient<'_> {
    /// How far the patch of each code lies behind that of the first one of a window, in a padded image. The last is for
    /// the code of the dead, so that looking up needs no branch.
    pub(super) fn offsets(geometry: &Geometry) -> [usize; 5] {
        let (row, pixel) = (geometry.padded_row(), geometry.c_in);
        [0, pixel, row, row + pixel, 0]
    }

    /// Where the patch of the window at column `x` of row `y` begins.
    #[inline(always)]
    pub(super) fn patch(geometry: &Geometry, y: usize, x: usize) -> usize {
        geometry.stride() * (y * geometry.padded_row() + x * geometry.c_in)
    }
}

/// `grad` `[n, …, c_out]` as the output, `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]`, and the `codes` of the
/// forward pass. The input's gradient is laid out as the input.
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
    // The weights' gradients, then the biases'.
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
