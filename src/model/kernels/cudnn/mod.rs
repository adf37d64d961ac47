//! Convolution blocks on CUDA through NVIDIA's cuDNN: on burn's tensors (`run`), and as operations that burn's fusion
//! defers (`fusion`). `library` has the calls, `gradient` the kernels for which cuDNN's are slow.
//!
//! Burn compiles convolutions of its own and tunes them; cuDNN's are chosen by NVIDIA for each card.
//! [`crate::model::device::convolutions`] says which of the two a process uses.

mod fusion;
mod gradient;
mod library;
mod run;

pub(crate) use fusion::take_refusal;
pub(crate) use library::version;
