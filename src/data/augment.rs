//! The random changes to training images: one affine map and one bilinear sampling from stored bytes to network input.
//!
//! The map is Keras's: `ImageDataGenerator` takes an output pixel `o` to the input position
//! `R · (Z · (o − c) + t) + c` with rotation `R`, zoom `Z` (factors above 1 shrink the picture: they map output to
//! input), shift `t` and the centre `c = (side − 1) / 2`, samples there bilinearly with the nearest pixel beyond the
//! edge, and mirrors the result. Here the mirroring and, where the output has another size, the resizing (half-pixel
//! centres) are part of the same map.

use super::manifest::ImageShape;
use super::random::{Keyed, Purpose};
use crate::domain::Augmentation;

/// One drawn change of an image, independent of the image's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Rotation in radians.
    pub rotation: f64,
    /// Zoom factors of rows and columns; above 1 the picture shrinks.
    pub zoom: [f64; 2],
    /// Shift of rows and columns in fractions of the image's height and width.
    pub shift: [f64; 2],
    /// Whether the result is mirrored left to right.
    pub flip: bool,
}

impl Affine {
    /// The change that changes nothing.
    #[must_use]
    pub const fn identity() -> Self {
        Self { rotation: 0.0, zoom: [1.0; 2], shift: [0.0; 2], flip: false }
    }

    /// Draws a change from the ranges.
    #[must_use]
    pub fn sample(ranges: &Augmentation, random: &mut Keyed) -> Self {
        let mut around = |centre: f64, reach: f64| random.between(centre - reach, centre + reach);
        let rotation = around(0.0, ranges.rotation_degrees).to_radians();
        let shift = [around(0.0, ranges.shift), around(0.0, ranges.shift)];
        let zoom = [around(1.0, ranges.zoom), around(1.0, ranges.zoom)];
        // Drawn in any case, so that the option changes nothing else.
        let flip = random.chance(0.5) && ranges.horizontal_flip;
        Self { rotation, zoom, shift, flip }
    }

    /// The change of the `index`th image of the training split in an epoch: a function of its arguments alone.
    #[must_use]
    pub fn keyed(ranges: &Augmentation, seed: u64, epoch: u64, index: u64) -> Self {
        Self::sample(ranges, &mut Keyed::new(Purpose::Augment, seed, epoch, index))
    }

    /// The map from an output pixel (row, column) of an image of `output` (height, width) to the position (row, column)
    /// in an input of `input` (height, width): rows of a 2×3 matrix, in pixels.
    #[must_use]
    pub fn matrix(&self, input: [u32; 2], output: [u32; 2]) -> [[f64; 3]; 2] {
        let [height, width] = input.map(f64::from);
        let steps = [height / f64::from(output[0]), width / f64::from(output[1])];
        // Output pixel 0 in input pixels, counted from the centre.
        let start = [steps[0] / 2.0 - height / 2.0, steps[1] / 2.0 - width / 2.0];
        let mirror = if self.flip { -1.0 } else { 1.0 };
        let scale = [self.zoom[0], self.zoom[1] * mirror];
        let rows = [scale[0] * steps[0], scale[0] * start[0] + self.shift[0] * height];
        let columns = [scale[1] * steps[1], scale[1] * start[1] + self.shift[1] * width];
        let (sin, cos) = self.rotation.sin_cos();
        let centre = [(height - 1.0) / 2.0, (width - 1.0) / 2.0];
        [
            [cos * rows[0], -sin * columns[0], cos * rows[1] - sin * columns[1] + centre[0]],
            [sin * rows[0], cos * columns[0], sin * rows[1] + cos * columns[1] + centre[1]],
        ]
    }

    /// The same map as `affine_grid` and `grid_sample` take it (without aligned corners): from output to input, rows for
    /// x and y, coordinates from −1 to 1 over the image's sides.
    #[must_use]
    pub fn theta(&self, height: u32, width: u32) -> [[f64; 3]; 2] {
        let (sin, cos) = self.rotation.sin_cos();
        let [h, w] = [f64::from(height), f64::from(width)];
        let columns = self.zoom[1] * if self.flip { -1.0 } else { 1.0 };
        let [rows, shift_y, shift_x] = [self.zoom[0], 2.0 * self.shift[0], 2.0 * self.shift[1]];
        [
            [cos * columns, sin * rows * h / w, cos * shift_x + sin * shift_y * h / w],
            [-sin * columns * w / h, cos * rows, cos * shift_y - sin * shift_x * w / h],
        ]
    }

    /// Samples `pixels` (u8 H×W×C of `image`) into `out` (f32 C×H'×W', planar; `size` is H', W'), each value multiplied
    /// by `scale` (1/255 for a network's input).
    ///
    /// # Panics
    /// If a slice does not have the length that the shapes ask for.
    pub fn apply(&self, pixels: &[u8], image: ImageShape, size: [u32; 2], scale: f32, out: &mut [f32]) {
        assert_eq!(pixels.len(), image.bytes(), "bytes of an image");
        assert_eq!(out.len(), (size[0] * size[1] * image.channels) as usize, "floats of an output");
        let grid = Grid::new(self.matrix([image.height, image.width], size), image, size);
        match image.channels {
            1 => grid.sample::<1>(pixels, scale, out),
            _ => grid.sample::<3>(pixels, scale, out),
        }
    }
}

/// A position in fixed point with 32 bits of fraction: steps add up without rounding, and the whole part needs no float
/// conversion, which is what makes the loop fast.
type Fixed = i64;

#[allow(clippy::cast_possible_truncation)] // positions are far below 2^31
fn fixed(value: f64) -> Fixed {
    (value * 4_294_967_296.0).round() as Fixed
}

/// The whole part of a position that is not negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(position: Fixed) -> usize {
    (position >> 32) as usize
}

/// The fraction of a position, to 24 bits, which is what an f32 holds.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn fraction(position: Fixed) -> f32 {
    ((position & 0xffff_ffff) >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

/// Where each output pixel looks.
struct Grid {
    width: usize,
    size: [usize; 2],
    /// Last position of rows and columns.
    last: [Fixed; 2],
    /// Position of output pixel (0, 0).
    origin: [Fixed; 2],
    /// Movement of the position per output row and per output column.
    per_row: [Fixed; 2],
    per_column: [Fixed; 2],
}

impl Grid {
    fn new(matrix: [[f64; 3]; 2], image: ImageShape, size: [u32; 2]) -> Self {
        let column = |index: usize| [fixed(matrix[0][index]), fixed(matrix[1][index])];
        Self {
            width: image.width as usize,
            size: size.map(|side| side as usize),
            last: [i64::from(image.height - 1) << 32, i64::from(image.width - 1) << 32],
            origin: column(2),
            per_row: column(0),
            per_column: column(1),
        }
    }

    #[allow(clippy::cast_possible_wrap)] // a side of an image
    fn sample<const C: usize>(&self, pixels: &[u8], scale: f32, out: &mut [f32]) {
        let [height, width] = self.size;
        let plane = height * width;
        for row in 0..height {
            let start = [0, 1].map(|axis| self.origin[axis] + self.per_row[axis] * row as i64);
            let inner = self.interior(start);
            for (begin, end, clamp) in [(0, inner.0, true), (inner.0, inner.1, false), (inner.1, width, true)] {
                let first = [0, 1].map(|axis| start[axis] + self.per_column[axis] * begin as i64);
                let at = row * width;
                if clamp {
                    self.sample_border::<C>(pixels, scale, first, &mut out[..], [at + begin, at + end, plane]);
                } else {
                    self.sample_interior::<C>(pixels, scale, first, &mut out[..], [at + begin, at + end, plane]);
                }
            }
        }
    }

    /// The output columns of a row whose four neighbours all lie in the image: first and one past the last.
    #[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn interior(&self, start: [Fixed; 2]) -> (usize, usize) {
        let (mut low, mut high) = (0, self.size[1] as i64);
        for axis in [0, 1] {
            // Wanted: 0 ≤ start + step · column < last
            let (start, step, last) = (start[axis], self.per_column[axis], self.last[axis]);
            if step == 0 {
                if start < 0 || start >= last {
                    return (0, 0);
                }
                continue;
            }
            let (enter, leave) = if step > 0 {
                (ceil_div(-start, step), ceil_div(last - start, step))
            } else {
                (ceil_div(start - last + 1, -step), ceil_div(start + 1, -step))
            };
            low = low.max(enter);
            high = high.min(leave);
        }
        if low >= high { (0, 0) } else { (low as usize, high as usize) }
    }

    fn sample_interior<const C: usize>(
        &self,
        pixels: &[u8],
        scale: f32,
        first: [Fixed; 2],
        out: &mut [f32],
        [begin, end, plane]: [usize; 3],
    ) {
        let [mut y, mut x] = first;
        if C == 1 {
            // The same as below without indexing `out`: most images are gray.
            for value in &mut out[begin..end] {
                let index = whole(y) * self.width + whole(x);
                let (top, bottom) = (&pixels[index..index + 2], &pixels[index + self.width..][..2]);
                *value = bilinear([top[0], top[1], bottom[0], bottom[1]], fraction(y), fraction(x)) * scale;
                y += self.per_column[0];
                x += self.per_column[1];
            }
            return;
        }
        for at in begin..end {
            let index = (whole(y) * self.width + whole(x)) * C;
            let (down, right) = (fraction(y), fraction(x));
            let top = &pixels[index..index + 2 * C];
            let bottom = &pixels[index + self.width * C..][..2 * C];
            for channel in 0..C {
                let corner = [top[channel], top[channel + C], bottom[channel], bottom[channel + C]];
                out[channel * plane + at] = bilinear(corner, down, right) * scale;
            }
            y += self.per_column[0];
            x += self.per_column[1];
        }
    }

    fn sample_border<const C: usize>(
        &self,
        pixels: &[u8],
        scale: f32,
        first: [Fixed; 2],
        out: &mut [f32],
        [begin, end, plane]: [usize; 3],
    ) {
        let [mut y, mut x] = first;
        for at in begin..end {
            let (row, column) = (y.clamp(0, self.last[0]), x.clamp(0, self.last[1]));
            let rows = [whole(row), whole((row + (1 << 32)).min(self.last[0]))];
            let columns = [whole(column), whole((column + (1 << 32)).min(self.last[1]))];
            for channel in 0..C {
                let pixel = |y: usize, x: usize| pixels[(rows[y] * self.width + columns[x]) * C + channel];
                let corner = [pixel(0, 0), pixel(0, 1), pixel(1, 0), pixel(1, 1)];
                out[channel * plane + at] = bilinear(corner, fraction(row), fraction(column)) * scale;
            }
            y += self.per_column[0];
            x += self.per_column[1];
        }
    }
}

fn ceil_div(value: i64, divisor: i64) -> i64 {
    value.div_euclid(divisor) + i64::from(value.rem_euclid(divisor) != 0)
}

/// Interpolates between top left, top right, bottom left and bottom right.
fn bilinear(corner: [u8; 4], down: f32, right: f32) -> f32 {
    let [a, b, c, d] = corner.map(f32::from);
    let top = a + (b - a) * right;
    let bottom = c + (d - c) * right;
    top + (bottom - top) * down
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
