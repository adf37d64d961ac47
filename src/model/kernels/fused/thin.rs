//! The gradients of the parameters for few input channels, such as gray and coloured images: vectors hold output
//! channels.

use pulp::{Simd, WithSimd};

use super::super::geometry::{Geometry, RELU_ZERO};
use super::super::lanes::lanes;
use super::backward::OutputGradient;

/// The most input channels. Each costs the products of all four codes, of which one counts.
const MOST: usize = 3;

/// Returns whether this algorithm is the fastest.
pub(super) fn suits(geometry: &Geometry) -> bool {
    geometry.c_in <= MOST && geometry.c_out.is_multiple_of(lanes())
}

/// Converts sums `[9, c_in, c_out]` to `[c_out, c_in, 3, 3]`.
pub(super) fn unpack(geometry: &Geometry, sums: &[f32]) -> Vec<f32> {
    let &Geometry { c_in, c_out, .. } = geometry;
    let mut weight = Vec::with_capacity(sums.len());
    for (co, ci) in (0..c_out).flat_map(|co| (0..c_in).map(move |ci| (co, ci))) {
        weight.extend((0..9).map(|tap| sums[(tap * c_in + ci) * c_out + co]));
    }
    weight
}

/// Adds one image's gradients of the parameters.
pub(super) struct IntoTaps<'a> {
    pub(super) gradient: OutputGradient<'a>,
    pub(super) padded: &'a [f32],
    /// `[9, c_in, c_out]`.
    pub(super) weight_sums: &'a mut [f32],
    pub(super) bias_sums: &'a mut [f32],
}

impl WithSimd for IntoTaps<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match self.gradient.geometry.stride() {
            1 => self.rows::<S, 1>(simd),
            _ => self.rows::<S, 2>(simd),
        }
    }
}

impl IntoTaps<'_> {
    #[inline(always)]
    fn rows<S: Simd, const STRIDE: usize>(&mut self, simd: S) {
        let OutputGradient { geometry, grad, codes } = self.gradient;
        let &Geometry { c_in, c_out, .. } = geometry;
        let (h, w) = geometry.out_size();
        let columns = geometry.padded_row() / c_in;
        let mut words = vec![0; w * c_out];
        for ci in 0..c_in {
            let plane: Vec<f32> = self.padded[ci..].iter().step_by(c_in).copied().collect();
            for y in 0..h {
                let row = y * w * c_out..(y + 1) * w * c_out;
                for (word, code) in words.iter_mut().zip(&codes[row.clone()]) {
                    *word = u32::from(*code);
                }
                let pixels = &plane[y * STRIDE * columns..];
                for first in (0..c_out).step_by(S::F32_LANES) {
                    let mut sums = [simd.splat_f32s(0.0); 10];
                    for x in 0..w {
                        let channels = x * c_out + first..x * c_out + first + S::F32_LANES;
                        let grad = S::as_simd_f32s(&grad[row.clone()][channels.clone()]).0[0];
                        let words = S::as_simd_u32s(&words[channels]).0[0];
                        add_window::<S, STRIDE>(simd, grad, words, &pixels[x * STRIDE..], columns, &mut sums);
                    }
                    for (tap, sum) in sums.into_iter().take(9).enumerate() {
                        add(simd, &mut self.weight_sums[(tap * c_in + ci) * c_out + first..], sum);
                    }
                    if ci == 0 {
                        add(simd, &mut self.bias_sums[first..], sums[9]);
                    }
                }
            }
        }
    }
}

/// Adds the gradients of one window to the sums of nine taps and of the bias. `pixels` start at the window's first
/// patch.
#[inline(always)]
fn add_window<S: Simd, const STRIDE: usize>(
    simd: S,
    grad: S::f32s,
    codes: S::u32s,
    pixels: &[f32],
    columns: usize,
    sums: &mut [S::f32s; 10],
) {
    let zero = simd.splat_f32s(0.0);
    // The gradients of each code, zero at outputs with another code.
    let mut by_code = [zero; 4];
    for code in 0..4_u8 {
        let is_code = simd.equal_u32s(codes, simd.splat_u32s(code.into()));
        by_code[usize::from(code)] = simd.select_f32s(is_code, grad, zero);
    }
    let dead = simd.equal_u32s(codes, simd.splat_u32s(RELU_ZERO.into()));
    sums[9] = simd.add_f32s(sums[9], simd.select_f32s(dead, zero, grad));
    for row in 0..STRIDE + 2 {
        let pixels = &pixels[row * columns..][..STRIDE + 2];
        for column in 0..STRIDE + 2 {
            let pixel = simd.splat_f32s(pixels[column]);
            for code in 0..STRIDE * STRIDE {
                let (dy, dx) = (code / 2, code % 2);
                if (dy..dy + 3).contains(&row) && (dx..dx + 3).contains(&column) {
                    let tap = (row - dy) * 3 + column - dx;
                    sums[tap] = simd.mul_add_e_f32s(pixel, by_code[code], sums[tap]);
                }
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, sums: &mut [f32], sum: S::f32s) {
    let to = &mut S::as_mut_simd_f32s(&mut sums[..S::F32_LANES]).0[0];
    *to = simd.add_f32s(*to, sum);
}
