//! Adds and removes a border of zeros around images `[h, w, c]`.

use super::super::geometry::Geometry;
use super::super::scratch::Scratch;

/// Copies `image` `[h, w, c_in]` into `[rows, columns, c_in]` with a border of zeros.
pub(super) fn pad(geometry: &Geometry, image: &[f32]) -> Scratch {
    let &Geometry { c_in, w, .. } = geometry;
    let mut padded = Scratch::zeros(geometry.padded_len());
    let rows = padded.chunks_exact_mut(geometry.padded_row()).skip(1);
    for (padded, row) in rows.zip(image.chunks_exact(w * c_in)) {
        padded[c_in..][..w * c_in].copy_from_slice(row);
    }
    padded
}

/// Copies a padded image without its border into `image`.
pub(super) fn unpad(geometry: &Geometry, padded: &[f32], image: &mut [f32]) {
    let &Geometry { c_in, w, .. } = geometry;
    let rows = padded.chunks_exact(geometry.padded_row()).skip(1);
    for (padded, row) in rows.zip(image.chunks_exact_mut(w * c_in)) {
        row.copy_from_slice(&padded[c_in..][..w * c_in]);
    }
}
