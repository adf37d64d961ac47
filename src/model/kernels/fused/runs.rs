//! The two inner loops of the backward pass: for each live gradient, a multiple of a run of numbers.
//!
//! A kernel is three runs (its rows), of whole vectors. What they multiply or add to lies one image row apart and may end
//! inside the last vector: behind it come the next pixel's numbers, met by sums nobody reads or by weights of zero.

use pulp::Simd;

/// A gradient other than through a shut `ReLU`.
#[derive(Clone, Copy, Default)]
pub(super) struct Live {
    /// Where its 3×3 patch begins in the padded image.
    pub at: usize,
    pub grad: f32,
}

/// Calls `$kernel::<S, ROWS, VECTORS>(…, row, offset)` until all three runs are done, with as many vectors at once as
/// registers hold: sixteen on AVX2, of which three are needed elsewhere.
macro_rules! tile {
    ($S:ty, $runs:expr, $kernel:ident, $($arg:expr),*) => {
        let vectors = $runs.len() / 3 / <$S>::F32_LANES;
        match vectors {
            1 => $kernel::<$S, 3, 1>($($arg),*, 0, 0),
            2 => $kernel::<$S, 3, 2>($($arg),*, 0, 0),
            3 => $kernel::<$S, 3, 3>($($arg),*, 0, 0),
            4 => $kernel::<$S, 3, 4>($($arg),*, 0, 0),
            _ => {
                for row in 0..3 {
                    let mut done = 0;
                    while done < vectors {
                        let at = done * <$S>::F32_LANES;
                        done += match vectors - done {
                            12.. => { $kernel::<$S, 1, 12>($($arg),*, row, at); 12 }
                            6.. => { $kernel::<$S, 1, 6>($($arg),*, row, at); 6 }
                            3.. => { $kernel::<$S, 1, 3>($($arg),*, row, at); 3 }
                            _ => { $kernel::<$S, 1, 1>($($arg),*, row, at); 1 }
                        };
                    }
                }
            }
        }
    };
}

/// `sums` (three runs) += gradient × patch, for each live gradient.
#[inline(always)]
pub(super) fn accumulate<S: Simd>(simd: S, live: &[Live], image: &[f32], row_len: usize, sums: &mut [f32]) {
    tile!(S, sums, accumulate_tile, simd, live, image, row_len, &mut *sums);
}

/// patch of `image` += gradient × `weights` (three runs), for each live gradient.
#[inline(always)]
pub(super) fn scatter<S: Simd>(simd: S, live: &[Live], weights: &[f32], row_len: usize, image: &mut [f32]) {
    tile!(S, weights, scatter_tile, simd, live, weights, row_len, &mut *image);
}

#[inline(always)]
fn accumulate_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    live: &[Live],
    image: &[f32],
    row_len: usize,
    sums: &mut [f32],
    row: usize,
    offset: usize,
) {
    let run = sums.len() / 3;
    let mut tile = load::<S, ROWS, VECTORS>(sums, run, row, offset);
    for live in live {
        let grad = simd.splat_f32s(live.grad);
        let patch = load::<S, ROWS, VECTORS>(&image[live.at..], row_len, row, offset);
        for r in 0..ROWS {
            for v in 0..VECTORS {
                tile[r][v] = simd.mul_add_e_f32s(grad, patch[r][v], tile[r][v]);
            }
        }
    }
    for (r, vectors) in tile.iter().enumerate() {
        S::as_mut_simd_f32s(&mut sums[(row + r) * run + offset..][..VECTORS * S::F32_LANES]).0.copy_from_slice(vectors);
    }
}

#[inline(always)]
fn scatter_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    live: &[Live],
    weights: &[f32],
    row_len: usize,
    image: &mut [f32],
    row: usize,
    offset: usize,
) {
    let tile = load::<S, ROWS, VECTORS>(weights, weights.len() / 3, row, offset);
    for live in live {
        let grad = simd.splat_f32s(live.grad);
        for (r, weights) in tile.iter().enumerate() {
            let patch = &mut image[live.at + (row + r) * row_len + offset..][..VECTORS * S::F32_LANES];
            for (to, weight) in S::as_mut_simd_f32s(patch).0.iter_mut().zip(weights) {
                *to = simd.mul_add_e_f32s(grad, *weight, *to);
            }
        }
    }
}

/// `ROWS` runs from `row` on, `row_len` apart, `VECTORS` of each from `offset` on.
#[inline(always)]
fn load<S: Simd, const ROWS: usize, const VECTORS: usize>(
    from: &[f32],
    row_len: usize,
    row: usize,
    offset: usize,
) -> [[S::f32s; VECTORS]; ROWS] {
    std::array::from_fn(|r| {
        let (vectors, _) = S::as_simd_f32s(&from[(row + r) * row_len + offset..][..VECTORS * S::F32_LANES]);
        std::array::from_fn(|v| vectors[v])
    })
}
