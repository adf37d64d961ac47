//! The matrix product of rows of numbers and a panel two vectors wide, summed in registers in the order of the depth.

use pulp::Simd;

/// Vectors in a panel; with [`ROWS`] rows, twelve sums stay in registers.
pub(super) const VECTORS: usize = 2;

/// Rows computed together.
const ROWS: usize = 6;

/// The depth of a part of the product, for which a panel stays in the first-level cache.
const DEPTH: usize = 256;

/// A row of a panel, or of its sums.
pub(super) type Wide<S> = [<S as Simd>::f32s; VECTORS];

/// Computes `out[row][column..]` = `a[row]` · `panel` for every row of `a`. Rows of `a` have the panel's depth, rows of
/// `out` have `out_row` numbers.
#[inline(always)]
pub(super) fn rows_by_panel<S: Simd>(
    simd: S,
    a: &[f32],
    panel: &[f32],
    out: &mut [f32],
    column: usize,
    out_row: usize,
) {
    let panel = wides::<S>(panel);
    let depth = panel.len();
    for (part, panel) in panel.chunks(DEPTH).enumerate() {
        let depths = (part * DEPTH, depth);
        for (a, out) in a.chunks(ROWS * depth).zip(out.chunks_mut(ROWS * out_row)) {
            let out = &mut out[column..];
            match a.len() / depth {
                6 => row_block::<S, 6>(simd, a, depths, panel, out, out_row),
                5 => row_block::<S, 5>(simd, a, depths, panel, out, out_row),
                4 => row_block::<S, 4>(simd, a, depths, panel, out, out_row),
                3 => row_block::<S, 3>(simd, a, depths, panel, out, out_row),
                2 => row_block::<S, 2>(simd, a, depths, panel, out, out_row),
                _ => row_block::<S, 1>(simd, a, depths, panel, out, out_row),
            }
        }
    }
}

/// Multiplies `R` rows of `a` from depth `from` on, and adds to `out` if `from` is above 0.
#[inline(always)]
fn row_block<S: Simd, const R: usize>(
    simd: S,
    a: &[f32],
    (from, depth): (usize, usize),
    panel: &[Wide<S>],
    out: &mut [f32],
    out_row: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    if from > 0 {
        sums = load::<S, R>(simd, out, out_row);
    }
    let mut rows = [a; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &a[r * depth + from..][..panel.len()];
    }
    for k in 0..panel.len() {
        let panel = &panel[k];
        for r in 0..R {
            add(simd, &mut sums[r], rows[r][k], panel);
        }
    }
    store::<S, R>(out, out_row, &sums);
}

/// Adds to each `out[i]` the sum over all rows of two panels of number `i` of `a`'s row times `b`'s row.
#[inline(always)]
pub(super) fn panel_by_panel<S: Simd>(simd: S, a: &[f32], b: &[f32], out: &mut [f32], column: usize, out_row: usize) {
    let width = VECTORS * S::F32_LANES;
    // A part of the rows at a time, so that it stays in the first-level cache for all numbers of its rows.
    for (a, b) in a.chunks(DEPTH * width).zip(b.chunks(DEPTH * width)) {
        for first in (0..width).step_by(ROWS) {
            let out = &mut out[first * out_row + column..];
            match width - first {
                6.. => outer_block::<S, 6>(simd, a, first, b, out, out_row),
                4.. => outer_block::<S, 4>(simd, a, first, b, out, out_row),
                _ => outer_block::<S, 2>(simd, a, first, b, out, out_row),
            }
        }
    }
}

/// Processes numbers `first` to `first + R` of `a`'s rows.
#[inline(always)]
fn outer_block<S: Simd, const R: usize>(simd: S, a: &[f32], first: usize, b: &[f32], out: &mut [f32], out_row: usize) {
    let mut sums = load::<S, R>(simd, out, out_row);
    let (width, b) = (VECTORS * S::F32_LANES, wides::<S>(b));
    for row in 0..b.len().min(a.len() / width) {
        let (a, b) = (&a[row * width + first..][..R], &b[row]);
        for r in 0..R {
            add(simd, &mut sums[r], a[r], b);
        }
    }
    store::<S, R>(out, out_row, &sums);
}

#[inline(always)]
fn add<S: Simd>(simd: S, sums: &mut Wide<S>, factor: f32, panel: &Wide<S>) {
    let factor = simd.splat_f32s(factor);
    sums[0] = simd.mul_add_e_f32s(factor, panel[0], sums[0]);
    sums[1] = simd.mul_add_e_f32s(factor, panel[1], sums[1]);
}

#[inline(always)]
fn wides<S: Simd>(panel: &[f32]) -> &[Wide<S>] {
    S::as_simd_f32s(panel).0.as_chunks::<VECTORS>().0
}

#[inline(always)]
fn load<S: Simd, const R: usize>(simd: S, from: &[f32], row: usize) -> [Wide<S>; R] {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    for r in 0..R {
        let from = S::as_simd_f32s(&from[r * row..][..VECTORS * S::F32_LANES]).0;
        sums[r] = [from[0], from[1]];
    }
    sums
}

#[inline(always)]
fn store<S: Simd, const R: usize>(to: &mut [f32], row: usize, sums: &[Wide<S>; R]) {
    for r in 0..R {
        let to = S::as_mut_simd_f32s(&mut to[r * row..][..VECTORS * S::F32_LANES]).0;
        to[0] = sums[r][0];
        to[1] = sums[r][1];
    }
}
