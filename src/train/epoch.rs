//! One epoch: every training image once, one optimizer step a batch.

use burn::module::AutodiffModule;
use burn::tensor::{Int, Tensor};

use crate::model::kernels::{TrainBackend, read};
use crate::model::network::{Network, StepKey};

use super::Reporter;
use super::average::Average;
use super::feed::{Feed, Piece, Ready};
use super::keep::{Keep, SaveError};
use super::loss::{Mixed, Objective};
use super::meter::{Meter, Pending};
use super::optimizer::NetworkOptimizer;
use crate::checkpoint::Partial;

/// What training moves.
pub struct Trainee<B: TrainBackend> {
    /// The network.
    pub network: Network<B>,
    /// What moves it.
    pub optimizer: NetworkOptimizer<B>,
    /// The average of its weights, where one is kept.
    pub average: Option<Average<B>>,
}

impl<B: TrainBackend> Trainee<B> {
    /// The network that is evaluated: the average where one is kept.
    #[must_use]
    pub fn evaluated(&self) -> Network<B::InnerBackend> {
        self.average.as_ref().map_or_else(|| self.network.valid(), |average| average.network().clone())
    }
}

/// What an epoch needs to know beside the network.
pub struct EpochPlan<'a> {
    /// Counted from 1.
    pub epoch: u32,
    /// Of how many, as it begins.
    pub epochs: u32,
    /// Optimizer steps in it.
    pub steps: u32,
    /// Steps of the epochs before it.
    pub before: u64,
    /// The part of it that is done.
    pub from: Partial,
    /// The run's seed.
    pub seed: u64,
    /// The learning rate of each of its steps, counted from 0.
    pub rate: &'a dyn Fn(u32) -> f64,
    /// The learning rate of a pretrained base as a multiple of the others'.
    pub base_rate: f64,
    /// Steps between two reads of the loss from the device. Fixed by the kind of device and not by time, because
    /// where a sum is cut decides its last bits. Reading waits for the device: every step where that costs nothing.
    pub readback: u32,
}

/// How an epoch ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EpochEnd {
    /// All images seen: what they amount to, and all of the epoch as a part of it.
    Completed(TrainingFigures, Partial),
    /// A stop was asked for; what was done so far is saved.
    Stopped,
    /// The loss stopped being a number at this step, counted from 1.
    Diverged {
        /// The step at which it was noticed.
        step: u32,
    },
}

/// What an epoch's training amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingFigures {
    /// Mean over all images, while the weights moved.
    pub loss: f64,
    /// Likewise.
    pub accuracy: f64,
    /// Of the last step.
    pub learning_rate: f64,
    /// Training images per second.
    pub images_per_second: f64,
}

/// Trains for one epoch or what is left of it. `batches` are of this feed and begin behind the part that is done.
///
/// # Errors
/// When a checkpoint cannot be written.
#[allow(clippy::too_many_arguments)] // the loop is where everything meets
pub fn train_epoch<B>(
    mut trainee: Trainee<B>,
    feed: &Feed<'_, B::InnerBackend>,
    batches: impl Iterator<Item = Piece>,
    plan: &EpochPlan<'_>,
    objective: &Objective<B::InnerBackend>,
    device: &B::Device,
    keep: &mut Keep<'_>,
    reporter: &mut dyn Reporter,
) -> Result<(Trainee<B>, EpochEnd), SaveError>
where
    B: TrainBackend,
{
    let mut meter = Meter::new(plan, reporter.paused());
    let mut pending = Pending::<B>::resume(&plan.from, device);
    for (step, batch) in (plan.from.step + 1..).zip(batches) {
        if reporter.stop_requested() {
            meter.flush(step - 1, reporter.paused()).into_iter().for_each(|event| reporter.report(event));
            keep.part(&trainee, meter.partial(step - 1, &pending, reporter.paused()), reporter)?;
            return Ok((trainee, EpochEnd::Stopped));
        }
        let count = batch.labels().len();
        let Ready { inputs, labels } = feed.ready(batch, device);
        let key = StepKey { seed: plan.seed, epoch: plan.epoch, step };
        let rate = (plan.rate)(step - 1);
        let rates = [rate, rate * plan.base_rate];
        let Trainee { network, mut optimizer, average } = trainee;
        let (network, loss, logits) =
            train_step(network, &mut optimizer, inputs, labels.clone(), key, rates, objective);
        let average = average.map(|average| average.after(&network, plan.before + u64::from(step)));
        trainee = Trainee { network, optimizer, average };
        if step == plan.from.step + 1 {
            // Waits for the device once: one without enough memory has to be found out before much is waiting for it.
            drop(read(loss.clone()));
        }
        pending.add(loss, logits, labels, count);
        if step % plan.readback == 0 || step == plan.steps {
            meter.add(pending.take());
            if !meter.is_finite() {
                return Ok((trainee, EpochEnd::Diverged { step }));
            }
            let due = keep.is_due();
            let paused = reporter.paused();
            // A checkpoint lies at the end of what was told, so that the curve can be cut there.
            let event = if due { meter.flush(step, paused) } else { meter.report(step, paused) };
            event.into_iter().for_each(|event| reporter.report(event));
            if due {
                keep.part(&trainee, meter.partial(step, &pending, paused), reporter)?;
            }
        }
    }
    let paused = reporter.paused();
    let end = EpochEnd::Completed(meter.figures(paused), meter.partial(plan.steps, &pending, paused));
    Ok((trainee, end))
}

/// One step: forward, back, and the optimizer. Gives the network behind it, the mean loss `[1]` and the logits
/// `[inputs, classes]` before it. The second rate is that of a pretrained base.
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
    // Padding would enter the statistics that batch norm normalizes by, and be mixed with images.
    let alone = network.uses_batch_statistics() || objective.mixup > 0.0;
    let inputs = if alone && inputs.dims()[0] > count { inputs.narrow(0, 0, count) } else { inputs };
    let Mixed { inputs, others } = objective.mix(inputs, &labels, key);
    let (logits, statistics) = network.training_logits(Tensor::from_inner(inputs), key);
    // What a batch was filled up with counts nowhere, and no gradient goes back to it.
    let logits = if logits.dims()[0] > count { logits.narrow(0, 0, count) } else { logits };
    let loss = objective.loss(logits.clone(), labels, others);
    let told = (loss.clone().inner(), logits.inner());
    let network = network.with_statistics(statistics);
    (optimizer.step(network, loss.backward(), rates), told.0, told.1)
}
