//! Batch norm with `ReLU` on plain slices `[pixels, channels]`. Does not use burn.
//!
//! Each pass reads its numbers once. Sums are taken over pieces of a fixed size in f32, and over the pieces in f64, in
//! order. So equal inputs give equal bits on any number of threads.

#![allow(clippy::inline_always, reason = "what stays a call is compiled without the vector instructions around it")]

mod passes;

use rayon::prelude::*;

use super::BatchNormSettings;
use super::lanes::dispatch;
use super::scratch::{Scratch, recycled};

use passes::{AllChannels, Apply, GradientSums, InputGradient, Moments};

/// Numbers of a piece, which fit the second-level cache.
const PIECE: usize = 1 << 14;

/// The results that a forward pass saves for its backward pass, next to input, scale and shift.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The mean of the batch, `[channels]`.
    mean: Vec<f32>,
    /// The inverse of the batch's standard deviation, `[channels]`.
    inverse: Vec<f32>,
    relu: bool,
}

/// The results of [`forward`].
pub(super) struct Forward {
    /// `[pixels, channels]`.
    pub(super) y: Vec<f32>,
    /// The new running mean and variance, `[channels]` each.
    pub(super) running: [Vec<f32>; 2],
    pub(super) saved: Saved,
}

/// The gradients that [`backward`] returns.
pub(super) struct Backward {
    /// `[pixels, channels]`.
    pub(super) x: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// Normalizes `x` `[pixels, channels]` by the statistics of the batch; `x` has at least one pixel. Scale, shift,
/// running mean and variance are `[channels]`.
pub(super) fn forward(
    x: &[f32],
    [scale, shift]: &[Vec<f32>; 2],
    running: [Vec<f32>; 2],
    settings: BatchNormSettings,
) -> Forward {
    let channels = scale.len();
    let (mean, variance) = moments(x, channels);
    let inverse = inverses(&variance, settings.epsilon);
    let affine = ChannelAffine { mean: &mean, factor: &products(scale, &inverse), shift };
    let y = affine.apply(x, settings.relu);
    #[allow(clippy::cast_precision_loss)] // far below 2^24 for every batch that fits
    let count = (x.len() / channels) as f32;
    let unbiased = count / (count - 1.0).max(1.0);
    let blend = |running: Vec<f32>, batch: &[f32], factor: f32| {
        let blended = running.iter().zip(batch);
        blended.map(|(running, batch)| running * (1.0 - settings.momentum) + batch * factor).collect()
    };
    let [running_mean, running_variance] = running;
    let running = [
        blend(running_mean, &mean, settings.momentum),
        blend(running_variance, &variance, settings.momentum * unbiased),
    ];
    Forward { y, running, saved: Saved { mean, inverse, relu: settings.relu } }
}

/// Normalizes `x` `[pixels, channels]` by a given mean and variance `[channels]`.
pub(super) fn fixed(
    x: &[f32],
    [scale, shift]: &[Vec<f32>; 2],
    mean: &[f32],
    variance: &[f32],
    settings: BatchNormSettings,
) -> Vec<f32> {
    let factor = products(scale, &inverses(variance, settings.epsilon));
    ChannelAffine { mean, factor: &factor, shift }.apply(x, settings.relu)
}

/// Computes the gradients of input, scale and shift from `grad` and `x` `[pixels, channels]`. Writes the input's
/// gradient over `grad`.
pub(super) fn backward(mut grad: Vec<f32>, x: &[f32], [scale, shift]: &[Vec<f32>; 2], saved: &Saved) -> Backward {
    let channels = scale.len();
    let factor = products(scale, &saved.inverse);
    let affine = ChannelAffine { mean: &saved.mean, factor: &factor, shift };
    let [sums, products] = gradient_sums(&grad, x, affine, saved.relu);
    #[allow(clippy::cast_precision_loss)] // a count of pixels
    let pixels = (x.len() / channels) as f64;
    // Gradients of scale and shift, and the coefficients of the input's gradient, from sums in f64.
    let mut found = Backward { x: Vec::new(), scale: Vec::new(), shift: Vec::new() };
    let (mut slope, mut offset) = (Vec::new(), Vec::new());
    for (c, (sum, product)) in sums.into_iter().zip(products).enumerate() {
        let (factor, inverse) = (f64::from(factor[c]), f64::from(saved.inverse[c]));
        found.scale.push(to_f32(product * inverse));
        found.shift.push(to_f32(sum));
        slope.push(to_f32(-factor * inverse * inverse * product / pixels));
        offset.push(to_f32(-factor * sum / pixels));
    }
    input_gradient(&mut grad, x, affine, [&slope, &offset], saved.relu);
    found.x = grad;
    found
}

#[allow(clippy::cast_possible_truncation)] // rounds
fn to_f32(number: f64) -> f32 {
    number as f32
}

fn inverses(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect()
}

fn products(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// Returns the number of values in a piece of whole pixels.
fn piece(channels: usize) -> usize {
    (PIECE / channels).max(1) * channels
}

/// Returns the mean and the variance of each channel of `x` `[pixels, channels]`.
fn moments(x: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let mut pieces = Scratch::recycled(x.len().div_ceil(piece(channels)) * 2 * channels);
    x.par_chunks(piece(channels)).zip(pieces.par_chunks_mut(2 * channels)).for_each(|(x, sums)| {
        let (means, squares) = sums.split_at_mut(channels);
        dispatch(AllChannels(Moments { x, means, squares }));
    });
    // Merges means and sums of squares piece by piece (T. Chan, G. Golub and R. LeVeque 1979).
    let (mut count, mut means, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
    for (x, sums) in x.chunks(piece(channels)).zip(pieces.chunks_exact(2 * channels)) {
        #[allow(clippy::cast_precision_loss)] // a count of pixels
        let more = (x.len() / channels) as f64;
        for c in 0..channels {
            let apart = f64::from(sums[c]) - means[c];
            means[c] += apart * more / (count + more);
            squares[c] += f64::from(sums[channels + c]) + apart * apart * count * more / (count + more);
        }
        count += more;
    }
    (means.into_iter().map(to_f32).collect(), squares.into_iter().map(|squares| to_f32(squares / count)).collect())
}

/// Returns for each channel the sum of the gradients that pass the `ReLU`, and the sum of their products with `x` less
/// its mean.
fn gradient_sums(grad: &[f32], x: &[f32], affine: ChannelAffine, relu: bool) -> [Vec<f64>; 2] {
    let channels = affine.mean.len();
    let mut pieces = Scratch::recycled(x.len().div_ceil(piece(channels)) * 2 * channels);
    (x.par_chunks(piece(channels)), grad.par_chunks(piece(channels)), pieces.par_chunks_mut(2 * channels))
        .into_par_iter()
        .for_each(|(x, grad, sums)| {
            let (sums, products) = sums.split_at_mut(channels);
            dispatch(AllChannels(GradientSums { grad, x, affine, relu, sums, products }));
        });
    let mut found = [vec![0.0; channels], vec![0.0; channels]];
    for piece in pieces.chunks_exact(2 * channels) {
        for (found, piece) in found.iter_mut().zip(piece.chunks_exact(channels)) {
            for (found, sum) in found.iter_mut().zip(piece) {
                *found += f64::from(*sum);
            }
        }
    }
    found
}

/// Overwrites the gradient of the output with that of `x`: gated by the `ReLU`, times the factor, plus a linear
/// function of `x`.
fn input_gradient(grad: &mut [f32], x: &[f32], affine: ChannelAffine, [slope, offset]: [&[f32]; 2], relu: bool) {
    let piece = piece(affine.mean.len());
    grad.par_chunks_mut(piece).zip(x.par_chunks(piece)).for_each(|(grad, x)| {
        dispatch(AllChannels(InputGradient { grad, x, affine, slope, offset, relu }));
    });
}

/// The map of each channel: `(x − mean) · factor + shift`.
#[derive(Clone, Copy)]
struct ChannelAffine<'a> {
    mean: &'a [f32],
    factor: &'a [f32],
    shift: &'a [f32],
}

impl ChannelAffine<'_> {
    /// Applies the map to `x` `[pixels, channels]`, followed by `ReLU` if `relu`.
    fn apply(self, x: &[f32], relu: bool) -> Vec<f32> {
        let piece = piece(self.mean.len());
        let mut y = recycled(x.len());
        y.par_chunks_mut(piece).zip(x.par_chunks(piece)).for_each(|(y, x)| {
            dispatch(AllChannels(Apply { x, affine: self, relu, y }));
        });
        y
    }
}
