//! Checks and measures a device on made-up inputs: whether it computes the same as the CPU, how fast it trains, and its
//! peak speed.
//!
//! Reads imported weights at most, and writes nothing to a home. May use: `domain`, `data`, `weights`, `model`,
//! `train`, `worker::backend`, and burn. Findings are passed to the caller one by one.

pub mod agree;
mod bench_inputs;
pub mod ceilings;
mod finding;
pub mod layers;
pub mod step;
#[cfg(test)]
mod tests;

use burn::tensor::backend::Backend;

use crate::data::StoreError;
use crate::domain::MismatchError;
use crate::domain::network::ResolveError;

pub use finding::{Check, Finding};

/// Receives each finding as it is made.
pub type ReportFinding<'a> = &'a mut dyn FnMut(Finding);

/// The errors of a bench.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is nothing to measure.
    #[error("give at least one {0}, not 0")]
    Nothing(&'static str),
    /// The strategy cannot use the network.
    #[error("--network is only for the strategy cnn, and for networks that are trained from scratch")]
    Network,
    /// The images are too small for a network of the check.
    #[error("images must have at least {0} pixels a side: give a larger --size")]
    TooSmall(u32),
    /// The network cannot be resolved for the images.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Weights do not fit a network.
    #[error(transparent)]
    Mismatch(#[from] MismatchError),
    /// No temporary folder can be created.
    #[error("cannot make a folder for a few images in {}: {source}", std::env::temp_dir().display())]
    Folder {
        /// The file system's error.
        source: std::io::Error,
    },
    /// The generated images cannot be written or read.
    #[error("cannot write or read a few temporary images: {0}")]
    Images(#[from] StoreError),
    /// The device failed.
    #[error("the device did not finish its work: {0}")]
    Device(String),
}

/// Waits until the device has finished all its work.
fn wait<B: Backend>(device: &B::Device) -> Result<(), BenchError> {
    B::sync(device).map_err(|error| BenchError::Device(error.to_string()))
}

/// Returns the median of some seconds, the least and the most.
fn spread(mut seconds: Vec<f64>) -> [f64; 3] {
    seconds.sort_by(f64::total_cmp);
    match seconds.as_slice() {
        [] => [f64::NAN; 3],
        all => [all[all.len() / 2], all[0], all[all.len() - 1]],
    }
}
