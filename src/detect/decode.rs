//! From what the heads say to faces, as `OpenCV`'s `FaceDetectorYN` does it.

use super::layers::Map;
use super::network::STRIDES;
use super::{Area, Face};

/// Faces that the detector is less sure of are none. `OpenCV` Zoo's example takes this score for this network.
const LEAST_SCORE: f32 = 0.6;

/// Of two faces that share more of their union, the surer one stays.
const MOST_OVERLAP: f32 = 0.3;

/// Most candidates that are held against each other, the surest ones.
const MOST_CANDIDATES: usize = 5000;

/// The faces that the three levels tell of, the surest first.
pub(super) fn faces(levels: &[Map; 3]) -> Vec<Face> {
    let mut candidates: Vec<Face> =
        levels.iter().zip(STRIDES).flat_map(|(level, stride)| candidates(level, f32::from(stride))).collect();
    // Stable: of equals the one of the finer level comes first.
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    candidates.truncate(MOST_CANDIDATES);
    let mut kept: Vec<Face> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|face| overlap(&face.area, &candidate.area) <= MOST_OVERLAP) {
            kept.push(candidate);
        }
    }
    kept
}

#[allow(clippy::cast_precision_loss, reason = "columns and rows of a bounded picture")]
fn candidates(level: &Map, stride: f32) -> impl Iterator<Item = Face> + '_ {
    level.values.as_chunks::<16>().0.iter().enumerate().filter_map(move |(place, said)| {
        let [class, object, x, y, width, height, points @ ..] = *said;
        let score = (sigmoid(class) * sigmoid(object)).sqrt();
        if score < LEAST_SCORE {
            return None;
        }
        let (column, row) = ((place % level.width) as f32, (place / level.width) as f32);
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

/// The share of two rectangles' union that is in both.
fn overlap(one: &Area, other: &Area) -> f32 {
    let along = |a: f32, a_side: f32, b: f32, b_side: f32| ((a + a_side).min(b + b_side) - a.max(b)).max(0.0);
    let both = along(one.x, one.width, other.x, other.width) * along(one.y, one.height, other.y, other.height);
    both / (one.size() + other.size() - both).max(f32::MIN_POSITIVE)
}
