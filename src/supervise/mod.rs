//! Control of workers from outside: starting, stopping, pausing, changing limits, killing, and naming runs.
//!
//! A worker is the same binary, started with only a run folder, watched through that folder, and it outlives its
//! starter. Depends on `domain`, `events`, `runs`, and processes. Never burn.

pub mod all_strategies;
mod arrivals;
pub mod heat_maps;
pub mod import;
pub mod kill;
pub mod launch;
pub mod launcher;
pub mod names;
pub mod queue;
pub mod requests;
pub mod stop;
pub mod sweep;

pub use crate::domain::now;
pub use all_strategies::{LaunchSeriesError, launch_all_strategies, strategy_run_names};
pub use heat_maps::HeatMaps;
pub use import::{Import, ImportEvent, ImportLine, ImportProgress, Imported, LeftOutKind, SkippedFile};
pub use kill::{KillError, kill};
pub use launch::{
    LaunchError, LaunchTime, Start, WorkerLocation, evaluate, launch, resume, resume_with_limits, script,
};
pub use launcher::slurm;
pub use names::suggest_name;
pub use queue::{QueueError, Restarted, forget, restart};
pub use requests::{RequestError, change_limits, pause, unpause};
pub use stop::{StopError, request_stop};
pub use sweep::{launch_sweep, sweep_names, sweep_tag, tag};

/// The hidden command of a worker process: `mien worker RUN_FOLDER [--job JOB] [--now]`.
pub const WORKER_COMMAND: &str = "worker";

/// Returns whether this binary can be a worker.
#[must_use]
pub fn can_train() -> bool {
    cfg!(feature = "trainer")
}
