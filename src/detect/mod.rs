//! Finding faces in a picture: their boxes, five landmarks each, and scores.
//!
//! May know: nothing of the project; pictures, weights and threads through crates. It compiles without any feature.
//!
//! The network is `YuNet` (W. Wu, H. Peng and S. Yu, "A Tiny Millisecond-level Face Detector", 2023), version 2023mar
//! of `OpenCV`'s model zoo: `network` runs its convolutions (`layers`, `vectors`), `decode` makes faces of what
//! comes out, as `OpenCV`'s `FaceDetectorYN` does. `scripts/make-detector` wrote its weights, whose licence lies beside
//! them; `scripts/check-detector` holds all of it against onnxruntime.

mod crop;
mod decode;
mod layers;
mod network;
mod scale;
mod vectors;

use image::RgbImage;

use network::Network;

pub use crop::{MARGIN, crop};
pub use scale::seen;

/// Longest side of a picture, in pixels, that the network sees; larger ones are scaled down. Where nothing is found the
/// picture is looked at again at the next size.
///
/// Of faces that fill the picture, the network finds 97 % at 256 pixels, 95 % at 320 and 65 % at 640
/// (`benches/RESULTS.md`). At 640 alone, portraits would have no face; at 320 alone, groups would lose theirs.
pub const LOOKS: [u32; 2] = [640, 320];

/// A face in a picture. Coordinates are pixels of the picture; they may lie outside of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The rectangle around it.
    pub area: Area,
    /// Its right eye, left eye, tip of the nose, right and left corner of the mouth: x and y each. Right is the
    /// person's right.
    pub landmarks: [[f32; 2]; 5],
    /// How sure the detector is, from 0 to 1.
    pub score: f32,
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Its left edge.
    pub x: f32,
    /// Its upper edge.
    pub y: f32,
    /// From left to right.
    pub width: f32,
    /// From top to bottom.
    pub height: f32,
}

impl Area {
    /// Its pixels.
    #[must_use]
    pub fn size(&self) -> f32 {
        self.width * self.height
    }

    fn scaled(self, [across, down]: [f32; 2]) -> Self {
        Self { x: self.x * across, y: self.y * down, width: self.width * across, height: self.height * down }
    }
}

/// Finds faces. Costs some milliseconds and 0.2 MB to make.
#[derive(Debug)]
pub struct Detector(Network);

impl Default for Detector {
    fn default() -> Self {
        Self(Network::yunet())
    }
}

impl Detector {
    /// The faces in a picture, the surest first.
    #[must_use]
    pub fn detect(&self, picture: &RgbImage) -> Vec<Face> {
        let sizes =
            LOOKS.iter().take_while(|size| **size == LOOKS[0] || **size < picture.width().max(picture.height()));
        sizes.map(|size| self.look(picture, *size)).find(|faces| !faces.is_empty()).unwrap_or_default()
    }

    /// The faces in a picture, looked at once, scaled down to a longest side.
    #[must_use]
    pub fn look(&self, picture: &RgbImage, longest: u32) -> Vec<Face> {
        if picture.width() == 0 || picture.height() == 0 {
            return Vec::new();
        }
        let seen = seen(picture, longest);
        let back = [ratio(picture.width(), seen.width()), ratio(picture.height(), seen.height())];
        let faces = decode::faces(&self.0.forward(&seen));
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
