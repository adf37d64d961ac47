//! The convolution block for wide layers (64 channels and more, 32 on one side) on plain slices: Winograd's minimal filtering, in place
//! of 9 multiplications a pixel and pair of channels 36 for 16 pixels ([`Four`]) or 25 for 9 ([`Three`]). Knows nothing
//! of burn.
//!
//! An image is cut into tiles. Each tile, overlapping its neighbours by the kernel's border, is taken to its values at
//! the algorithm's points, the kernels likewise; at each point what is left to do is a matrix product over the
//! channels; and its results are taken back to a tile of outputs. Images lie pixel by pixel with their channels
//! together, so that a vector is one pixel's neighbouring channels throughout.
//!
//! Every output is computed from its own tile in an order that depends on the shapes only: how the batch is cut into
//! bands, and how many threads there are, changes no bit.

#![allow(clippy::inline_always, reason = "what stays a call is compiled without the vector instructions around it")]

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

/// Whether this way is the faster one, forward and back: enough channels for the matrix products to outweigh the
/// transforms. Where all gradients count, half as many will do.
pub(super) fn suits(geometry: &Geometry) -> bool {
    wide(geometry.c_in, if geometry.bare() { WIDE / 2 } else { WIDE }) && wide(geometry.c_out, WIDE)
}

/// Whether it is the faster one forward.
pub(super) fn suits_forward(geometry: &Geometry) -> bool {
    wide(geometry.c_in, WIDE / 2) && wide(geometry.c_out, WIDE)
}

/// From here on Winograd pays.
const WIDE: usize = 64;

/// Channels must be a multiple of what any processor's panels hold.
fn wide(channels: usize, least: usize) -> bool {
    channels >= least && channels.is_multiple_of(32)
}

/// Whether [`first_layer_conv`] suits: a wide layer is about to follow.
pub(super) fn suits_first_layer(geometry: &Geometry) -> bool {
    let &Geometry { c_in, c_out, pool, .. } = geometry;
    c_in < WIDE && wide(c_out, WIDE) && pool == Pool::None && !suits(geometry)
}

/// Maps up to this side may go by tiles of three: odd tiles are not pooled one by one.
const SMALL: usize = 9;

/// Whether tiles of three need fewer products than tiles of four.
fn suits_small_tiles(geometry: &Geometry) -> bool {
    let products = |out: usize| geometry.h.div_ceil(out) * geometry.w.div_ceil(out) * (out + 2) * (out + 2);
    geometry.h.max(geometry.w) <= SMALL && products(Three::OUT) < products(Four::OUT)
}

/// `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]`, `bias` `[c_out]` or none → the output `[n, h, w, c_out]` or
/// pooled, and into `codes` where each came from.
pub(super) fn forward(
    geometry: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    codes: Option<&mut [u8]>,
) -> Vec<f32> {
    if suits_small_tiles(geometry) {
        forward_by::<Three>(geometry, x, weight, bias, codes)
    } else {
        forward_by::<Four>(geometry, x, weight, bias, codes)
    }
}

fn forward_by<T: Tile>(
    geometry: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    codes: Option<&mut [u8]>,
) -> Vec<f32> {
    let mut out = recycled(geometry.out_len());
    if !out.is_empty() {
        let weights = Weights::new::<T>(weight, geometry.c_in, Direction::Forward);
        forward::run::<T>(geometry, x, &weights, bias, &mut out, codes);
    }
    out
}

/// `grad` as the output, `x` `[n, h, w, c_in]`, `weight` `[c_out, c_in, 3, 3]`, and the `codes` of the forward pass.
/// The input's gradient is laid out as the input. A bare convolution has no codes.
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
