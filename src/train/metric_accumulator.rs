//! Accumulates an epoch's loss and accuracy on the device and on the host, and creates progress events.

use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::events::Event;
use crate::model::kernels::copy_to_host;

use super::epoch::{EpochPlan, TrainingMetrics};
use super::stopwatch::Stopwatch;
use crate::checkpoint::Partial;

/// At most one progress event in this time, and at most [`MAX_REPORTS`] in an epoch.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
const MAX_REPORTS: u32 = 200;

/// Sums of loss and correct predictions on the device.
pub(crate) struct DeviceSums<B: AutodiffBackend> {
    /// `[2]`: summed loss, images predicted right.
    sums: Option<Tensor<B::InnerBackend, 1>>,
    images: usize,
}

impl<B: AutodiffBackend> Default for DeviceSums<B> {
    fn default() -> Self {
        Self { sums: None, images: 0 }
    }
}

impl<B: AutodiffBackend> DeviceSums<B> {
    /// Adds a batch with the mean loss `[1]`, logits `[images, classes]` and labels `[images]`.
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

    /// Restores the sums that a checkpoint saved before they were read.
    pub(super) fn resume(from: &Partial, device: &B::Device) -> Self {
        let sums = from.pending.map(|sums| Tensor::from_data(TensorData::new(sums.to_vec(), [2]), device));
        Self { sums, images: from.pending_images }
    }

    /// Reads the sums from the device and resets them; waits for the device.
    pub(crate) fn take(&mut self) -> HostSums {
        let Some([loss, right]) = self.sums() else { return HostSums::default() };
        self.sums = None;
        HostSums { loss: f64::from(loss), right: f64::from(right), images: std::mem::take(&mut self.images) }
    }

    /// Reads the sums without a reset.
    fn sums(&self) -> Option<[f32; 2]> {
        let values: Vec<f32> = copy_to_host(self.sums.clone()?).convert::<f32>().iter::<f32>().collect();
        values.try_into().ok()
    }
}

/// Sums on the host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HostSums {
    pub(crate) loss: f64,
    pub(crate) right: f64,
    pub(crate) images: usize,
}

impl HostSums {
    fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.right += other.right;
        self.images += other.images;
    }
}

/// The sums of an epoch, and of the steps since its last progress event.
pub(super) struct MetricAccumulator<'a> {
    plan: &'a EpochPlan<'a>,
    total: HostSums,
    since_report: HostSums,
    begun: Stopwatch,
    reported: Stopwatch,
    reported_step: u32,
}

#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
impl<'a> MetricAccumulator<'a> {
    /// Starts from the trained part of the epoch. `paused` is the total time that the run has paused, here and below.
    pub(super) fn new(plan: &'a EpochPlan<'a>, paused: Duration) -> Self {
        let reported = Stopwatch::start(paused);
        let Partial { step, loss, right, images, .. } = plan.from;
        let total = HostSums { loss, right, images };
        Self { plan, total, since_report: HostSums::default(), begun: reported, reported, reported_step: step }
    }

    pub(super) fn add(&mut self, sums: HostSums) {
        self.total.add(sums);
        self.since_report.add(sums);
    }

    /// Returns whether the summed loss is finite.
    pub(super) fn is_finite(&self) -> bool {
        self.total.loss.is_finite()
    }

    /// Returns a progress event up to `step` if one is due.
    pub(super) fn report(&mut self, step: u32, paused: Duration) -> Option<Event> {
        let due = self.reported.elapsed(paused) >= REPORT_INTERVAL
            && step - self.reported_step >= self.plan.steps / MAX_REPORTS;
        if due { self.flush(step, paused) } else { None }
    }

    /// Returns a progress event up to `step` if any images came since the last one.
    pub(super) fn flush(&mut self, step: u32, paused: Duration) -> Option<Event> {
        let HostSums { loss, right, images } = std::mem::take(&mut self.since_report);
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

    /// Returns the seconds of the epoch, with those before a resume.
    pub(super) fn seconds(&self, paused: Duration) -> f64 {
        self.plan.from.seconds + self.begun.elapsed(paused).as_secs_f64()
    }

    /// Returns the trained part of the epoch after `step`, with the sums that are still on the device.
    pub(super) fn partial<B: AutodiffBackend>(&self, step: u32, pending: &DeviceSums<B>, paused: Duration) -> Partial {
        let HostSums { loss, right, images } = self.total;
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

    /// Returns the metrics of the completed epoch.
    pub(super) fn metrics(&self, paused: Duration) -> TrainingMetrics {
        let images = self.total.images.max(1) as f64;
        TrainingMetrics {
            loss: self.total.loss / images,
            accuracy: self.total.right / images,
            learning_rate: (self.plan.rate)(self.plan.steps.saturating_sub(1)),
            images_per_second: images / self.seconds(paused),
        }
    }
}
