//! Optimizer steps in one pass over memory. Burn's operations of Adam are thirteen for each parameter. Registering them
//! takes longer than all layers of a small network.

#![allow(unsafe_code, reason = "kernels are launched without checks of their bounds")]
#![allow(unused_variables, clippy::used_underscore_binding, reason = "`define` takes an argument at compile time")]

use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute_nhwc_to_nchw;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

use super::reduce::{Tensor, by_pixels, number, uninitialized};
use crate::model::kernels::{AdamStep, DescentStep};

/// Threads of a cube.
const THREADS: u32 = 256;

/// Returns whether a parameter is filters `[out, in, kernel, kernel]`, whose memory stays channels-last, as
/// convolutions read it.
fn is_filter(parameter: &Tensor) -> bool {
    parameter.meta.shape().num_dims() == 4
}

/// Returns the number of values of a parameter for each thread, and the number of threads.
fn vectors(parameter: &Tensor) -> (usize, u32) {
    let numbers = parameter.meta.shape().num_elements();
    let vector = [4, 2, 1].into_iter().find(|vector| numbers.is_multiple_of(*vector)).unwrap_or(1);
    (vector, number(numbers / vector))
}

/// Returns the parameter and its velocity after a step of gradient descent.
pub(super) fn descend(settings: DescentStep, inputs: [Tensor; 3]) -> [Tensor; 2] {
    let is_filter = is_filter(&inputs[0]);
    let [parameter, gradient, velocity] = inputs.map(if is_filter { by_pixels } else { into_contiguous });
    let (vector, vectors) = vectors(&parameter);
    let [new_parameter, new_velocity] = [(); 2].map(|()| uninitialized(&parameter, parameter.meta.shape().clone()));
    let kind = parameter.dtype.into();
    let DescentStep { rate, decay, momentum } = settings;
    // SAFETY: the kernel stays within the sizes that the tensors were made with.
    unsafe {
        descent_step::launch_unchecked::<CudaRuntime>(
            &parameter.client.clone(),
            CubeCount::Static(vectors.div_ceil(THREADS), 1, 1),
            CubeDim::new_1d(THREADS),
            vector,
            parameter.into_array_arg(),
            gradient.into_array_arg(),
            velocity.into_array_arg(),
            new_parameter.clone().into_array_arg(),
            new_velocity.clone().into_array_arg(),
            vectors,
            momentum.to_bits(),
            decay.to_bits(),
            rate.to_bits(),
            kind,
        );
    }
    let found = [new_parameter, new_velocity];
    if is_filter { found.map(permute_nhwc_to_nchw) } else { found }
}

/// Runs one thread for each vector. All scalars but `vectors` are the bits of f32.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn descent_step<E: Float, N: Size>(
    parameter: &Array<Vector<E, N>>,
    gradient: &Array<Vector<E, N>>,
    velocity: &Array<Vector<E, N>>,
    new_parameter: &mut Array<Vector<E, N>>,
    new_velocity: &mut Array<Vector<E, N>>,
    vectors: u32,
    momentum: u32,
    decay: u32,
    rate: u32,
    #[define(E)] numbers: StorageType,
) {
    let index = CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X;
    if index < vectors {
        let at = index as usize;
        let before = Vector::<f32, N>::cast_from(parameter[at]);
        let grad = Vector::<f32, N>::cast_from(gradient[at]) + before * Vector::new(f32::reinterpret(decay));
        let moved = Vector::<f32, N>::cast_from(velocity[at]) * Vector::new(f32::reinterpret(momentum)) + grad;
        let direction = grad + moved * Vector::new(f32::reinterpret(momentum));
        let after = before - direction * Vector::new(f32::reinterpret(rate));
        new_parameter[at] = Vector::cast_from(after);
        new_velocity[at] = Vector::cast_from(moved);
    }
}

/// Returns the parameter and both moments after a step of Adam.
pub(super) fn apply_adam_step(settings: AdamStep, inputs: [Tensor; 4]) -> [Tensor; 3] {
    let is_filter = is_filter(&inputs[0]);
    let [parameter, gradient, first, second] = inputs.map(if is_filter { by_pixels } else { into_contiguous });
    let (vector, vectors) = vectors(&parameter);
    let [new_parameter, new_first, new_second] =
        [(); 3].map(|()| uninitialized(&parameter, parameter.meta.shape().clone()));
    let kind = parameter.dtype.into();
    let AdamStep { rate, kept, betas: [one, two], correction, epsilon } = settings;
    // SAFETY: the kernel stays within the sizes that the tensors were made with.
    unsafe {
        adam_step::launch_unchecked::<CudaRuntime>(
            &parameter.client.clone(),
            CubeCount::Static(vectors.div_ceil(THREADS), 1, 1),
            CubeDim::new_1d(THREADS),
            vector,
            parameter.into_array_arg(),
            gradient.into_array_arg(),
            first.into_array_arg(),
            second.into_array_arg(),
            new_parameter.clone().into_array_arg(),
            new_first.clone().into_array_arg(),
            new_second.clone().into_array_arg(),
            vectors,
            one.to_bits(),
            (1.0 - one).to_bits(),
            two.to_bits(),
            (1.0 - two).to_bits(),
            correction.to_bits(),
            epsilon.to_bits(),
            rate.to_bits(),
            kept.to_bits(),
            kind,
        );
    }
    let found = [new_parameter, new_first, new_second];
    if is_filter { found.map(permute_nhwc_to_nchw) } else { found }
}

/// Runs one thread for each vector. All scalars but `vectors` are the bits of f32.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn adam_step<E: Float, N: Size>(
    parameter: &Array<Vector<E, N>>,
    gradient: &Array<Vector<E, N>>,
    first: &Array<Vector<E, N>>,
    second: &Array<Vector<E, N>>,
    new_parameter: &mut Array<Vector<E, N>>,
    new_first: &mut Array<Vector<E, N>>,
    new_second: &mut Array<Vector<E, N>>,
    vectors: u32,
    first_kept: u32,
    first_taken: u32,
    second_kept: u32,
    second_taken: u32,
    correction: u32,
    epsilon: u32,
    rate: u32,
    kept: u32,
    #[define(E)] numbers: StorageType,
) {
    let index = CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X;
    if index < vectors {
        let at = index as usize;
        let grad = Vector::<f32, N>::cast_from(gradient[at]);
        let moment = Vector::<f32, N>::cast_from(first[at]) * Vector::new(f32::reinterpret(first_kept))
            + grad * Vector::new(f32::reinterpret(first_taken));
        let square = Vector::<f32, N>::cast_from(second[at]) * Vector::new(f32::reinterpret(second_kept))
            + grad * grad * Vector::new(f32::reinterpret(second_taken));
        let deviation = Vector::sqrt(square) + Vector::new(f32::reinterpret(epsilon));
        let direction = moment * Vector::new(f32::reinterpret(correction)) / deviation;
        let left = Vector::<f32, N>::cast_from(parameter[at]) * Vector::new(f32::reinterpret(kept));
        let moved = left - direction * Vector::new(f32::reinterpret(rate));
        new_parameter[at] = Vector::cast_from(moved);
        new_first[at] = Vector::cast_from(moment);
        new_second[at] = Vector::cast_from(square);
    }
}
