//! The hidden command that makes this process a worker.

use super::arguments::Worker;
use super::exit::Exit;

/// Leaves the starter's session before anything else: from here on neither its hang-up nor its Ctrl-C arrives.
pub(super) fn run(worker: &Worker) -> Exit {
    // Fails only for the leader of a process group, which has a session of its own or was started by hand.
    let _ = rustix::process::setsid();
    work(worker)
}

#[cfg(feature = "trainer")]
fn work(worker: &Worker) -> Exit {
    Exit::Worker(crate::worker::run(&crate::runs::RunFolder::at(&worker.folder), worker.job, worker.now))
}

#[cfg(not(feature = "trainer"))]
fn work(worker: &Worker) -> Exit {
    let error = crate::supervise::LaunchError::NoTrainer;
    super::output::complain(&format!("cannot {} {}: {error}", worker.job, worker.folder.display()));
    Exit::Failed
}
