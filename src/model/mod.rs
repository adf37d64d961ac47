//! The networks and the devices that they run on.
//!
//! May know: `domain` and burn.

pub mod device;
pub mod frozen;
mod initializer;
pub mod kernels;
pub mod network;
pub mod parameters;

use burn::tensor::{FloatDType, Tensor, backend::Backend};

use crate::domain::Precision;

/// Inputs as they enter a network that is to compute in this precision: its convolutions take the kind of number from
/// them.
pub fn in_precision<B: Backend, const D: usize>(inputs: Tensor<B, D>, precision: Precision) -> Tensor<B, D> {
    match precision {
        Precision::F32 => inputs,
        Precision::Bf16 => kernels::cast(inputs, FloatDType::BF16),
    }
}
