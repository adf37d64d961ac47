//! Cutting a face out of a picture as training pictures show it.

use image::RgbImage;
use image::imageops;

use super::Face;

/// The height of the crop by the longer side of a face's rectangle.
///
/// In FER-2013's pictures, enlarged to 192 and 256 pixels, the side is 1.03 and 1.04 times as long in the median
/// (`benches/RESULTS.md`).
pub const MARGIN: f32 = 1.03;

/// How far the middle of a face's rectangle lies below the middle of the crop, by its height; measured likewise.
const BELOW: f32 = 0.02;

/// The part of a picture around a face, of this width by height; `margin` is its height by the longer side of the face.
/// Beyond the picture's edge its last pixels go on, as they do where training images are shifted.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "coordinates of a picture, rounded")]
pub fn crop(picture: &RgbImage, face: &Face, aspect: f32, margin: f32) -> RgbImage {
    let area = face.area;
    let height = margin * area.width.max(area.height);
    let width = height * aspect;
    let left = area.x + (area.width - width) / 2.0;
    let top = area.y + (area.height - height) / 2.0 - BELOW * height;
    // No face of a decoded picture is larger than some times its longest side.
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
