//! Between burn's layout of an image (channel by channel) and the kernel's (pixel by pixel with a border of zeros).

use super::super::geometry::Geometry;
use super::super::scratch::Scratch;

/// `image` `[c_in, h, w]` → `[rows, columns, c_in]` with a border.
pub(super) fn pad(geometry: &Geometry, image: &[f32]) -> Scratch {
    let &Geometry { c_in, h, w, .. } = geometry;
    let row_len = geometry.padded_row();
    let mut padded = Scratch::zeros(geometry.padded_len());
    // Row by row, so that the strided writes stay in the nearest cache.
    for y in 0..h {
        let row = &mut padded[(y + 1) * row_len + c_in..][..w * c_in];
        for c in 0..c_in {
            let pixels = &image[(c * h + y) * w..][..w];
            for (to, from) in row.chunks_exact_mut(c_in).zip(pixels) {
                to[c] = *from;
            }
        }
    }
    padded
}

/// The way back: drops the border.
pub(super) fn unpad(geometry: &Geometry, padded: &[f32], image: &mut [f32]) {
    let &Geometry { c_in, h, w, .. } = geometry;
    let row_len = geometry.padded_row();
    for y in 0..h {
        let row = &padded[(y + 1) * row_len + c_in..][..w * c_in];
        for c in 0..c_in {
            let pixels = &mut image[(c * h + y) * w..][..w];
            for (to, from) in pixels.iter_mut().zip(row.chunks_exact(c_in)) {
                *to = from[c];
            }
        }
    }
}
