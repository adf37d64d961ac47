//! Bilinear sampling at the positions of an affine map, eight pixels at a time.
//!
//! The compiler vectorizes loops of fixed length over arrays. [`pulp`] also compiles them for AVX2 and selects that
//! version on CPUs that have it. Both versions return the same bits.

use std::array;

use pulp::{Arch, Simd, WithSimd};

use crate::data::manifest::ImageShape;

/// Pixels that are sampled together.
const LANES: usize = 8;

/// A position in fixed point with 32 fractional bits: steps add without rounding, and the integer part needs no
/// conversion from float.
type Fixed = i64;

/// Samples `pixels` (u8 `[H, W, C]`) into `out` (f32 `[C, H', W']`), at the position that `matrix` gives for each
/// output pixel. `size` is H', W'; positions beyond the edge take the nearest pixel; values are multiplied by `scale`.
pub(super) fn sample(
    matrix: [[f64; 3]; 2],
    pixels: &[u8],
    image: ImageShape,
    size: [u32; 2],
    scale: f32,
    out: &mut [f32],
) {
    let grid = Grid::new(matrix, image, size);
    let channels = image.channels as usize;
    let [height, width] = [image.height, image.width].map(|side| side as usize);
    for (channel, out) in out.chunks_exact_mut(grid.size[0] * grid.size[1]).enumerate() {
        let pixels = Plane { pixels, width, height, channels, channel };
        // Packing all corners first pays only if most are read more than once.
        if out.len() >= width * height / 2 {
            let corners = Arch::new().dispatch(AllCorners(pixels));
            Arch::new().dispatch(Sampling { grid: &grid, scale, out, corners: |index: usize| corners[index] });
        } else {
            Arch::new().dispatch(Sampling { grid: &grid, scale, out, corners: |index| pixels.corners(index) });
        }
    }
}

/// The sampling positions of an output, in fixed point.
struct Grid {
    width: u32,
    size: [usize; 2],
    /// The last row and the last column.
    last: [Fixed; 2],
    /// The position of output pixel (0, 0).
    origin: [Fixed; 2],
    /// The change of the position per output row and per output column.
    per_row: [Fixed; 2],
    per_column: [Fixed; 2],
}

impl Grid {
    #[allow(clippy::cast_possible_truncation)] // positions are far below 2^31
    fn new(matrix: [[f64; 3]; 2], image: ImageShape, size: [u32; 2]) -> Self {
        let fixed = |value: f64| (value * 4_294_967_296.0).round() as Fixed;
        let column = |index: usize| [fixed(matrix[0][index]), fixed(matrix[1][index])];
        Self {
            width: image.width,
            size: size.map(|side| side as usize),
            last: [i64::from(image.height - 1) << 32, i64::from(image.width - 1) << 32],
            origin: column(2),
            per_row: column(0),
            per_column: column(1),
        }
    }

    /// Returns, for each lane, the index of the pixel above and left of the position, and the fractions down and right
    /// from it. Lanes beyond the end of a row are clamped like any other.
    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to an image
    #[allow(clippy::cast_precision_loss)] // 24 bits are what an f32 holds
    fn locate(&self, y: &[Fixed; LANES], x: &[Fixed; LANES]) -> ([usize; LANES], [f32; LANES], [f32; LANES]) {
        let (y, x) = (y.map(|y| y.clamp(0, self.last[0])), x.map(|x| x.clamp(0, self.last[1])));
        let index = array::from_fn(|lane| ((y[lane] >> 32) as u32 * self.width + (x[lane] >> 32) as u32) as usize);
        let fraction = |position: Fixed| (position as u32 >> 8).cast_signed() as f32 * (1.0 / 16_777_216.0);
        (index, y.map(fraction), x.map(fraction))
    }
}

/// Interpolates between the corners top left, top right, bottom left and bottom right, packed from the lowest byte up.
#[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
#[inline(always)]
#[allow(clippy::cast_precision_loss)] // bytes
fn bilinear(corners: [u32; LANES], down: [f32; LANES], right: [f32; LANES], scale: f32) -> [f32; LANES] {
    let corner = |lane: usize, shift: u32| (corners[lane] >> shift & 0xff).cast_signed() as f32;
    array::from_fn(|lane| {
        let [a, b, c, d] = [0, 8, 16, 24].map(|shift| corner(lane, shift));
        let top = a + (b - a) * right[lane];
        let bottom = c + (d - c) * right[lane];
        (top + (bottom - top) * down[lane]) * scale
    })
}

/// A channel of an image.
#[derive(Clone, Copy)]
struct Plane<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    channels: usize,
    channel: usize,
}

impl Plane<'_> {
    /// Returns pixel `index` and its neighbours to the right, below, and below right, packed from the lowest byte up.
    /// Beyond the edge, the nearest pixel stands in.
    fn corners(&self, index: usize) -> u32 {
        let (row, column) = (index / self.width, index % self.width);
        let (below, right) = ((row + 1).min(self.height - 1), (column + 1).min(self.width - 1));
        let pixel = |row: usize, column: usize| self.pixels[(row * self.width + column) * self.channels + self.channel];
        u32::from_le_bytes([pixel(row, column), pixel(row, right), pixel(below, column), pixel(below, right)])
    }
}

/// The packed corners of every pixel of a plane.
struct AllCorners<'a>(Plane<'a>);

impl WithSimd for AllCorners<'_> {
    type Output = Vec<u32>;

    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Vec<u32> {
        let Plane { pixels, width, height, channels, channel } = self.0;
        // Packs each pixel of a row with its right neighbour.
        let pairs = |row: usize| {
            let row = &pixels[row * width * channels..][..width * channels];
            let last = row[(width - 1) * channels + channel];
            let values = row.iter().skip(channel).step_by(channels);
            let right = row.iter().skip(channel + channels).step_by(channels).copied().chain([last]);
            values.zip(right).map(|(pixel, right)| u32::from(*pixel) | u32::from(right) << 8)
        };
        let mut corners = Vec::with_capacity(width * height);
        for row in 0..height {
            corners.extend(pairs(row));
        }
        let inner = (height - 1) * width;
        for at in 0..inner {
            corners[at] |= corners[at + width] << 16;
        }
        for corner in &mut corners[inner..] {
            *corner |= *corner << 16;
        }
        corners
    }
}

/// The sampling of one output plane.
struct Sampling<'a, F> {
    grid: &'a Grid,
    scale: f32,
    out: &'a mut [f32],
    /// Returns the four corners of a pixel, packed as by [`Plane::corners`].
    corners: F,
}

impl<F: Fn(usize) -> u32> WithSimd for Sampling<'_, F> {
    type Output = ();

    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    #[allow(clippy::cast_possible_wrap)] // numbers of rows and lanes
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { grid, scale, out, corners } = self;
        for (row, out) in out.chunks_exact_mut(grid.size[1]).enumerate() {
            let lanes = |axis: usize| -> [Fixed; LANES] {
                let first = grid.origin[axis] + grid.per_row[axis] * row as Fixed;
                array::from_fn(|lane| first + grid.per_column[axis] * lane as Fixed)
            };
            let (mut y, mut x) = (lanes(0), lanes(1));
            let step = grid.per_column.map(|step| step * LANES as Fixed);
            let mut whole = out.chunks_exact_mut(LANES);
            for out in &mut whole {
                let (index, down, right) = grid.locate(&y, &x);
                out.copy_from_slice(&bilinear(index.map(&corners), down, right, scale));
                y = y.map(|y| y + step[0]);
                x = x.map(|x| x + step[1]);
            }
            let rest = whole.into_remainder();
            if !rest.is_empty() {
                let (index, down, right) = grid.locate(&y, &x);
                let values = bilinear(index.map(&corners), down, right, scale);
                rest.copy_from_slice(&values[..rest.len()]);
            }
        }
    }
}
