//! The CUDA kernels of batch norm. Tensors are NHWC without gaps, with channels in vectors of `N`; see
//! [`super::super::reduce`].

#![allow(unused_variables, clippy::used_underscore_binding, reason = "`define` takes an argument at compile time")]

use cubecl::prelude::*;

use super::super::reduce::{add_rows, sum_of_rows};

/// Sums over each cube's pixels the distance from the first pixel, and its square: `[cubes, vectors]`.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
pub(super) fn batch_norm_moments<E: Float, N: Size>(
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
pub(super) fn batch_norm_statistics<E: Float, N: Size>(
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
pub(super) fn batch_norm_output<E: Float, N: Size>(
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
pub(super) fn batch_norm_sums<E: Float, N: Size>(
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
pub(super) fn batch_norm_input<E: Float, N: Size>(
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
