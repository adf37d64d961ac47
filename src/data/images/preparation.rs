//! From the bytes of one stored image to the numbers that a network takes.

use crate::data::augment::{Affine, Change};
use crate::data::manifest::ImageShape;
use crate::domain::View;
use crate::domain::preprocessing::{ChannelOrder, Preprocessing};

use super::SCALE;

/// How images of one shape become inputs of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preparation {
    /// Of the stored images.
    image: ImageShape,
    /// Side of a square, and what happens to pixels; `None` leaves size and channels alone and scales from 0 to 1.
    base: Option<(u32, Preprocessing)>,
    /// Side of the square that is cut out of stored images, in pixels; 0: none.
    crop: u32,
}

impl Preparation {
    /// Of images as they are stored, from 0 to 1.
    #[must_use]
    pub fn plain(image: ImageShape) -> Self {
        Self { image, base: None, crop: 0 }
    }

    /// As three-channel squares of this side in pixels, for a pretrained base.
    #[must_use]
    pub fn for_base(image: ImageShape, side: u32, preprocessing: Preprocessing) -> Self {
        Self { image, base: Some((side, preprocessing)), crop: 0 }
    }

    /// The same with a square of so many pixels cut out of each; 0 cuts nothing.
    ///
    /// # Panics
    /// If it is larger than the images, or these are prepared for a pretrained base.
    #[must_use]
    pub fn cropped(self, crop: u32) -> Self {
        let ImageShape { width, height, .. } = self.image;
        assert!(crop <= width.min(height) && (crop == 0 || self.base.is_none()), "a crop of {crop} pixels");
        Self { crop, ..self }
    }

    /// The shape of stored images.
    #[must_use]
    pub fn image(&self) -> ImageShape {
        self.image
    }

    /// What happens to pixels; `None` where they are only scaled from 0 to 1.
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

    /// Channels, height and width of an input.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let ImageShape { width, height, channels } = self.image;
        match self.base {
            None if self.crop > 0 => [channels, self.crop, self.crop].map(|side| side as usize),
            None => [channels, height, width].map(|side| side as usize),
            Some((side, _)) => [3, side as usize, side as usize],
        }
    }

    /// A view of an image; `None` where it is the image as it is stored.
    #[must_use]
    pub fn seen(&self, view: View) -> Option<Change> {
        let whole = self.crop == 0 && view == View::PLAIN;
        (!whole).then(|| Change::of_view(view, self.image, self.crop))
    }

    /// Writes the input of one image, u8 H×W×C, changed if there is a change, to `out`, f32 C×H'×W'.
    ///
    /// # Panics
    /// If a slice does not have the length that the shapes ask for.
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

/// From u8 H×W×C to f32 C×H'×W' of 0 to 1, of this size.
fn plain(pixels: &[u8], image: ImageShape, change: Option<Change>, size: [u32; 2], out: &mut [f32]) {
    if let Some(change) = change {
        change.affine.apply(pixels, image, size, SCALE, out);
        return change.paint(out, size);
    }
    // What the identity map gives, only faster.
    let channels = image.channels as usize;
    let plane = out.len() / channels;
    for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.iter().skip(channel).step_by(channels)) {
            *value = f32::from(*pixel) * SCALE;
        }
    }
}

/// From u8 H×W×C to f32 3×H'×W' as a pretrained base wants it, of this size.
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
    // One pass: planes of a large image are more than the nearest cache holds.
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        let [red, green, blue] = if image.channels == 1 { [*first; 3] } else { [*first, *second, *third] };
        let [left, right] = if reversed { [blue, red] } else { [red, blue] };
        (*first, *second, *third) = (value(0, left), value(1, green), value(2, right));
    }
}
