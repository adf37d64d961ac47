//! Layers on CUDA as operations that burn's fusion defers (`fusion`): convolutions through NVIDIA's cuDNN
//! (`convolution`, with the calls in `cudnn` and the kernels for which cuDNN's are slow in `gradient`), batch norm
//! (`batch_norm`), and steps of optimizers (`optimizer`).
//!
//! Burn compiles convolutions of its own and tunes them; cuDNN's are chosen by NVIDIA for each card.
//! [`crate::model::device::convolutions`] says which of the two a process uses.

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
