//! Batch norm with `ReLU` on plain slices `[pixels, channels]`. Does not use burn.
//!
//! Each pass reads its numbers once. Sums are taken over pieces of a fixed size in f32, and over the pieces in f64, in
//! order. So equal inputs give equal bits on any number of threads.

#![allow(clippy::inline_always, reason = "what stays a call is compiled without the vector instructions around it")]

use pulp::{Scalar, Simd, WithSimd};
use rayon::prelude::*;

use super::BatchNormSettings;
use super::lanes::dispatch;
use super::scratch::{Scratch, recycled};

/// Numbers of a piece, which fit the second-level cache.
const PIECE: usize = 1 << 14;

/// Vectors of channels whose sums stay in registers.
const VECTORS: usize = 2;

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

/// Returns the numbers of a piece of whole pixels.
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

/// The vectors of one group of channels.
type Group<S, const V: usize> = [<S as Simd>::f32s; V];

/// An operation on neighbouring channels of all pixels of a piece.
trait Columns {
    /// Returns the number of channels.
    fn channels(&self) -> usize;

    /// Processes `V` vectors of channels, starting at channel `first`.
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize);
}

/// Runs an operation on all channels, vector by vector.
struct AllChannels<W>(W);

impl<W: Columns> WithSimd for AllChannels<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (channels, mut first) = (self.0.channels(), 0);
        while channels - first >= VECTORS * S::F32_LANES {
            self.0.columns::<S, VECTORS>(simd, first);
            first += VECTORS * S::F32_LANES;
        }
        while channels - first >= S::F32_LANES {
            self.0.columns::<S, 1>(simd, first);
            first += S::F32_LANES;
        }
        for first in first..channels {
            self.0.columns::<Scalar, 1>(Scalar, first);
        }
    }
}

#[inline(always)]
fn load<S: Simd, const V: usize>(from: &[f32], first: usize) -> Group<S, V> {
    let vectors = S::as_simd_f32s(&from[first..][..V * S::F32_LANES]).0;
    std::array::from_fn(|v| vectors[v])
}

#[inline(always)]
fn store<S: Simd, const V: usize>(to: &mut [f32], first: usize, group: Group<S, V>) {
    S::as_mut_simd_f32s(&mut to[first..][..V * S::F32_LANES]).0.copy_from_slice(&group);
}

/// The parameters of a [`ChannelAffine`] for a group of channels.
#[derive(Clone, Copy)]
struct AffineGroup<S: Simd, const V: usize> {
    mean: Group<S, V>,
    factor: Group<S, V>,
    shift: Group<S, V>,
}

impl<S: Simd, const V: usize> AffineGroup<S, V> {
    #[inline(always)]
    fn new(affine: ChannelAffine, first: usize) -> Self {
        Self {
            mean: load::<S, V>(affine.mean, first),
            factor: load::<S, V>(affine.factor, first),
            shift: load::<S, V>(affine.shift, first),
        }
    }

    /// Returns `x` less the mean, and the map's value, for vector `v` of the group.
    #[inline(always)]
    fn at(&self, simd: S, x: S::f32s, v: usize) -> (S::f32s, S::f32s) {
        let apart = simd.sub_f32s(x, self.mean[v]);
        (apart, simd.mul_add_e_f32s(apart, self.factor[v], self.shift[v]))
    }

    /// Returns `value` where the `ReLU` of `y` is positive, else zero. NaN passes.
    #[inline(always)]
    fn gate(simd: S, y: S::f32s, value: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.less_than_or_equal_f32s(y, zero), zero, value)
    }
}

/// Computes the means of a piece, and the sums of squares about them.
struct Moments<'a> {
    x: &'a [f32],
    means: &'a mut [f32],
    squares: &'a mut [f32],
}

impl Columns for Moments<'_> {
    fn channels(&self) -> usize {
        self.means.len()
    }

    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        let zeros = [simd.splat_f32s(0.0); V];
        let (mut means, mut squares, mut count) = (zeros, zeros, 0.0);
        for x in self.x.chunks_exact(self.means.len()) {
            let x = load::<S, V>(x, first);
            for v in 0..V {
                means[v] = simd.add_f32s(means[v], x[v]);
            }
            count += 1.0;
        }
        for mean in &mut means {
            *mean = simd.mul_f32s(*mean, simd.splat_f32s(1.0 / count));
        }
        for x in self.x.chunks_exact(self.means.len()) {
            let x = load::<S, V>(x, first);
            for v in 0..V {
                let apart = simd.sub_f32s(x[v], means[v]);
                squares[v] = simd.mul_add_e_f32s(apart, apart, squares[v]);
            }
        }
        store::<S, V>(self.means, first, means);
        store::<S, V>(self.squares, first, squares);
    }
}

/// Applies a map to a piece.
struct Apply<'a> {
    x: &'a [f32],
    affine: ChannelAffine<'a>,
    relu: bool,
    y: &'a mut [f32],
}

impl Columns for Apply<'_> {
    fn channels(&self) -> usize {
        self.affine.mean.len()
    }

    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        let (channels, affine) = (self.channels(), AffineGroup::<S, V>::new(self.affine, first));
        for (x, y) in self.x.chunks_exact(channels).zip(self.y.chunks_exact_mut(channels)) {
            let mut values = load::<S, V>(x, first);
            for (v, value) in values.iter_mut().enumerate() {
                *value = affine.at(simd, *value, v).1;
                if self.relu {
                    *value = AffineGroup::<S, V>::gate(simd, *value, *value);
                }
            }
            store::<S, V>(y, first, values);
        }
    }
}

/// Computes the sums of [`gradient_sums`] over a piece.
struct GradientSums<'a> {
    grad: &'a [f32],
    x: &'a [f32],
    affine: ChannelAffine<'a>,
    relu: bool,
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl Columns for GradientSums<'_> {
    fn channels(&self) -> usize {
        self.affine.mean.len()
    }

    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        let (channels, affine) = (self.channels(), AffineGroup::<S, V>::new(self.affine, first));
        let zeros = [simd.splat_f32s(0.0); V];
        let (mut sums, mut products) = (zeros, zeros);
        for (x, grad) in self.x.chunks_exact(channels).zip(self.grad.chunks_exact(channels)) {
            let (x, grad) = (load::<S, V>(x, first), load::<S, V>(grad, first));
            for v in 0..V {
                let (apart, y) = affine.at(simd, x[v], v);
                let grad = if self.relu { AffineGroup::<S, V>::gate(simd, y, grad[v]) } else { grad[v] };
                sums[v] = simd.add_f32s(sums[v], grad);
                products[v] = simd.mul_add_e_f32s(grad, apart, products[v]);
            }
        }
        store::<S, V>(self.sums, first, sums);
        store::<S, V>(self.products, first, products);
    }
}

/// Computes the input's gradient of a piece.
struct InputGradient<'a> {
    grad: &'a mut [f32],
    x: &'a [f32],
    affine: ChannelAffine<'a>,
    /// The coefficients of the linear function of `x` less its mean.
    slope: &'a [f32],
    offset: &'a [f32],
    relu: bool,
}

impl Columns for InputGradient<'_> {
    fn channels(&self) -> usize {
        self.affine.mean.len()
    }

    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        let (channels, affine) = (self.channels(), AffineGroup::<S, V>::new(self.affine, first));
        let (slope, offset) = (load::<S, V>(self.slope, first), load::<S, V>(self.offset, first));
        for (x, grad) in self.x.chunks_exact(channels).zip(self.grad.chunks_exact_mut(channels)) {
            let (x, mut values) = (load::<S, V>(x, first), load::<S, V>(grad, first));
            for v in 0..V {
                let (apart, y) = affine.at(simd, x[v], v);
                let value = if self.relu { AffineGroup::<S, V>::gate(simd, y, values[v]) } else { values[v] };
                let through = simd.mul_add_e_f32s(apart, slope[v], offset[v]);
                values[v] = simd.mul_add_e_f32s(value, affine.factor[v], through);
            }
            store::<S, V>(grad, first, values);
        }
    }
}
