//! Expressions as movements of parts of a face, after Ekman and Friesen's action units.

use crate::data::random::KeyedRng;

/// The movement of each part of a face, 0 when relaxed. Lengths are in units of half a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expression {
    /// The inner ends of the brows, up (AU 1) or down (AU 4).
    pub(super) inner_brow: f64,
    /// The outer ends of the brows, up (AU 2).
    pub(super) outer_brow: f64,
    /// Brows drawn together, with a furrow (AU 4).
    pub(super) furrow: f64,
    /// Opening of the eyes: wide (AU 5) or narrow (AU 7).
    pub(super) eyes: f64,
    /// Wrinkled nose and raised upper lip (AU 9, 10).
    pub(super) wrinkle: f64,
    /// Corners of the mouth, up (AU 12) or down (AU 15).
    pub(super) corners: f64,
    /// Opening of the mouth (AU 25 to 27).
    pub(super) mouth: f64,
    /// Width of the mouth: stretched (AU 20) or drawn in (AU 18).
    pub(super) width: f64,
    /// Raised cheeks (AU 6).
    pub(super) cheeks: f64,
}

/// The movements of the seven expressions at full intensity, in label order, as the fields of [`Expression`].
const FULL: [[f64; 9]; 7] = [
    [-0.15, 0.03, 1.0, -0.30, 0.15, -0.10, 0.05, -0.10, 0.0], // angry
    [-0.08, 0.00, 0.5, -0.35, 1.00, -0.09, 0.10, -0.05, 0.4], // disgust
    [0.13, 0.04, 0.4, 0.45, 0.00, -0.06, 0.18, 0.12, 0.0],    // fear
    [0.02, 0.02, 0.0, -0.20, 0.10, 0.16, 0.12, 0.20, 1.0],    // happy
    [0.00, 0.00, 0.0, 0.00, 0.00, 0.00, 0.00, 0.00, 0.0],     // neutral
    [0.12, -0.05, 0.3, -0.25, 0.00, -0.14, 0.00, -0.08, 0.0], // sad
    [0.14, 0.15, 0.0, 0.50, 0.00, 0.00, 0.36, -0.16, 0.0],    // surprise
];

/// The standard deviation of each movement between faces of one expression.
const SPREAD: [f64; 9] = [0.035, 0.035, 0.15, 0.12, 0.12, 0.03, 0.035, 0.05, 0.15];

/// The least and the largest intensity of an expression; the least is hard to distinguish from neutral.
const INTENSITY: (f64, f64) = (0.4, 1.2);

/// The largest share of a second expression.
const MIXED: f64 = 0.3;

impl Expression {
    /// Draws an instance of the class's expression.
    pub(super) fn draw(label: usize, random: &mut KeyedRng) -> Self {
        let intensity = random.between(INTENSITY.0, INTENSITY.1);
        let other = random.below(7) as usize;
        let share = MIXED * random.unit() * random.unit();
        let moves: [f64; 9] = std::array::from_fn(|part| {
            let meant = intensity * FULL[label][part];
            meant + share * (FULL[other][part] - meant) + SPREAD[part] * draw_normal(random)
        });
        let [inner_brow, outer_brow, furrow, eyes, wrinkle, corners, mouth, width, cheeks] = moves;
        Self {
            inner_brow,
            outer_brow,
            furrow: furrow.max(0.0),
            eyes: eyes.max(-0.75),
            wrinkle: wrinkle.max(0.0),
            corners,
            mouth: mouth.max(0.0),
            width,
            cheeks: cheeks.max(0.0),
        }
    }
}

/// Returns a nearly normal number of deviation 1. It is a sum of uniform numbers, because logarithms round differently
/// between machines.
pub(super) fn draw_normal(random: &mut KeyedRng) -> f64 {
    (0..4).map(|_| random.between(-0.5, 0.5)).sum::<f64>() * 3.0_f64.sqrt()
}
