//! Training: the loop, early stopping, the schedule, checkpoints, evaluation.
//!
//! May know: `domain`, `durable`, `checkpoint`, `data`, `model`, `events`, burn. It reports events and hears requests through a
//! [`Reporter`]; what becomes of them is the worker's business.

pub mod average;
mod clip;
pub mod early_stopping;
pub mod epoch;
pub mod evaluate;
pub mod features;
pub mod feed;
pub mod fit;
pub mod keep;
pub mod loss;
pub(crate) mod meter;
pub mod optimizer;
pub mod resident;
pub mod schedule;
mod stopwatch;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transfer_tests;

use std::time::Duration;

use crate::domain::Limits;
use crate::events::Event;

use evaluate::Evaluation;

/// The world, as far as training knows it.
pub trait Reporter {
    /// Something happened.
    fn report(&mut self, event: Event);

    /// Whether the run should end after the current batch. Asked between two batches, with nothing under way: a run
    /// that is to pause waits in here.
    fn stop_requested(&mut self) -> bool;

    /// For how long the run has paused in all.
    fn paused(&self) -> Duration {
        Duration::ZERO
    }

    /// The limits in force now, where `own` are the recipe's.
    fn limits(&mut self, own: Limits) -> Limits {
        own
    }

    /// An epoch was validated, and this is what the network says of each image.
    fn validated(&mut self, _epoch: u32, _evaluation: &Evaluation) {}
}
