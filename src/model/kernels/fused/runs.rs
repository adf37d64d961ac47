//! The parameters' gradients: for each active gradient of an output channel, a multiple of a run of numbers.
//!
//! A kernel is three runs (its rows), of whole vectors. What they add up lies one image row apart and may end inside
//! the last vector: behind it come the next pixel's numbers, met by sums nobody reads.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::geometry::{Geometry, RELU_ZERO};
use super::backward::OutputGradient;

/// Bytes of an image that stay in the nearest cache while all output channels pass over them.
const BAND_BYTES: usize = 24 << 10;

/// The weights as runs: `[c_out, 3, run]`, a run being kernel column by input channel, filled up to whole vectors.
pub(super) struct Runs {
    c_in: usize,
    /// Numbers in a run, filled up.
    len: usize,
}

impl Runs {
    pub(super) fn new(c_in: usize, lanes: usize) -> Self {
        Self { c_in, len: (3 * c_in).next_multiple_of(lanes) }
    }

    /// Of so many output channels.
    pub(super) fn numbers(&self, c_out: usize) -> usize {
        c_out * 3 * self.len
    }

    /// Back to `[c_out, c_in, 3, 3]`.
    pub(super) fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        let mut weight = Vec::with_capacity(packed.len() / self.len * 3 * self.c_in);
        for packed in packed.chunks_exact(3 * self.len) {
            for ci in 0..self.c_in {
                weight.extend((0..9).map(|tap| packed[tap / 3 * self.len + tap % 3 * self.c_in + ci]));
            }
        }
        weight
    }
}

/// Adds one image's share of the parameters' gradients.
pub(super) struct IntoRuns<'a> {
    pub(super) gradient: OutputGradient<'a>,
    pub(super) runs: &'a Runs,
    pub(super) padded: &'a [f32],
    pub(super) weight_sums: &'a mut [f32],
    pub(super) bias_sums: &'a mut [f32],
}

/// A gradient other than through a shut `ReLU`.
#[derive(Clone, Copy, Default)]
struct ActiveGradient {
    /// Where its 3×3 patch begins in the padded image.
    patch: u32,
    grad: f32,
}

impl WithSimd for IntoRuns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let &Geometry { c_out, .. } = self.gradient.geometry;
        let (h, w) = self.gradient.geometry.out_size();
        let row_len = self.gradient.geometry.padded_row();
        let band = ((BAND_BYTES / (4 * row_len)).saturating_sub(2) / self.gradient.geometry.stride()).max(1);
        let room = band * w;
        let (mut active, mut counts) = (vec![ActiveGradient::default(); c_out * room], vec![0; c_out]);
        for top in (0..h).step_by(band) {
            self.gradient.by_channel(top..h.min(top + band), room, &mut active, &mut counts, self.bias_sums);
            let channels = active.chunks_exact(room).zip(&counts);
            for (sums, (active, count)) in self.weight_sums.chunks_exact_mut(3 * self.runs.len).zip(channels) {
                accumulate(simd, &active[..*count], self.padded, row_len, sums);
            }
        }
    }
}

impl OutputGradient<'_> {
    /// What is alive in some rows, `room` places for each output channel and how many are taken; and each channel's
    /// sum.
    #[inline(always)]
    fn by_channel(
        &self,
        rows: Range<usize>,
        room: usize,
        active: &mut [ActiveGradient],
        counts: &mut [usize],
        sums: &mut [f32],
    ) {
        let w = self.geometry.out_size().1;
        let c_out = counts.len();
        let offsets = Self::offsets(self.geometry).map(to_u32);
        counts.fill(0);
        for (y, x) in rows.flat_map(|y| (0..w).map(move |x| (y, x))) {
            let patch = to_u32(Self::patch(self.geometry, y, x));
            let at = (y * w + x) * c_out;
            let gradient = self.grad[at..][..c_out].iter().zip(&self.codes[at..][..c_out]);
            let channels = gradient.zip(active.chunks_exact_mut(room)).zip(counts.iter_mut()).zip(sums.iter_mut());
            for ((((grad, code), active), count), sum) in channels {
                // Written in any case and counted if alive: which it is cannot be foreseen, so no branch.
                active[*count] = ActiveGradient { patch: patch + offsets[usize::from(code & 7).min(4)], grad: *grad };
                *count += usize::from(*code != RELU_ZERO);
                *sum += if *code == RELU_ZERO { 0.0 } else { *grad };
            }
        }
    }
}

/// A padded image has fewer than 2³² numbers: its sides are those of a picture.
fn to_u32(at: usize) -> u32 {
    u32::try_from(at).expect("places in one image")
}

/// `sums` (three runs) += gradient × patch, for each active gradient: as many vectors at once as registers hold, which
/// are sixteen on AVX2, of which three are needed elsewhere.
#[inline(always)]
fn accumulate<S: Simd>(simd: S, active: &[ActiveGradient], image: &[f32], row_len: usize, sums: &mut [f32]) {
    let run = sums.len() / 3;
    let vectors = run / S::F32_LANES;
    match vectors {
        1 => accumulate_tile::<S, 3, 1>(simd, active, image, row_len, sums, run),
        2 => accumulate_tile::<S, 3, 2>(simd, active, image, row_len, sums, run),
        3 => accumulate_tile::<S, 3, 3>(simd, active, image, row_len, sums, run),
        4 => accumulate_tile::<S, 3, 4>(simd, active, image, row_len, sums, run),
        _ => {
            for row in 0..3 {
                let (image, sums) = (&image[row * row_len..], &mut sums[row * run..][..run]);
                let mut done = 0;
                macro_rules! tiles {
                    ($($size:literal)*) => {$(
                        while vectors - done >= $size {
                            let at = done * S::F32_LANES;
                            accumulate_tile::<S, 1, $size>(simd, active, &image[at..], row_len, &mut sums[at..], run);
                            done += $size;
                        }
                    )*};
                }
                tiles!(12 6 3 1);
            }
        }
    }
}

#[inline(always)]
fn accumulate_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    active: &[ActiveGradient],
    image: &[f32],
    row_len: usize,
    sums: &mut [f32],
    run: usize,
) {
    let mut tile = load::<S, ROWS, VECTORS>(sums, run);
    for active in active {
        let grad = simd.splat_f32s(active.grad);
        let patch = load::<S, ROWS, VECTORS>(&image[active.patch as usize..], row_len);
        for r in 0..ROWS {
            for v in 0..VECTORS {
                tile[r][v] = simd.mul_add_e_f32s(grad, patch[r][v], tile[r][v]);
            }
        }
    }
    for (r, vectors) in tile.iter().enumerate() {
        S::as_mut_simd_f32s(&mut sums[r * run..][..VECTORS * S::F32_LANES]).0.copy_from_slice(vectors);
    }
}

/// `ROWS` runs, `row_len` apart, the first `VECTORS` of each.
#[inline(always)]
fn load<S: Simd, const ROWS: usize, const VECTORS: usize>(from: &[f32], row_len: usize) -> [[S::f32s; VECTORS]; ROWS] {
    std::array::from_fn(|r| {
        let (vectors, _) = S::as_simd_f32s(&from[r * row_len..][..VECTORS * S::F32_LANES]);
        std::array::from_fn(|v| vectors[v])
    })
}
