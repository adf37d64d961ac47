//! The vectorised passes of batch norm over a piece, some channels at a time.

use pulp::{Scalar, Simd, WithSimd};

use super::ChannelAffine;

/// Vectors of channels whose sums stay in registers.
const VECTORS: usize = 2;

/// The vectors of one group of channels.
type Group<S, const V: usize> = [<S as Simd>::f32s; V];

/// An operation on neighbouring channels of all pixels of a piece.
pub(super) trait Columns {
    /// Returns the number of channels.
    fn channels(&self) -> usize;

    /// Processes `V` vectors of channels, starting at channel `first`.
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, first: usize);
}

/// Runs an operation on all channels, vector by vector.
pub(super) struct AllChannels<W>(pub(super) W);

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
pub(super) struct Moments<'a> {
    pub(super) x: &'a [f32],
    pub(super) means: &'a mut [f32],
    pub(super) squares: &'a mut [f32],
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
pub(super) struct Apply<'a> {
    pub(super) x: &'a [f32],
    pub(super) affine: ChannelAffine<'a>,
    pub(super) relu: bool,
    pub(super) y: &'a mut [f32],
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

/// Computes the sums of [`gradient_sums`](super::gradient_sums) over a piece.
pub(super) struct GradientSums<'a> {
    pub(super) grad: &'a [f32],
    pub(super) x: &'a [f32],
    pub(super) affine: ChannelAffine<'a>,
    pub(super) relu: bool,
    pub(super) sums: &'a mut [f32],
    pub(super) products: &'a mut [f32],
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
pub(super) struct InputGradient<'a> {
    pub(super) grad: &'a mut [f32],
    pub(super) x: &'a [f32],
    pub(super) affine: ChannelAffine<'a>,
    /// The coefficients of the linear function of `x` less its mean.
    pub(super) slope: &'a [f32],
    pub(super) offset: &'a [f32],
    pub(super) relu: bool,
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
