//! The job process: reads a run folder and writes events, checkpoints and predictions into it.
//!
//! A worker reads its run folder, the dataset, the imported weights, and the runs that it starts from or waits for. It
//! does not depend on the process that started it and outlives that. May use: `domain`, `data`, `weights`, `model`,
//! `train`, `events`, burn, and of `runs` the folder layout, the queue, jobs and predictions.

pub(crate) mod backend;
mod checkpoints;
mod device_memory;
pub mod error;
pub mod explainer;
pub(crate) mod fault;
mod job;
pub(crate) mod kernels;
mod load;
mod network_setup;
pub mod predictor;
mod run_reporter;
mod scores;
mod setup;
mod signals;
mod waiting;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::preflight::Problem;
use crate::domain::text::printable;
use crate::domain::{Limits, Outcome, RunId};
use crate::events::{Event, EventReader, EventWriter, Record};
use crate::runs::Holder;
use crate::runs::job::Job;
use crate::runs::layout::RunFolder;
use crate::runs::queue::Queue;
use crate::train::Reporter;

use error::WorkerError;
use fault::PanicOutput;
use run_reporter::RunReporter;
use signals::Interruption;
use waiting::SlotClaim;

/// The condition on which a worker begins its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerStart {
    /// When its device has a free slot and all earlier runs have begun.
    Queued,
    /// At once.
    Now,
    /// At once, because a scheduler has given it its device, but only if its job is still pending.
    Placed,
}

/// The result of a worker's job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobResult {
    /// Whether the job was completed or stopped on request; otherwise it failed or a signal ended it.
    pub done: bool,
    /// Whether this worker logged an end of its run.
    pub run_ended: bool,
}

/// Runs a job on a run folder, from locking it to the last event. The process has its own session. The event log has
/// the reason for a failure, or stderr where no log could be opened.
#[must_use]
pub fn run(folder: &RunFolder, job: Job, start: WorkerStart) -> JobResult {
    run_job(folder, job, start).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "mien worker: {}", printable(&error.to_string()));
        JobResult { done: false, run_ended: false }
    })
}

fn run_job(folder: &RunFolder, job: Job, start: WorkerStart) -> Result<JobResult, WorkerError> {
    let path = || folder.path().to_owned();
    let recipe = folder.recipe()?;
    let resumed = folder.has_checkpoint();
    if job == Job::Train && resumed {
        // Checked before the run is locked. Otherwise a run that cannot be resumed would lose its present state.
        job::check_data(folder, &recipe)?;
    }
    let lock = folder
        .lock()
        .map_err(|source| WorkerError::File { doing: "lock", path: path(), source })?
        .ok_or_else(|| WorkerError::Busy(path()))?;
    // A failure is ignored: the holder is needed only to kill this process, and a full disk must not prevent training.
    let _ = Holder::record(&lock);
    let queue = folder.home().map(|home| Queue::of(&home)).filter(|_| start != WorkerStart::Now);
    if let Some(queue) = &queue {
        // Two processes may start a worker for one run. The first may have finished the job when this one gets the
        // lock.
        if !queue.is_pending(folder, job).map_err(WorkerError::Queue)? {
            return Ok(JobResult { done: true, run_ended: false });
        }
    }
    let generation = folder.begin_generation().map_err(|source| WorkerError::File {
        doing: "update",
        path: folder.generation_file(),
        source,
    })?;
    let log = EventWriter::open(&folder.events_file(), run_reporter::now()).map_err(|source| WorkerError::File {
        doing: "write",
        path: folder.events_file(),
        source,
    })?;
    let interruption = Interruption::listen().map_err(WorkerError::Signals)?;
    let mut claim = SlotClaim { queued: start == WorkerStart::Queued, slot: None };
    let mut reporter = RunReporter::new(log, folder.clone(), generation, interruption, Limits::of(&recipe));

    fault::record_panics(PanicOutput::First);
    // A panic is logged as the run's end. Otherwise the run would look lost.
    let attempt = catch_unwind(AssertUnwindSafe(|| match job {
        Job::Train => job::train(folder, &recipe, &mut claim, &mut reporter).map(Some),
        Job::Evaluate => {
            reporter.adopt_limits();
            job::evaluate(folder, &recipe, &mut claim, &mut reporter)
        }
    }));
    let result = attempt
        .unwrap_or_else(|panic| Err(fault::explain(fault::message(&*panic), Some(recipe.batch_size as usize)).into()));
    reporter.finish();
    let interrupted = matches!(result, Ok(Some(Outcome::Interrupted { .. })));
    // A test leaves the run's outcome as it is.
    let run_ended = job == Job::Train;
    let done = match (result, job) {
        (Ok(outcome), Job::Train) => {
            let failed = matches!(outcome, Some(Outcome::Failed { .. } | Outcome::Diverged { .. }));
            outcome.into_iter().for_each(|outcome| reporter.report(Event::Ended { outcome }));
            !failed && !interrupted
        }
        // The run's outcome stays as it is; only its test was interrupted.
        (Ok(outcome), Job::Evaluate) => {
            if let Some(Outcome::Interrupted { signal }) = outcome {
                let message = format!("interrupted by {signal}: the test of the best weights is not complete");
                reporter.report(Event::Warning { message });
            }
            !interrupted
        }
        (Err(WorkerError::Problem(Problem::StartUnsaved(start))), Job::Train) if was_stopped(folder, &start) => {
            let message = format!(
                "{start}, from which this run starts, was stopped before it saved weights: resume {start}, then this run"
            );
            reporter.report(Event::Warning { message });
            reporter.report(Event::Ended { outcome: Outcome::Stopped });
            true
        }
        (Err(error), Job::Train) => {
            let (cause, kind) = (error.to_string(), error.kind());
            reporter.report(Event::Ended { outcome: Outcome::Failed { cause, kind } });
            false
        }
        // The run's outcome stays as it is; only its test failed.
        (Err(error), Job::Evaluate) => {
            reporter.report(Event::EvaluationFailed { cause: error.to_string() });
            false
        }
    };
    // The entry is removed only after the end is logged. Otherwise a crash in between would lose the job. An
    // interrupted job stays in the queue, so that `queue restart` resumes it.
    if let Some(queue) = queue.filter(|_| !interrupted) {
        // A failure is ignored: readers of the queue skip an entry whose run has a logged end.
        let _ = queue.leave(folder);
    }
    if !interrupted {
        // The end is logged, so the launcher that placed this run need not expect another worker.
        let _ = folder.clear_placement();
    }
    Ok(JobResult { done, run_ended })
}

/// Returns whether another run was stopped on request. A run that starts from it is then not to blame.
fn was_stopped(folder: &RunFolder, other: &RunId) -> bool {
    let mut last = None;
    let mut take = |record: Record| {
        if let Event::Ended { outcome } = record.event {
            last = Some(outcome);
        }
    };
    let log = folder.home().map(|home| home.run(other).events_file());
    log.is_some_and(|log| EventReader::new(&log).read(&mut take).is_ok()) && last == Some(Outcome::Stopped)
}
