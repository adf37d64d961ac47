//! Random changes of training images: one affine map and one bilinear sampling from stored bytes to network inputs.
//!
//! The map is that of Keras's `ImageDataGenerator`. Output pixel `o` is sampled at input position
//! `R · (Z · (o − c) + t) + c`, with rotation `R`, zoom `Z` (factors above 1 shrink the picture), shift `t` and centre
//! `c = (side − 1) / 2`. Positions beyond the edge take the nearest pixel, and the result is mirrored last. Here,
//! mirroring and resizing (half-pixel centres) are part of the same map.

mod sampling;

use super::manifest::ImageShape;
use super::random::KeyedRng;
use crate::domain::Augmentation;

mod change;

pub use change::{Change, ERASED_GRAY, ErasedRectangle, Tones, middle};

/// An affine map of an image, independent of the image's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Rotation in radians.
    pub rotation: f64,
    /// Zoom factors of rows and columns; a factor above 1 shrinks the picture.
    pub zoom: [f64; 2],
    /// Shift of rows and columns in fractions of the image's height and width.
    pub shift: [f64; 2],
    /// Whether the result is mirrored left to right.
    pub flip: bool,
    /// The part of the image that is sampled.
    pub window: Window,
}

/// A part of an image, in fractions of its height and width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The upper edge and the left edge.
    pub origin: [f64; 2],
    /// Height and width.
    pub extent: [f64; 2],
}

impl Window {
    /// The whole image.
    pub const WHOLE: Self = Self { origin: [0.0; 2], extent: [1.0; 2] };
}

impl Affine {
    /// Returns the map that changes nothing.
    #[must_use]
    pub const fn identity() -> Self {
        Self { rotation: 0.0, zoom: [1.0; 2], shift: [0.0; 2], flip: false, window: Window::WHOLE }
    }

    /// Draws a map at random from the ranges.
    #[must_use]
    pub fn sample(ranges: &Augmentation, random: &mut KeyedRng) -> Self {
        let mut around = |centre: f64, reach: f64| random.between(centre - reach, centre + reach);
        let rotation = around(0.0, ranges.rotation_degrees).to_radians();
        let shift = [around(0.0, ranges.shift), around(0.0, ranges.shift)];
        let zoom = [around(1.0, ranges.zoom), around(1.0, ranges.zoom)];
        // Drawn even if unused, so that the option does not shift later draws.
        let flip = random.chance(0.5) && ranges.horizontal_flip;
        Self { rotation, zoom, shift, flip, window: Window::WHOLE }
    }

    /// Returns the map from output pixels to input positions, both (row, column) in pixels, as the rows of a 2×3
    /// matrix. `input` and `output` are the images' (height, width).
    #[must_use]
    pub fn matrix(&self, input: [u32; 2], output: [u32; 2]) -> [[f64; 3]; 2] {
        let [height, width] = input.map(f64::from);
        let Window { origin, extent } = self.window;
        let steps = [extent[0] * height / f64::from(output[0]), extent[1] * width / f64::from(output[1])];
        // The position of output pixel 0 in input pixels, relative to the centre.
        let start =
            [origin[0] * height + steps[0] / 2.0 - height / 2.0, origin[1] * width + steps[1] / 2.0 - width / 2.0];
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

    /// Returns the map as PyTorch's `affine_grid` takes it (`align_corners=False`): rows for x and y, coordinates from
    /// −1 to 1 over the image's sides.
    #[must_use]
    pub fn theta(&self, height: u32, width: u32) -> [[f64; 3]; 2] {
        let (sin, cos) = self.rotation.sin_cos();
        let [h, w] = [f64::from(height), f64::from(width)];
        let columns = self.zoom[1] * if self.flip { -1.0 } else { 1.0 };
        let [rows, shift_y, shift_x] = [self.zoom[0], 2.0 * self.shift[0], 2.0 * self.shift[1]];
        let theta = [
            [cos * columns, sin * rows * h / w, cos * shift_x + sin * shift_y * h / w],
            [-sin * columns * w / h, cos * rows, cos * shift_y - sin * shift_x * w / h],
        ];
        // Maps coordinates of the window to those of the image: scales by its extent and moves to its middle.
        let Window { origin, extent } = self.window;
        let middle = [2.0 * origin[0] + extent[0] - 1.0, 2.0 * origin[1] + extent[1] - 1.0];
        theta.map(|[x, y, one]| [x * extent[1], y * extent[0], one + x * middle[1] + y * middle[0]])
    }

    /// Samples `pixels` (u8 `[H, W, C]` of `image`) into `out` (f32 `[C, H', W']`; `size` is H', W'). Each value is
    /// multiplied by `scale` (1/255 for a network's input).
    ///
    /// # Panics
    /// If a slice's length does not match its shape.
    pub fn apply(&self, pixels: &[u8], image: ImageShape, size: [u32; 2], scale: f32, out: &mut [f32]) {
        assert_eq!(pixels.len(), image.bytes(), "bytes of an image");
        assert_eq!(out.len(), (size[0] * size[1] * image.channels) as usize, "floats of an output");
        sampling::sample(self.matrix([image.height, image.width], size), pixels, image, size, scale, out);
    }
}

#[cfg(test)]
mod tests;
