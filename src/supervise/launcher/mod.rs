//! What starts workers: a process on this machine. A batch system is a second file here, and a second line of [`ALL`].

mod process;
mod signal;
#[cfg(test)]
mod tests;

use std::io;
use std::process::ExitStatus;

use super::kill::KillError;
use super::launch::When;
use crate::domain::RunId;
use crate::runs::{Job, Liveness, RunFolder};

pub use process::LocalProcess;
pub(super) use process::program;

/// All launchers; the first is taken unless another is asked for.
pub static ALL: [&dyn Launcher; 1] = [&LocalProcess];

/// A way to start workers, to find out what became of them, and to end them.
pub trait Launcher: Sync {
    /// The name under which a [`Placement`](crate::runs::Placement) records it.
    fn name(&self) -> &'static str;

    /// Starts a worker for `run`, or hands the job to a system that will. The latter places the run first, so that it
    /// is never lost in between.
    ///
    /// # Errors
    /// When there is no worker and none comes.
    fn start(&self, run: &RunFolder, job: Job, when: When) -> Result<Started, StartError>;

    /// Whether a worker is at the run or comes, by the run's folder and by what the launcher's system says.
    fn liveness(&self, run: &RunFolder) -> Liveness;

    /// Ends the worker of the run at once, or takes back the job that would become one; returns its process id, if it
    /// has one.
    ///
    /// # Errors
    /// When that is not certain to hit this worker alone, or the system does not do it.
    fn kill(&self, id: &RunId, run: &RunFolder) -> Result<Option<u32>, KillError>;
}

/// How a start went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The worker holds the run's lock, or has done its job already.
    Underway,
    /// The job was taken; its worker begins some time later.
    Submitted,
}

/// Why no worker was started, or none stayed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The worker ended at once, and the log does not say why.
    #[error("it ended at once ({status})")]
    Died {
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it printed, safe for a terminal.
        tail: String,
    },
}

/// The launcher that a run was handed to; without a placement, the local process.
///
/// # Errors
/// When the placement cannot be read, or names a launcher that this program does not have.
pub fn of(run: &RunFolder) -> io::Result<&'static dyn Launcher> {
    let Some(placement) = run.placement().map_err(io::Error::other)? else { return Ok(ALL[0]) };
    ALL.into_iter().find(|launcher| launcher.name() == placement.launcher).ok_or_else(|| {
        let name = crate::domain::text::printable(&placement.launcher);
        io::Error::other(format!("the run was handed to '{name}', which this mien does not know"))
    })
}

/// Asks `launcher` about a run that is placed, and takes the placement back where no worker comes for certain. What
/// cannot be told changes nothing.
///
/// # Errors
/// When the placement cannot be taken back.
pub fn settle(launcher: &dyn Launcher, run: &RunFolder) -> io::Result<()> {
    match (run.liveness(), launcher.liveness(run)) {
        (Liveness::Submitted, Liveness::Absent) => run.clear_placement(),
        _ => Ok(()),
    }
}
