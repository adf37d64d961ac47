//! A whole training, from the first epoch or from a checkpoint to its end.

use std::io;
use std::sync::Arc;

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use crate::data::batch::{Prefetch, Source, epoch_order};
use crate::domain::{EarlyStopping, EarlyStoppingStatus, EpochMetrics, FinishReason, Limits, Monitor, Recipe, Split};
use crate::events::Event;
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters::{self, Arrays, MismatchError};
use crate::model::vgg16::FrozenBase;

use super::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointFiles, Identity, State};
use super::classifier::Classifier;
use super::early_stopping::{Verdict, observe};
use super::epoch::{EpochEnd, EpochPlan, TrainingFigures, train_epoch};
use super::evaluate::{BATCH_SIZE, Evaluation, evaluate};
use super::optimizer::{self, AdamOptimizer};
use super::stopwatch::Stopwatch;
use super::{Reporter, schedule};

/// Batches made ahead of the trainer.
const PREFETCH: usize = 3;

/// What a training works on.
pub struct Fit<'a, B: AutodiffBackend> {
    /// Its settings.
    pub recipe: &'a Recipe,
    /// Its inputs: images, or what a frozen base made of them.
    pub source: Arc<dyn Source>,
    /// The frozen base, where the inputs are images; it runs outside the graph.
    pub frozen: Option<&'a FrozenBase<B::InnerBackend>>,
    /// What its checkpoints are of.
    pub identity: &'a Identity,
    /// Where its checkpoints go.
    pub files: &'a CheckpointFiles,
    /// Steps between two reads of the loss from the device; see [`EpochPlan::readback`].
    pub readback: u32,
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitEnd {
    /// By itself.
    Finished(FinishReason),
    /// On request. The last checkpoint is that of the last completed epoch.
    Stopped,
    /// A figure stopped being a number; says which and where.
    Diverged(String),
}

/// Why a training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A checkpoint could not be written.
    #[error("cannot save the checkpoint {path}: {source}")]
    Save {
        /// The file.
        path: String,
        /// What the file system said.
        source: io::Error,
    },
    /// No thread for the batches.
    #[error("cannot start a thread to make batches: {0}")]
    Thread(io::Error),
    /// The checkpoint is of another network.
    #[error("the checkpoint does not fit the model: {0}")]
    Mismatch(#[from] MismatchError),
}

/// Where training stands between two epochs.
struct Progress<M: AutodiffModule<B>, B: AutodiffBackend> {
    network: M,
    optimizer: AdamOptimizer<M, B>,
    epoch: u32,
    learning_rate: f64,
    early_stopping: EarlyStoppingStatus,
}

/// Trains `network` to its end, from `checkpoint` if there is one.
///
/// Limits may change on the way. Patience counts when an epoch ends. The number of epochs counts when one begins: for
/// whether it does, and as the length of its schedule. Were that to change within an epoch, the rate of a step would
/// depend on the instant at which a request was noticed, and the same requests would no longer give the same run.
///
/// # Errors
/// When a checkpoint does not fit or cannot be written.
pub fn fit<B, M>(
    fit: &Fit<'_, B>,
    network: M,
    checkpoint: Option<&Checkpoint>,
    device: &B::Device,
    reporter: &mut dyn Reporter,
) -> Result<FitEnd, FitError>
where
    B: AutodiffBackend,
    B::InnerBackend: ConvBlockBackend,
    M: AutodiffModule<B> + Classifier<B>,
    M::InnerModule: Classifier<B::InnerBackend>,
{
    let recipe = fit.recipe;
    let own = Limits::of(recipe);
    let mut progress = begin(network, recipe, checkpoint)?;
    if progress.early_stopping.waited >= reporter.limits(own).patience {
        return Ok(FitEnd::Finished(FinishReason::EarlyStop));
    }
    loop {
        let epochs = reporter.limits(own).epochs;
        if progress.epoch >= epochs {
            return Ok(FitEnd::Finished(FinishReason::MaxEpochs));
        }
        let begun = Stopwatch::start(reporter.paused());
        let at = EpochOf { epoch: progress.epoch + 1, epochs, base_rate: progress.learning_rate };
        let epoch = at.epoch;
        let (network, end) = fit.train(progress.network, &mut progress.optimizer, at, device, reporter)?;
        progress.network = network;
        let training = match end {
            EpochEnd::Completed(training) => training,
            EpochEnd::Stopped => return Ok(FitEnd::Stopped),
            EpochEnd::Diverged { step } => {
                return Ok(FitEnd::Diverged(format!("the training loss is no number at step {step} of epoch {epoch}")));
            }
        };
        let Some(validation) = fit.evaluate(&progress.network.valid(), Split::Validation, device, reporter)? else {
            return Ok(FitEnd::Stopped);
        };
        let seconds = begun.elapsed(reporter.paused()).as_secs_f64();
        let metrics = figures(epoch, &training, &validation, seconds);
        let value = match recipe.early_stopping.monitor {
            Monitor::ValLoss => metrics.val_loss,
            Monitor::ValAccuracy => metrics.val_accuracy,
        };
        if !metrics.val_loss.is_finite() {
            return Ok(FitEnd::Diverged(format!("the validation loss is no number after epoch {epoch}")));
        }
        let rule = EarlyStopping { patience: reporter.limits(own).patience, ..recipe.early_stopping };
        let (status, verdict) = observe(&rule, progress.early_stopping, epoch, value);
        let rate = schedule::after_epoch(recipe, progress.learning_rate, status.waited);
        let lowered = (rate < progress.learning_rate && verdict != Verdict::Stop)
            .then_some(Event::LearningRateReduced { epoch, from: progress.learning_rate, to: rate });
        progress.epoch = epoch;
        progress.learning_rate = rate;
        progress.early_stopping = status;
        reporter.validated(epoch, &validation);
        // Told before it is saved: a run killed in between trains the epoch again, and the event is replaced. The
        // other way round the epoch would be missing from the history for good.
        reporter.report(Event::EpochFinished { metrics, early_stopping: status });
        fit.save(&progress, verdict == Verdict::Improved)?;
        reporter.report(Event::CheckpointSaved { epoch, best: verdict == Verdict::Improved });
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
    /// Of how many, as it begins.
    epochs: u32,
    /// The learning rate as plateaus have left it.
    base_rate: f64,
}

fn begin<B: AutodiffBackend, M: AutodiffModule<B>>(
    network: M,
    recipe: &Recipe,
    checkpoint: Option<&Checkpoint>,
) -> Result<Progress<M, B>, MismatchError> {
    let Some(Checkpoint { state, arrays }) = checkpoint else {
        return Ok(Progress {
            network,
            optimizer: optimizer::adam(),
            epoch: 0,
            learning_rate: recipe.learning_rate,
            early_stopping: EarlyStoppingStatus::default(),
        });
    };
    let network = parameters::load(network, arrays)?;
    Ok(Progress {
        optimizer: optimizer::load(&network, arrays, state.optimizer_steps)?,
        network,
        epoch: state.epoch,
        learning_rate: state.learning_rate,
        early_stopping: state.early_stopping,
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
    B: AutodiffBackend,
    B::InnerBackend: ConvBlockBackend,
{
    fn train<M>(
        &self,
        network: M,
        optimizer: &mut AdamOptimizer<M, B>,
        EpochOf { epoch, epochs, base_rate }: EpochOf,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<(M, EpochEnd), FitError>
    where
        M: AutodiffModule<B> + Classifier<B>,
    {
        let recipe = self.recipe;
        let kept = recipe.left_out.kept_of(self.source.count(Split::Train));
        let batch_size = recipe.batch_size as usize;
        let steps = u32::try_from(kept.len().div_ceil(batch_size)).unwrap_or(u32::MAX);
        let before = u64::from(epoch - 1) * u64::from(steps);
        let all = u64::from(epochs) * u64::from(steps);
        let rate = |step: u32| schedule::rate(recipe.schedule, base_rate, before + u64::from(step), all);
        let plan = EpochPlan {
            epoch,
            steps,
            seed: recipe.seed,
            rate: &rate,
            base_rate: schedule::base_rate(recipe),
            readback: self.readback,
        };
        // An order of what is kept; what an image looks like in this epoch goes by its place in the dataset.
        let order = epoch_order(recipe.seed, u64::from(epoch), kept.len());
        let order = order.into_iter().map(|place| kept[place as usize]).collect();
        let source = Arc::clone(&self.source);
        let batches = Prefetch::start(source, Split::Train, order, batch_size, Some(u64::from(epoch)), PREFETCH)
            .map_err(FitError::Thread)?;
        reporter.report(Event::EpochStarted { epoch, steps });
        Ok(train_epoch(network, optimizer, self.frozen, batches, &plan, device, reporter))
    }

    /// Evaluates a network on a split. `None` if a stop was asked for before the end.
    ///
    /// # Errors
    /// When no thread can be had for the batches.
    pub fn evaluate(
        &self,
        network: &impl Classifier<B::InnerBackend>,
        split: Split,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let count = u32::try_from(self.source.count(split)).unwrap_or(u32::MAX);
        self.evaluate_images(network, split, (0..count).collect(), device, reporter)
    }

    /// The same for the images with these indices, in their order.
    ///
    /// # Errors
    /// When no thread can be had for the batches.
    pub fn evaluate_images(
        &self,
        network: &impl Classifier<B::InnerBackend>,
        split: Split,
        order: Vec<u32>,
        device: &B::Device,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Evaluation>, FitError> {
        let batches = Prefetch::start(Arc::clone(&self.source), split, order, BATCH_SIZE, None, PREFETCH)
            .map_err(FitError::Thread)?;
        let classes = self.identity.classes.len();
        Ok(evaluate(network, self.frozen, batches, classes, device, || reporter.stop_requested()))
    }

    fn save<M: AutodiffModule<B>>(&self, progress: &Progress<M, B>, best: bool) -> Result<(), FitError> {
        let (moments, optimizer_steps) = optimizer::save(&progress.optimizer, &progress.network);
        let mut arrays: Arrays = parameters::save(&progress.network);
        arrays.extend(moments);
        let state = State {
            version: CHECKPOINT_VERSION,
            strategy: self.recipe.strategy,
            identity: self.identity.clone(),
            epoch: progress.epoch,
            optimizer_steps,
            learning_rate: progress.learning_rate,
            early_stopping: progress.early_stopping,
        };
        let CheckpointFiles { last, best: best_file } = self.files;
        let failed = |path: &std::path::Path| {
            let path = path.display().to_string();
            move |source| FitError::Save { path, source }
        };
        let checkpoint = Checkpoint { state, arrays };
        // The best first: between the two, `last` is an epoch behind and the run goes on from the best. The other way
        // round `last` would name a best epoch whose weights are nowhere. Two files and not two names of one, so that
        // no damage takes both.
        if best {
            checkpoint.write(best_file).map_err(failed(best_file))?;
        }
        checkpoint.write(last).map_err(failed(last))
    }
}
