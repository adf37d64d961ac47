//! The hidden command that makes this process a worker.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{output, privacy};
use crate::runs::{Home, Job, RunFolder};
use crate::supervise::slurm;
#[cfg(feature = "trainer")]
use crate::worker::WorkerStart;

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
    /// Start at once, if the run was handed to the scheduler's job that this process is
    #[arg(long, conflicts_with = "now")]
    placed: bool,
}

impl Worker {
    /// Does the job in a new session. Otherwise a hang-up or Ctrl-C in the terminal that started it would end it.
    #[allow(clippy::unnecessary_wraps, reason = "as of the other commands")]
    pub(super) fn run(self, _: &Invocation) -> Result<Exit, CommandError> {
        // Fails only for the leader of a process group, which has a session of its own or was started by hand.
        let _ = rustix::process::setsid();
        privacy::set_umask(RunFolder::at(&self.folder).home().as_ref().map(Home::path));
        if self.placed { self.run_placed() } else { Ok(self.work()) }
    }

    /// Does the job of a scheduler, which is queued again after an interruption.
    fn run_placed(&self) -> Result<Exit, CommandError> {
        let run = RunFolder::at(&self.folder);
        let failed = |error: std::io::Error| CommandError::Failure(format!("{}: {error}", self.folder.display()));
        if !slurm::arrive(&run).map_err(failed)? {
            output::note("mien worker: the run was not handed to this job, or has ended: nothing to do");
            return Ok(Exit::Done);
        }
        let exit = self.work();
        match slurm::hand_back(&run) {
            Ok(words) => words.iter().for_each(|words| output::note(&format!("mien worker: {words}"))),
            Err(error) => output::print_error(&format!("cannot queue the job again: {error}; `mien resume` does")),
        }
        Ok(exit)
    }

    #[cfg(feature = "trainer")]
    fn work(&self) -> Exit {
        let turn = match (self.placed, self.now) {
            (true, _) => WorkerStart::Placed,
            (false, true) => WorkerStart::Now,
            (false, false) => WorkerStart::Queued,
        };
        Exit::Worker(crate::worker::run(&RunFolder::at(&self.folder), self.job, turn))
    }

    #[cfg(not(feature = "trainer"))]
    fn work(&self) -> Exit {
        let error = crate::supervise::LaunchError::NoTrainer;
        output::print_error(&format!("cannot {} {}: {error}", self.job, self.folder.display()));
        Exit::Failed
    }
}
