//! Scaling of pictures to the size at which faces are detected.

use std::borrow::Cow;

use image::RgbImage;
use image::imageops::{self, FilterType};

/// Returns the picture scaled down to a longest side of `longest` pixels, or unchanged if it is smaller.
///
/// Large pictures are averaged over squares first, to less than twice that size. Otherwise the filter would take ten
/// times as long as the network on twelve megapixels.
#[must_use]
pub fn scale_down(picture: &RgbImage, longest: u32) -> Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let side = width.max(height);
    if side <= longest {
        return Cow::Borrowed(picture);
    }
    let [width, height] = [width, height].map(|length| scaled(length, longest, side));
    let square = side / longest.max(1);
    let averaged = (square > 1 && picture.width().min(picture.height()) >= square).then(|| average(picture, square));
    Cow::Owned(imageops::resize(averaged.as_ref().unwrap_or(picture), width, height, FilterType::Triangle))
}

/// Returns a side in pixels after the longest one is scaled from `longest` to `to`.
#[allow(clippy::cast_possible_truncation, reason = "no longer than the longest")]
fn scaled(side: u32, to: u32, longest: u32) -> u32 {
    let [side, to, longest] = [side, to, longest].map(u64::from);
    ((side * to + longest / 2) / longest).max(1) as u32
}

/// Returns the mean of each square of `square` by `square` pixels; the rest at the right and below is cut off.
#[allow(clippy::cast_possible_truncation, reason = "means of bytes")]
fn average(picture: &RgbImage, square: u32) -> RgbImage {
    let (width, height) = (picture.width() / square, picture.height() / square);
    let (square, row) = (square as usize, 3 * picture.width() as usize);
    let area = (square * square) as u32;
    let mut out = Vec::with_capacity(3 * (width * height) as usize);
    let mut sums = vec![0_u32; 3 * width as usize];
    for rows in picture.as_raw().chunks_exact(square * row) {
        sums.fill(0);
        for row in rows.chunks_exact(row) {
            for (sums, pixels) in sums.as_chunks_mut::<3>().0.iter_mut().zip(row.chunks_exact(3 * square)) {
                for pixel in pixels.as_chunks::<3>().0 {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
        }
        out.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    // The length matches: one row for each row of whole squares.
    RgbImage::from_raw(width, height, out).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // pixels that are made up
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn squares_are_averaged_and_the_rest_is_cut_off() {
        let picture = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, 10 * y as u8, if x % 2 == 0 { 255 } else { 0 }]));
        let small = average(&picture, 2);
        assert_eq!(small.dimensions(), (3, 2));
        assert_eq!((small.get_pixel(0, 0), small.get_pixel(2, 1)), (&Rgb([1, 5, 128]), &Rgb([5, 25, 128])));
    }

    #[test]
    fn pictures_keep_their_proportions_and_small_ones_their_pixels() {
        let sides = |width, height| scale_down(&RgbImage::new(width, height), 640).dimensions();
        assert_eq!([sides(640, 3), sides(1280, 960), sides(6000, 4000)], [(640, 3), (640, 480), (640, 427)]);
        assert_eq!(sides(5000, 1), (640, 1), "never without a row");
        let flat = RgbImage::from_pixel(4000, 3000, Rgb([7, 130, 255]));
        assert!(scale_down(&flat, 640).pixels().all(|pixel| *pixel == Rgb([7, 130, 255])));
    }
}
