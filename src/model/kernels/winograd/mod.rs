//! The convolution block for wide layers (64 channels and more, 32 on one side) on plain slices, by Winograd's minimal
//! filtering (A. Lavin and S. Gray 2016, <https://arxiv.org/abs/1509.09308>). It needs 36 multiplications for 16 pixels
//! ([`Four`]) or 25 for 9 ([`Three`]) where a direct convolution needs 9 a pixel. Does not use burn.
//!
//! An image is divided into tiles that overlap by the kernel's border. Tiles and kernels are transformed to their
//! values at the algorithm's points. At each point a matrix product over the channels remains, and the products are
//! transformed to tiles of outputs. Images are `[h, w, c]`, so that a vector holds neighbouring channels of one pixel.
//!
//! Every output is computed from its own tile, in an order that depends on the shapes only. So neither the division
//! into bands nor the number of threads changes a bit.

// What stays a call is compiled without the vector instructions around it. Iterators' adapters over arrays stay calls
// where crates are compiled in units without link-time optimization, so the innermost loops count.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

mod backward;
mod bands;
mod correlate;
mod first_layer;
mod forward;
mod gemm;
mod patches;
mod points;
mod pool;
mod tile;
mod weights;

pub(super) use first_layer::first_layer_conv;

use super::RequiredGradients;
use super::geometry::{BlockGradients, Geometry, Pool};
use super::scratch::recycled;
use points::{Four, Three};
use tile::Tile;
use weights::{Direction, Weights};

/// Returns whether this algorithm is the fastest in both passes: matrix products over many channels outweigh the
/// transforms. Half as many suffice where all gradients count.
pub(super) fn suits(geometry: &Geometry) -> bool {
    wide(geometry.c_in, if geometry.is_plain_convolution() { WIDE / 2 } else { WIDE }) && wide(geometry.c_out, WIDE)
}

/// Returns whether this algorithm is the fastest in the forward pass.
pub(super) fn suits_forward(geometry: &Geometry) -> bool {
    wide(geometry.c_in, WIDE / 2) && wide(geometry.c_out, WIDE)
}

/// The least channels for which Winograd is faster.
const WIDE: usize = 64;

/// Returns whether there are enough channels, a multiple of what any CPU's panels hold.
fn wide(channels: usize, least: usize) -> bool {
    channels >= least && channels.is_multiple_of(32)
}

/// Returns whether [`first_layer_conv`] is the fastest: a wide layer follows.
pub(super) fn suits_first_layer(geometry: &Geometry) -> bool {
    let &Geometry { c_in, c_out, pool, .. } = geometry;
    c_in < WIDE && wide(c_out, WIDE) && pool == Pool::None && !suits(geometry)
}

/// The largest side of maps with tiles of three, which are not divided into bands where pooling follows an odd tile.
const SMALL: usize = 9;

/// Returns whether tiles of three need fewer products than tiles of four.
fn suits_small_tiles(geometry: &Geometry) -> bool {
    let products = |out: usize| geometry.h.div_ceil(out) * geometry.w.div_ceil(out) * (out + 2) * (out + 2);
    geometry.h.max(geometry.w) <= SMALL && products(Three::OUT) < products(Four::OUT)
}

/// The kernels of a layer, transformed to the points of a tile.
pub(super) struct Kernels {
    weights: Weights,
    has_small_tiles: bool,
}

impl Kernels {
    /// Transforms `weight` `[c_out, c_in, 3, 3]` for images of this geometry.
    pub(super) fn transform(geometry: &Geometry, weight: &[f32]) -> Self {
        let has_small_tiles = suits_small_tiles(geometry);
        let transform = if has_small_tiles { Weights::new::<Three> } else { Weights::new::<Four> };
        Self { weights: transform(weight, geometry.c_in, Direction::Forward), has_small_tiles }
    }

    /// Returns whether images of this geometry have the tiles of these kernels.
    pub(super) fn fit(&self, geometry: &Geometry) -> bool {
        suits_small_tiles(geometry) == self.has_small_tiles
    }

    /// Returns the transformed numbers.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> Vec<f32> {
        (0..9).flat_map(|point| self.weights.panels(point).flatten().copied()).collect()
    }
}

/// Computes the output `[n, h, w, c_out]`, or pooled, from `x` `[n, h, w, c_in]`, `kernels` that fit the geometry, and
/// optional `bias` `[c_out]`. Writes the code of each output to `codes`.
pub(super) fn forward(
    geometry: &Geometry,
    x: &[f32],
    kernels: &Kernels,
    bias: Option<&[f32]>,
    codes: Option<&mut [u8]>,
) -> Vec<f32> {
    let mut out = recycled(geometry.out_len());
    if !out.is_empty() {
        let run = if kernels.has_small_tiles { forward::run::<Three> } else { forward::run::<Four> };
        run(geometry, x, &kernels.weights, bias, &mut out, codes);
    }
    out
}

/// Computes gradients from `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]`, `grad`, and the `codes` of the
/// forward pass. The last two have the layout of the output. The input's gradient has the layout of the input.
/// A block without `ReLU` and pooling has no codes.
pub(super) fn backward(
    geometry: &Geometry,
    grad: &[f32],
    x: &[f32],
    weight: &[f32],
    codes: &[u8],
    wanted: RequiredGradients,
) -> BlockGradients {
    if suits_small_tiles(geometry) {
        backward::run::<Three>(geometry, grad, x, weight, codes, wanted)
    } else {
        backward::run::<Four>(geometry, grad, x, weight, codes, wanted)
    }
}
