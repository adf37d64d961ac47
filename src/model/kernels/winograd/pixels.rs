//! From images channel by channel to images pixel by pixel.

use rayon::prelude::*;

/// Numbers on a side of the squares that are turned one after the other: their rows fit into the nearest cache.
const SIDE: usize = 16;

/// `x` `[n, channels, plane]` → `[n, plane, channels]`.
pub(in super::super) fn pixel_by_pixel(x: &[f32], channels: usize, plane: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    if out.is_empty() {
        return out;
    }
    // Pieces of whole pixels, so that a single image is shared out as well.
    let piece = plane.div_ceil(plane.div_ceil(1024));
    out.par_chunks_mut(channels * plane).zip(x.par_chunks(channels * plane)).for_each(|(out, x)| {
        out.par_chunks_mut(channels * piece)
            .enumerate()
            .for_each(|(at, out)| turn(x, channels, plane, at * piece, out));
    });
    out
}

/// The pixels from `first` on, as many as `out` has room for.
fn turn(x: &[f32], channels: usize, plane: usize, first: usize, out: &mut [f32]) {
    for (block, pixels) in out.chunks_mut(channels * SIDE).enumerate() {
        let first = first + block * SIDE;
        for from in (0..channels).step_by(SIDE) {
            for channel in from..channels.min(from + SIDE) {
                let row = &x[channel * plane + first..][..pixels.len() / channels];
                for (pixel, value) in pixels.chunks_exact_mut(channels).zip(row) {
                    pixel[channel] = *value;
                }
            }
        }
    }
}
