//! Conversion of one stored image to network inputs.

use crate::data::augment::{Affine, Change};
use crate::data::manifest::ImageShape;
use crate::domain::View;
use crate::domain::preprocessing::{ChannelOrder, Preprocessing};

use super::SCALE;

/// The conversion of stored images of one shape to network inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preparation {
    /// The shape of stored images.
    image: ImageShape,
    /// Side of a square and preprocessing. `None` leaves size and channels unchanged and scales to 0 to 1.
    base: Option<(u32, Preprocessing)>,
    /// Side of the square cut out of stored images, in pixels; 0: none.
    crop: u32,
}

impl Preparation {
    /// Returns the preparation that leaves the size of images unchanged and scales to 0 to 1.
    #[must_use]
    pub fn plain(image: ImageShape) -> Self {
        Self { image, base: None, crop: 0 }
    }

    /// Returns the preparation of three-channel squares of `side` pixels, preprocessed for a base.
    #[must_use]
    pub fn for_base(image: ImageShape, side: u32, preprocessing: Preprocessing) -> Self {
        Self { image, base: Some((side, preprocessing)), crop: 0 }
    }

    /// Returns this preparation with a square of `crop` pixels cut out of each image; 0 cuts nothing.
    ///
    /// # Panics
    /// If the square is larger than the images, or the images are prepared for a base.
    #[must_use]
    pub fn cropped(self, crop: u32) -> Self {
        let ImageShape { width, height, .. } = self.image;
        assert!(crop <= width.min(height) && (crop == 0 || self.base.is_none()), "a crop of {crop} pixels");
        Self { crop, ..self }
    }

    /// Returns the shape of stored images.
    #[must_use]
    pub fn image(&self) -> ImageShape {
        self.image
    }

    /// Returns the preprocessing; `None` if pixels are only scaled to 0 to 1.
    #[must_use]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.base.as_ref().map(|(_, preprocessing)| preprocessing)
    }

    pub(super) fn crop(&self) -> u32 {
        self.crop
    }

    pub(super) fn is_for_base(&self) -> bool {
        self.base.is_some()
    }

    /// Returns the shape of an input, `[channels, height, width]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let ImageShape { width, height, channels } = self.image;
        match self.base {
            None if self.crop > 0 => [channels, self.crop, self.crop].map(|side| side as usize),
            None => [channels, height, width].map(|side| side as usize),
            Some((side, _)) => [3, side as usize, side as usize],
        }
    }

    /// Returns the change of a view; `None` if the view is the stored image.
    #[must_use]
    pub fn view_change(&self, view: View) -> Option<Change> {
        let whole = self.crop == 0 && view == View::PLAIN;
        (!whole).then(|| Change::of_view(view, self.image, self.crop))
    }

    /// Writes the input of one image (u8 `[H, W, C]`), with a change if one is given, to `out` (f32 `[C, H', W']`).
    ///
    /// # Panics
    /// If the length of a slice does not match its shape.
    pub fn fill(&self, pixels: &[u8], change: Option<Change>, out: &mut [f32]) {
        assert_eq!(pixels.len(), self.image.bytes(), "bytes of an image");
        let [_, height, width] = self.shape();
        let size = [height, width].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        match self.base {
            None => plain(pixels, self.image, change, size, out),
            Some((_, preprocessing)) => prepared(pixels, self.image, change, size, &preprocessing, out),
        }
    }
}

/// Writes an image (u8 `[H, W, C]`) to `out` (f32 `[C, H', W']`, 0 to 1); `size` is H', W'.
fn plain(pixels: &[u8], image: ImageShape, change: Option<Change>, size: [u32; 2], out: &mut [f32]) {
    if let Some(change) = change {
        change.affine.apply(pixels, image, size, SCALE, out);
        return change.paint(out, size);
    }
    // Equals the identity map, but is faster.
    let channels = image.channels as usize;
    let plane = out.len() / channels;
    for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.iter().skip(channel).step_by(channels)) {
            *value = f32::from(*pixel) * SCALE;
        }
    }
}

/// Writes an image (u8 `[H, W, C]`) to `out` (f32 `[3, H', W']`), preprocessed for a base; `size` is H', W'.
fn prepared(
    pixels: &[u8],
    image: ImageShape,
    change: Option<Change>,
    size: [u32; 2],
    preprocessing: &Preprocessing,
    out: &mut [f32],
) {
    let plane = out.len() / 3;
    let change = change.unwrap_or_else(|| Change::mapped(Affine::identity()));
    let drawn = &mut out[..plane * image.channels as usize];
    change.affine.apply(pixels, image, size, SCALE, drawn);
    change.paint(drawn, size);
    let (first, rest) = out.split_at_mut(plane);
    let (second, third) = rest.split_at_mut(plane);
    let Preprocessing { order, scale, mean, deviation } = *preprocessing;
    let value = |channel: usize, value: f32| (value * scale - mean[channel]) / deviation[channel];
    let reversed = order == ChannelOrder::Bgr;
    // One pass over the pixels, because the planes of a large image exceed the first-level cache.
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        let [red, green, blue] = if image.channels == 1 { [*first; 3] } else { [*first, *second, *third] };
        let [left, right] = if reversed { [blue, red] } else { [red, blue] };
        (*first, *second, *third) = (value(0, left), value(1, green), value(2, right));
    }
}
