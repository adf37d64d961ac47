//! The effect of each event on a summary.

use std::time::Duration;

use super::{
    Device, EpochProgress, FeatureProgress, Parameters, SavedPosition, SlotWait, StepPoint, Summary, TestResult,
};
use crate::domain::{Limits, Outcome, RunId, Split};
use crate::events::{Event, Record};

impl Summary {
    /// Updates the summary by one record of the log. A load measurement leaves `updated_at` unchanged.
    pub fn apply(&mut self, record: &Record) {
        if let Event::Load { load } = &record.event {
            // A load measurement is no progress.
            self.load = Some(load.clone());
            return;
        }
        self.updated_at = Some(record.at);
        self.kernels = self.kernels.filter(|_| !proves_device_works(&record.event));
        match &record.event {
            Event::WorkerStarted { host, resumed_from, resumed_step, .. } => {
                self.restart(host, *resumed_from, *resumed_step);
            }
            Event::DeviceChosen { device, description, note } => {
                self.wait_no_more();
                self.device =
                    Some(Device { name: device.clone(), description: description.clone(), note: note.clone() });
            }
            Event::DataOpened { images, classes } => {
                self.images = Some(*images);
                self.classes.clone_from(classes);
            }
            Event::NetworkBuilt { total, trainable } => {
                self.parameters = Some(Parameters { total: *total, trainable: *trainable });
            }
            Event::Waiting { run } => self.wait_for(Some(run.clone()), None),
            Event::Queued { device, ahead } => {
                self.wait_for(None, Some(SlotWait { device: device.clone(), ahead: *ahead }));
            }
            Event::CompilingKernels { .. } => self.kernels = Some(0),
            Event::KernelsCompiled { count, .. } => self.kernels = Some(*count),
            Event::ComputingFeatures { done, total, images_per_second } => {
                let (done, total, images_per_second) = (*done, *total, *images_per_second);
                self.features = Some(FeatureProgress { done, total, images_per_second });
            }
            Event::FeaturesReady { computed, seconds, .. } => {
                self.features = None;
                // The first event is about the training images; the test's event at the end has no effect.
                self.features_computed.get_or_insert((*computed, *seconds));
            }
            Event::EpochStarted { epoch, steps, done, seconds } => {
                self.features = None;
                // As if the earlier worker's part of the epoch had ended just now.
                let spent = u64::try_from(Duration::try_from_secs_f64(*seconds).unwrap_or_default().as_millis());
                let started_at = record.at.saturating_sub(spent.unwrap_or(0));
                self.progress = Some(EpochProgress { epoch: *epoch, step: *done, steps: *steps, started_at });
            }
            Event::Step { epoch, step, steps, loss, accuracy, learning_rate, images_per_second } => {
                let started_at = self.progress.map_or(record.at, |progress| progress.started_at);
                self.progress = Some(EpochProgress { epoch: *epoch, step: *step, steps: *steps, started_at });
                self.images_per_second = Some(*images_per_second);
                self.learning_rate = Some(*learning_rate);
                let epochs = f64::from(epoch.saturating_sub(1)) + f64::from(*step) / f64::from((*steps).max(1));
                self.latest = Some(StepPoint { epochs, epoch: *epoch, step: *step, loss: *loss, accuracy: *accuracy });
            }
            Event::EpochFinished { metrics, early_stopping } => {
                self.forget_epochs_after(metrics.epoch.saturating_sub(1));
                self.epochs.push(*metrics);
                self.statuses.push(*early_stopping);
                self.images_per_second = Some(metrics.images_per_second);
                self.learning_rate = Some(metrics.learning_rate);
                self.early_stopping = *early_stopping;
                self.forget_tests_of_other_weights();
                self.progress = None;
            }
            Event::StopRequested => {
                self.stopping = true;
                self.end_pause(record.at);
            }
            Event::Paused => {
                self.paused = true;
                self.paused_at.get_or_insert(record.at);
            }
            Event::Continued => self.end_pause(record.at),
            Event::LimitsChanged { epochs, patience } => self.limits = Limits { epochs: *epochs, patience: *patience },
            Event::EvaluationStarted { split, .. } => {
                // No test starts with a pending stop request, so this one belongs to an earlier test.
                self.stopping = false;
                self.wait_no_more();
                self.end_pause(record.at);
                self.evaluating = Some(*split);
                self.evaluation_error = None;
            }
            Event::EvaluationFailed { cause } => {
                self.stopping = false;
                self.wait_no_more();
                self.end_pause(record.at);
                self.load = None;
                self.take_failure(cause);
            }
            Event::Evaluated { split, epoch, loss, confusion } => {
                self.evaluating = None;
                self.take_scores(*split, TestResult { epoch: *epoch, loss: *loss, confusion: confusion.clone() });
            }
            Event::ViewsEvaluated { views, epoch, loss, confusion } => {
                let result = TestResult { epoch: *epoch, loss: *loss, confusion: confusion.clone() };
                self.test_views = Some((*views, result));
            }
            Event::CheckpointSaved { epoch, step, .. } => {
                self.saved = Some(SavedPosition { epoch: *epoch, step: *step });
            }
            Event::Warning { message } => self.warnings.push(message.clone()),
            Event::Ended { outcome } => self.end(outcome.clone(), record.at),
            Event::LogOpened { .. } | Event::LearningRateReduced { .. } | Event::Load { .. } | Event::Unknown => {}
        }
    }

    /// Ends everything in progress.
    fn end(&mut self, outcome: Outcome, at: u64) {
        self.outcome = Some(outcome);
        self.ended_at = Some(at);
        self.wait_no_more();
        self.kernels = None;
        self.features = None;
        self.progress = None;
        self.evaluating = None;
        self.stopping = false;
        self.load = None;
        self.end_pause(at);
    }

    /// Drops everything after the epoch, and the step in the next one, from which a worker begins or resumes.
    fn restart(&mut self, host: &str, resumed_from: u32, resumed_step: u32) {
        self.host = Some(host.to_owned());
        self.forget_epochs_after(resumed_from);
        self.early_stopping = self.statuses.last().copied().unwrap_or_default();
        let is_valid = |point: &StepPoint| {
            point.epoch <= resumed_from || (point.epoch - 1 == resumed_from && point.step <= resumed_step)
        };
        self.latest = self.latest.filter(is_valid);
        self.started = true;
        self.outcome = None;
        self.ended_at = None;
        let resumes = resumed_from > 0 || resumed_step > 0;
        self.saved = resumes.then_some(SavedPosition { epoch: resumed_from, step: resumed_step });
        self.forget_tests_of_other_weights();
        self.wait_no_more();
        self.kernels = None;
        self.features = None;
        self.progress = None;
        self.evaluating = None;
        self.stopping = false;
        self.paused = false;
        self.paused_at = None;
        self.load = None;
        // The worker reports other limits at once.
        self.limits = Limits::of(&self.recipe);
    }

    /// Drops the scores of weights that are not the best ones any more.
    fn forget_tests_of_other_weights(&mut self) {
        let best = self.early_stopping.best_epoch;
        self.test.take_if(|result| result.epoch != best);
        self.test_views.take_if(|(_, result)| result.epoch != best);
        self.train_scores.take_if(|result| result.epoch != best);
    }

    /// Records a failed test. A failure on the training images leaves the test's result intact.
    fn take_failure(&mut self, cause: &str) {
        match self.evaluating.take() {
            Some(Split::Train) => self.warnings.push(cause.to_owned()),
            _ => self.evaluation_error = Some(cause.to_owned()),
        }
    }

    /// Records the scores of the best weights on a split.
    fn take_scores(&mut self, split: Split, result: TestResult) {
        match split {
            Split::Test => self.test = Some(result),
            Split::Train => self.train_scores = Some(result),
            Split::Validation => {}
        }
    }

    fn wait_for(&mut self, other: Option<RunId>, slot_wait: Option<SlotWait>) {
        self.waiting_for = other;
        self.slot_wait = slot_wait;
    }

    fn wait_no_more(&mut self) {
        self.wait_for(None, None);
    }

    /// Ends a pause: shifts the start of the timed epoch by its length.
    fn end_pause(&mut self, at: u64) {
        self.paused = false;
        let waited = self.paused_at.take().map_or(0, |since| at.saturating_sub(since));
        if let Some(progress) = &mut self.progress {
            progress.started_at = progress.started_at.saturating_add(waited);
        }
    }

    /// Drops the epochs after `epoch`; epochs are in order.
    fn forget_epochs_after(&mut self, epoch: u32) {
        let remaining = self.epochs.iter().take_while(|metrics| metrics.epoch <= epoch).count();
        self.epochs.truncate(remaining);
        self.statuses.truncate(remaining);
    }
}

/// Returns whether the event proves that a device has finished some work, so that no kernel for it is being compiled.
fn proves_device_works(event: &Event) -> bool {
    matches!(
        event,
        Event::Step { .. }
            | Event::ComputingFeatures { .. }
            | Event::FeaturesReady { .. }
            | Event::EpochFinished { .. }
            | Event::ViewsEvaluated { .. }
            | Event::Evaluated { .. }
            | Event::EvaluationFailed { .. }
    )
}
