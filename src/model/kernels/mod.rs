//! Operations with kernels of their own: convolutions, convolution blocks (bias, `ReLU` and 2×2 max pooling) and batch
//! norm. May use burn, the numeric crates and, for CUDA, cubecl, cudarc and `model::device`, which chooses between
//! cuDNN and burn.
//!
//! Burn's CPU backend runs the four steps one after another, and spends most of a training step in their gradients.
//! [`KernelBackend`] lets a backend override them. [`Flex`](burn_flex::Flex) does so: `flex` chooses between the
//! arithmetic of `fused` and, for many channels, `winograd`. CUDA uses burn's operations or NVIDIA's cuDNN (`cuda`).
//! [`Autodiff`](burn::backend::Autodiff) adds the backward pass to any of them (`autodiff`).

mod autodiff;
mod backend;
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
mod transforms;
mod winograd;

use burn::tensor::backend::Backend;
use burn::tensor::{FloatDType, Tensor, TensorData, TensorPrimitive, activation};

pub use backend::{
    AdamStep, BatchNormOutput, BatchNormSettings, ConvBlockGradients, DescentStep, KernelBackend, RequiredGradients,
    TrainBackend,
};
use backend::{reference_block, reference_convolution};
pub use geometry::{BlockSettings, Pool, PoolArgmax};
pub use reference::with_reference_kernels;
pub use transforms::KeptTransforms;

/// Convolves 3×3 with padding 1, adds the bias, and applies `ReLU` and 2×2 max pooling with stride 2.
///
/// `x` is `[n, c_in, h, w]` with `h`, `w` ≥ 2, where an odd last row or column is not pooled; `weight` is `[c_out,
/// c_in, 3, 3]` and `bias` `[c_out]`. Returns `[n, c_out, h / 2, w / 2]`. Of equal maxima the first gets the gradient,
/// as in `PyTorch`. Computes in the type of `x`.
///
/// # Panics
/// If the shapes do not fit each other.
#[must_use]
pub fn conv3x3_relu_maxpool2<B: KernelBackend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
) -> Tensor<B, 4> {
    conv_block(x, weight, Some(bias), BlockSettings { relu: true, pool: Pool::Max2 })
}

/// Convolves 3×3 with padding 1, adds the bias, and applies `ReLU`.
///
/// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]`, `bias` `[c_out]` → `[n, c_out, h, w]`. Computes in the type
/// of `x`.
///
/// # Panics
/// If the shapes do not fit each other.
#[must_use]
pub fn conv3x3_relu<B: KernelBackend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, bias: Tensor<B, 1>) -> Tensor<B, 4> {
    conv_block(x, weight, Some(bias), BlockSettings { relu: true, pool: Pool::None })
}

/// Convolves 3×3 with padding 1, adds the bias if there is one, and applies `ReLU` and pooling as set.
///
/// `x` is `[n, c_in, h, w]`, `weight` `[c_out, c_in, 3, 3]` and `bias` `[c_out]`. Returns `[n, c_out, h, w]` or,
/// pooled, `[n, c_out, h / 2, w / 2]`. Computes in the type of `x`.
///
/// # Panics
/// If the shapes do not fit each other.
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
    // Weights and their gradients are f32; the backward pass of a cast returns the type of its input.
    let kind = x.dtype().into();
    let (weight, bias) = (cast(weight, kind), bias.map(|bias| cast(bias, kind)));
    Tensor::from_primitive(TensorPrimitive::Float(B::conv_block(
        x.into_primitive().tensor(),
        weight.into_primitive().tensor(),
        bias.map(|bias| bias.into_primitive().tensor()),
        settings,
    )))
}

/// Convolves without bias, padded by half of the kernel.
///
/// `x` `[n, c_in, h, w]`, `weight` `[c_out, c_in, kernel, kernel]` → `[n, c_out, rows, columns]`. Computes in the type
/// of `x`.
#[must_use]
pub fn convolution<B: KernelBackend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, stride: usize) -> Tensor<B, 4> {
    let weight = cast(weight, x.dtype().into());
    let found = B::convolution(x.into_primitive().tensor(), weight.into_primitive().tensor(), stride);
    Tensor::from_primitive(TensorPrimitive::Float(found))
}

/// Computes batch norm of a training step (S. Ioffe and C. Szegedy 2015, <https://arxiv.org/abs/1502.03167>), followed
/// by `ReLU` if set.
///
/// `x` is `[n, channels, height, width]`; scale, shift, running mean and running variance are `[channels]` in f32.
/// Computes in f32. Returns the output in the type of `x`, and the new running statistics, which have no gradients.
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
    if let Some(BatchNormOutput { y, running, .. }) = fused {
        let vector = |tensor| Tensor::from_primitive(TensorPrimitive::Float(tensor));
        return (Tensor::from_primitive(TensorPrimitive::Float(y)), running.map(vector));
    }
    let kind = FloatDType::from(x.dtype());
    let x = cast(x, FloatDType::F32);
    let [images, channels, height, width] = x.dims();
    // Axis by axis, so that the order of sums, and so every bit, is the same on any number of threads.
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

/// Computes batch norm of an evaluation by the running statistics, followed by `ReLU` if set.
///
/// `x` is `[n, channels, height, width]`; scale, shift, mean and variance are `[channels]` in f32. Computes in f32 and
/// returns the type of `x`.
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

/// Returns `(x − mean) / deviation`, scaled and shifted; mean and variance are `[1, channels, 1, 1]`.
fn normalize<B: Backend>(
    x: Tensor<B, 4>,
    [mean, variance]: [Tensor<B, 4>; 2],
    parameters: [Tensor<B, 1>; 2],
    epsilon: f32,
) -> Tensor<B, 4> {
    let [scale, shift] = parameters.map(|vector| vector.unsqueeze_dims(&[0, 2, 3]));
    (x - mean) * (scale / (variance + epsilon).sqrt()) + shift
}

/// Copies a tensor from its device; waits for all earlier work of the device.
///
/// # Panics
/// If an earlier kernel has failed, because the data would be wrong.
#[must_use]
pub fn copy_to_host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> TensorData {
    let data = tensor.into_data();
    #[cfg(feature = "cuda")]
    cuda::check();
    data
}

/// Casts to another type; returns `x` itself where it has that type.
pub(super) fn cast<B: Backend, const D: usize>(x: Tensor<B, D>, kind: FloatDType) -> Tensor<B, D> {
    if FloatDType::from(x.dtype()) == kind { x } else { x.cast(kind) }
}
