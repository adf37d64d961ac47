//! Networks, their kernels, and the devices on which they run.
//!
//! May use: `domain` and burn.

pub mod device;
pub mod frozen;
mod initializer;
pub mod kernels;
pub mod network;
pub mod parameters;

use burn::tensor::{FloatDType, Tensor, backend::Backend};

use crate::domain::Precision;

/// Casts inputs to the precision in which a network is to compute: convolutions compute in the type of their input.
pub fn in_precision<B: Backend, const D: usize>(inputs: Tensor<B, D>, precision: Precision) -> Tensor<B, D> {
    match precision {
        Precision::F32 => inputs,
        Precision::Bf16 => kernels::cast(inputs, FloatDType::BF16),
    }
}
