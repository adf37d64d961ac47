//! A map of the places of an image that speak for a class, and its colours over the image.

use serde::{Deserialize, Serialize};

/// How much of the image the strongest place hides.
const STRENGTH: f32 = 0.65;

/// The strength of places for one class, on a coarse grid over an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// Columns of the grid.
    pub width: usize,
    /// Rows of the grid.
    pub height: usize,
    /// Row by row, from 0 to 1; all 0 where nothing speaks for the class.
    pub values: Vec<f32>,
    /// The side in pixels of the square in the middle of the image that the grid covers; 0 for the whole image.
    pub crop: usize,
}

impl HeatMap {
    /// Returns the map of these strengths, from 0 up, divided by the largest. `crop` is that of the recipe.
    #[must_use]
    pub fn new(width: usize, height: usize, values: &[f32], crop: usize) -> Self {
        let largest = values.iter().copied().fold(0.0, f32::max);
        let scale = if largest > 0.0 && largest.is_finite() { largest.recip() } else { 0.0 };
        let share = |value: &f32| if value.is_finite() { (value * scale).clamp(0.0, 1.0) } else { 0.0 };
        Self { width, height, values: values.iter().map(share).collect(), crop }
    }

    /// Returns an image, u8 `[height, width, channels]`, in colours under this map: u8 `[height, width, 3]`. The
    /// strongest places are yellow, weaker ones red.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to a byte
    pub fn draw_over(&self, pixels: &[u8], [height, width, channels]: [usize; 3]) -> Vec<u8> {
        let mut out = Vec::with_capacity(height * width * 3);
        for (at, pixel) in pixels.chunks_exact(channels.max(1)).enumerate().take(height * width) {
            let strength = self.at([at / width, at % width], [height, width]);
            let (alpha, colour) = (STRENGTH * strength, [255.0, 225.0 * strength, 0.0]);
            for (channel, colour) in colour.into_iter().enumerate() {
                let own = f32::from(pixel[channel.min(pixel.len() - 1)]);
                out.push((own * (1.0 - alpha) + colour * alpha).round().clamp(0.0, 255.0) as u8);
            }
        }
        out
    }

    /// Returns the strength at a pixel (row, column) of an image of this height and width; 0 outside of the grid.
    /// Between the centres of the grid's places it is interpolated bilinearly.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sides of images
    fn at(&self, pixel: [usize; 2], size: [usize; 2]) -> f32 {
        if self.width == 0 || self.height == 0 || self.values.len() != self.width * self.height {
            return 0.0;
        }
        // Returns the two nearest places, and the weight of the second.
        let along = |pixel: usize, side: usize, places: usize| {
            let covered = if self.crop == 0 { side } else { self.crop.min(side) };
            let start = (side - covered) / 2;
            let inside = pixel.checked_sub(start).filter(|inside| *inside < covered)?;
            let position = (inside as f32 + 0.5) * places as f32 / covered as f32 - 0.5;
            let position = position.clamp(0.0, (places - 1) as f32);
            let first = position as usize;
            Some((first, (first + 1).min(places - 1), position - first as f32))
        };
        let (Some((top, bottom, down)), Some((left, right, across))) =
            (along(pixel[0], size[0], self.height), along(pixel[1], size[1], self.width))
        else {
            return 0.0;
        };
        let value = |row: usize, column: usize| self.values[row * self.width + column];
        let line = |row: usize| value(row, left) * (1.0 - across) + value(row, right) * across;
        line(top) * (1.0 - down) + line(bottom) * down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_place_is_coloured_and_others_stay_gray() {
        let map = HeatMap::new(2, 2, &[0.0, 0.0, 0.0, 5.0], 0);
        assert_eq!(map.values, [0.0, 0.0, 0.0, 1.0]);
        let over = map.draw_over(&[100; 64], [8, 8, 1]);
        assert_eq!(over.len(), 8 * 8 * 3);
        assert_eq!(over[..3], [100, 100, 100], "the opposite corner");
        assert_eq!(over[63 * 3..], [201, 181, 35], "the corner of the place");
        // Between the centres of the places the strength rises evenly.
        let row: Vec<f32> = (0..8).map(|column| map.at([7, column], [8, 8])).collect();
        assert_eq!(row, [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]);
    }

    #[test]
    fn a_map_of_a_crop_covers_the_middle() {
        let map = HeatMap::new(1, 1, &[3.0], 4);
        let strengths: Vec<f32> = (0..8).map(|column| map.at([4, column], [8, 8])).collect();
        assert_eq!(strengths, [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(map.draw_over(&[9, 8, 7], [1, 1, 3]).len(), 3);
    }

    #[test]
    fn nothing_is_coloured_where_nothing_speaks_for_the_class() {
        for values in [[0.0; 4], [f32::NAN; 4], [f32::INFINITY; 4]] {
            assert_eq!(HeatMap::new(2, 2, &values, 0).draw_over(&[50; 4], [2, 2, 1]), [50; 12]);
        }
        let wrong = HeatMap { width: 3, height: 3, values: vec![1.0], crop: 0 };
        assert_eq!(wrong.draw_over(&[50; 4], [2, 2, 1]), [50; 12], "a damaged map");
    }
}
