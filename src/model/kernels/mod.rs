//! Convolutions, alone and as a block with bias, `ReLU` and 2×2 max pooling, and batch norm, each as one operation. May use burn, the numeric crates and, for CUDA, cubecl, cudarc and `model::device`, which chooses between
//! cuDNN and burn.
//!
//! Burn's CPU backend runs the four steps one after the other and spends most of a training step in their gradients.
//! [`KernelBackend`] lets a backend bring its own version: [`Flex`](burn_flex::Flex) does (`flex` chooses; the
//! arithmetic is in `fused`, and in `winograd` for many channels), CUDA keeps burn's operations or takes NVIDIA's cuDNN
//! (`cuda`), and [`Autodiff`](burn::backend::Autodiff) carries whichever it wraps through the backward pass
//! (`autodiff`).

mod autodiff;
mod batch_norm;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod flex;
mod fused;
mod geometry;
mod lanes;
mod pixels;
mod reference;
mod scratch;
#[cfg(test)]
mod tests;
mod winograd;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::{ConvOptions, FloatTensor};
use burn::tensor::{FloatDType, Tensor, TensorData, TensorMetadata, TensorPrimitive, activation};

pub use geometry::{BlockSettings, Pool, PoolArgmax};
pub use reference::with_reference_kernels;

/// A backend that can run a convolution block: all of them, some faster than others.
///
/// The provided methods are burn's own operations one after the other: a backend without a fused kernel gives no more
/// than `type Saved = ();` and `type SavedNorm = ();`. One with a fused kernel overrides what belongs to it.
pub trait KernelBackend: Backend {
    /// What a fused forward pass leaves for its backward pass, besides input and weight.
    type Saved: Clone + std::fmt::Debug + Send + 'static;
    /// What a fused batch norm leaves for its backward pass, besides input, scale and shift.
    type SavedNorm: Clone + std::fmt::Debug + Send + 'static;

    /// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]`, `bias` `[c_out]` or none →
    /// `[n, c_out, h / 2, w / 2]`, or `[n, c_out, h, w]` without pooling.
    fn conv_block(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        settings: BlockSettings,
    ) -> FloatTensor<Self> {
        reference_block::<Self>(x, weight, bias, settings)
    }

    /// As [`conv_block`](Self::conv_block), and what its gradients will need.
    ///
    /// `None`: no fused kernel for these tensors. Autodiff then differentiates the plain composition.
    fn conv_block_tracked(
        _x: &FloatTensor<Self>,
        _weight: &FloatTensor<Self>,
        _bias: Option<&FloatTensor<Self>>,
        _settings: BlockSettings,
    ) -> Option<(FloatTensor<Self>, Self::Saved)> {
        None
    }

    /// The gradients of a forward pass that [`conv_block_tracked`](Self::conv_block_tracked) ran, for those `wanted`.
    fn conv_block_backward(
        _grad: FloatTensor<Self>,
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _saved: &Self::Saved,
        _wanted: RequiredGradients,
    ) -> ConvBlockGradients<Self> {
        unreachable!("a backend that overrides conv_block_tracked overrides conv_block_backward too")
    }

    /// A convolution without bias, padded by half of its kernel: `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, kernel,
    /// kernel]` → `[n, c_out, rows, columns]`.
    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        reference_convolution::<Self>(x, weight, stride)
    }

    /// The same as [`convolution`](Self::convolution), by a kernel whose gradients are
    /// [`convolution_backward`](Self::convolution_backward).
    ///
    /// `None`: no such kernel for these tensors. Autodiff then differentiates burn's own operation.
    fn convolution_tracked(
        _x: &FloatTensor<Self>,
        _weight: &FloatTensor<Self>,
        _stride: usize,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// Batch norm of a training step, with `ReLU` behind it where the settings say so: `x` `[n, channels, height,
    /// width]`, all else `[channels]` in f32.
    ///
    /// `None`: no fused kernel for these tensors. [`batch_norm`] then composes it of burn's operations.
    fn batch_norm_tracked(
        _x: &FloatTensor<Self>,
        _scale: &FloatTensor<Self>,
        _shift: &FloatTensor<Self>,
        _running: &[FloatTensor<Self>; 2],
        _settings: BatchNormSettings,
    ) -> Option<Normalized<Self>> {
        None
    }

    /// Batch norm by statistics that are given, with `ReLU` behind it where the settings say so: `x` `[n, channels,
    /// height, width]`, all else `[channels]` in f32: scale and shift, mean and variance. No gradients.
    ///
    /// `None`: no fused kernel for these tensors. [`batch_norm_fixed`] then composes it of burn's operations.
    fn batch_norm_fixed(
        _x: &FloatTensor<Self>,
        _parameters: &[FloatTensor<Self>; 2],
        _statistics: &[FloatTensor<Self>; 2],
        _settings: BatchNormSettings,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// A step of Adam on a parameter in f32: the parameter and both moments behind it.
    ///
    /// `None`: no fused kernel for these tensors. [`train::optimizer`](crate::train::optimizer) then takes burn's
    /// operations.
    fn adam_step(
        _parameter: &FloatTensor<Self>,
        _gradient: &FloatTensor<Self>,
        _moments: [&FloatTensor<Self>; 2],
        _step: AdamStep,
    ) -> Option<[FloatTensor<Self>; 3]> {
        None
    }

    /// A step of gradient descent on a parameter in f32: the parameter and its velocity behind it.
    ///
    /// `None`: no fused kernel for these tensors. [`train::optimizer`](crate::train::optimizer) then takes burn's
    /// operations.
    fn descent_step(
        _parameter: &FloatTensor<Self>,
        _gradient: &FloatTensor<Self>,
        _velocity: &FloatTensor<Self>,
        _step: DescentStep,
    ) -> Option<[FloatTensor<Self>; 2]> {
        None
    }

    /// The gradients of input, scale and shift of a batch norm that [`batch_norm_tracked`](Self::batch_norm_tracked)
    /// ran.
    fn batch_norm_backward(
        _grad: FloatTensor<Self>,
        _x: FloatTensor<Self>,
        _parameters: [FloatTensor<Self>; 2],
        _saved: &Self::SavedNorm,
    ) -> [FloatTensor<Self>; 3] {
        unreachable!("a backend that overrides batch_norm_tracked overrides batch_norm_backward too")
    }

    /// The gradients of input and weight, those `wanted`, of a convolution that
    /// [`convolution_tracked`](Self::convolution_tracked) ran.
    fn convolution_backward(
        _grad: FloatTensor<Self>,
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _stride: usize,
        _wanted: RequiredGradients,
    ) -> (Option<FloatTensor<Self>>, Option<FloatTensor<Self>>) {
        unreachable!("a backend that overrides convolution_tracked overrides convolution_backward too")
    }
}

/// A backend that networks train on: with gradients, and kernels on either side of them.
pub trait TrainBackend: AutodiffBackend<InnerBackend: KernelBackend> + KernelBackend {}

impl<B: AutodiffBackend<InnerBackend: KernelBackend> + KernelBackend> TrainBackend for B {}

/// What [`KernelBackend::batch_norm_tracked`] computed.
pub struct Normalized<B: KernelBackend> {
    /// The output, in the kind of the input.
    pub y: FloatTensor<B>,
    /// The running mean and variance after it, `[channels]`.
    pub running: [FloatTensor<B>; 2],
    /// What its gradients will need.
    pub saved: B::SavedNorm,
}

/// A step of Adam (D. Kingma and J. Ba 2015, <https://arxiv.org/abs/1412.6980>), by its order of computation in section
/// 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate.
    pub rate: f32,
    /// The share of the parameter that decay leaves.
    pub kept: f32,
    /// The share of each moment that is kept.
    pub betas: [f32; 2],
    /// The step size's correction for both moments' beginning at zero.
    pub correction: f32,
    /// Added to the root of the second moment, which is not corrected.
    pub epsilon: f32,
}

/// A step of gradient descent with Nesterov momentum, and decay as a part of the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DescentStep {
    /// The learning rate.
    pub rate: f32,
    /// The share of the parameter that is added to its gradient.
    pub decay: f32,
    /// The share of the velocity that is kept.
    pub momentum: f32,
}

/// How a batch norm layer computes in a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormSettings {
    /// Added to the variance.
    pub epsilon: f32,
    /// The share of the batch's statistics in the running ones.
    pub momentum: f32,
    /// Whether `ReLU` follows.
    pub relu: bool,
}

/// Which gradients a backward pass has to compute.
#[derive(Clone, Copy, Debug)]
pub struct RequiredGradients {
    /// The input's; a network's first block can do without.
    pub x: bool,
    /// The weight's and the bias's.
    pub parameters: bool,
    /// Whether there is a bias.
    pub bias: bool,
}

/// What [`KernelBackend::conv_block_backward`] computed; each in the shape of the tensor it belongs to.
pub struct ConvBlockGradients<B: Backend> {
    /// `[n, c_in, h, w]`, where [`RequiredGradients::x`].
    pub x: Option<FloatTensor<B>>,
    /// Of weight and bias: `[c_out, c_in, 3, 3]` and `[c_out]`, where [`RequiredGradients::parameters`]. The second means nothing
    /// without [`RequiredGradients::bias`].
    pub parameters: Option<(FloatTensor<B>, FloatTensor<B>)>,
}

/// 3×3 convolution with padding 1, bias, `ReLU` and 2×2 max pooling with stride 2.
///
/// `x` `[n, c_in, h, w]` (`h`, `w` ≥ 2; an odd last row or column is not pooled), `weight` `[c_out, c_in, 3, 3]`,
/// `bias` `[c_out]` → `[n, c_out, h / 2, w / 2]`. Of equal maxima the first one gets the gradient, as in `PyTorch`.
/// Computes in the kind of number that `x` is of, whatever the weights are.
///
/// # Panics
/// On shapes that do not fit each other.
#[must_use]
pub fn conv3x3_relu_maxpool2<B: KernelBackend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
) -> Tensor<B, 4> {
    conv_block(x, weight, Some(bias), BlockSettings { relu: true, pool: Pool::Max2 })
}

/// 3×3 convolution with padding 1, bias and `ReLU`.
///
/// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]`, `bias` `[c_out]` → `[n, c_out, h, w]`. Computes in the kind
/// of number that `x` is of.
///
/// # Panics
/// On shapes that do not fit each other.
#[must_use]
pub fn conv3x3_relu<B: KernelBackend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, bias: Tensor<B, 1>) -> Tensor<B, 4> {
    conv_block(x, weight, Some(bias), BlockSettings { relu: true, pool: Pool::None })
}

/// 3×3 convolution with padding 1, with the bias there is, and what the settings say behind it.
///
/// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]`, `bias` `[c_out]` → `[n, c_out, h, w]` or, pooled,
/// `[n, c_out, h / 2, w / 2]`. Computes in the kind of number that `x` is of.
///
/// # Panics
/// On shapes that do not fit each other.
#[must_use]
pub fn conv_block<B: KernelBackend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    settings: BlockSettings,
) -> Tensor<B, 4> {
    let ([_, c_in, h, w], [c_out, weight_in, kh, kw]) = (x.dims(), weight.dims());
    let biases = bias.as_ref().map_or(c_out, |bias| bias.dims()[0]);
    assert!([kh, kw] == [3, 3] && weight_in == c_in, "weight [_, {weight_in}, {kh}, {kw}] is not [_, {c_in}, 3, 3]");
    assert!(biases == c_out, "{biases} biases for {c_out} output channels");
    assert!(settings.pool == Pool::None || (h >= 2 && w >= 2), "{h}×{w} is too small to pool 2×2");
    // Weights are kept in f32, and so are their gradients: a cast passes them back as what went in.
    let kind = x.dtype().into();
    let (weight, bias) = (cast(weight, kind), bias.map(|bias| cast(bias, kind)));
    Tensor::from_primitive(TensorPrimitive::Float(B::conv_block(
        x.into_primitive().tensor(),
        weight.into_primitive().tensor(),
        bias.map(|bias| bias.into_primitive().tensor()),
        settings,
    )))
}

/// A convolution without bias, padded by half of its kernel.
///
/// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, kernel, kernel]` → `[n, c_out, rows, columns]`. Computes in the kind
/// of number that `x` is of.
#[must_use]
pub fn convolution<B: KernelBackend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, stride: usize) -> Tensor<B, 4> {
    let weight = cast(weight, x.dtype().into());
    let found = B::convolution(x.into_primitive().tensor(), weight.into_primitive().tensor(), stride);
    Tensor::from_primitive(TensorPrimitive::Float(found))
}

/// Batch norm of a training step, with `ReLU` behind it where the settings say so.
///
/// `x` `[n, channels, height, width]`; scale, shift, and the running mean and variance `[channels]` in f32. The output
/// in the kind of `x`, and the running statistics with this batch's share, outside of the graph. Computes in f32.
#[must_use]
pub fn batch_norm<B: KernelBackend>(
    x: Tensor<B, 4>,
    [scale, shift]: [Tensor<B, 1>; 2],
    running: [Tensor<B, 1>; 2],
    settings: BatchNormSettings,
) -> (Tensor<B, 4>, [Tensor<B, 1>; 2]) {
    let of = |tensor: &Tensor<B, 1>| tensor.clone().into_primitive().tensor();
    let (x_of, [mean_of, variance_of]) = (x.clone().into_primitive().tensor(), [&running[0], &running[1]].map(of));
    let fused = B::batch_norm_tracked(&x_of, &of(&scale), &of(&shift), &[mean_of, variance_of], settings);
    if let Some(Normalized { y, running, .. }) = fused {
        let vector = |tensor| Tensor::from_primitive(TensorPrimitive::Float(tensor));
        return (Tensor::from_primitive(TensorPrimitive::Float(y)), running.map(vector));
    }
    let kind = FloatDType::from(x.dtype());
    let x = cast(x, FloatDType::F32);
    let [images, channels, height, width] = x.dims();
    // Axis by axis: the order of sums, and so every bit, is the same at any number of threads.
    let average = |x: Tensor<B, 4>| x.mean_dim(3).mean_dim(2).mean_dim(0);
    let mean = average(x.clone());
    let variance = average((x.clone() - mean.clone()).powi_scalar(2));
    #[allow(clippy::cast_precision_loss)] // far below 2^24 for every batch that fits
    let count = (images * height * width) as f32;
    let unbiased = count / (count - 1.0).max(1.0);
    let blend = |running: Tensor<B, 1>, batch: Tensor<B, 4>, factor: f32| {
        let batch = batch.detach().reshape([channels]) * (settings.momentum * factor);
        running * (1.0 - settings.momentum) + batch
    };
    let [running_mean, running_variance] = running;
    let running = [blend(running_mean, mean.clone(), 1.0), blend(running_variance, variance.clone(), unbiased)];
    let y = normalize(x, [mean, variance], [scale, shift], settings.epsilon);
    (cast(if settings.relu { activation::relu(y) } else { y }, kind), running)
}

/// Batch norm of an evaluation, by the running mean and variance, with `ReLU` behind it where the settings say so.
///
/// `x` `[n, channels, height, width]`; scale, shift, mean and variance `[channels]` in f32. The output in the kind of
/// `x`. Computes in f32.
#[must_use]
pub fn batch_norm_fixed<B: KernelBackend>(
    x: Tensor<B, 4>,
    parameters: [Tensor<B, 1>; 2],
    statistics: [Tensor<B, 1>; 2],
    settings: BatchNormSettings,
) -> Tensor<B, 4> {
    let of = |pair: &[Tensor<B, 1>; 2]| pair.clone().map(|tensor| tensor.into_primitive().tensor());
    let x_of = x.clone().into_primitive().tensor();
    if let Some(y) = B::batch_norm_fixed(&x_of, &of(&parameters), &of(&statistics), settings) {
        return Tensor::from_primitive(TensorPrimitive::Float(y));
    }
    let kind = FloatDType::from(x.dtype());
    let statistics = statistics.map(|vector| vector.unsqueeze_dims(&[0, 2, 3]));
    let y = normalize(cast(x, FloatDType::F32), statistics, parameters, settings.epsilon);
    cast(if settings.relu { activation::relu(y) } else { y }, kind)
}

/// `x` less the mean, by the deviation, scaled and shifted: mean and variance `[1, channels, 1, 1]`.
fn normalize<B: Backend>(
    x: Tensor<B, 4>,
    [mean, variance]: [Tensor<B, 4>; 2],
    parameters: [Tensor<B, 1>; 2],
    epsilon: f32,
) -> Tensor<B, 4> {
    let [scale, shift] = parameters.map(|vector| vector.unsqueeze_dims(&[0, 2, 3]));
    (x - mean) * (scale / (variance + epsilon).sqrt()) + shift
}

/// A convolution as burn's own operation.
fn reference_convolution<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, stride: usize) -> FloatTensor<B> {
    let padding = weight.shape()[2] / 2;
    B::conv2d(x, weight, None, ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1))
}

/// Copies a tensor from its device, and waits for all that was sent there before.
///
/// # Panics
/// Where a kernel before it has failed: what was read is of no use then.
#[must_use]
pub fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> TensorData {
    let data = tensor.into_data();
    #[cfg(feature = "cuda")]
    cuda::check();
    data
}

/// The same numbers in another kind; nothing is done where they are of it.
pub(super) fn cast<B: Backend, const D: usize>(x: Tensor<B, D>, kind: FloatDType) -> Tensor<B, D> {
    if FloatDType::from(x.dtype()) == kind { x } else { x.cast(kind) }
}

/// The block as burn's own operations.
fn reference_block<B: KernelBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    BlockSettings { relu, pool }: BlockSettings,
) -> FloatTensor<B> {
    let y = match bias {
        Some(bias) => B::conv2d(x, weight, Some(bias), ConvOptions::new([1, 1], [1, 1], [1, 1], 1)),
        // Which may have a kernel of its own.
        None => B::convolution(x, weight, 1),
    };
    let y = if relu { B::relu(y) } else { y };
    match pool {
        Pool::None => y,
        Pool::Max2 => B::max_pool2d(y, [2, 2], [2, 2], [0, 0], [1, 1], false),
    }
}
