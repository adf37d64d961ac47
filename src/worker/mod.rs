//! The job process: a run folder in, events and checkpoints out.
//!
//! A worker knows its run folder and, through its recipe, what it trains on: a dataset, a pretrained base, the run it
//! starts from or waits for. It takes no notice of who started it and outlives them. May know: `domain`, `data`,
//! `weights`, `model`, `train`, `events`, of `runs` the folder's layout, the queue, the jobs and the predictions' file,
//! and burn.

pub(crate) mod backend;
mod checkpoints;
pub mod error;
pub(crate) mod fault;
mod job;
mod journal;
pub(crate) mod kernels;
mod load;
mod model;
pub mod predictor;
mod residence;
mod scores;
mod setup;
mod signals;
mod waiting;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::domain::text::printable;
use crate::domain::{Limits, Outcome};
use crate::events::{Event, EventWriter};
use crate::runs::Holder;
use crate::runs::job::Job;
use crate::runs::layout::RunFolder;
use crate::runs::queue::Queue;
use crate::train::Reporter;

use error::WorkerError;
use fault::Print;
use journal::Journal;
use signals::Interruption;
use waiting::Turn;

/// Does a job on a run folder, in its turn or right `now`, in a process that has a session of its own, from taking its
/// lock to the last event. The exit code is 0 when the job was done or stopped on request, 1 otherwise, as after a
/// signal; why stands in the event log, or on stderr when there is no log to write to.
#[must_use]
pub fn run(folder: &RunFolder, job: Job, now: bool) -> ExitCode {
    match work(folder, job, now) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "mien worker: {}", printable(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn work(folder: &RunFolder, job: Job, now: bool) -> Result<bool, WorkerError> {
    let path = || folder.path().to_owned();
    let recipe = folder.recipe()?;
    let resumed = folder.has_checkpoint();
    if job == Job::Train && resumed {
        // Before the run is taken: one that cannot go on stays as it is, and whoever started this process is told why.
        job::check_data(folder, &recipe)?;
    }
    let lock = folder
        .lock()
        .map_err(|source| WorkerError::File { doing: "lock", path: path(), source })?
        .ok_or_else(|| WorkerError::Busy(path()))?;
    // A full disk must not keep a run from training: who it is, is for killing it alone.
    let _ = Holder::sign(&lock);
    let queue = folder.home().map(|home| Queue::of(&home)).filter(|_| !now);
    if let Some(queue) = &queue {
        // Two may start a worker for one run, and the first may be done when this one gets the lock.
        let owed = queue.owes(folder, job).map_err(WorkerError::Queue)?;
        if !owed {
            return Ok(true);
        }
    }
    let log = EventWriter::open(&folder.events_file(), journal::now()).map_err(|source| WorkerError::File {
        doing: "write",
        path: folder.events_file(),
        source,
    })?;
    let interruption = Interruption::listen().map_err(WorkerError::Signals)?;
    let mut turn = Turn { queued: queue.is_some(), slot: None };
    let mut journal = Journal::new(log, folder.clone(), interruption, Limits::of(&recipe));

    fault::listen(Print::First);
    // A panic is a fault of this program or of its device, and still no reason to leave a run without an end.
    let attempt = catch_unwind(AssertUnwindSafe(|| match job {
        Job::Train => job::train(folder, &recipe, &mut turn, &mut journal).map(Some),
        Job::Evaluate => {
            journal.know_limits();
            job::evaluate(folder, &recipe, &mut turn, &mut journal)
        }
    }));
    let result = attempt
        .unwrap_or_else(|panic| Err(fault::explain(fault::message(&*panic), Some(recipe.batch_size as usize)).into()));
    journal.finish();
    let interrupted = matches!(result, Ok(Some(Outcome::Interrupted { .. })));
    let done = match (result, job) {
        (Ok(outcome), Job::Train) => {
            let failed = matches!(outcome, Some(Outcome::Failed { .. } | Outcome::Diverged { .. }));
            outcome.into_iter().for_each(|outcome| journal.report(Event::Ended { outcome }));
            !failed && !interrupted
        }
        // The run's own end stays: only its test was not done.
        (Ok(outcome), Job::Evaluate) => {
            if let Some(Outcome::Interrupted { signal }) = outcome {
                let message = format!("interrupted by {signal}: the best weights were not tested");
                journal.report(Event::Warning { message });
            }
            !interrupted
        }
        (Err(error), Job::Train) => {
            let (cause, kind) = (error.to_string(), error.kind());
            journal.report(Event::Ended { outcome: Outcome::Failed { cause, kind } });
            false
        }
        // The run itself ended long ago, and well: only the test failed.
        (Err(error), Job::Evaluate) => {
            journal.report(Event::EvaluationFailed { cause: error.to_string() });
            false
        }
    };
    // Only now that the end is told: a job that is not in the queue any more and tells no end would be lost. One that
    // was interrupted stays in it, so that `queue restart` brings it back.
    if let Some(queue) = queue.filter(|_| !interrupted) {
        // An entry that stays is seen to be over by what the log tells behind it.
        let _ = queue.leave(folder);
    }
    if !interrupted {
        // Told for good: whoever handed the run over need not expect a further worker.
        let _ = folder.clear_placement();
    }
    Ok(done)
}
