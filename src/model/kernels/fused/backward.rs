//! Backward: from the outputs' gradient to the weight's, the bias's and the input's.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::Wanted;
use super::super::geometry::{DEAD, Found, Geometry};
use super::super::lanes::lanes;
use super::super::scratch::Scratch;
use super::padded::{pad, unpad};
use super::runs::{Live, accumulate, scatter};

/// Into how many parts a batch is cut at most. Each sums its own weight gradient, and they are added up in order: fixed,
/// because a number that followed the threads would make the rounding follow them too.
const PARTS: usize = 16;

/// All partial weight gradients together take no more numbers than this, unless that left fewer than four parts.
const PARTIALS: usize = 16 << 20;

/// Bytes of an image that stay in the nearest cache while all output channels pass over them.
const BAND_BYTES: usize = 24 << 10;

/// `grad` `[n, c_out, …]` as the output, `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]`.
pub(in super::super) fn backward(
    geometry: &Geometry,
    grad: &[f32],
    x: &[f32],
    weight: &[f32],
    codes: &[u8],
    wanted: Wanted,
) -> Found {
    Found {
        parameters: wanted.parameters.then(|| parameter_gradients(geometry, grad, x, codes)),
        x: wanted.x.then(|| input_gradient(geometry, grad, weight, codes)),
    }
}

/// The weights as runs: `[c_out, 3, run]`, a run being kernel column by input channel, filled up to whole vectors.
struct Runs {
    c_in: usize,
    /// Numbers in a run, filled up.
    len: usize,
}

impl Runs {
    fn new(geometry: &Geometry) -> Self {
        Self { c_in: geometry.c_in, len: (3 * geometry.c_in).next_multiple_of(lanes()) }
    }

    /// Where weight `[ci, tap]` of an output channel lies in its three runs.
    fn at(&self, ci: usize, tap: usize) -> usize {
        tap / 3 * self.len + tap % 3 * self.c_in + ci
    }

    fn pack(&self, weight: &[f32]) -> Scratch {
        let kernel = 9 * self.c_in;
        let mut packed = Scratch::zeros(weight.len() / kernel * 3 * self.len);
        for (weight, packed) in weight.chunks_exact(kernel).zip(packed.chunks_exact_mut(3 * self.len)) {
            for ci in 0..self.c_in {
                for tap in 0..9 {
                    packed[self.at(ci, tap)] = weight[ci * 9 + tap];
                }
            }
        }
        packed
    }

    fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        let mut weight = Vec::with_capacity(packed.len() / self.len * 3 * self.c_in);
        for packed in packed.chunks_exact(3 * self.len) {
            for ci in 0..self.c_in {
                weight.extend((0..9).map(|tap| packed[self.at(ci, tap)]));
            }
        }
        weight
    }
}

fn parameter_gradients(geometry: &Geometry, grad: &[f32], x: &[f32], codes: &[u8]) -> (Vec<f32>, Vec<f32>) {
    let &Geometry { n, c_out, .. } = geometry;
    let runs = Runs::new(geometry);
    let weights = c_out * 3 * runs.len;
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
                let signal = Signal { geometry, grad: &grad[image.clone()], codes: &codes[image] };
                Arch::new().dispatch(IntoWeights { signal, runs: &runs, padded: &padded, weight_sums, bias_sums });
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
    (runs.unpack(&total[..weights]), total[weights..].to_vec())
}

fn input_gradient(geometry: &Geometry, grad: &[f32], weight: &[f32], codes: &[u8]) -> Vec<f32> {
    let mut found = vec![0.0; geometry.n * geometry.in_image()];
    let runs = Runs::new(geometry);
    let packed = runs.pack(weight);
    let out_image = geometry.c_out * geometry.out_plane();
    (found.par_chunks_mut(geometry.in_image()), grad.par_chunks(out_image), codes.par_chunks(out_image))
        .into_par_iter()
        .for_each(|(found, grad, codes)| {
            let mut padded = Scratch::zeros(geometry.padded_len());
            let signal = Signal { geometry, grad, codes };
            Arch::new().dispatch(IntoInput { signal, runs: &runs, weights: &packed, padded: &mut padded });
            unpad(geometry, &padded, found);
        });
    found
}

/// The gradient that arrives at one image's outputs, and the way it takes.
#[derive(Clone, Copy)]
struct Signal<'a> {
    geometry: &'a Geometry,
    grad: &'a [f32],
    codes: &'a [u8],
}

impl Signal<'_> {
    /// Output rows in a band.
    fn band(&self) -> usize {
        let rows = BAND_BYTES / (4 * self.geometry.padded_row());
        (rows.saturating_sub(2) / self.geometry.stride()).max(1)
    }

    /// What is alive of output channel `co` in `rows`, and its sum.
    #[inline(always)]
    fn live(&self, co: usize, rows: std::ops::Range<usize>, live: &mut Vec<Live>) -> f32 {
        let (h, w) = self.geometry.out_size();
        let (row_len, c_in, stride) = (self.geometry.padded_row(), self.geometry.c_in, self.geometry.stride());
        live.resize(rows.len() * w, Live::default());
        let (mut count, mut sum) = (0, 0.0);
        for y in rows {
            let at = (co * h + y) * w;
            let row = self.grad[at..][..w].iter().zip(&self.codes[at..][..w]);
            for (x, (&grad, &code)) in row.enumerate() {
                // Written in any case and counted if alive: which it is cannot be foreseen, so no branch.
                let (dy, dx) = (usize::from(code >> 1 & 1), usize::from(code & 1));
                live[count] = Live { at: (y * stride + dy) * row_len + (x * stride + dx) * c_in, grad };
                count += usize::from(code != DEAD);
                sum += if code == DEAD { 0.0 } else { grad };
            }
        }
        live.truncate(count);
        sum
    }
}

/// Adds one image's share of the parameters' gradients.
struct IntoWeights<'a> {
    signal: Signal<'a>,
    runs: &'a Runs,
    padded: &'a [f32],
    weight_sums: &'a mut [f32],
    bias_sums: &'a mut [f32],
}

impl WithSimd for IntoWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (h, _) = self.signal.geometry.out_size();
        let row_len = self.signal.geometry.padded_row();
        let band = self.signal.band();
        let mut live = Vec::new();
        for top in (0..h).step_by(band) {
            let sums = self.weight_sums.chunks_exact_mut(3 * self.runs.len).zip(self.bias_sums.iter_mut());
            for (co, (weight_sums, bias_sum)) in sums.enumerate() {
                *bias_sum += self.signal.live(co, top..h.min(top + band), &mut live);
                accumulate(simd, &live, self.padded, row_len, weight_sums);
            }
        }
    }
}

/// Adds one image's gradient with respect to its padded input.
struct IntoInput<'a> {
    signal: Signal<'a>,
    runs: &'a Runs,
    weights: &'a [f32],
    padded: &'a mut [f32],
}

impl WithSimd for IntoInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (h, _) = self.signal.geometry.out_size();
        let row_len = self.signal.geometry.padded_row();
        let band = self.signal.band();
        let mut live = Vec::new();
        for top in (0..h).step_by(band) {
            for (co, weights) in self.weights.chunks_exact(3 * self.runs.len).enumerate() {
                self.signal.live(co, top..h.min(top + band), &mut live);
                scatter(simd, &live, weights, row_len, self.padded);
            }
        }
    }
}
