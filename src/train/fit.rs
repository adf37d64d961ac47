//! A whole training, from the first epoch or from a checkpoint to its end.

use std::io;
use std::time::Duration;

use burn::tensor::{Tensor, TensorData};

use crate::data::batch::{Pass, drawn_order, epoch_order};
use crate::domain::MismatchError;
use crate::domain::{
    EarlyStopping, EarlyStoppingStatus, EpochMetrics, FinishReason, Limits, Monitor, Recipe, Split, View,
};
use crate::events::Event;
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::model::network::Network;

use super::average::Average;
use super::early_stopping::{Verdict, observe};
use super::epoch::{EpochEnd, EpochPlan, Trainee, TrainingFigures, train_epoch};
use super::evaluate::{BATCH_SIZE, Evaluation, evaluate};
use super::feed::Feed;
use super::keep::{Keep, SaveError, Standing};
use super::loss::Objective;
use super::optimizer::{NetworkOptimizer, OptimizerSettings};
use super::stopwatch::Stopwatch;
use super::{Reporter, schedule};
use crate::checkpoint::{Checkpoint, CheckpointFiles, Identity, Partial};

/// What a training works on.
pub struct Fit<'a, B: TrainBackend>
where
    B::InnerBackend: KernelBackend,
{
    /// Its settings.
    pub recipe: &'a Recipe,
    /// Its inputs.
    pub feed: Feed<'a, B::InnerBackend>,
    /// What its checkpoints are of.
    pub identity: &'a Identity,
    /// Where its checkpoints go.
    pub files: &'a CheckpointFiles,
    /// Steps between two reads of the loss from the device, see [`EpochPlan::readback`]; and batches between two reads
    /// of what is evaluated.
    pub readback: u32,
    /// How long an epoch may go on without a checkpoint.
    pub interval: Duration,
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitEnd {
    /// By itself.
    Finished(FinishReason),
    /// On request, with everything that was trained saved.
    Stopped,
    /// A figure stopped being a number; says which and where.
    Diverged(String),
}

/// Why a training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A checkpoint could not be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// No thread for the batches.
    #[error("cannot start a thread to make batches: {0}")]
    Thread(io::Error),
    /// The checkpoint is of another network.
    #[error("the checkpoint does not fit the model: {0}")]
    Mismatch(#[from] MismatchError),
}

/// Where training stands.
struct Progress<B: TrainBackend> {
    trainee: Trainee<B>,
    standing: Standing,
    /// What is done of the next epoch, where it is gone on with.
    partial: Option<Partial>,
}

/// Trains `network` to its end, from `checkpoint` if there is one.
///
/// Limits may change on the way. Patience counts when an epoch ends. The number of epochs counts when one begins: for
/// whether it does, and as the length of its schedule. Were that to change within an epoch, the rate of a step would
/// depend on the instant at which a request was noticed, and the same requests would no longer give the same run.
///
/// # Errors
/// When a checkpoint does not fit or cannot be written.
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
    let mut keep = Keep::new(fit.files, fit.identity, recipe.strategy, fit.interval, position, progress.standing);
    // An epoch that is under way goes on to its end, whatever the limits have become.
    if progress.partial.is_none() && progress.standing.early_stopping.waited >= reporter.limits(own).patience {
        return Ok(FitEnd::Finished(FinishReason::EarlyStop));
    }
    loop {
        let Standing { epoch: done, learning_rate, early_stopping } = progress.standing;
        let fresh = Partial { epochs: reporter.limits(own).epochs, ..Partial::default() };
        let partial = progress.partial.take();
        if partial.is_none() && done >= fresh.epochs {
            return Ok(FitEnd::Finished(FinishReason::MaxEpochs));
        }
        let from = partial.unwrap_or(fresh);
        let begun = Stopwatch::start(reporter.paused());
        let epoch = done + 1;
        let at = EpochOf { epoch, base_rate: learning_rate, from };
        let (trainee, end) = fit.train(progress.trainee, at, device, &mut keep, reporter)?;
        progress.trainee = trainee;
        let (training, all) = match end {
            EpochEnd::Completed(training, all) => (training, all),
            EpochEnd::Stopped => return Ok(FitEnd::Stopped),
            EpochEnd::Diverged { step } => {
                return Ok(FitEnd::Diverged(format!("the training loss is no number at step {step} of epoch {epoch}")));
            }
        };
        let Some(validation) = fit.evaluate(&progress.trainee.evaluated(), Split::Validation, device, reporter)? else {
            keep.part(&progress.trainee, all, reporter)?;
            return Ok(FitEnd::Stopped);
        };
        let seconds = from.seconds + begun.elapsed(reporter.paused()).as_secs_f64();
        let metrics = figures(epoch, &training, &validation, seconds);
        let value = match recipe.early_stopping.monitor {
            Monitor::ValLoss => metrics.val_loss,
            Monitor::ValAccuracy => metrics.val_accuracy,
        };
        if !metrics.val_loss.is_finite() {
            return Ok(FitEnd::Diverged(format!("the validation loss is no number after epoch {epoch}")));
        }
        let rule = EarlyStopping { patience: reporter.limits(own).patience, ..recipe.early_stopping };
        let (status, verdict) = observe(&rule, early_stopping, epoch, value);
        let rate = schedule::after_epoch(recipe, learning_rate, status.waited);
        let lowered = (rate < learning_rate && verdict != Verdict::Stop).then_some(Event::LearningRateReduced {
            epoch,
            from: learning_rate,
            to: rate,
        });
        progress.standing = Standing { epoch, learning_rate: rate, early_stopping: status };
        reporter.validated(epoch, &validation);
        // Told before it is saved: a run killed in between trains the epoch again, and the event is replaced. The
        // other way round the epoch would be missing from the history for good.
        reporter.report(Event::EpochFinished { metrics, early_stopping: status });
        let best = verdict == Verdict::Improved;
        keep.epoch(&progress.trainee, progress.standing, best)?;
        reporter.report(Event::CheckpointSaved { epoch, step: 0, best });
        if verdict == Verdict::Stop {
            return Ok(FitEnd::Finished(FinishReason::EarlyStop));
        }
        lowered.into_iter().for_each(|event| reporter.report(event));
    }
}

/// An epoch in its run.
#[derive(Clone, Copy)]
struct EpochOf {
    /// Counted from 1.
    epoch: u32,
    /// The learning rate as plateaus have left it.
    base_rate: f64,
    /// What is done of it, and of how many it is.
    from: Partial,
}

fn begin<B: TrainBackend>(
    network: Network<B>,
    recipe: &Recipe,
    checkpoint: Option<&Checkpoint>,
) -> Result<Progress<B>, MismatchError> {
    let settings = OptimizerSettings::of(recipe);
    let Some(Checkpoint { state, arrays }) = checkpoint else {
        let average = Average::new(&network, recipe.average);
        return Ok(Progress {
            trainee: Trainee { network, optimizer: NetworkOptimizer::new(settings), average },
            standing: Standing {
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
    Ok(Progress {
        trainee: Trainee { network, optimizer, average },
        standing: Standing {
            epoch: state.epoch,
            learning_rate: state.learning_rate,
            early_stopping: state.early_stopping,
        },
        partial: state.partial,
    })
}

fn figures(epoch: u32, training: &TrainingFigures, validation: &Evaluation, seconds: f64) -> EpochMetrics {
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
        trainee: Trainee<B>,
        EpochOf { epoch, base_rate, from }: EpochOf,
        device: &B::Device,
        keep: &mut Keep<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<(Trainee<B>, EpochEnd), FitError> {
        let recipe = self.recipe;
        let kept = recipe.left_out.kept_of(self.feed.count(Split::Train));
        let batch_size = recipe.batch_size as usize;
        let steps = u32::try_from(kept.len().div_ceil(batch_size)).unwrap_or(u32::MAX);
        let before = u64::from(epoch - 1) * u64::from(steps);
        let all = u64::from(from.epochs) * u64::from(steps);
        let warmup = u64::from(recipe.warmup) * u64::from(steps);
        let rate = |step: u32| schedule::warmed_rate(recipe.schedule, base_rate, before + u64::from(step), all, warmup);
        let classes: Vec<usize> = kept.iter().map(|index| self.feed.label(Split::Train, *index as usize)).collect();
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
        // An order of what is kept; what an image looks like in this epoch goes by its place in the dataset.
        let order = match recipe.balance.class_chances(&counts) {
            Some(chances) => drawn_order(recipe.seed, u64::from(epoch), &classes, &chances),
            None => epoch_order(recipe.seed, u64::from(epoch), kept.len()),
        };
        // What is done of the epoch is not made again. Dataset, batch size and images left out are the recipe's, so
        // steps are what they were.
        let done = from.step as usize * batch_size;
        let order = order.into_iter().skip(done).map(|place| kept[place as usize]).collect();
        let batches = self.feed.start(Split::Train, order, batch_size, Pass::Training(u64::from(epoch)));
        let batches = batches.map_err(FitError::Thread)?;
        reporter.report(Event::EpochStarted { epoch, steps, done: from.step, seconds: from.seconds });
        let objective = self.objective(&counts, device);
        Ok(train_epoch(trainee, &self.feed, batches, &plan, &objective, device, keep, reporter)?)
    }

    /// Training images of each class.
    fn class_counts(&self, classes: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.identity.classes.len()];
        classes.iter().for_each(|class| counts[*class] += 1);
        counts
    }

    /// How the loss counts labels, for classes with so many training images.
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

    /// Evaluates a network on a split. `None` if a stop was asked for before the end.
    ///
    /// # Errors
    /// When no thread can be had for the batches.
    pub fn evaluate(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        self.evaluate_view(network, split, View::PLAIN, device, reporter)
    }

    /// The same for one view of each image.
    ///
    /// # Errors
    /// When no thread can be had for the batches.
    pub fn evaluate_view(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        view: View,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let count = u32::try_from(self.feed.count(split)).unwrap_or(u32::MAX);
        self.evaluate_images(network, split, (0..count).collect(), view, device, reporter)
    }

    /// The same for a view of the images with these indices, in their order.
    ///
    /// # Errors
    /// When no thread can be had for the batches.
    pub fn evaluate_images(
        &self,
        network: &Network<B::InnerBackend>,
        split: Split,
        order: Vec<u32>,
        view: View,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let batches = self.feed.start(split, order, BATCH_SIZE, Pass::Evaluation(view)).map_err(FitError::Thread)?;
        let (classes, stop) = (self.identity.classes.len(), || reporter.stop_requested());
        Ok(evaluate(network, &self.feed, batches, classes, self.readback, device, stop))
    }
}
