//! Initial weights, drawn on the host so that every device starts from the same ones.

use burn::module::Param;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Glorot uniform (Keras's default for convolutions and dense layers): U(−a, a) with a = √(6 / (`fan_in` + `fan_out`)).
pub fn glorot_uniform<B: Backend, const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    fan_out: usize,
    rng: &mut ChaCha8Rng,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    #[allow(clippy::cast_precision_loss)] // layer widths are small
    let bound = (6.0 / (fan_in + fan_out) as f32).sqrt();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// All zero, as Keras starts biases.
pub fn zeros<B: Backend, const D: usize>(shape: [usize; D], device: &B::Device) -> Param<Tensor<B, D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}
