//! Encodes a picture as sixels: bands of six rows, colour by colour, with repeated sixels as a count.

use std::fmt::Write as _;
use std::ops::Range;

use image::DynamicImage;

/// The levels of gray, and of red, green and blue. Each set has at most 256 colours, the number that terminals store.
const GRAYS: u32 = 64;
const SIDES: [u32; 3] = [6, 7, 6];

/// Returns the sixel sequence of a picture, pixel by pixel.
pub(super) fn encode(image: &DynamicImage) -> String {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let gray = image.color().channel_count() < 3;
    let pixels: Vec<u32> = if gray {
        image.to_luma8().pixels().map(|pixel| nearest(pixel.0[0], GRAYS)).collect()
    } else {
        let colour = |pixel: &image::Rgb<u8>| {
            let [red, green, blue] = [0, 1, 2].map(|side| nearest(pixel.0[side], SIDES[side]));
            (red * SIDES[1] + green) * SIDES[2] + blue
        };
        image.to_rgb8().pixels().map(colour).collect()
    };
    // Parameters: square pixels, and undrawn pixels stay as they are.
    let mut text = format!("\x1bP0;1q\"1;1;{width};{height}");
    let mut used: Vec<u32> = pixels.clone();
    used.sort_unstable();
    used.dedup();
    for colour in used {
        let [red, green, blue] = percent(colour, gray);
        let _ = write!(text, "#{colour};2;{red};{green};{blue}");
    }
    let mut band = Band::new(width, if gray { GRAYS } else { SIDES.iter().product() });
    for rows in pixels.chunks(width.max(1) * 6) {
        band.draw(rows, &mut text);
        text.push('-');
    }
    text + "\x1b\\"
}

/// A band of six pixel rows.
struct Band {
    width: usize,
    /// For each colour and column, a mask of the rows with that colour; the lowest bit is the top row.
    masks: Vec<u8>,
    /// For each colour, the range of columns that have it; empty if none has.
    spans: Vec<Range<usize>>,
}

impl Band {
    fn new(width: usize, colours: u32) -> Self {
        let colours = colours as usize;
        Self { width, masks: vec![0; colours * width], spans: vec![0..0; colours] }
    }

    /// Writes up to six rows of colour numbers, each colour over its range of columns.
    fn draw(&mut self, rows: &[u32], text: &mut String) {
        for (row, colours) in rows.chunks(self.width.max(1)).enumerate() {
            for (column, colour) in colours.iter().enumerate() {
                let colour = *colour as usize;
                self.masks[colour * self.width + column] |= 1 << row;
                let Range { start, end } = self.spans[colour];
                self.spans[colour] =
                    if start == end { column..column + 1 } else { start.min(column)..end.max(column + 1) };
            }
        }
        for (colour, span) in self.spans.iter_mut().enumerate() {
            let span = std::mem::take(span);
            if span.start == span.end {
                continue;
            }
            text.push('#');
            write_number(colour, text);
            repeat(0, span.start, text);
            let masks = &mut self.masks[colour * self.width..][span];
            for run in masks.chunk_by(|a, b| a == b) {
                repeat(run[0], run.len(), text);
            }
            masks.fill(0);
            text.push('$');
        }
    }
}

/// Writes a sixel a number of times.
fn repeat(mask: u8, times: usize, text: &mut String) {
    let sixel = char::from(63 + mask);
    if times <= 3 {
        text.extend(std::iter::repeat_n(sixel, times));
    } else {
        text.push('!');
        write_number(times, text);
        text.push(sixel);
    }
}

/// Writes a number. A page has hundreds of thousands of numbers, and `format!` would take most of the time.
fn write_number(value: usize, text: &mut String) {
    if value >= 10 {
        write_number(value / 10, text);
    }
    #[allow(clippy::cast_possible_truncation)] // a digit
    text.push(char::from(b'0' + (value % 10) as u8));
}

/// Returns the nearest of `levels` levels.
fn nearest(value: u8, levels: u32) -> u32 {
    (u32::from(value) * (levels - 1) + 127) / 255
}

/// Returns red, green and blue of a colour, each from 0 to 100.
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
        let text = encode(&DynamicImage::from(image));
        // Black is the upper row and both rows of the last column; white is the lower row of the others.
        assert_eq!(text, "\x1bP0;1q\"1;1;6;2#0;2;0;0;0#63;2;100;100;100#0!5@B$#63!5A$-\x1b\\");
    }

    #[test]
    fn bands_are_independent_and_gaps_are_written() {
        let image = GrayImage::from_fn(6, 7, |x, y| image::Luma([if y == 6 && x == 4 { 255 } else { 0 }]));
        let text = encode(&DynamicImage::from(image));
        assert!(text.ends_with("#0!6~$-#0!4@?@$#63!4?@$-\x1b\\"), "{text}");
    }

    #[test]
    fn colours_are_those_of_a_cube() {
        let image = RgbImage::from_pixel(1, 1, Rgb([255, 0, 128]));
        assert_eq!(encode(&DynamicImage::from(image)), "\x1bP0;1q\"1;1;1;1#213;2;100;0;60#213@$-\x1b\\");
    }
}
