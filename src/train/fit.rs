//! Trains a run from its first epoch or a checkpoint to its end.

use std::io;
use std::time::Duration;

use burn::tensor::{Tensor, TensorData};

use crate::data::batch::{Pass, drawn_order, epoch_order};
use crate::data::fraction::trained_images;
use crate::domain::MismatchError;
use crate::domain::{
    EarlyStopping, EarlyStoppingStatus, EpochMetrics, FinishReason, Limits, Monitor, Recipe, Split, View,
};
use crate::events::Event;
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::model::network::Network;

use super::average::Average;
use super::checkpoint_saver::{CheckpointSaver, SaveError, TrainingSnapshot};
use super::data_loader::DataLoader;
use super::early_stopping::{StoppingDecision, observe};
use super::epoch::{EpochEnd, EpochPlan, Learner, TrainingMetrics, train_epoch};
use super::evaluate::{BATCH_SIZE, Evaluation, evaluate};
use super::loss::Objective;
use super::optimizer::{NetworkOptimizer, OptimizerSettings};
use super::stopwatch::Stopwatch;
use super::{Reporter, schedule};
use crate::checkpoint::{Checkpoint, CheckpointFiles, Identity, Partial};

/// The settings and data of a training.
pub struct Fit<'a, B: TrainBackend>
where
    B::InnerBackend: KernelBackend,
{
    /// The run's settings.
    pub recipe: &'a Recipe,
    /// The batches.
    pub loader: DataLoader<'a, B::InnerBackend>,
    /// The identity that checkpoints get.
    pub identity: &'a Identity,
    /// The paths of the checkpoints.
    pub files: &'a CheckpointFiles,
    /// Steps between two reads of the loss from the device (see [`EpochPlan::readback`]), and batches between two reads
    /// in an evaluation.
    pub readback: u32,
    /// Time between two checkpoints within an epoch.
    pub interval: Duration,
}

/// The end of a training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitEnd {
    /// Early stopping or the number of epochs ended it.
    Finished(FinishReason),
    /// A stop was requested, and everything trained is saved.
    Stopped,
    /// A loss became NaN or infinite; the text states which loss and where.
    Diverged(String),
}

/// The errors that end a training.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A checkpoint could not be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The system has no thread for the batches.
    #[error("cannot start a thread to make batches: {0}")]
    Thread(io::Error),
    /// The checkpoint is of another network.
    #[error("the checkpoint does not fit the network: {0}")]
    Mismatch(#[from] MismatchError),
}

/// The state of a training between two epochs.
struct FitState<B: TrainBackend> {
    learner: Learner<B>,
    snapshot: TrainingSnapshot,
    /// The trained part of the next epoch, after a resume.
    partial: Option<Partial>,
}

/// Trains `network` to its end, from `checkpoint` if there is one.
///
/// Limits may change meanwhile. Patience is read at the end of each epoch. The number of epochs is read at its start:
/// it decides whether the epoch starts, and the length of the schedule. Within an epoch it must not change. Otherwise
/// learning rates would depend on the moment at which a request was noticed, and the same requests would not give the
/// same run.
///
/// # Errors
/// If a checkpoint does not fit or cannot be written.
pub fn fit<B>(
    fit: &Fit<'_, B>,
    network: Network<B>,
    checkpoint: Option<&Checkpoint>,
    device: &B::Device,
    reporter: &mut dyn Reporter,
) -> Result<FitEnd, FitError>
where
    B: TrainBackend,
{
    let recipe = fit.recipe;
    let own = Limits::of(recipe);
    let mut progress = begin(network, recipe, checkpoint)?;
    let position = checkpoint.map_or((0, 0), |checkpoint| checkpoint.state.position());
    let mut saver =
        CheckpointSaver::new(fit.files, fit.identity, recipe.strategy, fit.interval, position, progress.snapshot);
    // A partly trained epoch is completed, whatever the limits are now.
    if progress.partial.is_none() && progress.snapshot.early_stopping.waited >= reporter.limits(own).patience {
        return Ok(FitEnd::Finished(FinishReason::EarlyStop));
    }
    loop {
        let TrainingSnapshot { epoch: done, learning_rate, early_stopping } = progress.snapshot;
        let fresh = Partial { epochs: reporter.limits(own).epochs, ..Partial::default() };
        let partial = progress.partial.take();
        if partial.is_none() && done >= fresh.epochs {
            return Ok(FitEnd::Finished(FinishReason::MaxEpochs));
        }
        let from = partial.unwrap_or(fresh);
        let begun = Stopwatch::start(reporter.paused());
        let epoch = done + 1;
        let at = EpochProgress { epoch, base_rate: learning_rate, from };
        let (learner, end) = fit.train(progress.learner, at, device, &mut saver, reporter)?;
        progress.learner = learner;
        let (training, all) = match end {
            EpochEnd::Completed(training, all) => (training, all),
            EpochEnd::Stopped => return Ok(FitEnd::Stopped),
            EpochEnd::Diverged { step } => {
                return Ok(FitEnd::Diverged(format!(
                    "the training loss is not a number at step {step} of epoch {epoch}"
                )));
            }
        };
        let Some(validation) = fit.evaluate(&progress.learner.evaluated(), Split::Validation, device, reporter)? else {
            saver.save_partial(&progress.learner, all, reporter)?;
            return Ok(FitEnd::Stopped);
        };
        let seconds = from.seconds + begun.elapsed(reporter.paused()).as_secs_f64();
        let metrics = epoch_metrics(epoch, &training, &validation, seconds);
        let value = match recipe.early_stopping.monitor {
            Monitor::ValLoss => metrics.val_loss,
            Monitor::ValAccuracy => metrics.val_accuracy,
        };
        if !metrics.val_loss.is_finite() {
            return Ok(FitEnd::Diverged(format!("the validation loss is not a number after epoch {epoch}")));
        }
        let rule = EarlyStopping { patience: reporter.limits(own).patience, ..recipe.early_stopping };
        let (status, decision) = observe(&rule, early_stopping, epoch, value);
        let rate = schedule::after_epoch(recipe, learning_rate, status.waited);
        let lowered = (rate < learning_rate && decision != StoppingDecision::Stop)
            .then_some(Event::LearningRateReduced { epoch, from: learning_rate, to: rate });
        progress.snapshot = TrainingSnapshot { epoch, learning_rate: rate, early_stopping: status };
        reporter.validated(epoch, &validation);
        // Logged before it is saved: a run killed in between trains the epoch again and replaces the event. In the
        // other order the log would lack the epoch.
        reporter.report(Event::EpochFinished { metrics, early_stopping: status });
        let best = decision == StoppingDecision::Improved;
        saver.save_epoch(&progress.learner, progress.snapshot, best)?;
        reporter.report(Event::CheckpointSaved { epoch, step: 0, best });
        if decision == StoppingDecision::Stop {
            return Ok(FitEnd::Finished(FinishReason::EarlyStop));
        }
        lowered.into_iter().for_each(|event| reporter.report(event));
    }
}

/// An epoch's number, rate and trained part.
#[derive(Clone, Copy)]
struct EpochProgress {
    /// The number of the epoch, counted from 1.
    epoch: u32,
    /// The base learning rate after reductions on plateaus.
    base_rate: f64,
    /// The trained part, and the number of epochs in force when it started.
    from: Partial,
}

fn begin<B: TrainBackend>(
    network: Network<B>,
    recipe: &Recipe,
    checkpoint: Option<&Checkpoint>,
) -> Result<FitState<B>, MismatchError> {
    let settings = OptimizerSettings::of(recipe);
    let Some(Checkpoint { state, arrays }) = checkpoint else {
        let average = Average::new(&network, recipe.average);
        return Ok(FitState {
            learner: Learner { network, optimizer: NetworkOptimizer::new(settings), average },
            snapshot: TrainingSnapshot {
                epoch: 0,
                learning_rate: recipe.learning_rate,
                early_stopping: EarlyStoppingStatus::default(),
            },
            partial: None,
        });
    };
    let network = network.load_arrays(arrays)?;
    let optimizer = NetworkOptimizer::load(&network, arrays, state.optimizer_steps, settings)?;
    let average = Average::load(&network, arrays, recipe.average)?;
    Ok(FitState {
        learner: Learner { network, optimizer, average },
        snapshot: TrainingSnapshot {
            epoch: state.epoch,
            learning_rate: state.learning_rate,
            early_stopping: state.early_stopping,
        },
        partial: state.partial,
    })
}

fn epoch_metrics(epoch: u32, training: &TrainingMetrics, validation: &Evaluation, seconds: f64) -> EpochMetrics {
    EpochMetrics {
        epoch,
        train_loss: training.loss,
        train_accuracy: training.accuracy,
        val_loss: validation.loss,
        val_accuracy: validation.confusion.scores().accuracy,
        learning_rate: training.learning_rate,
        seconds,
        images_per_second: training.images_per_second,
    }
}

impl<B> Fit<'_, B>
where
    B: TrainBackend,
{
    fn train(
        &self,
        learner: Learner<B>,
        EpochProgress { epoch, base_rate, from }: EpochProgress,
        device: &B::Device,
        saver: &mut CheckpointSaver<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<(Learner<B>, EpochEnd), FitError> {
        let recipe = self.recipe;
        let label = |index| self.loader.label(Split::Train, index);
        let kept = trained_images(recipe, self.loader.count(Split::Train), label);
        let batch_size = recipe.batch_size as usize;
        let steps = u32::try_from(kept.len().div_ceil(batch_size)).unwrap_or(u32::MAX);
        let before = u64::from(epoch - 1) * u64::from(steps);
        let all = u64::from(from.epochs) * u64::from(steps);
        let warmup = u64::from(recipe.warmup) * u64::from(steps);
        let rate = |step: u32| schedule::warmed_rate(recipe.schedule, base_rate, before + u64::from(step), all, warmup);
        let classes: Vec<usize> = kept.iter().map(|index| self.loader.label(Split::Train, *index as usize)).collect();
        let counts = self.class_counts(&classes);
        let plan = EpochPlan {
            epoch,
            epochs: from.epochs,
            steps,
            before,
            from,
            seed: recipe.seed,
            rate: &rate,
            base_rate: schedule::base_rate(recipe),
            readback: self.readback,
        };
        // The order is one of the images that are not left out. Augmentation depends on an image's index in the
        // dataset, so it is the same in runs that leave out other images.
        let order = match recipe.balance.class_chances(&counts) {
            Some(chances) => drawn_order(recipe.seed, u64::from(epoch), &classes, &chances),
            None => epoch_order(recipe.seed, u64::from(epoch), kept.len()),
        };
        // Skips the trained part. Dataset, batch size and left-out images come from the recipe, so steps are the same
        // as before.
        let done = from.step as usize * batch_size;
        let order = order.into_iter().skip(done).map(|position| kept[position as usize]).collect();
        let batches = self.loader.start(Split::Train, order, batch_size, Pass::Training(u64::from(epoch)));
        let batches = batches.map_err(FitError::Thread)?;
        reporter.report(Event::EpochStarted { epoch, steps, done: from.step, seconds: from.seconds });
        let objective = self.objective(&counts, device);
        Ok(train_epoch(learner, &self.loader, batches, &plan, &objective, device, saver, reporter)?)
    }

    /// Returns the number of training images of each class.
    fn class_counts(&self, classes: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.identity.classes.len()];
        classes.iter().for_each(|class| counts[*class] += 1);
        counts
    }

    /// Returns the loss for classes with these numbers of training images.
    #[allow(clippy::cast_possible_truncation)] // rounded to what losses are computed in
    fn objective(&self, counts: &[usize], device: &B::Device) -> Objective<B::InnerBackend> {
        let weights = self.recipe.balance.class_weights(counts).map(|weights| {
            let weights: Vec<f32> = weights.into_iter().map(|weight| weight as f32).collect();
            Tensor::from_data(TensorData::new(weights, [counts.len()]), device)
        });
        Objective {
            label_smoothing: self.recipe.label_smoothing,
            class_weights: weights,
            mixup: self.recipe.augmentation.map_or(0.0, |ranges| ranges.mixup),
        }
    }

    /// Evaluates a network on a split. Returns `None` if a stop was requested before the end.
    ///
    /// # Errors
    /// If the system has no thread for the batches.
    pub fn evaluate(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        self.evaluate_view(network, split, View::PLAIN, device, reporter)
    }

    /// Evaluates a network on one view of each image of a split, as [`Self::evaluate`].
    ///
    /// # Errors
    /// If the system has no thread for the batches.
    pub fn evaluate_view(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        view: View,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let count = u32::try_from(self.loader.count(split)).unwrap_or(u32::MAX);
        self.evaluate_images(network, split, (0..count).collect(), view, device, reporter)
    }

    /// Evaluates a network on one view of the images with these indices, in their order, as [`Self::evaluate`].
    ///
    /// # Errors
    /// If the system has no thread for the batches.
    pub fn evaluate_images(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        order: Vec<u32>,
        view: View,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let batches = self.loader.start(split, order, BATCH_SIZE, Pass::Evaluation(view)).map_err(FitError::Thread)?;
        let (classes, stop) = (self.identity.classes.len(), || reporter.stop_requested());
        Ok(evaluate(network, &self.loader, batches, classes, self.readback, device, stop))
    }
}
