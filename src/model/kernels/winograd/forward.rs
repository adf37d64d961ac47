//! Computes an output from an input, or an input's gradient from an output's. Transforms tiles to their points,
//! multiplies matrices over the channels at each point, and transforms back.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::geometry::{Geometry, Pool};
use super::super::lanes::dispatch;
use super::super::scratch::Scratch;
use super::bands::{Band, tiles};
use super::gemm::{VECTORS, rows_by_panel};
use super::patches::{Images, Patch};
use super::pool;
use super::tile::{Input, LARGEST, Output, Tile, transform_square, zeros};
use super::weights::Weights;

/// Numbers between the values of two points. At a distance of whole pages, all points of a tile would compete for the
/// same sets of the cache.
const GAP: usize = 32;

/// Computes `out` `[n, h, w, c_out]`, or pooled, from `x` `[n, h, w, c_in]`, and writes the code of each output to
/// `codes`.
pub(super) fn run<T: Tile>(
    geometry: &Geometry,
    x: &[f32],
    weights: &Weights,
    bias: Option<&[f32]>,
    mut out: &mut [f32],
    mut codes: Option<&mut [u8]>,
) {
    let mut tasks = Vec::new();
    for band in Band::all::<T>(geometry) {
        let len = band.outputs::<T>(geometry);
        let mine;
        (mine, out) = out.split_at_mut(len);
        let my_codes = codes.take().map(|all| {
            let (mine, rest) = all.split_at_mut(len);
            codes = Some(rest);
            mine
        });
        tasks.push(Task::<T> { geometry, x, weights, bias, band, out: mine, codes: my_codes, tile: PhantomData });
    }
    tasks.into_par_iter().for_each(dispatch);
}

/// The computation of one band.
struct Task<'a, T> {
    geometry: &'a Geometry,
    x: &'a [f32],
    weights: &'a Weights,
    bias: Option<&'a [f32]>,
    band: Band,
    out: &'a mut [f32],
    codes: Option<&'a mut [u8]>,
    tile: PhantomData<T>,
}

impl<T: Tile> WithSimd for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let &Geometry { c_in, c_out, h, w, relu, pool, .. } = self.geometry;
        let count = self.band.len(tiles::<T>(self.geometry).1);
        let (in_point, out_point) = (count * c_in + GAP, count * c_out + GAP);
        let points = self.to_points(simd, in_point);
        let mut products = Scratch::recycled(T::POINTS * out_point);
        for (p, products) in products.chunks_exact_mut(out_point).enumerate() {
            let a = &points[p * in_point..][..count * c_in];
            for (panel, weights) in self.weights.panels(p).enumerate() {
                rows_by_panel(simd, a, weights, &mut products[..count * c_out], panel * VECTORS * S::F32_LANES, c_out);
            }
        }
        drop(points);
        if pool == Pool::None {
            from_points::<S, T>(simd, self.geometry, &self.band, &products, self.bias, self.out);
            if let Some(codes) = &mut self.codes {
                pool::codes(self.out, codes);
            }
            return;
        }
        let rows = self.band.pixel_rows::<T>(h).len();
        let mut unpooled = Scratch::recycled(self.band.images.len() * rows * w * c_out);
        from_points::<S, T>(simd, self.geometry, &self.band, &products, self.bias, &mut unpooled);
        let len = (rows / 2) * (w / 2) * c_out;
        for (image, unpooled) in unpooled.chunks_exact(rows * w * c_out).enumerate() {
            let codes = self.codes.as_deref_mut().map(|codes| &mut codes[image * len..][..len]);
            pool::max2(unpooled, w, c_out, &mut self.out[image * len..][..len], codes, relu);
        }
    }
}

impl<T: Tile> Task<'_, T> {
    /// Returns the transformed input, `[point, tile, channel]`.
    #[inline(always)]
    fn to_points<S: Simd>(&self, simd: S, point: usize) -> Scratch {
        let &Geometry { c_in, h, w, .. } = self.geometry;
        let border = Scratch::zeros(c_in);
        let images = Images { pixels: self.x, border: &border, channels: c_in, h, w };
        let mut points = Scratch::recycled(T::POINTS * point);
        let mut parts: Vec<_> = points.chunks_exact_mut(point).collect();
        for (t, (image, row, column)) in self.band.tiles(tiles::<T>(self.geometry).1).enumerate() {
            let (top, left) = ((row * T::OUT).wrapping_sub(1), (column * T::OUT).wrapping_sub(1));
            let patch = Patch { image, top, left, channel: 0, channels: c_in };
            images.transform::<S, Input<T>>(simd, patch, &mut parts, t * c_in);
        }
        points
    }
}

/// Transforms `products` `[point, tile, channel]` to the band's rows of pixels, with bias and `ReLU` as set.
#[inline(always)]
fn from_points<S: Simd, T: Tile>(
    simd: S,
    geometry: &Geometry,
    band: &Band,
    products: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let &Geometry { c_out, h, w, relu, .. } = geometry;
    let rows = band.pixel_rows::<T>(h);
    let vectors = c_out / S::F32_LANES;
    let point = products.len() / T::POINTS / S::F32_LANES;
    let products = S::as_simd_f32s(products).0;
    let out = S::as_mut_simd_f32s(out).0;
    for (t, (image, row, column)) in band.tiles(tiles::<T>(geometry).1).enumerate() {
        let mut inputs: [[&[S::f32s]; LARGEST]; LARGEST] = [[&[]; LARGEST]; LARGEST];
        for i in 0..T::SIDE {
            for j in 0..T::SIDE {
                inputs[i][j] = &products[(i * T::SIDE + j) * point + t * vectors..][..vectors];
            }
        }
        let top = (image - band.images.start) * rows.len() + row * T::OUT - rows.start;
        let tile = OutTile {
            at: (top * w + column * T::OUT) * vectors,
            row: w * vectors,
            high: T::OUT.min(h - row * T::OUT),
            wide: T::OUT.min(w - column * T::OUT),
        };
        tile.fill::<S, T>(simd, &inputs, bias, relu, out);
    }
}

/// The position of a tile in the output, in vectors of channels.
struct OutTile {
    at: usize,
    /// Vectors from one row of pixels to the next.
    row: usize,
    /// Rows and columns that are in the image.
    high: usize,
    wide: usize,
}

impl OutTile {
    #[inline(always)]
    fn fill<S: Simd, T: Tile>(
        &self,
        simd: S,
        inputs: &[[&[S::f32s]; LARGEST]; LARGEST],
        bias: Option<&[f32]>,
        relu: bool,
        out: &mut [S::f32s],
    ) {
        let vectors = inputs[0][0].len();
        for c in 0..vectors {
            let mut square = zeros(simd);
            for i in 0..T::SIDE {
                for j in 0..T::SIDE {
                    square[i][j] = inputs[i][j][c];
                }
            }
            let square = transform_square::<S, Output<T>>(simd, &square);
            let bias = bias.map(|bias| S::as_simd_f32s(bias).0[c]);
            for y in 0..T::OUT {
                for x in 0..T::OUT {
                    if y < self.high && x < self.wide {
                        out[self.at + y * self.row + x * vectors + c] = finish(simd, square[y][x], bias, relu);
                    }
                }
            }
        }
    }
}

/// Adds the bias and applies `ReLU`, as set.
#[inline(always)]
fn finish<S: Simd>(simd: S, value: S::f32s, bias: Option<S::f32s>, relu: bool) -> S::f32s {
    let sum = bias.map_or(value, |bias| simd.add_f32s(value, bias));
    if !relu {
        return sum;
    }
    let zero = simd.splat_f32s(0.0);
    // A comparison and not `max`, which would drop NaN.
    simd.select_f32s(simd.less_than_or_equal_f32s(sum, zero), zero, sum)
}
