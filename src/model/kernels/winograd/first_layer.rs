//! The forward pass of a first layer, with few input and 64 or more output channels, as one matrix product with the
//! pixels' neighbourhoods. It has too few channels for Winograd, and its output has the layout of the next layer.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::geometry::Geometry;
use super::super::lanes::{dispatch, lanes};
use super::super::scratch::{Scratch, recycled};
use super::gemm::{VECTORS, rows_by_panel};

/// Pixels of a task, whose neighbourhoods fit the second-level cache.
const PIXELS: usize = 1024;

/// Computes `[n, h, w, c_out]` from `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]` and optional `bias`
/// `[c_out]`. Sums in the order of the fused kernel, so that the bits are the same.
pub(in super::super) fn first_layer_conv(
    geometry: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let &Geometry { c_out, h, w, .. } = geometry;
    let mut out = recycled(geometry.out_len());
    if out.is_empty() {
        return out;
    }
    let panels = panels(geometry, weight, bias);
    let rows = (PIXELS / w).max(1);
    out.par_chunks_mut(h * w * c_out).zip(x.par_chunks(geometry.in_image())).for_each(|(out, x)| {
        out.par_chunks_mut(rows * w * c_out).enumerate().for_each(|(at, out)| {
            dispatch(Rows { geometry, x, panels: &panels, first: at * rows, out });
        });
    });
    out
}

/// Returns the number of values in a neighbourhood: a one for the bias, and the kernel's pixels.
fn depth(geometry: &Geometry) -> usize {
    1 + 9 * geometry.c_in
}

/// Returns the weights as `[panel, neighbourhood, panel's width]`.
fn panels(geometry: &Geometry, weight: &[f32], bias: Option<&[f32]>) -> Scratch {
    let &Geometry { c_in, c_out, .. } = geometry;
    let (depth, width) = (depth(geometry), VECTORS * lanes());
    let mut panels = Scratch::zeros(c_out * depth);
    for (co, kernel) in weight.chunks_exact(9 * c_in).enumerate() {
        let panel = &mut panels[co / width * depth * width + co % width..];
        panel[0] = bias.map_or(0.0, |bias| bias[co]);
        for (ci, taps) in kernel.chunks_exact(9).enumerate() {
            for (tap, value) in taps.iter().enumerate() {
                panel[(1 + tap * c_in + ci) * width] = *value;
            }
        }
    }
    panels
}

/// A task: some rows of one image.
struct Rows<'a> {
    geometry: &'a Geometry,
    x: &'a [f32],
    panels: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let &Geometry { c_out, w, .. } = self.geometry;
        let (depth, width) = (depth(self.geometry), VECTORS * S::F32_LANES);
        let mut neighbourhoods = Scratch::zeros(self.out.len() / c_out * depth);
        for (row, neighbourhoods) in neighbourhoods.chunks_exact_mut(w * depth).enumerate() {
            self.gather(self.first + row, depth, neighbourhoods);
        }
        for (panel, weights) in self.panels.chunks_exact(depth * width).enumerate() {
            rows_by_panel(simd, &neighbourhoods, weights, self.out, panel * width, c_out);
        }
        if !self.geometry.relu {
            return;
        }
        for value in self.out {
            *value = if *value <= 0.0 { 0.0 } else { *value };
        }
    }
}

impl Rows<'_> {
    /// Collects the neighbourhoods of row `y`'s pixels; pixels outside the image stay zero.
    #[inline(always)]
    fn gather(&self, y: usize, depth: usize, neighbourhoods: &mut [f32]) {
        let &Geometry { c_in, h, w, .. } = self.geometry;
        for pixel in neighbourhoods.chunks_exact_mut(depth) {
            pixel[0] = 1.0;
        }
        for k in 0..9 * c_in {
            let (ky, kx, ci) = (k / c_in / 3, k / c_in % 3, k % c_in);
            let Some(from) = (y + ky).checked_sub(1).filter(|y| *y < h) else { continue };
            // The columns whose neighbour is in the image.
            let (first, last) = (usize::from(kx == 0), w - usize::from(kx == 2));
            if first >= last {
                continue;
            }
            let pixels = &self.x[(ci * h + from) * w..][first + kx - 1..last + kx - 1];
            let neighbourhoods = neighbourhoods[first * depth..].chunks_exact_mut(depth);
            for (neighbourhood, value) in neighbourhoods.zip(pixels) {
                neighbourhood[1 + k] = *value;
            }
        }
    }
}
