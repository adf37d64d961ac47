//! Control of workers from outside: starting, stopping, pausing, changing limits, killing, and naming runs.
//!
//! A worker is the same binary, started with only a run folder, watched through that folder, and it outlives its
//! starter. Depends on `domain`, `durable`, `config`, `events`, `runs`, and processes. Never burn.

pub mod all_strategies;
mod child_lines;
mod earlier_workers;
pub mod exports;
pub mod heat_maps;
pub mod hook;
pub mod import;
pub mod kill;
pub mod launch;
pub mod launcher;
pub mod names;
pub mod prediction;
pub mod queue;
pub mod requests;
pub mod stop;
pub mod sweep;

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub use crate::domain::now;
use crate::runs::RunFolder;
pub use all_strategies::{LaunchSeriesError, launch_all_strategies, strategy_run_names};
pub use heat_maps::HeatMaps;
pub use hook::{EndCommandError, run_end_command, shell};
pub use import::{ImportEvent, ImportLine, ImportProcess, ImportProgress, ImportResult, OmissionKind, SkippedFile};
pub use kill::{KillError, kill};
pub use launch::{
    LaunchError, LaunchTarget, LaunchTime, WorkerLocation, evaluate, launch, render_job_script, resume,
    resume_with_limits,
};
pub use launcher::slurm;
pub use names::suggest_name;
pub use prediction::{PredictionProcess, PredictionRecord, PredictionUpdate};
pub use queue::{QueueError, RestartResult, forget, restart};
pub use requests::{RequestError, change_limits, pause, unpause};
pub use stop::{StopError, request_stop};
pub use sweep::{launch_sweep, sweep_names, sweep_tag, tag};

/// The hidden command of a worker process: `mien worker RUN_FOLDER [--job JOB] [--now]`.
pub const WORKER_COMMAND: &str = "worker";

/// The hidden command that runs the command for the end of a run: `mien notify RUN_FOLDER [--failed]`.
pub const NOTIFY_COMMAND: &str = "notify";

/// Replaces this process, a worker that has ended its job, by one that runs the command for the end of the run. Returns
/// only if that fails. The process keeps its id, so that a scheduler waits for the command too.
#[must_use]
pub fn become_notifier(run: &RunFolder, done: bool) -> io::Error {
    let program = match launcher::program() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut command = Command::new(program);
    command.arg(NOTIFY_COMMAND).arg(run.path());
    if !done {
        command.arg("--failed");
    }
    command.exec()
}

/// Returns whether this binary can be a worker.
#[must_use]
pub fn can_train() -> bool {
    cfg!(feature = "trainer")
}
