//! Detection of faces in a picture: boxes, five landmarks each, and scores.
//!
//! Uses no other module of the project, and compiles without any feature.
//!
//! The network is `YuNet` (W. Wu, H. Peng and S. Yu, "A Tiny Millisecond-level Face Detector", 2023), version 2023mar
//! of `OpenCV`'s model zoo. `network` runs its convolutions (`layers`, `vectors`), `decode` turns their output into
//! faces. `scripts/make-detector` wrote its weights, whose licence is `YUNET-LICENSE.txt`; `scripts/check-detector`
//! compares the results with onnxruntime's.

mod crop;
mod decode;
mod layers;
mod network;
mod scale;
mod vectors;

use image::RgbImage;

use network::Network;

pub use crop::{MARGIN, crop};
pub use scale::scale_down;

/// The longest sides in pixels to which larger pictures are scaled down. If no face is found at one size, the next one
/// is tried.
///
/// Of faces that fill the picture, the network finds 97 % at 256 pixels, 95 % at 320 and 65 % at 640
/// (`benches/RESULTS.md`). At 640 alone, portraits would have no face; at 320 alone, groups would lose theirs.
pub const SIZES: [u32; 2] = [640, 320];

/// A face in a picture. Coordinates are in pixels of the picture, and may be outside of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The rectangle around the face.
    pub area: Area,
    /// Right eye, left eye, tip of the nose, right and left corner of the mouth, `[x, y]` each. Right is the person's
    /// right.
    pub landmarks: [[f32; 2]; 5],
    /// The detector's confidence, from 0 to 1.
    pub score: f32,
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// The left edge.
    pub x: f32,
    /// The upper edge.
    pub y: f32,
    /// The width in pixels.
    pub width: f32,
    /// The height in pixels.
    pub height: f32,
}

impl Area {
    /// Returns the area in pixels.
    #[must_use]
    pub fn size(&self) -> f32 {
        self.width * self.height
    }

    fn scaled(self, [across, down]: [f32; 2]) -> Self {
        Self { x: self.x * across, y: self.y * down, width: self.width * across, height: self.height * down }
    }
}

/// A detector of faces. Its construction takes some milliseconds and 0.2 MB.
#[derive(Debug)]
pub struct Detector(Network);

impl Default for Detector {
    fn default() -> Self {
        Self(Network::yunet())
    }
}

impl Detector {
    /// Returns the faces in a picture, sorted by descending score.
    #[must_use]
    pub fn detect(&self, picture: &RgbImage) -> Vec<Face> {
        let sizes =
            SIZES.iter().take_while(|size| **size == SIZES[0] || **size < picture.width().max(picture.height()));
        sizes.map(|size| self.detect_at(picture, *size)).find(|faces| !faces.is_empty()).unwrap_or_default()
    }

    /// Returns the faces in a picture that is scaled down once, to this longest side in pixels.
    #[must_use]
    pub fn detect_at(&self, picture: &RgbImage, longest: u32) -> Vec<Face> {
        if picture.width() == 0 || picture.height() == 0 {
            return Vec::new();
        }
        let small = scale_down(picture, longest);
        let back = [ratio(picture.width(), small.width()), ratio(picture.height(), small.height())];
        let faces = decode::faces(&self.0.forward(&small));
        let in_picture = |face: Face| Face {
            area: face.area.scaled(back),
            landmarks: face.landmarks.map(|[x, y]| [x * back[0], y * back[1]]),
            ..face
        };
        faces.into_iter().map(in_picture).collect()
    }
}

#[allow(clippy::cast_precision_loss, reason = "sides of pictures")]
fn ratio(whole: u32, part: u32) -> f32 {
    whole as f32 / part as f32
}

#[cfg(test)]
mod tests;
