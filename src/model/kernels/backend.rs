//! The interface of a backend with kernels, and its operations without them.

use burn::tensor::TensorMetadata;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::{ConvOptions, FloatTensor};

use super::geometry::{BlockSettings, Pool};

/// A backend that runs convolution blocks and batch norm, with kernels or by burn's operations.
///
/// The provided methods are burn's own operations. A backend without kernels defines only the associated types, as
/// `()`. A backend with kernels overrides the methods of that operation.
pub trait KernelBackend: Backend {
    /// The results that a block's forward pass saves for its backward pass, next to input and weight.
    type Saved: Clone + std::fmt::Debug + Send + 'static;
    /// The results that batch norm's forward pass saves for its backward pass, next to input, scale and shift.
    type SavedNorm: Clone + std::fmt::Debug + Send + 'static;

    /// Computes a block from `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]` and optional `bias` `[c_out]`.
    /// Returns `[n, c_out, h / 2, w / 2]`, or `[n, c_out, h, w]` without pooling.
    fn conv_block(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        settings: BlockSettings,
    ) -> FloatTensor<Self> {
        reference_block::<Self>(x, weight, bias, settings)
    }

    /// Computes a block as [`conv_block`](Self::conv_block) does, and saves what its gradients need.
    ///
    /// `None` where there is no kernel for these tensors. Autodiff then differentiates burn's operations.
    fn conv_block_tracked(
        _x: &FloatTensor<Self>,
        _weight: &FloatTensor<Self>,
        _bias: Option<&FloatTensor<Self>>,
        _settings: BlockSettings,
    ) -> Option<(FloatTensor<Self>, Self::Saved)> {
        None
    }

    /// Returns the `wanted` gradients of a forward pass by [`conv_block_tracked`](Self::conv_block_tracked).
    fn conv_block_backward(
        _grad: FloatTensor<Self>,
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _saved: &Self::Saved,
        _wanted: RequiredGradients,
    ) -> ConvBlockGradients<Self> {
        unreachable!("a backend that overrides conv_block_tracked overrides conv_block_backward too")
    }

    /// Convolves without bias, padded by half of the kernel: `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, kernel,
    /// kernel]` → `[n, c_out, rows, columns]`.
    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        reference_convolution::<Self>(x, weight, stride)
    }

    /// Convolves as [`convolution`](Self::convolution) does, by a kernel whose gradients are
    /// [`convolution_backward`](Self::convolution_backward).
    ///
    /// `None` where there is no kernel for these tensors. Autodiff then differentiates burn's operation.
    fn convolution_tracked(
        _x: &FloatTensor<Self>,
        _weight: &FloatTensor<Self>,
        _stride: usize,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// Computes batch norm of a training step, followed by `ReLU` if set: `x` `[n, channels, height, width]`, all else
    /// `[channels]` in f32.
    ///
    /// `None` where there is no kernel for these tensors. [`batch_norm`](super::batch_norm) then uses burn's
    /// operations.
    fn batch_norm_tracked(
        _x: &FloatTensor<Self>,
        _scale: &FloatTensor<Self>,
        _shift: &FloatTensor<Self>,
        _running: &[FloatTensor<Self>; 2],
        _settings: BatchNormSettings,
    ) -> Option<BatchNormOutput<Self>> {
        None
    }

    /// Computes batch norm by given statistics, followed by `ReLU` if set. `x` is `[n, channels, height, width]`;
    /// scale, shift, mean and variance are `[channels]` in f32. Has no gradients.
    ///
    /// `None` where there is no kernel for these tensors. [`batch_norm_fixed`](super::batch_norm_fixed) then
    /// uses burn's operations.
    fn batch_norm_fixed(
        _x: &FloatTensor<Self>,
        _parameters: &[FloatTensor<Self>; 2],
        _statistics: &[FloatTensor<Self>; 2],
        _settings: BatchNormSettings,
    ) -> Option<FloatTensor<Self>> {
        None
    }

    /// Runs a step of Adam on a parameter in f32; returns the new parameter and both moments.
    ///
    /// `None` where there is no kernel for these tensors. [`train::optimizer`](crate::train::optimizer) then uses
    /// burn's operations.
    fn adam_step(
        _parameter: &FloatTensor<Self>,
        _gradient: &FloatTensor<Self>,
        _moments: [&FloatTensor<Self>; 2],
        _step: AdamStep,
    ) -> Option<[FloatTensor<Self>; 3]> {
        None
    }

    /// Runs a step of gradient descent on a parameter in f32; returns the new parameter and velocity.
    ///
    /// `None` where there is no kernel for these tensors. [`train::optimizer`](crate::train::optimizer) then uses
    /// burn's operations.
    fn descent_step(
        _parameter: &FloatTensor<Self>,
        _gradient: &FloatTensor<Self>,
        _velocity: &FloatTensor<Self>,
        _step: DescentStep,
    ) -> Option<[FloatTensor<Self>; 2]> {
        None
    }

    /// Returns the gradients of input, scale and shift of a batch norm by
    /// [`batch_norm_tracked`](Self::batch_norm_tracked).
    fn batch_norm_backward(
        _grad: FloatTensor<Self>,
        _x: FloatTensor<Self>,
        _parameters: [FloatTensor<Self>; 2],
        _saved: &Self::SavedNorm,
    ) -> [FloatTensor<Self>; 3] {
        unreachable!("a backend that overrides batch_norm_tracked overrides batch_norm_backward too")
    }

    /// Returns the `wanted` gradients of input and weight of a convolution by
    /// [`convolution_tracked`](Self::convolution_tracked).
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

/// A backend for training: kernels under autodiff, and the same kernels without gradients.
pub trait TrainBackend: AutodiffBackend<InnerBackend: KernelBackend> + KernelBackend {}

impl<B: AutodiffBackend<InnerBackend: KernelBackend> + KernelBackend> TrainBackend for B {}

/// The results of [`KernelBackend::batch_norm_tracked`].
pub struct BatchNormOutput<B: KernelBackend> {
    /// The output, in the type of the input.
    pub y: FloatTensor<B>,
    /// The new running mean and variance, `[channels]`.
    pub running: [FloatTensor<B>; 2],
    /// The results that its gradients need.
    pub saved: B::SavedNorm,
}

/// The coefficients of a step of Adam (D. Kingma and J. Ba 2015, <https://arxiv.org/abs/1412.6980>), in the order of
/// computation at the end of section 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate.
    pub rate: f32,
    /// The factor by which decay multiplies the parameter.
    pub kept: f32,
    /// The factors by which the step multiplies both moments.
    pub betas: [f32; 2],
    /// The correction of the step size for moments that start at zero.
    pub correction: f32,
    /// Added to the root of the uncorrected second moment.
    pub epsilon: f32,
}

/// The coefficients of a step of gradient descent with Nesterov momentum, with decay as a part of the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DescentStep {
    /// The learning rate.
    pub rate: f32,
    /// The factor of the parameter that is added to its gradient.
    pub decay: f32,
    /// The factor by which the step multiplies the velocity.
    pub momentum: f32,
}

/// The settings of a batch norm layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormSettings {
    /// Added to the variance.
    pub epsilon: f32,
    /// The share of the batch's statistics in the running ones.
    pub momentum: f32,
    /// Whether `ReLU` follows.
    pub relu: bool,
}

/// The gradients that a backward pass has to compute.
#[derive(Clone, Copy, Debug)]
pub struct RequiredGradients {
    /// The gradient of the input, which a network's first block does not need.
    pub x: bool,
    /// The gradients of weight and bias.
    pub parameters: bool,
    /// Whether there is a bias.
    pub bias: bool,
}

/// The results of [`KernelBackend::conv_block_backward`], each in the shape of its tensor.
pub struct ConvBlockGradients<B: Backend> {
    /// The input's gradient `[n, c_in, h, w]`, if [`RequiredGradients::x`].
    pub x: Option<FloatTensor<B>>,
    /// The gradients of weight `[c_out, c_in, 3, 3]` and bias `[c_out]`, if [`RequiredGradients::parameters`]. The
    /// second has no meaning without [`RequiredGradients::bias`].
    pub parameters: Option<(FloatTensor<B>, FloatTensor<B>)>,
}

/// Convolves by burn's own operation.
pub(super) fn reference_convolution<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    stride: usize,
) -> FloatTensor<B> {
    let padding = weight.shape()[2] / 2;
    B::conv2d(x, weight, None, ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1))
}

/// Computes a block by burn's own operations.
pub(super) fn reference_block<B: KernelBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    BlockSettings { relu, pool }: BlockSettings,
) -> FloatTensor<B> {
    let y = match bias {
        Some(bias) => B::conv2d(x, weight, Some(bias), ConvOptions::new([1, 1], [1, 1], [1, 1], 1)),
        // A convolution without bias may have a kernel.
        None => B::convolution(x, weight, 1),
    };
    let y = if relu { B::relu(y) } else { y };
    match pool {
        Pool::None => y,
        Pool::Max2 => B::max_pool2d(y, [2, 2], [2, 2], [0, 0], [1, 1], false),
    }
}
