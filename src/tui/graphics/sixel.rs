//! A picture as sixels: six rows at a time, colour after colour, runs of the same told by their length.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use image::DynamicImage;

/// Levels of gray, and of red, green and blue: together no more than the 256 colours that terminals keep.
const GRAYS: u32 = 64;
const SIDES: [u32; 3] = [6, 7, 6];

/// The picture, pixel for pixel.
pub(super) fn encode(image: &DynamicImage) -> String {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let gray = image.color().channel_count() < 3;
    let pixels: Vec<u32> = if gray {
        image.to_luma8().pixels().map(|pixel| nearest(pixel.0[0], GRAYS)).collect()
    } else {
        let number = |pixel: &image::Rgb<u8>| {
            let [red, green, blue] = [0, 1, 2].map(|side| nearest(pixel.0[side], SIDES[side]));
            (red * SIDES[1] + green) * SIDES[2] + blue
        };
        image.to_rgb8().pixels().map(number).collect()
    };
    // Pixels are squares, and what is not drawn stays as it is.
    let mut words = format!("\x1bP0;1q\"1;1;{width};{height}");
    let mut used: Vec<u32> = pixels.clone();
    used.sort_unstable();
    used.dedup();
    for number in used {
        let [red, green, blue] = percent(number, gray);
        let _ = write!(words, "#{number};2;{red};{green};{blue}");
    }
    for band in pixels.chunks(width.max(1) * 6) {
        let mut colours: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for (at, number) in band.iter().enumerate() {
            colours.entry(*number).or_insert_with(|| vec![0; width])[at % width] |= 1 << (at / width);
        }
        for (number, columns) in colours {
            let _ = write!(words, "#{number}");
            for run in columns.chunk_by(|a, b| a == b) {
                let sixel = char::from(63 + run[0]);
                match run.len() {
                    1..=3 => words.extend(std::iter::repeat_n(sixel, run.len())),
                    length => {
                        let _ = write!(words, "!{length}{sixel}");
                    }
                }
            }
            words.push('$');
        }
        words.push('-');
    }
    words + "\x1b\\"
}

/// The nearest of so many levels.
fn nearest(value: u8, levels: u32) -> u32 {
    (u32::from(value) * (levels - 1) + 127) / 255
}

/// Red, green and blue of a colour, from 0 to 100.
fn percent(number: u32, gray: bool) -> [u32; 3] {
    if gray {
        return [number * 100 / (GRAYS - 1); 3];
    }
    let sides = [number / SIDES[2] / SIDES[1], number / SIDES[2] % SIDES[1], number % SIDES[2]];
    [0, 1, 2].map(|side| sides[side] * 100 / (SIDES[side] - 1))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb, RgbImage};

    use super::*;

    #[test]
    fn sixels_are_bits_from_the_top_and_runs_are_counted() {
        let column = |x: u32, y: u32| if x < 5 && y == 1 { 255 } else { 0 };
        let image = GrayImage::from_fn(6, 2, |x, y| image::Luma([column(x, y)]));
        let words = encode(&DynamicImage::from(image));
        // Black is the upper row and both rows of the last column; white is the lower row of the others.
        assert_eq!(words, "\x1bP0;1q\"1;1;6;2#0;2;0;0;0#63;2;100;100;100#0!5@B$#63!5A?$-\x1b\\");
    }

    #[test]
    fn colours_are_those_of_a_cube() {
        let image = RgbImage::from_pixel(1, 1, Rgb([255, 0, 128]));
        assert_eq!(encode(&DynamicImage::from(image)), "\x1bP0;1q\"1;1;1;1#213;2;100;0;60#213@$-\x1b\\");
    }
}
