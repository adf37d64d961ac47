//! Batch norm of a training step with optional `ReLU`: two passes over memory forward, and two backward.
//!
//! Burn's operations launch fifty kernels a layer, which take longer than a small network's convolutions. Sums are
//! those of [`super::reduce`]. Variances are summed relative to the first pixel, so that a large mean costs no digits.
//! Gradients: S. Ioffe and C. Szegedy 2015, <https://arxiv.org/abs/1502.03167>, section 3.

#![allow(unsafe_code, reason = "kernels are launched without checks of their bounds")]

mod kernels;

use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute_nhwc_to_nchw;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

use super::reduce::{
    ADDING, ADDING_COLUMNS, COLUMNS, Sums, THREADS, Tensor, Threads, by_pixels, number, uninitialized,
};
use crate::model::kernels::BatchNormSettings;

use kernels::{batch_norm_input, batch_norm_moments, batch_norm_output, batch_norm_statistics, batch_norm_sums};

/// The outputs of a forward pass. All but `y` are `[channels]` in f32.
pub(super) struct BatchNormTensors {
    /// `[n, channels, height, width]`
    pub(super) y: Tensor,
    pub(super) running_mean: Tensor,
    pub(super) running_variance: Tensor,
    /// The mean of this batch.
    pub(super) mean: Tensor,
    /// The inverse of the batch's standard deviation.
    pub(super) inverse: Tensor,
}

/// The division of a tensor among threads.
struct Launch {
    client: ComputeClient<CudaRuntime>,
    pixels: u32,
    vectors: u32,
    share: u32,
    /// Numbers in a vector.
    vector: usize,
    columns: u32,
    rows: u32,
    count: CubeCount,
}

impl Launch {
    fn over(x: &Tensor, sums: &Sums, pixels: usize, channels: usize) -> Self {
        let Sums { vectors, cubes, share, .. } = *sums;
        let Threads { columns, rows } = Threads::of(vectors, THREADS, COLUMNS);
        let count = CubeCount::Static(cubes, vectors.div_ceil(columns), 1);
        let (client, vector) = (x.client.clone(), channels / vectors as usize);
        Self { client, pixels: number(pixels), vectors, share, vector, columns, rows, count }
    }

    fn dim(&self) -> CubeDim {
        CubeDim::new_2d(self.columns, self.rows)
    }
}

/// Runs the forward pass on `x` `[n, channels, height, width]`; all else is `[channels]` in f32.
pub(super) fn forward(
    settings: BatchNormSettings,
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    running: [Tensor; 2],
) -> BatchNormTensors {
    let (x, [scale, shift]) = (by_pixels(x), [scale, shift].map(into_contiguous));
    let [running_mean, running_variance] = running.map(into_contiguous);
    let [images, height, width, channels] = x.meta.shape().dims();
    let pixels = images * height * width;
    let [sums, squares] = [(); 2].map(|()| Sums::over(&x, pixels, channels));
    let launch = Launch::over(&x, &sums, pixels, channels);
    let [mean, inverse, new_mean, new_variance] = [(); 4].map(|()| uninitialized(&scale, [channels]));
    let y = uninitialized(&x, x.meta.shape().clone());
    let adding = Threads::of(launch.vectors, ADDING, ADDING_COLUMNS);
    // SAFETY: the kernels stay within the sizes that the tensors were made with.
    unsafe {
        batch_norm_moments::launch_unchecked::<CudaRuntime>(
            &launch.client,
            launch.count.clone(),
            launch.dim(),
            launch.vector,
            x.clone().into_array_arg(),
            sums.parts.clone().into_array_arg(),
            squares.parts.clone().into_array_arg(),
            launch.pixels,
            launch.vectors,
            launch.share,
            launch.rows,
            launch.columns,
            x.dtype.into(),
        );
        batch_norm_statistics::launch_unchecked::<CudaRuntime>(
            &launch.client,
            CubeCount::Static(1, launch.vectors.div_ceil(adding.columns), 1),
            CubeDim::new_2d(adding.columns, adding.rows),
            launch.vector,
            x.clone().into_array_arg(),
            sums.parts.clone().into_array_arg(),
            squares.parts.clone().into_array_arg(),
            running_mean.into_array_arg(),
            running_variance.into_array_arg(),
            mean.clone().into_array_arg(),
            inverse.clone().into_array_arg(),
            new_mean.clone().into_array_arg(),
            new_variance.clone().into_array_arg(),
            launch.pixels,
            sums.cubes,
            launch.vectors,
            settings.epsilon.to_bits(),
            settings.momentum.to_bits(),
            adding.rows,
            adding.columns,
            x.dtype.into(),
        );
        batch_norm_output::launch_unchecked::<CudaRuntime>(
            &launch.client,
            launch.count.clone(),
            launch.dim(),
            launch.vector,
            x.clone().into_array_arg(),
            mean.clone().into_array_arg(),
            inverse.clone().into_array_arg(),
            scale.into_array_arg(),
            shift.into_array_arg(),
            y.clone().into_array_arg(),
            launch.pixels,
            launch.vectors,
            launch.share,
            u32::from(settings.relu),
            launch.rows,
            launch.columns,
            x.dtype.into(),
        );
    }
    let y = permute_nhwc_to_nchw(y);
    BatchNormTensors { y, running_mean: new_mean, running_variance: new_variance, mean, inverse }
}

/// The inputs and results of a forward pass that its gradients need.
pub(super) struct BackwardInputs {
    pub(super) x: Tensor,
    pub(super) scale: Tensor,
    pub(super) shift: Tensor,
    pub(super) mean: Tensor,
    pub(super) inverse: Tensor,
}

/// Runs the backward pass; returns the gradients of input, scale and shift.
pub(super) fn backward(relu: bool, grad: Tensor, kept: BackwardInputs) -> [Tensor; 3] {
    let [grad, x] = [grad, kept.x].map(by_pixels);
    let [scale, shift, mean, inverse] = [kept.scale, kept.shift, kept.mean, kept.inverse].map(into_contiguous);
    let [images, height, width, channels] = x.meta.shape().dims();
    let pixels = images * height * width;
    let [sums, products] = [(); 2].map(|()| Sums::over(&x, pixels, channels));
    let launch = Launch::over(&x, &sums, pixels, channels);
    let dx = uninitialized(&x, x.meta.shape().clone());
    // SAFETY: the kernels stay within the sizes that the tensors were made with.
    unsafe {
        batch_norm_sums::launch_unchecked::<CudaRuntime>(
            &launch.client,
            launch.count.clone(),
            launch.dim(),
            launch.vector,
            x.clone().into_array_arg(),
            grad.clone().into_array_arg(),
            mean.clone().into_array_arg(),
            inverse.clone().into_array_arg(),
            scale.clone().into_array_arg(),
            shift.clone().into_array_arg(),
            sums.parts.clone().into_array_arg(),
            products.parts.clone().into_array_arg(),
            launch.pixels,
            launch.vectors,
            launch.share,
            u32::from(relu),
            launch.rows,
            launch.columns,
            x.dtype.into(),
        );
    }
    let [of_shift, of_scale] = [sums, products].map(|sums| sums.add(&scale, channels));
    // SAFETY: as above.
    unsafe {
        batch_norm_input::launch_unchecked::<CudaRuntime>(
            &launch.client,
            launch.count.clone(),
            launch.dim(),
            launch.vector,
            x.clone().into_array_arg(),
            grad.into_array_arg(),
            mean.into_array_arg(),
            inverse.into_array_arg(),
            scale.into_array_arg(),
            shift.into_array_arg(),
            of_shift.clone().into_array_arg(),
            of_scale.clone().into_array_arg(),
            dx.clone().into_array_arg(),
            launch.pixels,
            launch.vectors,
            launch.share,
            u32::from(relu),
            launch.rows,
            launch.columns,
            x.dtype.into(),
        );
    }
    [permute_nhwc_to_nchw(dx), of_scale, of_shift]
}
