//! Trains one epoch: every training image once, one optimizer step for each batch.

use burn::module::AutodiffModule;
use burn::tensor::{Int, Tensor};

use crate::model::kernels::{TrainBackend, copy_to_host};
use crate::model::network::{Network, StepKey};

use super::Reporter;
use super::average::Average;
use super::checkpoint_saver::{CheckpointSaver, SaveError};
use super::data_loader::{DataLoader, DeviceBatch, HostBatch};
use super::loss::{MixedBatch, Objective};
use super::metric_accumulator::{DeviceSums, MetricAccumulator};
use super::optimizer::NetworkOptimizer;
use crate::checkpoint::Partial;

/// The state that a training step changes.
pub struct Learner<B: TrainBackend> {
    /// The network.
    pub network: Network<B>,
    /// The optimizer of the network.
    pub optimizer: NetworkOptimizer<B>,
    /// The moving average of its weights, where the recipe has one.
    pub average: Option<Average<B>>,
}

impl<B: TrainBackend> Learner<B> {
    /// Returns the network to evaluate: the average where there is one.
    #[must_use]
    pub fn evaluated(&self) -> Network<B::InnerBackend> {
        self.average.as_ref().map_or_else(|| self.network.valid(), |average| average.network().clone())
    }
}

/// The settings of one epoch.
pub struct EpochPlan<'a> {
    /// The number of the epoch, counted from 1.
    pub epoch: u32,
    /// The number of epochs in force when this one started.
    pub epochs: u32,
    /// Optimizer steps in this epoch.
    pub steps: u32,
    /// Optimizer steps in all epochs before it.
    pub before: u64,
    /// The part that was trained before a resume.
    pub from: Partial,
    /// The run's seed.
    pub seed: u64,
    /// The learning rate of a step of this epoch, counted from 0.
    pub rate: &'a dyn Fn(u32) -> f64,
    /// The learning rate of pretrained layers as a multiple of the others'.
    pub base_rate: f64,
    /// Steps between two reads of the loss from the device; 1 where reading costs nothing. A constant for the kind of
    /// device: a number that followed the clock would change the last bits of the sums.
    pub readback: u32,
}

/// The end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EpochEnd {
    /// All batches were trained: the metrics, and the complete epoch as a [`Partial`].
    Completed(TrainingMetrics, Partial),
    /// A stop was requested, and the trained part is saved.
    Stopped,
    /// The loss became NaN or infinite at this step, counted from 1.
    Diverged {
        /// The step at which the loss was read.
        step: u32,
    },
}

/// The metrics of an epoch's training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingMetrics {
    /// Mean loss over all images, each under the weights of its step.
    pub loss: f64,
    /// Share of images predicted right, each under the weights of its step.
    pub accuracy: f64,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Training images per second.
    pub images_per_second: f64,
}

/// Trains one epoch, or the rest of it. `batches` come from `loader` and start after the trained part.
///
/// # Errors
/// If a checkpoint cannot be written.
#[allow(clippy::too_many_arguments)] // the loop is where everything meets
pub fn train_epoch<B>(
    mut learner: Learner<B>,
    loader: &DataLoader<'_, B::InnerBackend>,
    batches: impl Iterator<Item = HostBatch>,
    plan: &EpochPlan<'_>,
    objective: &Objective<B::InnerBackend>,
    device: &B::Device,
    saver: &mut CheckpointSaver<'_>,
    reporter: &mut dyn Reporter,
) -> Result<(Learner<B>, EpochEnd), SaveError>
where
    B: TrainBackend,
{
    let mut metrics = MetricAccumulator::new(plan, reporter.paused());
    let mut pending = DeviceSums::<B>::resume(&plan.from, device);
    for (step, batch) in (plan.from.step + 1..).zip(batches) {
        if reporter.stop_requested() {
            metrics.flush(step - 1, reporter.paused()).into_iter().for_each(|event| reporter.report(event));
            saver.save_partial(&learner, metrics.partial(step - 1, &pending, reporter.paused()), reporter)?;
            return Ok((learner, EpochEnd::Stopped));
        }
        let count = batch.labels().len();
        let DeviceBatch { inputs, labels } = loader.to_device(batch, device);
        let key = StepKey { seed: plan.seed, epoch: plan.epoch, step };
        let rate = (plan.rate)(step - 1);
        let rates = [rate, rate * plan.base_rate];
        let Learner { network, mut optimizer, average } = learner;
        let (network, loss, logits) =
            train_step(network, &mut optimizer, inputs, labels.clone(), key, rates, objective);
        let average = average.map(|average| average.after(&network, plan.before + u64::from(step)));
        learner = Learner { network, optimizer, average };
        if step == plan.from.step + 1 {
            // Waits for the device once. Otherwise a lack of memory would show only after many batches are queued.
            drop(copy_to_host(loss.clone()));
        }
        pending.add(loss, logits, labels, count);
        if step % plan.readback == 0 || step == plan.steps {
            metrics.add(pending.take());
            if !metrics.is_finite() {
                return Ok((learner, EpochEnd::Diverged { step }));
            }
            let due = saver.is_due();
            let paused = reporter.paused();
            // Logged up to the checkpoint, so that the curve can be cut there after a resume.
            let event = if due { metrics.flush(step, paused) } else { metrics.report(step, paused) };
            event.into_iter().for_each(|event| reporter.report(event));
            if due {
                saver.save_partial(&learner, metrics.partial(step, &pending, paused), reporter)?;
            }
        }
    }
    let paused = reporter.paused();
    let end = EpochEnd::Completed(metrics.metrics(paused), metrics.partial(plan.steps, &pending, paused));
    Ok((learner, end))
}

/// Runs one step: forward pass, backward pass and optimizer. Returns the network after it, the mean loss `[1]` and the
/// logits `[inputs, classes]` before it. The second rate is that of pretrained layers.
pub fn train_step<B: TrainBackend>(
    network: Network<B>,
    optimizer: &mut NetworkOptimizer<B>,
    inputs: Tensor<B::InnerBackend, 4>,
    labels: Tensor<B::InnerBackend, 1, Int>,
    key: StepKey,
    rates: [f64; 2],
    objective: &Objective<B::InnerBackend>,
) -> (Network<B>, Tensor<B::InnerBackend, 1>, Tensor<B::InnerBackend, 2>) {
    let count = labels.dims()[0];
    // Padding would change the statistics of batch norm, and would be mixed with images.
    let drop_padding = network.uses_batch_statistics() || objective.mixup > 0.0;
    let inputs = if drop_padding && inputs.dims()[0] > count { inputs.narrow(0, 0, count) } else { inputs };
    let MixedBatch { inputs, others } = objective.mix(inputs, &labels, key);
    let (logits, statistics) = network.training_logits(Tensor::from_inner(inputs), key);
    // Padding has no loss and no gradient.
    let logits = if logits.dims()[0] > count { logits.narrow(0, 0, count) } else { logits };
    let loss = objective.loss(logits.clone(), labels, others);
    let (mean_loss, found) = (loss.clone().inner(), logits.inner());
    let network = network.with_statistics(statistics);
    (optimizer.step(network, loss.backward(), rates), mean_loss, found)
}
