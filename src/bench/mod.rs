//! Checks and speeds of a device, on made-up inputs: whether it computes what the processor computes, how fast it trains, and
//! what it could do at most.
//!
//! Nothing here is read from a home but, if asked for, a pretrained base, and nothing is written. May know: `domain`, `data`,
//! `weights`, `model`, `train`, of `worker` where a device becomes a backend, and burn. What was found goes to the caller, finding by finding.

pub mod agree;
pub mod ceilings;
mod finding;
pub mod layers;
mod material;
pub mod step;
#[cfg(test)]
mod tests;

use burn::tensor::backend::Backend;

pub use finding::{Check, Finding};

/// Where findings go, one by one as they come.
pub type Tell<'a> = &'a mut dyn FnMut(Finding);

/// Waits until the device has done all that it was given.
fn wait<B: Backend>(device: &B::Device) -> Result<(), String> {
    B::sync(device).map_err(|error| format!("the device did not finish its work: {error}"))
}

/// The middle one of some seconds, the least and the most.
fn spread(mut seconds: Vec<f64>) -> [f64; 3] {
    seconds.sort_by(f64::total_cmp);
    match seconds.as_slice() {
        [] => [f64::NAN; 3],
        all => [all[all.len() / 2], all[0], all[all.len() - 1]],
    }
}
