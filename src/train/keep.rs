//! When checkpoints are saved, and in which order their files are written.
//!
//! When is up to the clock, what is in them is not: a run ends with the same bits wherever it was saved.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::arrays::Arrays;
use crate::domain::{EarlyStoppingStatus, Strategy};
use crate::events::Event;
use crate::model::kernels::TrainBackend;

use super::Reporter;
use super::average::Average;
use super::epoch::Trainee;
use crate::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointFiles, Identity, Partial, State};

/// A checkpoint could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the checkpoint {path}: {source}")]
pub struct SaveError {
    /// The file.
    pub path: String,
    /// What the file system said.
    pub source: io::Error,
}

/// What of training is no tensor, between two epochs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Completed epochs.
    pub(super) epoch: u32,
    /// The base learning rate as plateaus have left it.
    pub(super) learning_rate: f64,
    /// Where early stopping stands.
    pub(super) early_stopping: EarlyStoppingStatus,
}

/// Saves the checkpoints of a run.
pub struct Keep<'a> {
    files: &'a CheckpointFiles,
    identity: &'a Identity,
    strategy: Strategy,
    /// Between two checkpoints within an epoch.
    interval: Duration,
    saved: Instant,
    /// How far the newest checkpoint on disk is, as [`State::position`] has it.
    position: (u32, u32),
    standing: Standing,
}

impl<'a> Keep<'a> {
    /// `position` is that of the checkpoint gone on from.
    pub(super) fn new(
        files: &'a CheckpointFiles,
        identity: &'a Identity,
        strategy: Strategy,
        interval: Duration,
        position: (u32, u32),
        standing: Standing,
    ) -> Self {
        Self { files, identity, strategy, interval, saved: Instant::now(), position, standing }
    }

    /// Whether it is time for a checkpoint within an epoch.
    pub(super) fn is_due(&self) -> bool {
        self.saved.elapsed() >= self.interval
    }

    /// Saves what is done of the epoch under way, unless that is on disk already or its loss is no number.
    pub(super) fn part<B: TrainBackend>(
        &mut self,
        trainee: &Trainee<B>,
        partial: Partial,
        reporter: &mut dyn Reporter,
    ) -> Result<(), SaveError> {
        let (epoch, step) = (self.standing.epoch, partial.step);
        let finite = partial.pending.is_none_or(|[loss, _]| loss.is_finite());
        if step == 0 || self.position == (epoch, step) || !finite {
            return Ok(());
        }
        let checkpoint = self.checkpoint(trainee, Some(partial));
        self.replace_last(&checkpoint)?;
        reporter.report(Event::CheckpointSaved { epoch, step, best: false });
        Ok(())
    }

    /// Saves the state after a completed epoch.
    pub(super) fn epoch<B: TrainBackend>(
        &mut self,
        trainee: &Trainee<B>,
        standing: Standing,
        best: bool,
    ) -> Result<(), SaveError> {
        self.standing = standing;
        let checkpoint = self.checkpoint(trainee, None);
        // The best first: between the two, `last` is an epoch behind and the run goes on from the best. The other way
        // round `last` would name a best epoch whose weights are nowhere. Two files and not two names of one, so that
        // no damage takes both.
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

    fn checkpoint<B: TrainBackend>(&self, trainee: &Trainee<B>, partial: Option<Partial>) -> Checkpoint {
        let (moments, optimizer_steps) = trainee.optimizer.save(&trainee.network);
        let mut arrays: Arrays = trainee.network.to_arrays();
        arrays.extend(moments);
        arrays.extend(trainee.average.iter().flat_map(Average::to_arrays));
        let Standing { epoch, learning_rate, early_stopping } = self.standing;
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
