//! Saves checkpoints: when they are due, and in an order of files that a crash cannot break.
//!
//! The clock decides when a checkpoint is saved and never its content. Otherwise a resumed run would end with other
//! bits.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::arrays::Arrays;
use crate::domain::{EarlyStoppingStatus, Strategy};
use crate::events::Event;
use crate::model::kernels::TrainBackend;

use super::Reporter;
use super::average::Average;
use super::epoch::Learner;
use crate::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointFiles, Identity, Partial, State};

/// A checkpoint could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the checkpoint {path}: {source}")]
pub struct SaveError {
    /// The file.
    pub path: String,
    /// The file system's error.
    pub source: io::Error,
}

/// The state of training between two epochs, except tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrainingSnapshot {
    /// Completed epochs.
    pub(super) epoch: u32,
    /// The base learning rate after reductions on plateaus.
    pub(super) learning_rate: f64,
    /// The status of early stopping.
    pub(super) early_stopping: EarlyStoppingStatus,
}

/// Saves the checkpoints of a run.
pub struct CheckpointSaver<'a> {
    files: &'a CheckpointFiles,
    identity: &'a Identity,
    strategy: Strategy,
    /// Time between two checkpoints within an epoch.
    interval: Duration,
    saved: Instant,
    /// The [`State::position`] of the newest checkpoint on disk.
    position: (u32, u32),
    snapshot: TrainingSnapshot,
}

impl<'a> CheckpointSaver<'a> {
    /// Creates a saver; `position` is that of the checkpoint from which the run resumed.
    pub(super) fn new(
        files: &'a CheckpointFiles,
        identity: &'a Identity,
        strategy: Strategy,
        interval: Duration,
        position: (u32, u32),
        snapshot: TrainingSnapshot,
    ) -> Self {
        Self { files, identity, strategy, interval, saved: Instant::now(), position, snapshot }
    }

    /// Returns whether a checkpoint within the epoch is due.
    pub(super) fn is_due(&self) -> bool {
        self.saved.elapsed() >= self.interval
    }

    /// Saves the trained part of an epoch, unless it is on disk already or its loss is NaN or infinite.
    pub(super) fn save_partial<B: TrainBackend>(
        &mut self,
        learner: &Learner<B>,
        partial: Partial,
        reporter: &mut dyn Reporter,
    ) -> Result<(), SaveError> {
        let (epoch, step) = (self.snapshot.epoch, partial.step);
        let finite = partial.pending.is_none_or(|[loss, _]| loss.is_finite());
        if step == 0 || self.position == (epoch, step) || !finite {
            return Ok(());
        }
        let checkpoint = self.checkpoint(learner, Some(partial));
        self.replace_last(&checkpoint)?;
        reporter.report(Event::CheckpointSaved { epoch, step, best: false });
        Ok(())
    }

    /// Saves the state after a completed epoch.
    pub(super) fn save_epoch<B: TrainBackend>(
        &mut self,
        learner: &Learner<B>,
        snapshot: TrainingSnapshot,
        best: bool,
    ) -> Result<(), SaveError> {
        self.snapshot = snapshot;
        let checkpoint = self.checkpoint(learner, None);
        // `best` is written first: after a crash in between, the run resumes from `best`. In the other order `last`
        // would name a best epoch whose weights exist nowhere. They are two files and not two links to one, so that no
        // damage affects both.
        if best {
            let failed = failed(&self.files.best);
            checkpoint.write(&self.files.best).map_err(failed)?;
        }
        self.replace_last(&checkpoint)
    }

    fn replace_last(&mut self, checkpoint: &Checkpoint) -> Result<(), SaveError> {
        let CheckpointFiles { last, previous, .. } = self.files;
        checkpoint.replace(last, previous).map_err(failed(last))?;
        self.position = checkpoint.state.position();
        self.saved = Instant::now();
        Ok(())
    }

    fn checkpoint<B: TrainBackend>(&self, learner: &Learner<B>, partial: Option<Partial>) -> Checkpoint {
        let (moments, optimizer_steps) = learner.optimizer.save(&learner.network);
        let mut arrays: Arrays = learner.network.to_arrays();
        arrays.extend(moments);
        arrays.extend(learner.average.iter().flat_map(Average::to_arrays));
        let TrainingSnapshot { epoch, learning_rate, early_stopping } = self.snapshot;
        let state = State {
            version: CHECKPOINT_VERSION,
            strategy: self.strategy,
            identity: self.identity.clone(),
            epoch,
            optimizer_steps,
            learning_rate,
            early_stopping,
            partial,
        };
        Checkpoint { state, arrays }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SaveError {
    let path = path.display().to_string();
    move |source| SaveError { path, source }
}
