//! The options of commands that start a worker.

use clap::Args;

use super::format::Output;
use crate::supervise::LaunchTime;

/// Whether a run waits in the queue.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct QueueOption {
    /// Begin at once instead of in turn, whoever is at work on the device; runs that it depends on are still waited for
    #[arg(long)]
    now: bool,
}

impl QueueOption {
    /// When the run begins.
    pub(in crate::cli) fn when(self) -> LaunchTime {
        if self.now { LaunchTime::Now } else { LaunchTime::Queued }
    }
}

/// How a run is started and followed.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct LaunchOptions {
    /// Return once the worker runs instead of watching it
    #[arg(long)]
    pub(in crate::cli) detach: bool,
    #[command(flatten)]
    pub(in crate::cli) queue: QueueOption,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}
