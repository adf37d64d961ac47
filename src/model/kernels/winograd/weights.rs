//! Kernels transformed to a tile's points, in panels of output channels.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::lanes::{dispatch, lanes};
use super::super::scratch::Scratch;
use super::gemm::VECTORS;
use super::tile::{Kernel, Tile, transform_square, zeros};

/// The direction in which a layer's kernels are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the input to the output.
    Forward,
    /// From the output's gradient to the input's: channels are exchanged, and kernels are rotated by 180°.
    Back,
}

/// Numbers between a panel's points.
const GAP: usize = 16;

/// The transformed kernels, `[panel, point, input channel, panel's width]`.
pub(super) struct Weights {
    numbers: Scratch,
    /// Numbers of one point of one panel.
    point: usize,
    /// Numbers of one panel.
    panel: usize,
}

impl Weights {
    /// Transforms `weight` `[c_out, c_in, 3, 3]`.
    pub(super) fn new<T: Tile>(weight: &[f32], c_in: usize, direction: Direction) -> Self {
        let c_out = weight.len() / 9 / c_in;
        let (from, to) = match direction {
            Direction::Forward => (c_in, c_out),
            Direction::Back => (c_out, c_in),
        };
        let width = VECTORS * lanes();
        // A gap behind the numbers. Otherwise all points of a kernel would compete for the same sets of the cache.
        let point = from * width + GAP;
        let panel = point * T::POINTS;
        let mut numbers = Scratch::recycled(to / width * panel);
        numbers.par_chunks_mut(panel).enumerate().for_each(|(index, panel)| {
            dispatch(Panel::<T> {
                weight,
                c_in,
                direction,
                first: index * width,
                numbers: panel,
                tile: Default::default(),
            });
        });
        Self { numbers, point, panel }
    }

    /// Returns the panels of one point.
    pub(super) fn panels(&self, point: usize) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.panel).map(move |panel| &panel[point * self.point..][..self.point - GAP])
    }
}

struct Panel<'a, T> {
    weight: &'a [f32],
    c_in: usize,
    direction: Direction,
    /// The panel's first channel.
    first: usize,
    numbers: &'a mut [f32],
    tile: std::marker::PhantomData<T>,
}

impl<T: Tile> WithSimd for Panel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        let point = self.numbers.len() / T::POINTS;
        let mut taps = vec![0.0_f32; 9 * width];
        for from in 0..(point - GAP) / width {
            self.gather(from, width, &mut taps);
            let taps = S::as_simd_f32s(&taps).0;
            for v in 0..VECTORS {
                let mut square = zeros(simd);
                for tap in 0..9 {
                    square[tap / 3][tap % 3] = taps[tap * VECTORS + v];
                }
                let square = transform_square::<S, Kernel<T>>(simd, &square);
                for at in 0..T::POINTS {
                    let to = &mut self.numbers[at * point + from * width + v * S::F32_LANES..][..S::F32_LANES];
                    S::as_mut_simd_f32s(to).0[0] = square[at / T::SIDE][at % T::SIDE];
                }
            }
        }
    }
}

impl<T> Panel<'_, T> {
    /// Collects the nine taps from input channel `from` to each channel of the panel, tap by tap.
    #[inline(always)]
    fn gather(&self, from: usize, width: usize, taps: &mut [f32]) {
        for lane in 0..width {
            let to = self.first + lane;
            let kernel = match self.direction {
                Direction::Forward => to * self.c_in + from,
                Direction::Back => from * self.c_in + to,
            };
            let kernel = &self.weight[9 * kernel..][..9];
            for tap in 0..9 {
                let turned = if self.direction == Direction::Back { 8 - tap } else { tap };
                taps[tap * width + lane] = kernel[turned];
            }
        }
    }
}
