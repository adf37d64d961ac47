//! The gradient of the input: each active gradient adds a multiple of its channel's kernel to a patch. Gradients of a
//! window with the same patch are first summed in registers.

use pulp::{Simd, WithSimd};

use super::super::geometry::{Geometry, RELU_ZERO};
use super::super::lanes::lanes;
use super::super::scratch::Scratch;
use super::backward::OutputGradient;

/// The weights as `[vector of input channels, c_out, 9, lanes]`, padded with zeros.
pub(super) struct Kernels {
    numbers: Scratch,
    /// Numbers of one vector of input channels.
    len: usize,
}

impl Kernels {
    pub(super) fn new(geometry: &Geometry, weight: &[f32]) -> Self {
        let &Geometry { c_in, c_out, .. } = geometry;
        let lanes = lanes();
        let len = c_out * 9 * lanes;
        let mut numbers = Scratch::zeros(c_in.div_ceil(lanes) * len);
        for (co, kernel) in weight.chunks_exact(9 * c_in).enumerate() {
            for (ci, taps) in kernel.chunks_exact(9).enumerate() {
                for (tap, value) in taps.iter().enumerate() {
                    numbers[ci / lanes * len + (co * 9 + tap) * lanes + ci % lanes] = *value;
                }
            }
        }
        Self { numbers, len }
    }
}

/// Adds one image's gradient of its padded input.
pub(super) struct IntoInput<'a> {
    pub(super) gradient: OutputGradient<'a>,
    pub(super) kernels: &'a Kernels,
    pub(super) padded: &'a mut [f32],
}

/// A gradient that passes the `ReLU`, and its output channel.
#[derive(Clone, Copy, Default)]
struct ActiveGradient {
    channel: u32,
    grad: f32,
}

/// The number of active gradients of one patch; they follow those of the group before.
struct Group {
    patch: usize,
    count: usize,
}

impl WithSimd for IntoInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (active, groups) = self.gradient.by_patch();
        let row_len = self.gradient.geometry.padded_row();
        // Processes one vector of input channels after another, so that its kernels stay in the first-level cache.
        for (vector, kernels) in self.kernels.numbers.chunks_exact(self.kernels.len).enumerate() {
            let kernels = S::as_simd_f32s(kernels).0.as_chunks::<9>().0;
            let mut rest = active.as_slice();
            for group in &groups {
                let mine;
                (mine, rest) = rest.split_at(group.count);
                let at = group.patch + vector * S::F32_LANES;
                add_patch(simd, mine, kernels, &mut self.padded[at..], row_len, self.gradient.geometry.c_in);
            }
        }
    }
}

/// Adds Σ gradient × kernel to a patch of `image`.
#[inline(always)]
fn add_patch<S: Simd>(
    simd: S,
    active: &[ActiveGradient],
    kernels: &[[S::f32s; 9]],
    image: &mut [f32],
    row_len: usize,
    pixel_len: usize,
) {
    let mut sums = [simd.splat_f32s(0.0); 9];
    for active in active {
        let grad = simd.splat_f32s(active.grad);
        let kernel = &kernels[active.channel as usize];
        for tap in 0..9 {
            sums[tap] = simd.mul_add_e_f32s(grad, kernel[tap], sums[tap]);
        }
    }
    for tap in 0..9 {
        let sum = sums[tap];
        let to = &mut image[tap / 3 * row_len + tap % 3 * pixel_len..][..S::F32_LANES];
        let to = &mut S::as_mut_simd_f32s(to).0[0];
        *to = simd.add_f32s(*to, sum);
    }
}

impl OutputGradient<'_> {
    /// Returns the active gradients, ordered by window and within a window by patch.
    #[inline(always)]
    fn by_patch(&self) -> (Vec<ActiveGradient>, Vec<Group>) {
        let &Geometry { c_out, .. } = self.geometry;
        let (h, w) = self.geometry.out_size();
        let offsets = Self::offsets(self.geometry);
        let (mut active, mut groups) =
            (vec![ActiveGradient::default(); self.grad.len()], Vec::with_capacity(4 * h * w));
        let channels = u32::try_from(c_out).expect("far fewer channels");
        let mut end = 0;
        for window in 0..self.grad.len() / c_out {
            let (grads, codes) = (&self.grad[window * c_out..][..c_out], &self.codes[window * c_out..][..c_out]);
            let mut counts = [0; 5];
            for code in codes {
                counts[usize::from(code & 7).min(4)] += 1;
            }
            let patch = Self::patch(self.geometry, window / w, window % w);
            // Gradients without an effect come last, where the next window overwrites them.
            let mut ends = [end; 5];
            for code in 0..usize::from(RELU_ZERO) {
                ends[code + 1] = ends[code] + counts[code];
                if counts[code] > 0 {
                    groups.push(Group { patch: patch + offsets[code], count: counts[code] });
                }
            }
            end = ends[usize::from(RELU_ZERO)];
            for channel in 0..channels {
                let at = channel as usize;
                let index = &mut ends[usize::from(codes[at] & 7).min(4)];
                active[*index] = ActiveGradient { channel, grad: grads[at] };
                *index += 1;
            }
        }
        active.truncate(end);
        (active, groups)
    }
}
