//! Training: the loop, early stopping, schedules, checkpoints and evaluation.
//!
//! May use: `domain`, `durable`, `checkpoint`, `data`, `model`, `events`, burn. Events go to a [`Reporter`], which
//! also returns requests.

pub mod average;
pub mod checkpoint_saver;
mod clip;
pub mod data_loader;
pub mod device_dataset;
pub mod early_stopping;
pub mod epoch;
pub mod evaluate;
pub mod features;
pub mod fit;
pub mod loss;
pub(crate) mod metric_accumulator;
pub mod optimizer;
pub mod schedule;
mod stopwatch;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::Limits;
use crate::events::Event;

use evaluate::Evaluation;

/// The receiver of a training's events, and the source of requests to it.
pub trait Reporter {
    /// Logs an event.
    fn report(&mut self, event: Event);

    /// Returns whether the run should end after the current batch. Called between two batches; a paused run waits
    /// inside the call.
    fn stop_requested(&mut self) -> bool;

    /// Returns the total time that the run has paused.
    fn paused(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns the limits in force, where `own` are the recipe's.
    fn limits(&mut self, own: Limits) -> Limits {
        own
    }

    /// Receives the validation results of an epoch.
    fn validated(&mut self, _epoch: u32, _evaluation: &Evaluation) {}
}
