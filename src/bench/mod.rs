//! Checks and speeds of a device, on made-up inputs: whether it computes what the processor computes, how fast it
//! trains, and what it could do at most.
//!
//! Nothing here is read from a home but, if asked for, a pretrained base, and nothing is written. May know: `domain`,
//! `data`, `weights`, `model`, `train`, of `worker` where a device becomes a backend, and burn. What was found goes to
//! the caller, finding by finding.

pub mod agree;
pub mod ceilings;
mod finding;
pub mod layers;
mod material;
pub mod step;
#[cfg(test)]
mod tests;

use burn::tensor::backend::Backend;

use crate::data::StoreError;
use crate::domain::MismatchError;
use crate::domain::network::ResolveError;

pub use finding::{Check, Finding};

/// Where findings go, one by one as they come.
pub type Tell<'a> = &'a mut dyn FnMut(Finding);

/// Why a bench cannot be run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Nothing would be measured.
    #[error("there is at least one {0}")]
    Nothing(&'static str),
    /// A network that the strategy does not have.
    #[error("a network can be chosen for cnn alone, among those whose weights are drawn")]
    Network,
    /// Images too small for a network that is checked.
    #[error("images have at least {0} pixels a side")]
    TooSmall(u32),
    /// Sizes that a network does not take.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Weights that a network does not take.
    #[error(transparent)]
    Mismatch(#[from] MismatchError),
    /// The folder for temporary files takes none.
    #[error("cannot make a folder for a few images in {}: {source}", std::env::temp_dir().display())]
    Folder {
        /// The reason.
        source: std::io::Error,
    },
    /// Images to check with cannot be written or read.
    #[error("cannot keep a few images for a moment: {0}")]
    Images(#[from] StoreError),
    /// The device did not finish.
    #[error("the device did not finish its work: {0}")]
    Device(String),
}

/// Waits until the device has done all that it was given.
fn wait<B: Backend>(device: &B::Device) -> Result<(), BenchError> {
    B::sync(device).map_err(|error| BenchError::Device(error.to_string()))
}

/// The middle one of some seconds, the least and the most.
fn spread(mut seconds: Vec<f64>) -> [f64; 3] {
    seconds.sort_by(f64::total_cmp);
    match seconds.as_slice() {
        [] => [f64::NAN; 3],
        all => [all[all.len() / 2], all[0], all[all.len() - 1]],
    }
}
