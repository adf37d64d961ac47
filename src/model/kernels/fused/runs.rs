//! The gradients of the parameters: each active gradient of an output channel adds a multiple of a run of numbers.
//!
//! A kernel is three runs, its rows, padded to whole vectors. The runs that they multiply are one image row apart.
//! Beyond a run's end a vector reads numbers of the next pixel, whose sums are discarded.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::geometry::{Geometry, RELU_ZERO};
use super::backward::OutputGradient;

/// Bytes of an image that stay in the first-level cache while all output channels process them.
const BAND_BYTES: usize = 24 << 10;

/// The layout of weights as runs: `[c_out, 3, run]`, a run being kernel column by input channel, padded to whole
/// vectors.
pub(super) struct Runs {
    c_in: usize,
    /// Numbers in a padded run.
    len: usize,
}

impl Runs {
    pub(super) fn new(c_in: usize, lanes: usize) -> Self {
        Self { c_in, len: (3 * c_in).next_multiple_of(lanes) }
    }

    /// Returns the number of f32 values in the packed weights of `c_out` output channels, padding included.
    pub(super) fn numbers(&self, c_out: usize) -> usize {
        c_out * 3 * self.len
    }

    /// Converts to `[c_out, c_in, 3, 3]`.
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

/// Adds one image's gradients of the parameters.
pub(super) struct IntoRuns<'a> {
    pub(super) gradient: OutputGradient<'a>,
    pub(super) runs: &'a Runs,
    pub(super) padded: &'a [f32],
    pub(super) weight_sums: &'a mut [f32],
    pub(super) bias_sums: &'a mut [f32],
}

/// A gradient that passes the `ReLU`.
#[derive(Clone, Copy, Default)]
struct ActiveGradient {
    /// The index of its 3×3 patch in the padded image.
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
    /// Collects the active gradients of some rows: up to `room` for each output channel, with their counts. Adds each
    /// channel's sum to `sums`.
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
        let sums = &mut sums[..c_out];
        for y in rows {
            for x in 0..w {
                let patch = to_u32(Self::patch(self.geometry, y, x));
                let at = (y * w + x) * c_out;
                let (grads, codes) = (&self.grad[at..][..c_out], &self.codes[at..][..c_out]);
                for channel in 0..c_out {
                    let (grad, code, count) = (grads[channel], codes[channel], &mut counts[channel]);
                    // Always written but counted only if active, because a branch could not be predicted.
                    active[channel * room + *count] =
                        ActiveGradient { patch: patch + offsets[usize::from(code & 7).min(4)], grad };
                    *count += usize::from(code != RELU_ZERO);
                    sums[channel] += if code == RELU_ZERO { 0.0 } else { grad };
                }
            }
        }
    }
}

/// Converts an index in a padded image, which has fewer than 2³² numbers.
fn to_u32(at: usize) -> u32 {
    u32::try_from(at).expect("an index in one image")
}

/// Adds gradient × patch to `sums` (three runs) for each active gradient. Processes as many vectors together as
/// registers hold: AVX2 has sixteen, three of which are needed elsewhere.
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
    let mut tile = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for r in 0..ROWS {
        tile[r] = *first_vectors::<S, VECTORS>(&sums[r * run..]);
    }
    for active in active {
        let grad = simd.splat_f32s(active.grad);
        let patch = &image[active.patch as usize..];
        for r in 0..ROWS {
            let vectors = first_vectors::<S, VECTORS>(&patch[r * row_len..]);
            for v in 0..VECTORS {
                tile[r][v] = simd.mul_add_e_f32s(grad, vectors[v], tile[r][v]);
            }
        }
    }
    for r in 0..ROWS {
        let sums = &mut S::as_mut_simd_f32s(&mut sums[r * run..][..VECTORS * S::F32_LANES]).0[..VECTORS];
        // A copy would take the tile's address, which keeps it out of the registers.
        #[allow(clippy::manual_memcpy)]
        for v in 0..VECTORS {
            sums[v] = tile[r][v];
        }
    }
}

/// Returns the first `VECTORS` vectors of a run.
#[inline(always)]
fn first_vectors<S: Simd, const VECTORS: usize>(run: &[f32]) -> &[S::f32s; VECTORS] {
    let vectors = S::as_simd_f32s(&run[..VECTORS * S::F32_LANES]).0;
    vectors.try_into().expect("as many as were taken")
}
