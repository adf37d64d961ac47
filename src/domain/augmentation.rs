//! Random changes to training images.

use serde::{Deserialize, Serialize};

/// Ranges of the random affine map and flip that each training image goes through in each epoch. Edges are filled with
/// the nearest pixel. The ranges mean what they mean in Keras's `ImageDataGenerator`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Rotation is drawn from ±this many degrees.
    pub rotation_degrees: f64,
    /// The zoom of each axis is drawn from 1 − this to 1 + this.
    pub zoom: f64,
    /// The shift of each axis is drawn from ± this fraction of the image's side.
    pub shift: f64,
    /// Whether half of the images are mirrored left to right.
    pub horizontal_flip: bool,
}

impl Augmentation {
    /// The reference's ranges: ±15°, 0.85–1.15, ±10%, flips.
    pub const REFERENCE: Self = Self { rotation_degrees: 15.0, zoom: 0.15, shift: 0.1, horizontal_flip: true };

    /// Whether the ranges leave something of an image: rotation up to ±180°, zoom and shift below 1.
    #[must_use]
    pub fn is_sensible(&self) -> bool {
        (0.0..=180.0).contains(&self.rotation_degrees)
            && (0.0..1.0).contains(&self.zoom)
            && (0.0..1.0).contains(&self.shift)
    }
}
