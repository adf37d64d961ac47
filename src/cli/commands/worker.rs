//! The hidden command that makes this process a worker.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::privacy;
use crate::runs::{Home, Job, RunFolder};

/// Be the worker of a run; started by `train` and the dashboard
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct Worker {
    /// The run's folder
    folder: PathBuf,
    /// What to do with it
    #[arg(long, default_value_t)]
    job: Job,
    /// Not in its turn, but at once
    #[arg(long)]
    now: bool,
}

impl Worker {
    /// Does the job in the home of the run's folder, and in a session of its own: neither the hang-up nor the Ctrl-C
    /// of the terminal that started it arrives.
    #[allow(clippy::unnecessary_wraps, reason = "as of the other commands")]
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        // Fails only for the leader of a process group, which has a session of its own or was started by hand.
        let _ = rustix::process::setsid();
        privacy::keep(RunFolder::at(&self.folder).home().as_ref().map(Home::path));
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
    crate::cli::output::complain(&format!("cannot {} {}: {error}", worker.job, worker.folder.display()));
    Exit::Failed
}
