//! Cutting of faces, framed as FER-2013's training pictures are.

use image::RgbImage;
use image::imageops;

use super::Face;

/// The height of the crop by the longer side of a face's rectangle.
///
/// In FER-2013's pictures, enlarged to 192 and 256 pixels, the side is 1.03 and 1.04 times as long in the median
/// (`benches/RESULTS.md`).
pub const MARGIN: f32 = 1.03;

/// The distance from the middle of the crop down to the middle of the face's rectangle, in heights of the crop.
/// Measured on the same pictures.
const OFFSET: f32 = 0.02;

/// Returns the part of a picture around a face. `aspect` is its width by its height, `margin` its height by the longer
/// side of the face's rectangle. Beyond the picture's edge the last pixels are repeated, as in augmentation.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "coordinates of a picture, rounded")]
pub fn crop(picture: &RgbImage, face: &Face, aspect: f32, margin: f32) -> RgbImage {
    let area = face.area;
    let height = margin * area.width.max(area.height);
    let width = height * aspect;
    let left = area.x + (area.width - width) / 2.0;
    let top = area.y + (area.height - height) / 2.0 - OFFSET * height;
    // The cast cannot overflow: no face is larger than a few times the longest side of a decoded picture.
    let [left, top, width, height] = [left, top, width.max(1.0), height.max(1.0)].map(|value| value.round() as i64);
    let side = |length: i64| u32::try_from(length.max(1)).unwrap_or(1);
    let inside = |from: i64, length: i64, whole: u32| from >= 0 && from + length <= i64::from(whole);
    if inside(left, width, picture.width()) && inside(top, height, picture.height()) {
        let [left, top] = [left, top].map(|edge| u32::try_from(edge).unwrap_or(0));
        return imageops::crop_imm(picture, left, top, side(width), side(height)).to_image();
    }
    let within = |at: i64, whole: u32| u32::try_from(at.clamp(0, i64::from(whole) - 1)).unwrap_or(0);
    RgbImage::from_fn(side(width), side(height), |x, y| {
        let (x, y) = (within(left + i64::from(x), picture.width()), within(top + i64::from(y), picture.height()));
        *picture.get_pixel(x, y)
    })
}
