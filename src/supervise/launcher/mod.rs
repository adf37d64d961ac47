//! The launchers of workers: a process on this machine, and a job of Slurm. A further one is a file here, an entry of
//! [`ALL`], an engine of places, and its calls where those of [`slurm`] are.

mod process;
mod signal;
pub mod slurm;
#[cfg(test)]
mod tests;

use std::io;
use std::process::ExitStatus;

use super::kill::KillError;
use super::launch::LaunchTime;
use crate::domain::RunId;
use crate::runs::{Job, Liveness, RunFolder};

pub use process::LocalProcess;
pub(super) use process::{command_on, program};
pub use slurm::Slurm;

/// All launchers; the first is the default.
pub static ALL: [&dyn Launcher; 2] = [&LocalProcess, &slurm::ANYWHERE];

/// A way to start workers, to find out their state, and to end them.
pub trait Launcher: Sync {
    /// Returns the name in a [`Placement`](crate::runs::Placement).
    fn name(&self) -> &'static str;

    /// Starts a worker for `run`, or submits the job to a system that will. Before submitting, records the placement:
    /// otherwise the run could be lost in between.
    ///
    /// # Errors
    /// If there is no worker and none will come.
    fn start(&self, run: &RunFolder, job: Job, when: LaunchTime) -> Result<Started, StartError>;

    /// Returns the state of the run's worker, from the run's folder and the launcher's system.
    fn liveness(&self, run: &RunFolder) -> Liveness;

    /// Kills the worker of the run, or cancels the job that would become one; returns its process id, if any.
    ///
    /// # Errors
    /// If the worker's process is uncertain, or the system refuses.
    fn kill(&self, id: &RunId, run: &RunFolder) -> Result<Option<u32>, KillError>;
}

/// The result of a successful start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The worker holds the run's lock, or has done its job already.
    Running,
    /// The job was accepted; its worker begins later.
    Submitted,
}

/// The reason why no worker was started, or none stayed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The worker ended at once without logging a reason.
    #[error("it ended at once ({status})")]
    Died {
        /// The exit status.
        status: ExitStatus,
        /// The last lines of its output, safe for a terminal.
        tail: String,
    },
}

/// Returns the launcher of a run's placement; without one, the local process.
///
/// # Errors
/// If the placement cannot be read, or names an unknown launcher.
pub fn of(run: &RunFolder) -> io::Result<&'static dyn Launcher> {
    let Some(placement) = run.placement().map_err(io::Error::other)? else { return Ok(ALL[0]) };
    ALL.into_iter().find(|launcher| launcher.name() == placement.launcher).ok_or_else(|| {
        let name = crate::domain::text::printable(&placement.launcher);
        io::Error::other(format!("the run was handed to '{name}', a launcher that this mien does not have"))
    })
}

/// Updates a run's placement from `launcher`: removes it if no worker will come for certain. An unknown state changes
/// nothing.
///
/// # Errors
/// If the placement cannot be removed.
pub fn refresh_placement(launcher: &dyn Launcher, run: &RunFolder) -> io::Result<()> {
    match (run.liveness(), launcher.liveness(run)) {
        (Liveness::Submitted, Liveness::Absent) => run.clear_placement(),
        _ => Ok(()),
    }
}
