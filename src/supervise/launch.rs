//! Starting new runs, resumed runs, and tests of finished runs, each in its own worker.

use std::io;
use std::path::PathBuf;

use crate::domain::{FinishReason, LimitChanges, Limits, Outcome, Place, Recipe, RunId, RunState, SettingError};
use crate::runs::store::LoadError;
use crate::runs::{FileError, Job, Queue, RunFolder, RunStore, Summary};

use super::launcher::{self, Launcher, LocalProcess, Slurm, StartError, Started};

/// The time at which a worker begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LaunchTime {
    /// Begins when its device has a free slot and all earlier runs have begun.
    #[default]
    Queued,
    /// Begins like `Queued`, but only if its job is still pending.
    IfPending,
    /// Begins at once, regardless of other runs on the device.
    Now,
}

/// The place and the time at which a worker begins.
#[derive(Debug, Clone, Default)]
pub struct LaunchTarget {
    /// The time.
    pub time: LaunchTime,
    /// The location; `None` for that of the run's last worker, or for this machine without such a worker.
    pub location: Option<WorkerLocation>,
}

/// The location at which a worker begins.
#[derive(Debug, Clone)]
pub enum WorkerLocation {
    /// On this machine.
    Here,
    /// On this place of a cluster.
    Place(Box<Place>),
}

impl From<LaunchTime> for LaunchTarget {
    fn from(time: LaunchTime) -> Self {
        Self { time, location: None }
    }
}

impl LaunchTarget {
    /// Returns the place where the worker of a run begins; `None` for this machine.
    fn place(&self, run: &RunFolder) -> Result<Option<Place>, FileError> {
        match &self.location {
            None => run.place(),
            Some(WorkerLocation::Here) => Ok(None),
            Some(WorkerLocation::Place(place)) => Ok(Some((**place).clone())),
        }
    }

    /// Returns whether the worker begins on a place that names its own program, so that this one need not train.
    fn has_program(&self, run: Option<&RunFolder>) -> bool {
        let place = match (&self.location, run) {
            (Some(WorkerLocation::Place(place)), _) => Some((**place).clone()),
            (None, Some(run)) => run.place().ok().flatten(),
            _ => None,
        };
        place.is_some_and(|place| place.program.is_some())
    }
}

/// Returns the script by which the worker of a new run of this name would begin on a place.
///
/// # Errors
/// If a path is not UTF-8 or contains a line break.
pub fn render_job_script(store: &RunStore, id: &RunId, job: Job, place: &Place) -> io::Result<String> {
    Slurm { place: Some(place.clone()) }.script(&store.folder(id), job)
}

/// The reason why no worker was started, or none stayed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program was built without the trainer.
    #[error(
        "this mien was built without the trainer: it shows runs but cannot start them. \
         Build it with the feature `trainer` (it is on by default)"
    )]
    NoTrainer,
    /// The run's folder cannot be created.
    #[error("cannot create a run in {}: {source}", folder.display())]
    Create {
        /// The folder of runs.
        folder: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// The run has a worker already.
    #[error("{id} has a worker already: `mien watch {id}` follows it")]
    Busy {
        /// The run.
        id: RunId,
    },
    /// The run has nothing left to train.
    #[error("{id} is finished, {reason}: `mien resume {id} {advice}` continues it")]
    Finished {
        /// The run.
        id: RunId,
        /// The way in which it ended.
        reason: String,
        /// The option that allows it to continue.
        advice: String,
    },
    /// A limit is out of its range.
    #[error(transparent)]
    Limits(#[from] SettingError),
    /// The limits in force, or the run's place, cannot be read.
    #[error(transparent)]
    InForce(#[from] FileError),
    /// The run was started, but its tag could not be saved.
    #[error("the run continues without its tag: {0}")]
    Tag(FileError),
    /// A request cannot be written.
    #[error("cannot write into the folder of {id}: {source}")]
    Write {
        /// The run.
        id: RunId,
        /// The file system's error.
        source: io::Error,
    },
    /// The run has no weights.
    #[error(
        "{id} has saved no weights yet, there is no {}: if it has ended, `mien resume {id}` continues it", checkpoint.display()
    )]
    NoWeights {
        /// The run.
        id: RunId,
        /// The file that is missing.
        checkpoint: PathBuf,
    },
    /// The process could not be started.
    #[error("cannot start a worker for {id}: {source}")]
    Spawn {
        /// The run.
        id: RunId,
        /// The system's error.
        source: io::Error,
    },
    /// The process ended before the worker started.
    #[error("the worker of {id} ended at once ({status}){}", last_output(tail))]
    Died {
        /// The run.
        id: RunId,
        /// The exit status.
        status: std::process::ExitStatus,
        /// The last lines of its output, safe for a terminal.
        tail: String,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

fn last_output(tail: &str) -> String {
    if tail.is_empty() { " without a message".into() } else { format!(":\n{tail}") }
}

/// Creates a run and starts its worker; returns the id, with a number appended if `id` was taken. Waits a few seconds
/// until the worker has started, so that an early failure is returned here.
///
/// # Errors
/// If the run cannot be created, which leaves no folder, or no worker stays. The folder then contains the worker's
/// output.
pub fn launch(
    store: &RunStore,
    id: &RunId,
    recipe: &Recipe,
    target: impl Into<LaunchTarget>,
) -> Result<RunId, LaunchError> {
    let target = target.into();
    require_trainer(&target, None)?;
    match &target.location {
        Some(WorkerLocation::Place(place)) => {
            launch_with(&Slurm { place: Some((**place).clone()) }, store, id, recipe, target.time)
        }
        _ => launch_with(&LocalProcess, store, id, recipe, target.time),
    }
}

/// Creates a run and starts its worker by this launcher; see [`launch`].
pub(super) fn launch_with(
    launcher: &dyn Launcher,
    store: &RunStore,
    id: &RunId,
    recipe: &Recipe,
    when: LaunchTime,
) -> Result<RunId, LaunchError> {
    let create = |source| LaunchError::Create { folder: store.home().checkpoints(), source };
    let id = store.create(id, recipe).map_err(create)?;
    let started = start_with(launcher, store, &id, Job::Train, when);
    if let Err(LaunchError::Spawn { .. }) = started {
        // No process ever used the folder: otherwise lists would show a run that never was.
        let _ = std::fs::remove_dir_all(store.folder(&id).path());
    }
    started.map(|()| id)
}

/// Starts a worker that resumes from the run's newest checkpoint.
///
/// # Errors
/// The errors of [`resume_with_limits`]; a finished run has nothing left to train.
pub fn resume(store: &RunStore, id: &RunId) -> Result<(), LaunchError> {
    resume_with_limits(store, id, LimitChanges::NONE, LaunchTime::Queued)
}

/// Resumes with changed limits, by which a finished run may continue.
///
/// # Errors
/// If the run has a worker, nothing left to train or no checkpoint, a limit is out of its range, or no worker stays.
pub fn resume_with_limits(
    store: &RunStore,
    id: &RunId,
    changes: LimitChanges,
    target: impl Into<LaunchTarget>,
) -> Result<(), LaunchError> {
    let target = target.into();
    require_trainer(&target, Some(&store.folder(id)))?;
    refresh_placement(store, id)?;
    let run = store.summary(id)?;
    let (state, run) = (run.state(super::now()), run.summary);
    if state.is_active() {
        return Err(LaunchError::Busy { id: id.clone() });
    }
    let folder = store.folder(id);
    let limits = folder.limits()?.unwrap_or_else(|| Limits::of(&run.recipe)).changed(changes);
    limits.check()?;
    if state == RunState::Finished {
        refuse_if_over(&run, limits)?;
    }
    // An epoch is logged before its checkpoint is saved: a worker that dies in between leaves one epoch and no
    // checkpoint.
    if !folder.has_checkpoint() && run.epoch() > 1 {
        // Otherwise the run would train from scratch under its old epochs.
        return Err(LaunchError::NoWeights { id: id.clone(), checkpoint: folder.last_checkpoint() });
    }
    if changes != LimitChanges::NONE {
        folder.request_limits(limits).map_err(|source| LaunchError::Write { id: id.clone(), source })?;
    }
    start_on(&target, store, id, Job::Train)
}

/// Refuses a finished run with nothing left to train under these limits, or with unchanged limits.
fn refuse_if_over(run: &Summary, limits: Limits) -> Result<(), LaunchError> {
    let (epoch, waited, unchanged) = (run.epoch(), run.early_stopping.waited, limits == run.limits);
    if !unchanged && limits.allow_another_epoch(epoch, waited) {
        return Ok(());
    }
    let early = matches!(run.outcome, Some(Outcome::Finished { reason: FinishReason::EarlyStop }));
    let no_patience = waited >= limits.patience || (unchanged && early);
    let epochs = format!("--epochs {}", epoch.max(limits.epochs).saturating_add(1));
    let patience = format!("--patience {}", waited.max(limits.patience).saturating_add(1));
    let (reason, advice) = match (epoch >= limits.epochs, no_patience) {
        (true, true) => ("with all epochs done and no patience left", format!("{epochs} {patience}")),
        (false, true) => ("with no patience left", patience),
        (_, false) => ("with all epochs done", epochs),
    };
    Err(LaunchError::Finished { id: run.id.clone(), reason: reason.into(), advice })
}

/// Starts a worker that tests the run's best weights again.
///
/// # Errors
/// If the run has a worker, there are no weights, or no worker stays.
pub fn evaluate(store: &RunStore, id: &RunId, target: impl Into<LaunchTarget>) -> Result<(), LaunchError> {
    let target = target.into();
    require_trainer(&target, Some(&store.folder(id)))?;
    refresh_placement(store, id)?;
    if state(store, id)?.is_active() {
        return Err(LaunchError::Busy { id: id.clone() });
    }
    let checkpoint = store.folder(id).best_checkpoint();
    if !checkpoint.exists() {
        return Err(LaunchError::NoWeights { id: id.clone(), checkpoint });
    }
    start_on(&target, store, id, Job::Evaluate)
}

fn require_trainer(target: &LaunchTarget, run: Option<&RunFolder>) -> Result<(), LaunchError> {
    if super::can_train() || target.has_program(run) { Ok(()) } else { Err(LaunchError::NoTrainer) }
}

fn state(store: &RunStore, id: &RunId) -> Result<RunState, LaunchError> {
    Ok(store.summary(id)?.state(super::now()))
}

/// Updates the run's placement from its launcher, before the run counts as active.
fn refresh_placement(store: &RunStore, id: &RunId) -> Result<(), LaunchError> {
    let folder = store.folder(id);
    let settled = launcher::of(&folder).and_then(|launcher| launcher::refresh_placement(launcher, &folder));
    settled.map_err(|source| LaunchError::Spawn { id: id.clone(), source })
}

fn start_on(target: &LaunchTarget, store: &RunStore, id: &RunId, job: Job) -> Result<(), LaunchError> {
    let folder = store.folder(id);
    if let Some(place) = target.place(&folder)? {
        return start_with(&Slurm { place: Some(place) }, store, id, job, target.time);
    }
    let forget = folder.set_place(None).and_then(|()| folder.clear_job_report());
    forget.map_err(|source| LaunchError::Write { id: id.clone(), source })?;
    start_with(&LocalProcess, store, id, job, target.time)
}

fn start_with(
    launcher: &dyn Launcher,
    store: &RunStore,
    id: &RunId,
    job: Job,
    when: LaunchTime,
) -> Result<(), LaunchError> {
    let folder = store.folder(id);
    let queue = Queue::of(store.home());
    let pending = folder.queue_file().exists();
    let enter = || match when {
        // Entered before there is a worker: otherwise a crash from here on would lose the job.
        LaunchTime::Queued => queue.enter(&folder, job).map(|_| true),
        LaunchTime::IfPending => queue.is_pending(&folder, job),
        LaunchTime::Now if pending => queue.leave(&folder).map(|()| true),
        LaunchTime::Now => Ok(true),
    };
    let started = enter().map_err(StartError::Io).and_then(|wanted| {
        if !wanted {
            // Another process has started the worker.
            return Ok(Started::Running);
        }
        // Withdraw requests that were meant for an earlier worker: otherwise they would stop or pause this one.
        folder.clear_stop().and_then(|()| folder.clear_pause()).and_then(|()| folder.clear_killed())?;
        launcher.start(&folder, job, when)
    });
    match started {
        Ok(Started::Running | Started::Submitted) => Ok(()),
        Err(StartError::Died { status, tail }) => Err(LaunchError::Died { id: id.clone(), status, tail }),
        Err(StartError::Io(source)) => Err(LaunchError::Spawn { id: id.clone(), source }),
    }
    .inspect_err(|_| {
        // The caller gets the error, so the job is not pending any more. An earlier pending job remains, and another
        // worker may have started.
        if !pending && !folder.worker_alive() {
            let _ = queue.leave(&folder);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, EpochMetrics};
    use crate::events::{Event, Record};

    /// Returns a run with `epoch` completed epochs, the last `waited` of them without improvement.
    fn run(epoch: u32, waited: u32) -> Summary {
        let mut run =
            Summary::new(RunId::new("calm-heron").expect("an id"), Recipe::sample(crate::domain::Strategy::Cnn));
        let metrics = EpochMetrics {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            val_loss: 1.0,
            val_accuracy: 0.5,
            learning_rate: 1e-3,
            seconds: 1.0,
            images_per_second: 1.0,
        };
        let early_stopping = EarlyStoppingStatus { best_epoch: epoch - waited, best_value: 1.0, waited };
        run.apply(&Record { at: 1, event: Event::EpochFinished { metrics, early_stopping } });
        run
    }

    #[test]
    fn a_finished_run_resumes_only_if_its_limits_leave_something_to_train() {
        // (case, epochs done, waited, epochs in force, patience in force, advice)
        let table = [
            ("all epochs done", 50, 2, 50, 10, Some("--epochs 51")),
            ("more epochs", 50, 2, 51, 10, None),
            ("no patience left", 20, 10, 50, 10, Some("--patience 11")),
            ("more epochs do not help against patience", 20, 10, 90, 10, Some("--patience 11")),
            ("more patience", 20, 10, 50, 11, None),
            ("neither", 50, 10, 50, 10, Some("--epochs 51 --patience 11")),
        ];
        for (case, epoch, waited, epochs, patience, expected) in table {
            let refused = refuse_if_over(&run(epoch, waited), Limits { epochs, patience });
            let message = refused.err().map(|error| error.to_string());
            assert_eq!(message.is_some(), expected.is_some(), "{case}: {message:?}");
            if let (Some(message), Some(advice)) = (message, expected) {
                assert!(message.contains(&format!("mien resume calm-heron {advice}`")), "{case}: {message}");
            }
        }
    }
}
