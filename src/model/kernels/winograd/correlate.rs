//! The gradient of the kernels: products of inputs and output gradients at each point, summed over all tiles.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::geometry::Geometry;
use super::super::lanes::{dispatch, lanes};
use super::super::scratch::Scratch;
use super::bands::{Band, tiles};
use super::gemm::{VECTORS, panel_by_panel};
use super::patches::{Images, Patch};
use super::tile::{Input, KernelBack, Map, OutputBack, Tile, transform_square, zeros};

/// Numbers between the panels of points; see the forward pass.
const GAP: usize = 16;

/// The sums over tiles, `[point, c_out, c_in]`.
pub(super) struct Correlation<T> {
    c_in: usize,
    c_out: usize,
    sums: Scratch,
    tile: PhantomData<T>,
}

impl<T: Tile> Correlation<T> {
    pub(super) fn new(c_in: usize, c_out: usize) -> Self {
        Self { c_in, c_out, sums: Scratch::zeros(T::POINTS * c_in * c_out), tile: PhantomData }
    }

    /// Adds some images, with inputs `[n, h, w, c_in]` and output gradients `[n, h, w, c_out]`.
    pub(super) fn add(&mut self, geometry: &Geometry, x: &[f32], grad: &[f32]) {
        let (c_in, c_out) = (self.c_in, self.c_out);
        let band = Band { images: 0..geometry.n, rows: 0..tiles::<T>(geometry).0 };
        let (inputs, grads) = rayon::join(
            || Panels::new::<T, Input<T>>(geometry, &band, x, c_in, 1),
            || Panels::new::<T, OutputBack<T>>(geometry, &band, grad, c_out, 0),
        );
        self.sums.par_chunks_mut(c_in * c_out).enumerate().for_each(|(point, sums)| {
            dispatch(AddPoint { inputs: inputs.point(point), grads: grads.point(point), sums, c_in });
        });
    }

    /// Returns the gradient of the kernels, `[c_out, c_in, 3, 3]`.
    pub(super) fn finish(self) -> Vec<f32> {
        let mut found = vec![0.0; self.c_out * self.c_in * 9];
        found.par_chunks_mut(self.c_in * 9).enumerate().for_each(|(channel, found)| {
            dispatch(Finish { correlation: &self, channel, found });
        });
        found
    }
}

/// The values of tiles at points, `[point, panel, tile, panel's width]`.
struct Panels {
    numbers: Scratch,
    /// Numbers of one panel of one point, and of one point.
    panel: usize,
    point: usize,
}

impl Panels {
    fn new<T: Tile, M: Map>(geometry: &Geometry, band: &Band, pixels: &[f32], channels: usize, border: usize) -> Self {
        let width = VECTORS * lanes();
        let columns = tiles::<T>(geometry).1;
        let panel = band.len(columns) * width + GAP;
        let point = channels / width * panel;
        let mut numbers = Scratch::recycled(T::POINTS * point);
        let zeros = Scratch::zeros(width);
        let images = Images { pixels, border: &zeros, channels, h: geometry.h, w: geometry.w };
        let mut tasks: Vec<Vec<&mut [f32]>> = (0..channels / width).map(|_| Vec::with_capacity(T::POINTS)).collect();
        for point in numbers.chunks_exact_mut(point) {
            for (task, panel) in tasks.iter_mut().zip(point.chunks_exact_mut(panel)) {
                task.push(panel);
            }
        }
        tasks.into_par_iter().enumerate().for_each(|(index, points)| {
            let task =
                ToPanel::<T, M> { images, band, columns, border, channel: index * width, points, map: PhantomData };
            dispatch(task);
        });
        Self { numbers, panel, point }
    }

    /// Returns one point's panels.
    fn point(&self, point: usize) -> impl Iterator<Item = &[f32]> + Clone {
        self.numbers[point * self.point..][..self.point]
            .chunks_exact(self.panel)
            .map(|panel| &panel[..panel.len() - GAP])
    }
}

/// Transforms one panel's channels of all tiles.
struct ToPanel<'a, T, M> {
    images: Images<'a>,
    band: &'a Band,
    columns: usize,
    /// Pixels by which a patch starts before its tile.
    border: usize,
    channel: usize,
    points: Vec<&'a mut [f32]>,
    map: PhantomData<(T, M)>,
}

impl<T: Tile, M: Map> WithSimd for ToPanel<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = VECTORS * S::F32_LANES;
        for (t, (image, row, column)) in self.band.tiles(self.columns).enumerate() {
            let top = (row * T::OUT).wrapping_sub(self.border);
            let left = (column * T::OUT).wrapping_sub(self.border);
            let patch = Patch { image, top, left, channel: self.channel, channels };
            self.images.transform::<S, M>(simd, patch, &mut self.points, t * channels);
        }
    }
}

/// Adds to one point's sums.
struct AddPoint<'a, I, G> {
    inputs: I,
    grads: G,
    /// `[c_out, c_in]`.
    sums: &'a mut [f32],
    c_in: usize,
}

impl<'a, I: Iterator<Item = &'a [f32]> + Clone, G: Iterator<Item = &'a [f32]> + Clone> WithSimd for AddPoint<'_, I, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        for (column, input) in self.inputs.enumerate() {
            for (grad, sums) in self.grads.clone().zip(self.sums.chunks_exact_mut(width * self.c_in)) {
                panel_by_panel(simd, grad, input, sums, column * width, self.c_in);
            }
        }
    }
}

/// Transforms one output channel's sums to the gradients of its kernels.
struct Finish<'a, T> {
    correlation: &'a Correlation<T>,
    channel: usize,
    /// `[c_in, 3, 3]`.
    found: &'a mut [f32],
}

impl<T: Tile> WithSimd for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let &Correlation { c_in, c_out, ref sums, .. } = self.correlation;
        let rows: Vec<&[S::f32s]> = sums
            .chunks_exact(c_in * c_out)
            .map(|point| S::as_simd_f32s(&point[self.channel * c_in..][..c_in]).0)
            .collect();
        let mut taps = vec![0.0; 9 * S::F32_LANES];
        for (c, found) in self.found.chunks_exact_mut(9 * S::F32_LANES).enumerate() {
            let mut square = zeros(simd);
            for i in 0..T::SIDE {
                for j in 0..T::SIDE {
                    square[i][j] = rows[i * T::SIDE + j][c];
                }
            }
            let square = transform_square::<S, KernelBack<T>>(simd, &square);
            for (tap, taps) in S::as_mut_simd_f32s(&mut taps).0.iter_mut().enumerate() {
                *taps = square[tap / 3][tap % 3];
            }
            for (lane, kernel) in found.chunks_exact_mut(9).enumerate() {
                for (tap, number) in kernel.iter_mut().enumerate() {
                    *number = taps[tap * S::F32_LANES + lane];
                }
            }
        }
    }
}
