//! The hidden command that makes this process a worker.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{output, privacy};
use crate::config::Notify;
use crate::runs::{Home, Job, RunFolder};
use crate::supervise::{self, slurm};
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
        let run = RunFolder::at(&self.folder);
        privacy::set_umask(run.home().as_ref().map(Home::path));
        let result = if self.placed { self.run_placed(&run)? } else { self.work(&run) };
        if result.run_ended {
            notify(&run, result.done);
        }
        Ok(Exit::done_if(result.done))
    }

    /// Does the job of a scheduler, which is queued again after an interruption.
    fn run_placed(&self, run: &RunFolder) -> Result<JobResult, CommandError> {
        let failed = |error: std::io::Error| CommandError::Failure(format!("{}: {error}", self.folder.display()));
        if !slurm::claim_job(run).map_err(failed)? {
            output::note("mien worker: the run was not handed to this job, or has ended: nothing to do");
            return Ok(JobResult { done: true, run_ended: false });
        }
        let result = self.work(run);
        match slurm::requeue_interrupted(run) {
            Ok(words) => words.iter().for_each(|words| output::note(&format!("mien worker: {words}"))),
            Err(error) => output::print_error(&format!("cannot queue the job again: {error}; `mien resume` does")),
        }
        Ok(result)
    }

    #[cfg(feature = "trainer")]
    fn work(&self, run: &RunFolder) -> JobResult {
        let turn = match (self.placed, self.now) {
            (true, _) => WorkerStart::Placed,
            (false, true) => WorkerStart::Now,
            (false, false) => WorkerStart::Queued,
        };
        let crate::worker::JobResult { done, run_ended } = crate::worker::run(run, self.job, turn);
        JobResult { done, run_ended }
    }

    #[cfg(not(feature = "trainer"))]
    fn work(&self, _: &RunFolder) -> JobResult {
        let error = crate::supervise::LaunchError::NoTrainer;
        output::print_error(&format!("cannot {} {}: {error}", self.job, self.folder.display()));
        JobResult { done: false, run_ended: false }
    }
}

/// The result of a worker's job, also in builds without workers.
struct JobResult {
    done: bool,
    run_ended: bool,
}

/// Replaces this process by one that runs the command for the end of the run, if the config file has one. The run's
/// lock, the slot and the memory of the device are free by then: a command that hangs delays no other run.
fn notify(run: &RunFolder, done: bool) {
    let (settings, problems) = Notify::load();
    let earlier = run.clear_notice_failure();
    if settings.has_command() || !problems.is_empty() {
        let error = supervise::become_notifier(run, done);
        output::print_error(&format!("cannot run the command for the end of the run: {error}"));
    } else if let Err(error) = earlier {
        output::print_error(&format!("cannot remove {}: {error}", run.notice_file().display()));
    }
}
