//! What follows a convolution: 2×2 maxima, and which way gradients will go back.

use super::super::geometry::RELU_ZERO;

/// For outputs that are not pooled: which the `ReLU` set to zero.
#[inline(always)]
pub(super) fn codes(out: &[f32], codes: &mut [u8]) {
    for (code, value) in codes.iter_mut().zip(out) {
        *code = if *value <= 0.0 { RELU_ZERO } else { 0 };
    }
}

/// Rows of pixels `[rows, w, channels]` → the largest of each 2×2 window. Of equal ones the first; NaN is larger than
/// everything. Behind a `relu` what is not above zero gets the code of the dead.
#[inline(always)]
pub(super) fn max2(
    image: &[f32],
    w: usize,
    channels: usize,
    out: &mut [f32],
    mut codes: Option<&mut [u8]>,
    relu: bool,
) {
    let row = w * channels;
    for (at, out) in out.chunks_exact_mut(channels).enumerate() {
        let (y, x) = (at / (w / 2), at % (w / 2));
        let window = &image[2 * y * row + 2 * x * channels..];
        let quad = [
            &window[..channels],
            &window[channels..][..channels],
            &window[row..][..channels],
            &window[row + channels..][..channels],
        ];
        let mut nothing = [];
        let codes = codes.as_deref_mut().map_or(&mut nothing[..], |codes| &mut codes[at * channels..][..channels]);
        if codes.is_empty() {
            for c in 0..channels {
                let mut best = quad[0][c];
                for pixel in &quad[1..] {
                    let value = pixel[c];
                    best = if value > best || value.is_nan() { value } else { best };
                }
                out[c] = best;
            }
        } else {
            let codes = &mut codes[..channels];
            for c in 0..channels {
                let (mut best, mut code) = (quad[0][c], 0_u8);
                for (k, quad) in (0_u8..).zip(quad) {
                    let value = quad[c];
                    let better = value > best || value.is_nan();
                    best = if better { value } else { best };
                    code = if better { k } else { code };
                }
                out[c] = best;
                codes[c] = if relu && best <= 0.0 { RELU_ZERO } else { code };
            }
        }
    }
}
