//! The hidden command that makes this process a worker.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::privacy;
use crate::runs::{Home, Job, RunFolder};

/// Run as the worker of a run; started by `train` and the dashboard
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct Worker {
    /// The run's folder
    folder: PathBuf,
    /// The job
    #[arg(long, default_value_t)]
    job: Job,
    /// Start at once instead of waiting for a slot
    #[arg(long)]
    now: bool,
}

impl Worker {
    /// Does the job in a new session. Otherwise a hang-up or Ctrl-C in the terminal that started it would end it.
    #[allow(clippy::unnecessary_wraps, reason = "as of the other commands")]
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        // Fails only for the leader of a process group, which has a session of its own or was started by hand.
        let _ = rustix::process::setsid();
        privacy::set_umask(RunFolder::at(&self.folder).home().as_ref().map(Home::path));
        Ok(work(&self))
    }
}

#[cfg(feature = "trainer")]
fn work(worker: &Worker) -> Exit {
    Exit::Worker(crate::worker::run(&RunFolder::at(&worker.folder), worker.job, worker.now))
}

#[cfg(not(feature = "trainer"))]
fn work(worker: &Worker) -> Exit {
    let error = crate::supervise::LaunchError::NoTrainer;
    crate::cli::output::print_error(&format!("cannot {} {}: {error}", worker.job, worker.folder.display()));
    Exit::Failed
}
