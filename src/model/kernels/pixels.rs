//! Converts between images by channel, the layout of burn's shapes, and images by pixel, the layout of the kernels.

use rayon::prelude::*;

use super::scratch::Scratch;

/// Numbers on a side of the squares that are transposed one after another; their rows fit the first-level cache.
const SIDE: usize = 16;

/// Numbers that a thread transposes at a time.
const PIECE: usize = 1 << 15;

/// Transposes `x` `[n, channels, plane]` to `[n, plane, channels]`.
pub(super) fn by_pixel(x: &[f32], channels: usize, plane: usize) -> Scratch {
    let mut out = Scratch::recycled(x.len());
    transpose_all(x, channels, plane, &mut out);
    out
}

/// Transposes `x` `[n, plane, channels]` to `[n, channels, plane]`.
pub(super) fn by_channel(x: &[f32], channels: usize, plane: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    transpose_all(x, plane, channels, &mut out);
    out
}

/// Transposes each `[rows, columns]` of `x` to `[columns, rows]`.
fn transpose_all(x: &[f32], rows: usize, columns: usize, out: &mut [f32]) {
    if out.is_empty() {
        return;
    }
    // Pieces of whole columns, so that threads share a single image as well.
    let piece = (PIECE / rows).clamp(1, columns);
    out.par_chunks_mut(rows * columns).zip(x.par_chunks(rows * columns)).for_each(|(out, x)| {
        out.par_chunks_mut(rows * piece).enumerate().for_each(|(at, out)| transpose(x, rows, columns, at * piece, out));
    });
}

/// Transposes the columns from `first` on, as many as fit `out`.
fn transpose(x: &[f32], rows: usize, columns: usize, first: usize, out: &mut [f32]) {
    for (block, turned) in out.chunks_mut(rows * SIDE).enumerate() {
        let first = first + block * SIDE;
        for from in (0..rows).step_by(SIDE) {
            for row in from..rows.min(from + SIDE) {
                let numbers = &x[row * columns + first..][..turned.len() / rows];
                for (column, value) in turned.chunks_exact_mut(rows).zip(numbers) {
                    column[row] = *value;
                }
            }
        }
    }
}
