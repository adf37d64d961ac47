//! The changes of one image before it is scaled for a network: affine map, tones, erased rectangle.

use super::{Affine, Window};
use crate::data::manifest::ImageShape;
use crate::data::random::{KeyedRng, Purpose};
use crate::domain::{Augmentation, CropPosition, View};

/// The least and the largest share of an image's area that an erased rectangle covers.
const ERASED_AREA: [f64; 2] = [0.02, 0.2];

/// The largest ratio of an erased rectangle's height to its width; the least is its inverse.
const ERASED_ASPECT: f64 = 3.0;

/// The share of a side that a corner view covers if the recipe has no crop: 42 of 48 pixels.
const VIEW: f64 = 0.875;

/// The changes of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The map by which pixels are sampled.
    pub affine: Affine,
    /// `None` if pixels keep their values.
    pub tones: Option<Tones>,
    /// `None` if nothing is erased.
    pub erased: Option<ErasedRectangle>,
}

/// Factors of brightness and contrast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tones {
    /// The factor of all pixels.
    pub brightness: f32,
    /// The factor of the distance to the mean of the brightened pixels.
    pub contrast: f32,
}

/// A rectangle in fractions of height and width; it contains the pixels whose middles are inside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErasedRectangle {
    /// The upper and the left edge.
    pub from: [f32; 2],
    /// The lower and the right edge.
    pub to: [f32; 2],
}

/// The gray of erased pixels, from 0 to 1.
pub const ERASED_GRAY: f32 = 0.5;

impl Change {
    /// Returns a change that consists of a map only.
    #[must_use]
    pub fn mapped(affine: Affine) -> Self {
        Self { affine, tones: None, erased: None }
    }

    /// Returns the random change of training image `index` in an epoch, as a function of its arguments only. `crop` is
    /// the side of a square cut out at random, in pixels (0: none).
    #[must_use]
    pub fn keyed(ranges: &Augmentation, image: ImageShape, crop: u32, [seed, epoch, index]: [u64; 3]) -> Self {
        let random = &mut KeyedRng::new(Purpose::Augment, seed, epoch, index);
        // The map is drawn first. Otherwise later draws would change the numbers of runs without tones or erasing.
        let mut affine = Affine::sample(ranges, random);
        let [down, right] = [image.height, image.width].map(|side| random.below(side.saturating_sub(crop) + 1));
        if crop > 0 {
            affine.window = crop_window([down, right], crop, image);
        }
        let factor = |random: &mut KeyedRng, reach: f64| random.between(1.0 - reach, 1.0 + reach);
        let (brightness, contrast) = (factor(random, ranges.brightness), factor(random, ranges.contrast));
        #[allow(clippy::cast_possible_truncation)] // rounded to what pixels are computed in
        let tones = Tones { brightness: brightness as f32, contrast: contrast as f32 };
        let tones = Some(tones).filter(|_| ranges.brightness > 0.0 || ranges.contrast > 0.0);
        let erased = random.chance(ranges.erasing).then(|| ErasedRectangle::sample(random));
        Self { affine, tones, erased }
    }

    /// Returns a view of an image, within a cut-out square of `crop` pixels (0: none).
    #[must_use]
    pub fn of_view(view: View, image: ImageShape, crop: u32) -> Self {
        let window = match (view.position, crop) {
            (CropPosition::Middle, 0) => Window::WHOLE,
            (CropPosition::Middle, crop) => {
                crop_window([image.height, image.width].map(|side| (side - crop) / 2), crop, image)
            }
            (CropPosition::Corner { lower, right }, 0) => {
                let edge = |far: bool| if far { 1.0 - VIEW } else { 0.0 };
                Window { origin: [edge(lower), edge(right)], extent: [VIEW; 2] }
            }
            (CropPosition::Corner { lower, right }, crop) => {
                let edge = |far: bool, side: u32| if far { side - crop } else { 0 };
                crop_window([edge(lower, image.height), edge(right, image.width)], crop, image)
            }
        };
        Self::mapped(Affine { flip: view.flip, window, ..Affine::identity() })
    }

    /// Changes the tones of `pixels` (`[C, H, W]`, 0 to 1), then erases the rectangle.
    pub fn paint(&self, pixels: &mut [f32], [height, width]: [u32; 2]) {
        if let Some(tones) = self.tones {
            tones.apply(pixels);
        }
        if let Some(erased) = self.erased {
            erased.apply(pixels, [height as usize, width as usize]);
        }
    }
}

/// Returns the square of `crop` pixels whose upper left corner is at (row, column).
fn crop_window([row, column]: [u32; 2], crop: u32, image: ImageShape) -> Window {
    let [height, width, crop] = [image.height, image.width, crop].map(f64::from);
    Window { origin: [f64::from(row) / height, f64::from(column) / width], extent: [crop / height, crop / width] }
}

impl Tones {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // pixels are f32
    fn apply(self, pixels: &mut [f32]) {
        let sum: f64 = pixels.iter().map(|pixel| f64::from(*pixel * self.brightness)).sum();
        let mean = (sum / pixels.len().max(1) as f64) as f32;
        for pixel in pixels {
            *pixel = ((*pixel * self.brightness - mean) * self.contrast + mean).clamp(0.0, 1.0);
        }
    }
}

impl ErasedRectangle {
    #[allow(clippy::cast_possible_truncation)] // rounded to what pixels are computed in
    fn sample(random: &mut KeyedRng) -> Self {
        let area = random.between(ERASED_AREA[0], ERASED_AREA[1]);
        let aspect = random.between(-ERASED_ASPECT.ln(), ERASED_ASPECT.ln()).exp();
        let sides = [(area * aspect).sqrt(), (area / aspect).sqrt()].map(|side| side.min(1.0));
        let from = sides.map(|side| random.between(0.0, 1.0 - side));
        let to = [from[0] + sides[0], from[1] + sides[1]];
        Self { from: from.map(|edge| edge as f32), to: to.map(|edge| edge as f32) }
    }

    fn apply(self, pixels: &mut [f32], [height, width]: [usize; 2]) {
        let inside = |axis: usize, at: usize, side: usize| (self.from[axis]..self.to[axis]).contains(&middle(at, side));
        for plane in pixels.chunks_exact_mut((height * width).max(1)) {
            for (_, line) in plane.chunks_exact_mut(width).enumerate().filter(|(row, _)| inside(0, *row, height)) {
                let erased = line.iter_mut().enumerate().filter(|(column, _)| inside(1, *column, width));
                erased.for_each(|(_, pixel)| *pixel = ERASED_GRAY);
            }
        }
    }
}

/// Returns the middle of pixel `at` as a fraction of the image's side.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // sides are small
#[must_use]
pub fn middle(at: usize, side: usize) -> f32 {
    ((2 * at + 1) as f64 / (2 * side) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Views;

    const IMAGE: ImageShape = ImageShape { width: 6, height: 5, channels: 1 };

    fn sampled(change: &Change, size: [u32; 2]) -> Vec<f32> {
        let pixels: Vec<u8> = (0..30).collect();
        let mut out = vec![0.0; (size[0] * size[1]) as usize];
        change.affine.apply(&pixels, IMAGE, size, 1.0, &mut out);
        out
    }

    #[test]
    fn views_of_a_crop_are_its_pixels() {
        let table: Vec<Vec<f32>> =
            Views::Ten.each().iter().map(|v| sampled(&Change::of_view(*v, IMAGE, 3), [3, 3])).collect();
        let at =
            |row: u8, column: u8| (0..9).map(|i| f32::from((row + i / 3) * 6 + column + i % 3)).collect::<Vec<_>>();
        assert_eq!(table[0], at(1, 1));
        assert_eq!(table[1..5], [at(0, 0), at(0, 3), at(2, 0), at(2, 3)]);
        let mirrored = |row: u8, column: u8| {
            (0..9).map(|i| f32::from((row + i / 3) * 6 + 5 - (column + i % 3))).collect::<Vec<_>>()
        };
        assert_eq!(table[6], mirrored(0, 0));
        let whole = sampled(&Change::of_view(View::PLAIN, IMAGE, 0), [5, 6]);
        assert_eq!(whole, (0_u8..30).map(f32::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_crop_is_cut_anywhere_and_changes_no_other_number() {
        let crop = |index| Change::keyed(&Augmentation::REFERENCE, IMAGE, 3, [1, 1, index]);
        let windows: Vec<[f64; 2]> = (0..200).map(|index| crop(index).affine.window.origin).collect();
        for row in 0..3 {
            for column in 0..4 {
                let origin = [f64::from(row) / 5.0, f64::from(column) / 6.0];
                assert!(windows.contains(&origin), "{origin:?}");
            }
        }
        let whole = Change::keyed(&Augmentation::REFERENCE, IMAGE, 0, [1, 1, 7]);
        assert_eq!(Affine { window: Window::WHOLE, ..crop(7).affine }, whole.affine);
        assert_eq!((whole.tones, whole.erased), (None, None));
    }

    #[test]
    #[allow(clippy::float_cmp)] // halves and quarters
    fn tones_keep_the_mean_or_move_it() {
        let mut pixels = [0.25, 0.75];
        Tones { brightness: 1.0, contrast: 0.5 }.apply(&mut pixels);
        assert_eq!(pixels, [0.375, 0.625]);
        Tones { brightness: 2.0, contrast: 1.0 }.apply(&mut pixels);
        assert_eq!(pixels, [0.75, 1.0], "no brighter than white");
    }

    #[test]
    fn erased_rectangles_have_the_shares_they_are_drawn_from() {
        let ranges = Augmentation { erasing: 0.25, ..Augmentation::default() };
        let changes: Vec<Change> = (0..4000).map(|index| Change::keyed(&ranges, IMAGE, 0, [3, 1, index])).collect();
        let erased: Vec<ErasedRectangle> = changes.iter().filter_map(|change| change.erased).collect();
        assert!((900..1100).contains(&erased.len()), "{} of 4000", erased.len());
        for ErasedRectangle { from, to } in &erased {
            let [height, width] = [to[0] - from[0], to[1] - from[1]];
            assert!((0.0199..0.2001).contains(&(height * width)), "{from:?} {to:?}");
            assert!(from.iter().all(|edge| *edge >= 0.0) && to.iter().all(|edge| *edge <= 1.0 + 1e-6));
        }
        let mut pixels = [0.0; 30];
        ErasedRectangle { from: [0.2, 0.5], to: [0.6, 1.0] }.apply(&mut pixels, [5, 6]);
        let gray: Vec<usize> = (0..30).filter(|at| pixels[*at] > 0.0).collect();
        assert_eq!(gray, [9, 10, 11, 15, 16, 17]);
    }
}
