//! 2×2 maxima of a convolution's output, and the codes of their gradients.

use super::super::geometry::RELU_ZERO;

/// Writes the codes of outputs without pooling: [`RELU_ZERO`], or 0.
#[inline(always)]
pub(super) fn codes(out: &[f32], codes: &mut [u8]) {
    for (code, value) in codes.iter_mut().zip(out) {
        *code = if *value <= 0.0 { RELU_ZERO } else { 0 };
    }
}

/// Computes the maximum of each 2×2 window of `[rows, w, channels]`. Of equal values the first counts, and NaN counts
/// as the maximum. With `relu`, outputs up to zero get the code [`RELU_ZERO`].
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
