//! Forward pass: convolution, bias, `ReLU` and pooling, as set, without writing intermediate results.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::geometry::{Geometry, Pool, RELU_ZERO};
use super::super::lanes::{MOST_LANES, dispatch, lanes};
use super::super::scratch::{Scratch, recycled};
use super::padded::pad;

/// Vectors of output channels computed together; with four pixels, eight sums stay in registers.
const VECTORS: usize = 2;

/// Rows of quads of a thread's task where there are fewer images than threads.
const FEW_ROWS: usize = 4;

/// Computes the output `[n, h, w, c_out]`, or pooled, from `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]` and
/// optional `bias` `[c_out]`. Writes the code of each output to `codes`.
pub(in super::super) fn forward(
    geometry: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    codes: Option<&mut [u8]>,
) -> Vec<f32> {
    let mut out = recycled(geometry.out_len());
    let out_image = geometry.c_out * geometry.out_plane();
    if out.is_empty() {
        return out;
    }
    let panels = Panels::new(geometry, weight, bias);
    let images = x.par_chunks(geometry.in_image());
    match codes {
        Some(codes) => (out.par_chunks_mut(out_image), codes.par_chunks_mut(out_image), images)
            .into_par_iter()
            .for_each(|(out, codes, x)| forward_image(geometry, x, &panels, out, Some(codes))),
        None => (out.par_chunks_mut(out_image), images)
            .into_par_iter()
            .for_each(|(out, x)| forward_image(geometry, x, &panels, out, None)),
    }
    out
}

fn forward_image(geometry: &Geometry, x: &[f32], panels: &Panels, out: &mut [f32], codes: Option<&mut [u8]>) {
    let padded = pad(geometry, x);
    // A batch smaller than the number of threads, such as one image to classify, is split by rows too.
    let all = geometry.quads().0;
    let rows = if geometry.n < rayon::current_num_threads() { FEW_ROWS.min(all) } else { all };
    let len = rows * 2 / geometry.stride() * geometry.out_size().1 * geometry.c_out;
    let mut codes = codes.map(|codes| codes.chunks_mut(len));
    let bands: Vec<_> = out
        .chunks_mut(len)
        .enumerate()
        .map(|(at, out)| Rows {
            geometry,
            padded: &padded,
            panels,
            first: at * rows,
            out,
            codes: codes.as_mut().and_then(Iterator::next),
        })
        .collect();
    bands.into_par_iter().for_each(dispatch);
}

/// The weights in the order of the innermost loop: block of output channels, kernel row, kernel column, input channel,
/// channel of the block. Channels beyond the last one are zero.
struct Panels {
    weights: Scratch,
    bias: Scratch,
    /// Output channels in a block.
    channels: usize,
    blocks: usize,
    /// Weights per output channel.
    depth: usize,
}

impl Panels {
    fn new(geometry: &Geometry, weight: &[f32], bias: Option<&[f32]>) -> Self {
        let &Geometry { c_in, c_out, .. } = geometry;
        let channels = VECTORS * lanes();
        let (blocks, depth) = (c_out.div_ceil(channels), 9 * c_in);
        let mut weights = Scratch::zeros(blocks * depth * channels);
        for (co, kernel) in weight.chunks_exact(depth).enumerate() {
            let panel = &mut weights[co / channels * depth * channels + co % channels..];
            for (ci, taps) in kernel.chunks_exact(9).enumerate() {
                for (tap, value) in taps.iter().enumerate() {
                    panel[(tap * c_in + ci) * channels] = *value;
                }
            }
        }
        let mut padded_bias = Scratch::zeros(blocks * channels);
        if let Some(bias) = bias {
            padded_bias[..c_out].copy_from_slice(bias);
        }
        Self { weights, bias: padded_bias, channels, blocks, depth }
    }

    fn block(&self, block: usize) -> (&[f32], &[f32]) {
        let len = self.depth * self.channels;
        (&self.weights[block * len..][..len], &self.bias[block * self.channels..][..self.channels])
    }
}

/// A task: some rows of quads of one image.
struct Rows<'a> {
    geometry: &'a Geometry,
    padded: &'a [f32],
    panels: &'a Panels,
    /// The index of the first row of quads.
    first: usize,
    /// The outputs of these rows.
    out: &'a mut [f32],
    codes: Option<&'a mut [u8]>,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (out_w, columns) = (self.geometry.out_size().1, self.geometry.quads().1);
        // Rows of outputs in a row of quads.
        let high = 2 / self.geometry.stride();
        let count = (self.out.len() / (out_w * self.geometry.c_out)).div_ceil(high);
        for block in 0..self.panels.blocks {
            for row in 0..count {
                for qx in 0..columns {
                    let quad = self.quad(simd, block, self.first + row, qx);
                    match self.geometry.pool {
                        Pool::Max2 => {
                            let (value, source) = largest(simd, quad);
                            self.put(simd, block, row * out_w + qx, value, source);
                        }
                        Pool::None => {
                            for at in 0..4 {
                                let value = quad[at];
                                let (y, x) = (2 * row + at / 2, 2 * qx + at % 2);
                                let source = [simd.splat_u32s(0); VECTORS];
                                if x < out_w {
                                    self.put(simd, block, y * out_w + x, value, source);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A value for each channel of a block.
type Channels<S> = [<S as Simd>::f32s; VECTORS];
type Sources<S> = [<S as Simd>::u32s; VECTORS];

impl Rows<'_> {
    /// Returns the convolution with bias at the four pixels of a quad, row by row.
    #[inline(always)]
    fn quad<S: Simd>(&self, simd: S, block: usize, qy: usize, qx: usize) -> [Channels<S>; 4] {
        let c_in = self.geometry.c_in;
        let row_len = self.geometry.padded_row();
        let run = 3 * c_in;
        let (panel, bias) = self.panels.block(block);
        let (bias, _) = S::as_simd_f32s(bias);
        let mut sums = [[bias[0], bias[1]]; 4];
        for ky in 0..3 {
            let upper = &self.padded[(2 * qy + ky) * row_len + 2 * qx * c_in..][..4 * c_in];
            let lower = &self.padded[(2 * qy + ky + 1) * row_len + 2 * qx * c_in..][..4 * c_in];
            let (pixels_0, pixels_1) = (&upper[..run], &upper[c_in..][..run]);
            let (pixels_2, pixels_3) = (&lower[..run], &lower[c_in..][..run]);
            let width = VECTORS * S::F32_LANES;
            let (weights, _) = S::as_simd_f32s(&panel[ky * run * width..][..run * width]);
            let weights = &weights.as_chunks::<VECTORS>().0[..run];
            for k in 0..run {
                let (weight, pixels) = (weights[k], [pixels_0[k], pixels_1[k], pixels_2[k], pixels_3[k]]);
                for at in 0..4 {
                    let (pixel, sum) = (simd.splat_f32s(pixels[at]), &mut sums[at]);
                    sum[0] = simd.mul_add_e_f32s(pixel, weight[0], sum[0]);
                    sum[1] = simd.mul_add_e_f32s(pixel, weight[1], sum[1]);
                }
            }
        }
        sums
    }

    /// Writes a block's channels of one pixel, through `ReLU` if set; skips pixels below the image.
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, block: usize, pixel: usize, values: Channels<S>, sources: Sources<S>) {
        let (values, sources) = if self.geometry.relu { relu(simd, values, sources) } else { (values, sources) };
        let wide = VECTORS * S::F32_LANES;
        let at = pixel * self.geometry.c_out + block * wide;
        if at >= self.out.len() {
            return;
        }
        // Channels of the last block beyond the last channel are not written.
        let end = at + (self.geometry.c_out - block * wide).min(wide);
        for v in 0..VECTORS {
            let at = at + v * S::F32_LANES;
            if at >= end {
                return;
            }
            let end = end.min(at + S::F32_LANES);
            store(simd, &mut self.out[at..end], values[v]);
            let Some(codes) = self.codes.as_deref_mut() else { continue };
            let mut words = [0_u32; MOST_LANES];
            S::as_mut_simd_u32s(&mut words[..S::F32_LANES]).0[0] = sources[v];
            let codes = &mut codes[at..end];
            for lane in 0..codes.len().min(MOST_LANES) {
                codes[lane] = words[lane].to_le_bytes()[0];
            }
        }
    }
}

/// Writes as many numbers as `out` has.
#[inline(always)]
fn store<S: Simd>(simd: S, out: &mut [f32], value: S::f32s) {
    match S::as_mut_simd_f32s(out).0 {
        [whole] => *whole = value,
        _ => simd.partial_store_f32s(out, value),
    }
}

/// Returns the first maximum of four values, and its position. NaN counts as the maximum, so that a diverged network
/// shows.
#[inline(always)]
fn largest<S: Simd>(simd: S, quad: [Channels<S>; 4]) -> (Channels<S>, Sources<S>) {
    let mut best = quad[0];
    let mut source = [simd.splat_u32s(0); VECTORS];
    for at in 1..4_u8 {
        let values = quad[usize::from(at)];
        for v in 0..VECTORS {
            let number = simd.equal_f32s(values[v], values[v]);
            let better = simd.or_m32s(simd.greater_than_f32s(values[v], best[v]), simd.not_m32s(number));
            best[v] = simd.select_f32s(better, values[v], best[v]);
            source[v] = simd.select_u32s(better, simd.splat_u32s(at.into()), source[v]);
        }
    }
    (best, source)
}

#[inline(always)]
fn relu<S: Simd>(simd: S, mut values: Channels<S>, mut sources: Sources<S>) -> (Channels<S>, Sources<S>) {
    for v in 0..VECTORS {
        let dead = simd.less_than_or_equal_f32s(values[v], simd.splat_f32s(0.0));
        values[v] = simd.select_f32s(dead, simd.splat_f32s(0.0), values[v]);
        sources[v] = simd.select_u32s(dead, simd.splat_u32s(u32::from(RELU_ZERO)), sources[v]);
    }
    (values, sources)
}
