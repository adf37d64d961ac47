//! Backward pass: from the gradient of the outputs to those of weight, bias and input, for a group of images at a time.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::RequiredGradients;
use super::super::geometry::{BlockGradients, Geometry, Pool, RELU_ZERO};
use super::super::lanes::dispatch;
use super::super::scratch::{Scratch, recycled};
use super::bands::tiles;
use super::correlate::Correlation;
use super::forward;
use super::tile::Tile;
use super::weights::{Direction, Weights};

/// The most numbers of a group's transformed tiles, unless a single image has more. A constant, because the size of a
/// group decides the order of a sum.
const GROUP_NUMBERS: usize = 6 << 20;

/// Computes gradients with tiles of size `T`; see [`super::backward`].
pub(super) fn run<T: Tile>(
    geometry: &Geometry,
    grad: &[f32],
    x: &[f32],
    weight: &[f32],
    codes: &[u8],
    wanted: RequiredGradients,
) -> BlockGradients {
    let &Geometry { n, c_in, c_out, h, w, .. } = geometry;
    let (rows, columns) = tiles::<T>(geometry);
    let group_size = (GROUP_NUMBERS / (rows * columns * T::POINTS * (c_in + c_out))).clamp(1, n.max(1));
    let mut correlation = wanted.parameters.then(|| (Correlation::<T>::new(c_in, c_out), vec![0.0; c_out]));
    let weights = wanted.x.then(|| Weights::new::<T>(weight, c_in, Direction::Back));
    let mut found = wanted.x.then(|| recycled(n * geometry.in_image()));
    let mut dense = Scratch::recycled(if geometry.is_plain_convolution() { 0 } else { group_size * h * w * c_out });
    for first in (0..n).step_by(group_size) {
        let images = group_size.min(n - first);
        let outputs = first * c_out * geometry.out_plane()..(first + images) * c_out * geometry.out_plane();
        let (dense, bias) = if geometry.is_plain_convolution() {
            let grad = &grad[outputs];
            (grad, if wanted.bias { sums_of(geometry, grad) } else { Scratch::zeros(0) })
        } else {
            let dense = &mut dense[..images * h * w * c_out];
            let bias = unpool(geometry, &grad[outputs.clone()], &codes[outputs], dense);
            (&*dense, bias)
        };
        let inputs = first * geometry.in_image()..(first + images) * geometry.in_image();
        if let Some((correlation, bias_sums)) = &mut correlation {
            correlation.add(&Geometry { n: images, ..*geometry }, &x[inputs.clone()], dense);
            for bias in bias.chunks_exact(c_out) {
                for (sum, bias) in bias_sums.iter_mut().zip(bias) {
                    *sum += bias;
                }
            }
        }
        if let (Some(weights), Some(found)) = (&weights, &mut found) {
            let back = Geometry { n: images, c_in: c_out, c_out: c_in, relu: false, pool: Pool::None, ..*geometry };
            forward::run::<T>(&back, dense, weights, None, &mut found[inputs], None);
        }
    }
    BlockGradients { x: found, parameters: correlation.map(|(correlation, bias)| (correlation.finish(), bias)) }
}

/// Returns each image's sums over its pixels of `grad` `[n, h, w, c_out]`.
fn sums_of(geometry: &Geometry, grad: &[f32]) -> Scratch {
    let &Geometry { c_out, h, w, .. } = geometry;
    let mut sums = Scratch::zeros(grad.len() / (h * w));
    let images = grad.par_chunks_exact(h * w * c_out);
    sums.par_chunks_exact_mut(c_out).zip(images).for_each(|(sums, grad)| dispatch(SumPixels { grad, sums }));
    sums
}

/// Sums an image's pixels.
struct SumPixels<'a> {
    grad: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for SumPixels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for grad in self.grad.chunks_exact(self.sums.len()) {
            for (sum, grad) in self.sums.iter_mut().zip(grad) {
                *sum += grad;
            }
        }
    }
}

/// Writes the gradient of the convolution's output, `[n, h, w, c_out]`, to `dense`; returns each image's sums over its
/// pixels.
fn unpool(geometry: &Geometry, grad: &[f32], codes: &[u8], dense: &mut [f32]) -> Scratch {
    let &Geometry { c_out, h, w, .. } = geometry;
    let mut sums = Scratch::zeros(dense.len() / (h * w));
    let image = geometry.out_plane() * c_out;
    // Exact chunks panic for a map that is too small to pool; the caller has checked the sizes.
    (
        dense.par_chunks_exact_mut(h * w * c_out),
        sums.par_chunks_exact_mut(c_out),
        grad.par_chunks_exact(image),
        codes.par_chunks_exact(image),
    )
        .into_par_iter()
        .for_each(|(dense, sums, grad, codes)| dispatch(Unpool { geometry, grad, codes, dense, sums }));
    sums
}

/// Routes one image's gradients to the pixels from which its outputs came.
struct Unpool<'a> {
    geometry: &'a Geometry,
    grad: &'a [f32],
    codes: &'a [u8],
    dense: &'a mut [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Unpool<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let &Geometry { c_out, h, w, .. } = self.geometry;
        let (stride, (out_h, out_w)) = (self.geometry.stride(), self.geometry.out_size());
        if (out_h * stride, out_w * stride) != (h, w) {
            // An odd edge has no gradient.
            self.dense.fill(0.0);
        }
        let outputs = self.grad.chunks_exact(c_out).zip(self.codes.chunks_exact(c_out));
        for (at, (grad, codes)) in outputs.enumerate() {
            let (y, x) = (at / out_w * stride, at % out_w * stride);
            for (code, at) in (0..).zip([(0, 0), (0, 1), (1, 0), (1, 1)]).take(stride * stride) {
                let (dy, dx) = at;
                let dense = &mut self.dense[((y + dy) * w + x + dx) * c_out..][..c_out];
                for ((dense, grad), mine) in dense.iter_mut().zip(grad).zip(codes) {
                    *dense = if *mine == code { *grad } else { 0.0 };
                }
            }
            for ((sum, grad), code) in self.sums.iter_mut().zip(grad).zip(codes) {
                *sum += if *code == RELU_ZERO { 0.0 } else { *grad };
            }
        }
    }
}
