//! The options of commands that start a worker.

use clap::Args;

use super::format::Output;
use crate::supervise::LaunchTime;

/// The option that starts a run without waiting in the queue.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct QueueOption {
    /// Start at once instead of waiting for a slot, even if other runs use the device; runs that it depends on are
    /// still waited for
    #[arg(long)]
    now: bool,
}

impl QueueOption {
    /// Returns the time at which the run starts.
    pub(in crate::cli) fn when(self) -> LaunchTime {
        if self.now { LaunchTime::Now } else { LaunchTime::Queued }
    }
}

/// The options of commands that start and follow a run.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct LaunchOptions {
    /// Return as soon as the worker runs, instead of following the run
    #[arg(long)]
    pub(in crate::cli) detach: bool,
    #[command(flatten)]
    pub(in crate::cli) queue: QueueOption,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}
