//! The gradient of a block's output, taken back through pooling and `ReLU` in one pass over memory. The pass also sums
//! it over images and pixels for the bias.
//!
//! cuDNN needs three passes. Its sum takes 12.8 ms on an H200 where a pass takes 0.3 ms, and does not support bf16.
//!
//! Tensors are NHWC without gaps, with channels in vectors of `N`. A cube processes a share of the pixels and `columns`
//! vectors of channels, in `rows` of threads. Sums are in f32 and in a fixed order, so that they repeat to the bit.

#![allow(unused_variables, clippy::used_underscore_binding, reason = "`define` takes an argument at compile time")]

use cubecl::prelude::*;

use super::reduce::add_rows;

/// Computes `dy` = `grad` where `y` is above zero, else 0; `[pixels, vectors]`. Writes the sums of each cube to `sums`
/// `[cubes, vectors]`.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn relu_gradient<E: Float, N: Size>(
    y: &Array<Vector<E, N>>,
    grad: &Array<Vector<E, N>>,
    dy: &mut Array<Vector<E, N>>,
    sums: &mut Array<Vector<f32, N>>,
    pixels: u32,
    vectors: u32,
    share: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < pixels, begin + share, pixels);
    let nothing = Vector::<E, N>::new(E::new(0.0));
    let mut sum = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let mut pixel = begin + UNIT_POS_Y;
        while pixel < end {
            let at = (pixel * vectors + column) as usize;
            let open = select_many(y[at].greater_than(nothing), grad[at], nothing);
            dy[at] = open;
            sum += Vector::cast_from(open);
            pixel += rows;
        }
    }
    add_rows::<N>(sum, sums, column, vectors, rows, columns);
}

/// Computes `dy` through 2×2 pooling and `ReLU`. `grad` `[n, h / 2, w / 2, vectors]` goes to the first maximum of
/// each window in `y` if `pooled` is positive. Pixels outside all windows get 0.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn pooling_gradient<E: Float, N: Size>(
    y: &Array<Vector<E, N>>,
    pooled: &Array<Vector<E, N>>,
    grad: &Array<Vector<E, N>>,
    dy: &mut Array<Vector<E, N>>,
    sums: &mut Array<Vector<f32, N>>,
    quads: u32,
    h: u32,
    w: u32,
    vectors: u32,
    share: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < quads, begin + share, quads);
    let (down, across) = (h.div_ceil(2), w.div_ceil(2));
    let nothing = Vector::<E, N>::new(E::new(0.0));
    let mut sum = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let mut quad = begin + UNIT_POS_Y;
        while quad < end {
            let image = quad / (down * across);
            let row = quad % (down * across) / across * 2;
            let left = quad % across * 2;
            let at = (((image * h + row) * w + left) * vectors + column) as usize;
            let (right, below) = (vectors as usize, (w * vectors) as usize);
            if row + 1 < h && left + 1 < w {
                let from = (((image * (h / 2) + row / 2) * (w / 2) + left / 2) * vectors + column) as usize;
                let most = pooled[from];
                let mut open = select_many(most.greater_than(nothing), grad[from], nothing);
                sum += Vector::cast_from(open);
                let here = y[at].equal(most);
                dy[at] = select_many(here, open, nothing);
                open = select_many(here, nothing, open);
                let here = y[at + right].equal(most);
                dy[at + right] = select_many(here, open, nothing);
                open = select_many(here, nothing, open);
                let here = y[at + below].equal(most);
                dy[at + below] = select_many(here, open, nothing);
                open = select_many(here, nothing, open);
                let here = y[at + below + right].equal(most);
                dy[at + below + right] = select_many(here, open, nothing);
            } else {
                dy[at] = nothing;
                if left + 1 < w {
                    dy[at + right] = nothing;
                }
                if row + 1 < h {
                    dy[at + below] = nothing;
                }
            }
            quad += rows;
        }
    }
    add_rows::<N>(sum, sums, column, vectors, rows, columns);
}
