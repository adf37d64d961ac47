//! Training: the loop, early stopping, the schedule, checkpoints, evaluation.
//!
//! May know: `domain`, `durable`, `data`, `model`, `events`, burn. It reports events and hears stop requests through a
//! [`Reporter`]; what becomes of them is the worker's business.

pub mod checkpoint;
pub mod classifier;
pub mod early_stopping;
pub mod epoch;
pub mod evaluate;
pub mod features;
pub mod fit;
pub mod optimizer;
pub mod schedule;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transfer_tests;

use crate::events::Event;

/// The world, as far as training knows it.
pub trait Reporter {
    /// Something happened.
    fn report(&mut self, event: Event);

    /// Whether the run should end after the current batch.
    fn stop_requested(&mut self) -> bool;
}
