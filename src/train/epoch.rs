//! One epoch: every training image once, one optimizer step a batch.

use std::time::Duration;

use burn::module::AutodiffModule;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{GradientsParams, Optimizer};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::batch::Batch;
use crate::events::Event;
use crate::model::kernels::ConvBlockBackend;
use crate::model::vgg16::{FrozenBase, StepKey};

use super::Reporter;
use super::classifier::Classifier;
use super::evaluate::inputs;
use super::optimizer::AdamOptimizer;
use super::stopwatch::Stopwatch;

/// At most one progress event in this time, and at most [`MAX_REPORTS`] an epoch.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const MAX_REPORTS: u32 = 200;

/// What an epoch needs to know beside the network.
pub struct EpochPlan<'a> {
    /// Counted from 1.
    pub epoch: u32,
    /// Optimizer steps in it.
    pub steps: u32,
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
    /// All images seen.
    Completed(TrainingFigures),
    /// A stop was asked for.
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

/// Trains for one epoch, on top of a frozen base if there is one: that runs outside the graph.
pub fn train_epoch<B, M>(
    mut network: M,
    optimizer: &mut AdamOptimizer<M, B>,
    frozen: Option<&FrozenBase<B::InnerBackend>>,
    batches: impl Iterator<Item = Batch>,
    plan: &EpochPlan<'_>,
    device: &B::Device,
    reporter: &mut dyn Reporter,
) -> (M, EpochEnd)
where
    B: AutodiffBackend,
    B::InnerBackend: ConvBlockBackend,
    M: AutodiffModule<B> + Classifier<B>,
{
    let loss_function = CrossEntropyLossConfig::new().init::<B>(device);
    let mut meter = Meter::new(plan, reporter.paused());
    let mut pending = Pending::<B>::default();
    for (step, batch) in (1..).zip(batches) {
        if reporter.stop_requested() {
            return (network, EpochEnd::Stopped);
        }
        let labels = labels::<B>(&batch, device);
        let count = batch.labels.len();
        let inputs = Tensor::from_inner(inputs(batch, frozen, device));
        let logits = network.training_logits(inputs, StepKey { seed: plan.seed, epoch: plan.epoch, step });
        let loss = loss_function.forward(logits.clone(), labels.clone());
        pending.add(loss.clone().inner(), logits.inner(), labels.inner(), count);
        let rate = (plan.rate)(step - 1);
        network = descend(network, optimizer, loss.backward(), [rate, rate * plan.base_rate]);
        if step % plan.readback == 0 || step == plan.steps {
            meter.add(pending.take(), rate);
            if !meter.total.loss.is_finite() {
                return (network, EpochEnd::Diverged { step });
            }
            if let Some(event) = meter.report(step, reporter.paused()) {
                reporter.report(event);
            }
        }
    }
    (network, EpochEnd::Completed(meter.figures(reporter.paused())))
}

/// One step of the optimizer; the second rate is that of a pretrained base.
pub(super) fn descend<B, M>(
    network: M,
    optimizer: &mut AdamOptimizer<M, B>,
    mut gradients: B::Gradients,
    [rate, base_rate]: [f64; 2],
) -> M
where
    B: AutodiffBackend,
    M: AutodiffModule<B> + Classifier<B>,
{
    let base = network.base_parameters();
    let network = if base.is_empty() {
        network
    } else {
        let of_base = GradientsParams::from_params(&mut gradients, &network, &base);
        optimizer.step(base_rate, network, of_base)
    };
    // Those of the base are taken out already.
    let others = GradientsParams::from_module(&mut gradients, &network);
    optimizer.step(rate, network, others)
}

fn labels<B: Backend>(batch: &Batch, device: &B::Device) -> Tensor<B, 1, Int> {
    Tensor::from_data(TensorData::new(batch.labels.clone(), [batch.labels.len()]), device)
}

/// Sums that are still on the device.
struct Pending<B: AutodiffBackend> {
    /// `[2]`: summed loss, images predicted right.
    sums: Option<Tensor<B::InnerBackend, 1>>,
    images: usize,
}

impl<B: AutodiffBackend> Default for Pending<B> {
    fn default() -> Self {
        Self { sums: None, images: 0 }
    }
}

impl<B: AutodiffBackend> Pending<B> {
    #[allow(clippy::cast_precision_loss)] // batch sizes are small
    fn add(
        &mut self,
        loss: Tensor<B::InnerBackend, 1>,
        logits: Tensor<B::InnerBackend, 2>,
        labels: Tensor<B::InnerBackend, 1, Int>,
        images: usize,
    ) {
        let right = logits.argmax(1).flatten::<1>(0, 1).equal(labels).float().sum();
        let sums = Tensor::cat(vec![loss.mul_scalar(images as f32), right], 0);
        self.sums = Some(match self.sums.take() {
            Some(earlier) => earlier + sums,
            None => sums,
        });
        self.images += images;
    }

    /// Reads the sums back: waits for the device.
    fn take(&mut self) -> Sums {
        let values = self.sums.take().map(|sums| sums.into_data().convert::<f32>().iter::<f32>().collect::<Vec<_>>());
        let images = std::mem::take(&mut self.images);
        match values.as_deref() {
            Some(&[loss, right]) => Sums { loss: f64::from(loss), right: f64::from(right), images },
            _ => Sums::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    loss: f64,
    right: f64,
    images: usize,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.right += other.right;
        self.images += other.images;
    }
}

/// Adds up an epoch and decides when to report.
struct Meter<'a> {
    plan: &'a EpochPlan<'a>,
    total: Sums,
    since_report: Sums,
    begun: Stopwatch,
    reported: Stopwatch,
    reported_step: u32,
    rate: f64,
}

#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
impl<'a> Meter<'a> {
    /// `paused`: how long the run has paused in all, here and below.
    fn new(plan: &'a EpochPlan<'a>, paused: Duration) -> Self {
        let begun = Stopwatch::start(paused);
        let (total, since_report) = (Sums::default(), Sums::default());
        Self { plan, total, since_report, begun, reported: begun, reported_step: 0, rate: f64::NAN }
    }

    fn add(&mut self, sums: Sums, rate: f64) {
        self.total.add(sums);
        self.since_report.add(sums);
        self.rate = rate;
    }

    fn report(&mut self, step: u32, paused: Duration) -> Option<Event> {
        let elapsed = self.reported.elapsed(paused);
        let due = elapsed >= REPORT_INTERVAL && step - self.reported_step >= self.plan.steps / MAX_REPORTS;
        if !due {
            return None;
        }
        let Sums { loss, right, images } = std::mem::take(&mut self.since_report);
        self.reported = Stopwatch::start(paused);
        self.reported_step = step;
        let images = images.max(1) as f64;
        Some(Event::Step {
            epoch: self.plan.epoch,
            step,
            steps: self.plan.steps,
            loss: loss / images,
            accuracy: right / images,
            learning_rate: self.rate,
            images_per_second: images / elapsed.as_secs_f64(),
        })
    }

    fn figures(&self, paused: Duration) -> TrainingFigures {
        let images = self.total.images.max(1) as f64;
        TrainingFigures {
            loss: self.total.loss / images,
            accuracy: self.total.right / images,
            learning_rate: self.rate,
            images_per_second: images / self.begun.elapsed(paused).as_secs_f64(),
        }
    }
}
