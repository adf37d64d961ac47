//! Decoding of the heads' output to faces, as in `OpenCV`'s `FaceDetectorYN`.

use super::layers::Map;
use super::network::STRIDES;
use super::{Area, Face};

/// The lowest score of a face; the value of the `OpenCV` Zoo's example for this network.
const MIN_SCORE: f32 = 0.6;

/// The largest intersection over union of two faces; above it, the one with the lower score is dropped.
const MAX_OVERLAP: f32 = 0.3;

/// The number of candidates that are compared with each other, those with the highest scores.
const MAX_CANDIDATES: usize = 5000;

/// Returns the faces of the three levels, sorted by descending score.
pub(super) fn faces(levels: &[Map; 3]) -> Vec<Face> {
    let mut candidates: Vec<Face> =
        levels.iter().zip(STRIDES).flat_map(|(level, stride)| candidates(level, f32::from(stride))).collect();
    // Stable: of equals the one of the finer level comes first.
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    candidates.truncate(MAX_CANDIDATES);
    let mut faces: Vec<Face> = Vec::new();
    for candidate in candidates {
        if faces.iter().all(|face| overlap(&face.area, &candidate.area) <= MAX_OVERLAP) {
            faces.push(candidate);
        }
    }
    faces
}

#[allow(clippy::cast_precision_loss, reason = "columns and rows of a bounded picture")]
fn candidates(level: &Map, stride: f32) -> impl Iterator<Item = Face> + '_ {
    level.values.as_chunks::<16>().0.iter().enumerate().filter_map(move |(cell, output)| {
        let [class, object, x, y, width, height, points @ ..] = *output;
        let score = (sigmoid(class) * sigmoid(object)).sqrt();
        if score < MIN_SCORE {
            return None;
        }
        let (column, row) = ((cell % level.width) as f32, (cell / level.width) as f32);
        let [width, height] = [width, height].map(|side| side.exp() * stride);
        let [x, y] = [(column + x) * stride - width / 2.0, (row + y) * stride - height / 2.0];
        let landmark = |at: usize| [(column + points[2 * at]) * stride, (row + points[2 * at + 1]) * stride];
        let landmarks = std::array::from_fn(landmark);
        Some(Face { area: Area { x, y, width, height }, landmarks, score })
    })
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Returns the intersection over union of two rectangles, from 0 to 1.
fn overlap(one: &Area, other: &Area) -> f32 {
    let along = |a: f32, a_side: f32, b: f32, b_side: f32| ((a + a_side).min(b + b_side) - a.max(b)).max(0.0);
    let both = along(one.x, one.width, other.x, other.width) * along(one.y, one.height, other.y, other.height);
    both / (one.size() + other.size() - both).max(f32::MIN_POSITIVE)
}
