//! What an epoch's training adds up to: sums on the device, sums on the host, and when to tell of them.

use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::events::Event;
use crate::model::kernels::read;

use super::epoch::{EpochPlan, TrainingFigures};
use super::stopwatch::Stopwatch;
use crate::checkpoint::Partial;

/// At most one progress event in this time, and at most [`MAX_REPORTS`] an epoch.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const MAX_REPORTS: u32 = 200;

/// Sums that are still on the device.
pub(crate) struct Pending<B: AutodiffBackend> {
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
    pub(crate) fn add(
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

    /// Goes on from sums that had not been cut when their checkpoint was saved.
    pub(super) fn resume(from: &Partial, device: &B::Device) -> Self {
        let sums = from.pending.map(|sums| Tensor::from_data(TensorData::new(sums.to_vec(), [2]), device));
        Self { sums, images: from.pending_images }
    }

    /// Reads the sums and cuts them: waits for the device.
    pub(crate) fn take(&mut self) -> Sums {
        let Some([loss, right]) = self.sums() else { return Sums::default() };
        self.sums = None;
        Sums { loss: f64::from(loss), right: f64::from(right), images: std::mem::take(&mut self.images) }
    }

    /// The sums without a cut.
    fn sums(&self) -> Option<[f32; 2]> {
        let values: Vec<f32> = read(self.sums.clone()?).convert::<f32>().iter::<f32>().collect();
        values.try_into().ok()
    }
}

/// Sums that were read back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) loss: f64,
    pub(crate) right: f64,
    pub(crate) images: usize,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.right += other.right;
        self.images += other.images;
    }
}

/// Adds up an epoch and decides when to report.
pub(super) struct Meter<'a> {
    plan: &'a EpochPlan<'a>,
    total: Sums,
    since_report: Sums,
    begun: Stopwatch,
    reported: Stopwatch,
    reported_step: u32,
}

#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
impl<'a> Meter<'a> {
    /// Goes on from the part of the epoch that is done. `paused`: how long the run has paused in all, here and below.
    pub(super) fn new(plan: &'a EpochPlan<'a>, paused: Duration) -> Self {
        let reported = Stopwatch::start(paused);
        let Partial { step, loss, right, images, .. } = plan.from;
        let total = Sums { loss, right, images };
        Self { plan, total, since_report: Sums::default(), begun: reported, reported, reported_step: step }
    }

    pub(super) fn add(&mut self, sums: Sums) {
        self.total.add(sums);
        self.since_report.add(sums);
    }

    /// Whether the loss is a number so far.
    pub(super) fn is_finite(&self) -> bool {
        self.total.loss.is_finite()
    }

    /// Progress up to this step, if it is time to tell.
    pub(super) fn report(&mut self, step: u32, paused: Duration) -> Option<Event> {
        let due = self.reported.elapsed(paused) >= REPORT_INTERVAL
            && step - self.reported_step >= self.plan.steps / MAX_REPORTS;
        if due { self.flush(step, paused) } else { None }
    }

    /// Progress up to this step, if nothing was told of it yet.
    pub(super) fn flush(&mut self, step: u32, paused: Duration) -> Option<Event> {
        let Sums { loss, right, images } = std::mem::take(&mut self.since_report);
        if images == 0 {
            return None;
        }
        let elapsed = self.reported.elapsed(paused);
        self.reported = Stopwatch::start(paused);
        self.reported_step = step;
        let images = images as f64;
        Some(Event::Step {
            epoch: self.plan.epoch,
            step,
            steps: self.plan.steps,
            loss: loss / images,
            accuracy: right / images,
            learning_rate: (self.plan.rate)(step - 1),
            images_per_second: images / elapsed.as_secs_f64(),
        })
    }

    /// Seconds that the epoch has taken, with those before it was gone on with.
    pub(super) fn seconds(&self, paused: Duration) -> f64 {
        self.plan.from.seconds + self.begun.elapsed(paused).as_secs_f64()
    }

    /// Where the epoch stands after this step, with the sums that are still on the device.
    pub(super) fn partial<B: AutodiffBackend>(&self, step: u32, pending: &Pending<B>, paused: Duration) -> Partial {
        let Sums { loss, right, images } = self.total;
        Partial {
            step,
            epochs: self.plan.epochs,
            loss,
            right,
            images,
            pending: pending.sums(),
            pending_images: pending.images,
            seconds: self.seconds(paused),
        }
    }

    /// What the epoch amounts to once all its steps are done.
    pub(super) fn figures(&self, paused: Duration) -> TrainingFigures {
        let images = self.total.images.max(1) as f64;
        TrainingFigures {
            loss: self.total.loss / images,
            accuracy: self.total.right / images,
            learning_rate: (self.plan.rate)(self.plan.steps.saturating_sub(1)),
            images_per_second: images / self.seconds(paused),
        }
    }
}
