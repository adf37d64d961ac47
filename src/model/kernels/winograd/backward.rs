//! Backward: from the outputs' gradient to the weight's, the bias's and the input's, some images at a time.

use rayon::prelude::*;

use super::super::Wanted;
use super::super::geometry::{DEAD, Found, Geometry, Pool};
use super::super::lanes::dispatch;
use super::super::scratch::Scratch;
use super::bands::tiles;
use super::correlate::Correlation;
use super::forward;
use super::tile::Tile;
use super::weights::{Direction, Weights};

/// Numbers that the transformed tiles of the images at hand take at most, unless a single image has more. How the batch
/// is cut decides the order of a sum, so this depends on the shapes only.
const AT_HAND: usize = 6 << 20;

/// As [`super::backward`].
pub(super) fn run<T: Tile>(
    geometry: &Geometry,
    grad: &[f32],
    x: &[f32],
    weight: &[f32],
    codes: &[u8],
    wanted: Wanted,
) -> Found {
    let &Geometry { n, c_in, c_out, h, w, .. } = geometry;
    let (rows, columns) = tiles::<T>(geometry);
    let at_hand = (AT_HAND / (rows * columns * T::POINTS * (c_in + c_out))).clamp(1, n.max(1));
    let mut correlation = wanted.parameters.then(|| (Correlation::<T>::new(c_in, c_out), vec![0.0; c_out]));
    let weights = wanted.x.then(|| Weights::new::<T>(weight, c_in, Direction::Back));
    let mut found = wanted.x.then(|| vec![0.0; n * geometry.in_image()]);
    let mut dense = Scratch::leftover(if geometry.bare() { 0 } else { at_hand * h * w * c_out });
    for first in (0..n).step_by(at_hand) {
        let images = at_hand.min(n - first);
        let outputs = first * c_out * geometry.out_plane()..(first + images) * c_out * geometry.out_plane();
        let (dense, bias) = if geometry.bare() {
            let grad = &grad[outputs];
            (grad, sums_of(geometry, grad))
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
    Found { x: found, parameters: correlation.map(|(correlation, bias)| (correlation.finish(), bias)) }
}

/// Each image's sums over its pixels of `grad` `[n, h, w, c_out]`.
fn sums_of(geometry: &Geometry, grad: &[f32]) -> Scratch {
    let &Geometry { c_out, h, w, .. } = geometry;
    let mut sums = Scratch::zeros(grad.len() / (h * w));
    let images = grad.par_chunks_exact(h * w * c_out);
    sums.par_chunks_exact_mut(c_out).zip(images).for_each(|(sums, grad)| {
        for grad in grad.chunks_exact(c_out) {
            for (sum, grad) in sums.iter_mut().zip(grad) {
                *sum += grad;
            }
        }
    });
    sums
}

/// The gradient at every pixel of the convolution, `[n, h, w, c_out]`, into `dense`; and each image's sums over its
/// pixels.
fn unpool(geometry: &Geometry, grad: &[f32], codes: &[u8], dense: &mut [f32]) -> Scratch {
    let &Geometry { c_out, h, w, .. } = geometry;
    let mut sums = Scratch::zeros(dense.len() / (h * w));
    let image = geometry.out_plane() * c_out;
    // A map too small to pool has no outputs, which chunks cannot be cut into; the sizes were checked by the caller.
    (
        dense.par_chunks_exact_mut(h * w * c_out),
        sums.par_chunks_exact_mut(c_out),
        grad.par_chunks_exact(image),
        codes.par_chunks_exact(image),
    )
        .into_par_iter()
        .for_each(|(dense, sums, grad, codes)| {
            dispatch(|| unpool_image(geometry, grad, codes, dense, sums));
        });
    sums
}

#[inline(always)]
fn unpool_image(geometry: &Geometry, grad: &[f32], codes: &[u8], dense: &mut [f32], sums: &mut [f32]) {
    let &Geometry { c_out, w, .. } = geometry;
    let (stride, (out_h, out_w)) = (geometry.stride(), geometry.out_size());
    // What an odd edge leaves out.
    dense.fill(0.0);
    let sums = &mut sums[..c_out];
    for y in 0..out_h {
        for x in 0..out_w {
            let at = (y * out_w + x) * c_out;
            let (grad, codes) = (&grad[at..][..c_out], &codes[at..][..c_out]);
            for code in 0..stride * stride {
                let (dy, dx) = (code / 2, code % 2);
                let dense = &mut dense[((y * stride + dy) * w + x * stride + dx) * c_out..][..c_out];
                for c in 0..c_out {
                    dense[c] = if usize::from(codes[c]) == code { grad[c] } else { 0.0 };
                }
            }
            for c in 0..c_out {
                sums[c] += if codes[c] == DEAD { 0.0 } else { grad[c] };
            }
        }
    }
}
