//! A hash of a picture's coarse structure, 64 bits, that a copy nearly keeps.
//!
//! The picture is averaged to 32×32 gray values. Bit k is the sign of the k-th of its 64 lowest frequencies by the
//! cosine transform, without the mean. Brightness and contrast do not change signs, and noise flips few.

use std::f64::consts::PI;

use crate::data::manifest::ImageShape;

/// Rows and columns of the averaged picture.
const SIDE: usize = 32;

/// Frequencies in each direction among which the lowest are taken.
const FREQUENCIES: usize = 9;

/// Bits of a hash.
pub(super) const BITS: usize = 64;

/// Computes the hashes of pictures of one shape.
pub(super) struct PictureHasher {
    shape: ImageShape,
    rows: Vec<Vec<(usize, f32)>>,
    columns: Vec<Vec<(usize, f32)>>,
    /// `[frequency][place]`.
    cosines: [[f32; SIDE]; FREQUENCIES],
    /// The (vertical, horizontal) frequency of each bit.
    order: Vec<(usize, usize)>,
}

impl PictureHasher {
    /// Returns the hasher of pictures of this shape.
    pub(super) fn new(shape: ImageShape) -> Self {
        let mut order: Vec<(usize, usize)> =
            (1..FREQUENCIES * FREQUENCIES).map(|at| (at / FREQUENCIES, at % FREQUENCIES)).collect();
        order.sort_by_key(|(down, across)| down * down + across * across);
        order.truncate(BITS);
        let cosine = |frequency: usize, place: usize| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // small numbers
            let cosine = (PI * (place as f64 + 0.5) * frequency as f64 / SIDE as f64).cos() as f32;
            cosine
        };
        let cosines = std::array::from_fn(|frequency| std::array::from_fn(|place| cosine(frequency, place)));
        let (rows, columns) = (averages(shape.height as usize), averages(shape.width as usize));
        Self { shape, rows, columns, cosines, order }
    }

    /// Returns the hash of an image, u8 `[H, W, C]`.
    pub(super) fn hash(&self, pixels: &[u8]) -> u64 {
        let averaged = self.averaged(pixels);
        let mut by_rows = [[0.0_f32; SIDE]; FREQUENCIES];
        for (row, cosines) in by_rows.iter_mut().zip(&self.cosines) {
            for (line, cosine) in averaged.iter().zip(cosines) {
                row.iter_mut().zip(line).for_each(|(sum, value)| *sum += cosine * value);
            }
        }
        let positive = |(down, across): &(usize, usize)| {
            by_rows[*down].iter().zip(&self.cosines[*across]).map(|(value, cosine)| value * cosine).sum::<f32>() > 0.0
        };
        let bits = self.order.iter().enumerate();
        bits.fold(0, |hash, (bit, frequencies)| hash | u64::from(positive(frequencies)) << bit)
    }

    /// Returns the bits that differ between the hashes of a picture and of its mirror image.
    pub(super) fn mirror_mask(&self) -> u64 {
        let odd = self.order.iter().enumerate().filter(|(_, (_, across))| across % 2 == 1);
        odd.fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// Returns the gray values of the picture, averaged over the cells of a 32×32 grid.
    fn averaged(&self, pixels: &[u8]) -> [[f32; SIDE]; SIDE] {
        let channels = self.shape.channels as usize;
        let mut averaged = [[0.0; SIDE]; SIDE];
        let mut line = vec![0.0_f32; self.shape.width as usize];
        for (out, cell) in averaged.iter_mut().zip(&self.rows) {
            line.fill(0.0);
            for (row, weight) in cell {
                let row = pixels[row * line.len() * channels..].chunks_exact(channels);
                for (sum, pixel) in line.iter_mut().zip(row) {
                    *sum += weight * f32::from(pixel.iter().map(|value| u16::from(*value)).sum::<u16>());
                }
            }
            for (value, cell) in out.iter_mut().zip(&self.columns) {
                *value = cell.iter().map(|(column, weight)| weight * line[*column]).sum();
            }
        }
        averaged
    }
}

/// Returns for each of [`SIDE`] cells the pixels of a line of this length that it covers, with their shares of it.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // lengths are at most 2^16
fn averages(length: usize) -> Vec<Vec<(usize, f32)>> {
    let cell = |at: usize| {
        // In units of a pixel's SIDE-th part.
        let (begin, end) = (at * length, (at + 1) * length);
        let covered = |pixel: usize| end.min((pixel + 1) * SIDE) - begin.max(pixel * SIDE);
        (begin / SIDE..end.div_ceil(SIDE)).map(|pixel| (pixel, covered(pixel) as f32 / length as f32)).collect()
    };
    (0..SIDE).map(cell).collect()
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // small numbers
mod tests {
    use super::*;

    #[test]
    fn cells_cover_each_pixel_once() {
        for length in [1, 2, 20, 31, 32, 33, 48, 96, 100] {
            let cells = averages(length);
            for cell in &cells {
                assert!((cell.iter().map(|(_, weight)| weight).sum::<f32>() - 1.0).abs() < 1e-5, "{length}");
            }
            for pixel in 0..length {
                let share: f32 = cells.iter().flatten().filter(|(at, _)| *at == pixel).map(|(_, weight)| weight).sum();
                assert!((share - 32.0 / length as f32).abs() < 1e-4, "{length}: pixel {pixel} has {share}");
            }
        }
    }

    #[test]
    fn the_hash_of_a_mirror_image_follows_from_the_hash() {
        for (width, height, channels) in [(48, 48, 1), (33, 20, 3), (7, 9, 1)] {
            let shape = ImageShape { width, height, channels };
            let hasher = PictureHasher::new(shape);
            let pixels: Vec<u8> = (0..shape.bytes()).map(|at| (at * at * 31 % 251) as u8).collect();
            let mirrored = super::super::near::mirrored(&pixels, shape);
            let differing = (hasher.hash(&pixels) ^ hasher.mirror_mask() ^ hasher.hash(&mirrored)).count_ones();
            assert!(differing <= 1, "rounding flips {differing} bits of {width}×{height}");
        }
    }
}
