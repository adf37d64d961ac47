//! Layers on CUDA as operations that burn's fusion defers (`fusion`). Convolutions are NVIDIA's cuDNN (`convolution`,
//! with its calls in `cudnn`) except for faster kernels in `gradient`. Batch norm (`batch_norm`) and steps of
//! optimizers (`optimizer`) are own kernels.
//!
//! Burn compiles and tunes its own convolutions; NVIDIA selects cuDNN's for each GPU.
//! [`crate::model::device::convolutions`] returns which of the two a process uses.

mod batch_norm;
mod convolution;
mod cudnn;
mod fusion;
mod gradient;
mod optimizer;
mod reduce;

pub(crate) use convolution::check;
pub(crate) use cudnn::version;
pub(crate) use fusion::take_refusal;
