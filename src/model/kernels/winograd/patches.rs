//! Transforms tiles of an image to their values at the points.

use pulp::Simd;

use super::tile::{LARGEST, Map, transform_square, zeros};

/// A batch of images `[n, h, w, channels]`.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub(super) pixels: &'a [f32],
    /// A pixel of zeros, for positions outside the image.
    pub(super) border: &'a [f32],
    pub(super) channels: usize,
    pub(super) h: usize,
    pub(super) w: usize,
}

/// Some channels of a patch of an image.
#[derive(Clone, Copy)]
pub(super) struct Patch {
    pub(super) image: usize,
    /// Its first row and column; negative ones are stored modulo 2⁶⁴.
    pub(super) top: usize,
    pub(super) left: usize,
    /// Its first channel, and the number of channels.
    pub(super) channel: usize,
    pub(super) channels: usize,
}

impl Images<'_> {
    /// Returns the channels of one pixel of a patch.
    #[inline(always)]
    fn pixel(&self, patch: Patch, dy: usize, dx: usize) -> &[f32] {
        let (y, x) = (patch.top.wrapping_add(dy), patch.left.wrapping_add(dx));
        if y < self.h && x < self.w {
            &self.pixels[((patch.image * self.h + y) * self.w + x) * self.channels + patch.channel..][..patch.channels]
        } else {
            &self.border[..patch.channels]
        }
    }

    /// Transforms a patch by the map `M`, and writes it at index `at` of each point.
    #[inline(always)]
    pub(super) fn transform<S: Simd, M: Map>(self, simd: S, patch: Patch, points: &mut [&mut [f32]], at: usize) {
        let vectors = patch.channels / S::F32_LANES;
        let mut inputs: [[&[S::f32s]; LARGEST]; LARGEST] = [[&[]; LARGEST]; LARGEST];
        for dy in 0..M::FROM {
            for dx in 0..M::FROM {
                inputs[dy][dx] = &S::as_simd_f32s(self.pixel(patch, dy, dx)).0[..vectors];
            }
        }
        for c in 0..vectors {
            let mut square = zeros(simd);
            for dy in 0..M::FROM {
                for dx in 0..M::FROM {
                    square[dy][dx] = inputs[dy][dx][c];
                }
            }
            let square = transform_square::<S, M>(simd, &square);
            for i in 0..M::TO {
                for j in 0..M::TO {
                    let to = &mut points[i * M::TO + j][at + c * S::F32_LANES..][..S::F32_LANES];
                    S::as_mut_simd_f32s(to).0[0] = square[i][j];
                }
            }
        }
    }
}
