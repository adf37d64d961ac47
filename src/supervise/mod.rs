//! Workers from the outside: start one in a session of its own, ask it to stop, pause or keep to other limits, kill it
//! where it does not answer, name the run it works on.
//!
//! A worker is the same binary, started with a run folder and nothing else; it is watched through that folder. It
//! outlives whoever started it. May know: `domain`, `events`, `runs`, and processes. Never burn.

pub mod import;
pub mod kill;
pub mod launch;
pub mod launcher;
mod line;
pub mod names;
pub mod practice;
pub mod queue;
pub mod requests;
pub mod stop;
pub mod sweep;

pub use crate::domain::now;
pub use import::{Import, ImportLine, ImportNews, ImportProgress, Imported, LeftOut};
pub use kill::{KillError, kill};
pub use launch::{LaunchError, When, evaluate, launch, resume, resume_with};
pub use names::suggest_name;
pub use practice::{PracticeError, launch_practice, practice_names};
pub use queue::{QueueError, Restarted, forget, restart};
pub use requests::{RequestError, change_limits, pause, unpause};
pub use stop::{StopError, request_stop};
pub use sweep::{launch_sweep, sweep_names, sweep_tag, tag};

/// The hidden command that makes a process a worker: `mien worker RUN_FOLDER [--job JOB] [--now]`.
pub const WORKER_COMMAND: &str = "worker";

/// Whether this binary can be a worker.
#[must_use]
pub fn can_train() -> bool {
    cfg!(feature = "trainer")
}
