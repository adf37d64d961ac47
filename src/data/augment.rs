//! The random changes to training images: one affine map and one bilinear sampling from stored bytes to network input.
//!
//! The map is Keras's: `ImageDataGenerator` takes an output pixel `o` to the input position
//! `R · (Z · (o − c) + t) + c` with rotation `R`, zoom `Z` (factors above 1 shrink the picture: they map output to
//! input), shift `t` and the centre `c = (side − 1) / 2`, samples there bilinearly with the nearest pixel beyond the
//! edge, and mirrors the result. Here the mirroring and, where the output has another size, the resizing (half-pixel
//! centres) are part of the same map.

mod sampling;

use super::manifest::ImageShape;
use super::random::Keyed;
use crate::domain::Augmentation;

mod change;

pub use change::{Change, ERASED_GRAY, Erased, Tones, middle};

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
    /// The part of the image that is seen.
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
    /// All of the image.
    pub const WHOLE: Self = Self { origin: [0.0; 2], extent: [1.0; 2] };
}

impl Affine {
    /// The change that changes nothing.
    #[must_use]
    pub const fn identity() -> Self {
        Self { rotation: 0.0, zoom: [1.0; 2], shift: [0.0; 2], flip: false, window: Window::WHOLE }
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
        Self { rotation, zoom, shift, flip, window: Window::WHOLE }
    }

    /// The map from an output pixel (row, column) of an image of `output` (height, width) to the position (row, column)
    /// in an input of `input` (height, width): rows of a 2×3 matrix, in pixels.
    #[must_use]
    pub fn matrix(&self, input: [u32; 2], output: [u32; 2]) -> [[f64; 3]; 2] {
        let [height, width] = input.map(f64::from);
        let Window { origin, extent } = self.window;
        let steps = [extent[0] * height / f64::from(output[0]), extent[1] * width / f64::from(output[1])];
        // Output pixel 0 in input pixels, counted from the centre.
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

    /// The same map as `affine_grid` and `grid_sample` take it (without aligned corners): from output to input, rows
    /// for x and y, coordinates from −1 to 1 over the image's sides.
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
        // The window's coordinates as the image's: its extents, and where its middle is.
        let Window { origin, extent } = self.window;
        let middle = [2.0 * origin[0] + extent[0] - 1.0, 2.0 * origin[1] + extent[1] - 1.0];
        theta.map(|[x, y, one]| [x * extent[1], y * extent[0], one + x * middle[1] + y * middle[0]])
    }

    /// Samples `pixels` (u8 H×W×C of `image`) into `out` (f32 C×H'×W', planar; `size` is H', W'), each value multiplied
    /// by `scale` (1/255 for a network's input).
    ///
    /// # Panics
    /// If a slice does not have the length that the shapes ask for.
    pub fn apply(&self, pixels: &[u8], image: ImageShape, size: [u32; 2], scale: f32, out: &mut [f32]) {
        assert_eq!(pixels.len(), image.bytes(), "bytes of an image");
        assert_eq!(out.len(), (size[0] * size[1] * image.channels) as usize, "floats of an output");
        sampling::sample(self.matrix([image.height, image.width], size), pixels, image, size, scale, out);
    }
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
