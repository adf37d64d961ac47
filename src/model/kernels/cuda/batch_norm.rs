//! Batch norm of a training step with optional `ReLU`: two passes over memory forward, and two backward.
//!
//! Burn's operations launch fifty kernels a layer, which take longer than a small network's convolutions. Sums are
//! those of [`super::reduce`]. Variances are summed relative to the first pixel, so that a large mean costs no digits.
//! Gradients: S. Ioffe and C. Szegedy 2015, <https://arxiv.org/abs/1502.03167>, section 3.

#![allow(unsafe_code, reason = "kernels are launched without checks of their bounds")]
#![allow(unused_variables, clippy::used_underscore_binding, reason = "`define` takes an argument at compile time")]

use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute_nhwc_to_nchw;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

use super::reduce::{
    ADDING, ADDING_COLUMNS, COLUMNS, Sums, THREADS, Tensor, Threads, add_rows, by_pixels, number, sum_of_rows,
    uninitialized,
};
use crate::model::kernels::BatchNormSettings;

/// The outputs of a forward pass. All but `y` are `[channels]` in f32.
pub(super) struct Normalized {
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
) -> Normalized {
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
    Normalized { y, running_mean: new_mean, running_variance: new_variance, mean, inverse }
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

/// Sums over each cube's pixels the distance from the first pixel, and its square: `[cubes, vectors]`.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn batch_norm_moments<E: Float, N: Size>(
    x: &Array<Vector<E, N>>,
    sums: &mut Array<Vector<f32, N>>,
    squares: &mut Array<Vector<f32, N>>,
    pixels: u32,
    vectors: u32,
    share: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < pixels, begin + share, pixels);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut square = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let first = Vector::<f32, N>::cast_from(x[column as usize]);
        let mut pixel = begin + UNIT_POS_Y;
        while pixel < end {
            let value = Vector::<f32, N>::cast_from(x[(pixel * vectors + column) as usize]) - first;
            sum += value;
            square += value * value;
            pixel += rows;
        }
    }
    add_rows::<N>(sum, sums, column, vectors, rows, columns);
    add_rows::<N>(square, squares, column, vectors, rows, columns);
}

/// Computes mean, inverse deviation and running statistics from all cubes' sums. `epsilon` and `momentum` are the bits
/// of f32.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn batch_norm_statistics<E: Float, N: Size>(
    x: &Array<Vector<E, N>>,
    sums: &Array<Vector<f32, N>>,
    squares: &Array<Vector<f32, N>>,
    running_mean: &Array<Vector<f32, N>>,
    running_variance: &Array<Vector<f32, N>>,
    mean: &mut Array<Vector<f32, N>>,
    inverse: &mut Array<Vector<f32, N>>,
    new_mean: &mut Array<Vector<f32, N>>,
    new_variance: &mut Array<Vector<f32, N>>,
    pixels: u32,
    cubes: u32,
    vectors: u32,
    epsilon: u32,
    momentum: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut square = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let mut cube = UNIT_POS_Y;
        while cube < cubes {
            let at = (cube * vectors + column) as usize;
            sum += sums[at];
            square += squares[at];
            cube += rows;
        }
    }
    let total = sum_of_rows::<N>(sum, rows, columns);
    let total_square = sum_of_rows::<N>(square, rows, columns);
    if UNIT_POS_Y == 0 && column < vectors {
        let at = column as usize;
        let count = f32::cast_from(pixels);
        let part = Vector::<f32, N>::new(1.0f32 / count);
        let nothing = Vector::<f32, N>::new(0.0f32);
        let distance = total * part;
        let raw = total_square * part - distance * distance;
        // Only rounding makes it negative; NaN stays NaN.
        let variance = select_many(raw.less_than(nothing), nothing, raw);
        let average = Vector::<f32, N>::cast_from(x[at]) + distance;
        let deviation = Vector::sqrt(variance + Vector::<f32, N>::new(f32::reinterpret(epsilon)));
        mean[at] = average;
        inverse[at] = Vector::<f32, N>::new(1.0f32) / deviation;
        let new = f32::reinterpret(momentum);
        let old = Vector::<f32, N>::new(1.0f32 - new);
        let unbiased = count / select(count > 1.0f32, count - 1.0f32, 1.0f32);
        new_mean[at] = running_mean[at] * old + average * Vector::<f32, N>::new(new);
        new_variance[at] = running_variance[at] * old + variance * Vector::<f32, N>::new(new * unbiased);
    }
}

/// Normalizes `x` to mean 0 and variance 1, scales and shifts it; applies `ReLU` where `relu` is 1.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn batch_norm_output<E: Float, N: Size>(
    x: &Array<Vector<E, N>>,
    mean: &Array<Vector<f32, N>>,
    inverse: &Array<Vector<f32, N>>,
    scale: &Array<Vector<f32, N>>,
    shift: &Array<Vector<f32, N>>,
    y: &mut Array<Vector<E, N>>,
    pixels: u32,
    vectors: u32,
    share: u32,
    relu: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < pixels, begin + share, pixels);
    let nothing = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let channel = column as usize;
        let mut pixel = begin + UNIT_POS_Y;
        while pixel < end {
            let at = (pixel * vectors + column) as usize;
            let normal = (Vector::<f32, N>::cast_from(x[at]) - mean[channel]) * inverse[channel];
            let value = normal * scale[channel] + shift[channel];
            let shut = select_many(value.less_than(nothing), nothing, value);
            y[at] = Vector::cast_from(select(relu == 1, shut, value));
            pixel += rows;
        }
    }
}

/// Sums over each cube's pixels the gradient behind the `ReLU`, and its product with the normalized input: `[cubes,
/// vectors]`.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn batch_norm_sums<E: Float, N: Size>(
    x: &Array<Vector<E, N>>,
    grad: &Array<Vector<E, N>>,
    mean: &Array<Vector<f32, N>>,
    inverse: &Array<Vector<f32, N>>,
    scale: &Array<Vector<f32, N>>,
    shift: &Array<Vector<f32, N>>,
    sums: &mut Array<Vector<f32, N>>,
    products: &mut Array<Vector<f32, N>>,
    pixels: u32,
    vectors: u32,
    share: u32,
    relu: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < pixels, begin + share, pixels);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut product = Vector::<f32, N>::new(0.0f32);
    if column < vectors {
        let channel = column as usize;
        let mut pixel = begin + UNIT_POS_Y;
        while pixel < end {
            let at = (pixel * vectors + column) as usize;
            let normal = (Vector::<f32, N>::cast_from(x[at]) - mean[channel]) * inverse[channel];
            let value = normal * scale[channel] + shift[channel];
            let open = through::<N>(Vector::cast_from(grad[at]), value, relu);
            sum += open;
            product += open * normal;
            pixel += rows;
        }
    }
    add_rows::<N>(sum, sums, column, vectors, rows, columns);
    add_rows::<N>(product, products, column, vectors, rows, columns);
}

/// Computes the gradient of `x` from those of scale and shift.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn batch_norm_input<E: Float, N: Size>(
    x: &Array<Vector<E, N>>,
    grad: &Array<Vector<E, N>>,
    mean: &Array<Vector<f32, N>>,
    inverse: &Array<Vector<f32, N>>,
    scale: &Array<Vector<f32, N>>,
    shift: &Array<Vector<f32, N>>,
    of_shift: &Array<Vector<f32, N>>,
    of_scale: &Array<Vector<f32, N>>,
    dx: &mut Array<Vector<E, N>>,
    pixels: u32,
    vectors: u32,
    share: u32,
    relu: u32,
    #[comptime] rows: u32,
    #[comptime] columns: u32,
    #[define(E)] numbers: StorageType,
) {
    let column = CUBE_POS_Y * columns + UNIT_POS_X;
    let begin = CUBE_POS_X * share;
    let end = select(begin + share < pixels, begin + share, pixels);
    if column < vectors {
        let channel = column as usize;
        let part = Vector::<f32, N>::new(1.0f32 / f32::cast_from(pixels));
        let mean_gradient = of_shift[channel] * part;
        let mean_product = of_scale[channel] * part;
        let mut pixel = begin + UNIT_POS_Y;
        while pixel < end {
            let at = (pixel * vectors + column) as usize;
            let normal = (Vector::<f32, N>::cast_from(x[at]) - mean[channel]) * inverse[channel];
            let value = normal * scale[channel] + shift[channel];
            let open = through::<N>(Vector::cast_from(grad[at]), value, relu);
            let centred = open - mean_gradient - normal * mean_product;
            dx[at] = Vector::cast_from(centred * scale[channel] * inverse[channel]);
            pixel += rows;
        }
    }
}

/// Returns the gradient behind the `ReLU` of `value`, where `relu` is 1; else the gradient itself.
#[cube]
fn through<N: Size>(grad: Vector<f32, N>, value: Vector<f32, N>, relu: u32) -> Vector<f32, N> {
    let nothing = Vector::<f32, N>::new(0.0f32);
    let open = select_many(value.greater_than(nothing), grad, nothing);
    select(relu == 1, open, grad)
}
