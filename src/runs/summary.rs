//! A run's summary: a fold of its events, one event at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Confusion, EarlyStoppingStatus, EpochMetrics, FailureKind, FinishReason, Limits, Load, Outcome, Recipe, RunId,
    RunState, Split, SplitCounts, text::printable,
};
use crate::events::{Event, Record};
use crate::runs::layout::is_recent;

/// Progress within the current epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochProgress {
    /// The epoch's number, from 1.
    pub epoch: u32,
    /// Steps done.
    pub step: u32,
    /// Steps in the epoch.
    pub steps: u32,
    /// The epoch's start, in milliseconds since 1970, shifted by the time of pauses and of absent workers.
    pub started_at: u64,
}

/// Progress of computing the frozen part's features.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeatureProgress {
    /// Images done.
    pub done: usize,
    /// All images; every variant counts.
    pub total: usize,
    /// Images computed per second.
    pub images_per_second: f64,
}

/// A throttled point of the training curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepPoint {
    /// Time in epochs: 2.5 is halfway through the third.
    pub epochs: f64,
    /// The point's epoch, from 1.
    epoch: u32,
    /// The point's step in the epoch, from 1.
    step: u32,
    /// Mean training loss since the previous point.
    pub loss: f64,
    /// Training accuracy since the previous point.
    pub accuracy: f64,
}

/// The result of testing the best weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The epoch of the weights.
    pub epoch: u32,
    /// Mean loss.
    pub loss: f64,
    /// The confusion matrix, from which every score follows.
    pub confusion: Confusion,
}

/// Parameters of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The number of all parameters.
    pub total: usize,
    /// The number of trained parameters.
    pub trainable: usize,
}

/// The device that a run got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `cpu` or `cuda:0`.
    pub name: String,
    /// The device's own name.
    pub description: String,
    /// The reason why it is not the preferred device.
    pub note: Option<String>,
}

/// The wait for a slot of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotWait {
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// The number of runs ahead: running, or waiting at earlier positions.
    pub ahead: usize,
}

/// The fold of a run's events, except for the curve within epochs.
///
/// A summary is saved on disk. A change of its fields, or of the events' effect on them, requires a new
/// [`super::saved_fold::FOLD_VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The run's id.
    pub id: RunId,
    /// The run's recipe.
    pub recipe: Recipe,
    /// The device that the run got.
    pub device: Option<Device>,
    /// The model's size.
    pub parameters: Option<Parameters>,
    /// The dataset's size.
    pub images: Option<SplitCounts>,
    /// Class names.
    pub classes: Vec<String>,
    /// Completed epochs, in order.
    pub history: Vec<EpochMetrics>,
    /// The latest point of the training curve, which [`super::Steps`] holds completely.
    pub latest: Option<StepPoint>,
    /// The run that must end before this one begins.
    pub waiting_for: Option<RunId>,
    /// The wait for a slot of its device, if it waits for one.
    #[serde(rename = "turn")]
    pub slot_wait: Option<SlotWait>,
    /// The kernels that its worker has compiled, while compiling is its latest report.
    pub kernels: Option<usize>,
    /// The progress of computing features, while it lasts.
    pub features: Option<FeatureProgress>,
    /// The number of images whose features its worker computed, and the seconds it took; 0 if all were cached.
    pub features_computed: Option<(usize, f64)>,
    /// The current epoch.
    pub progress: Option<EpochProgress>,
    /// Latest training speed.
    pub images_per_second: Option<f64>,
    /// Latest learning rate.
    pub learning_rate: Option<f64>,
    /// The limits in force: the recipe's, or the latest change.
    pub limits: Limits,
    /// The worker's load at the latest measurement; `None` without a worker.
    pub load: Option<Load>,
    /// The state of early stopping.
    pub early_stopping: EarlyStoppingStatus,
    /// The state of early stopping after each epoch of `history`.
    statuses: Vec<EarlyStoppingStatus>,
    /// The test of the best weights.
    pub test: Option<TestResult>,
    /// The test of the same weights on several views of each image, with their number; `None` for recipes with one
    /// view.
    pub test_views: Option<(u32, TestResult)>,
    /// The scores of these weights on the training images, without augmentation and left-out images.
    pub train_scores: Option<TestResult>,
    /// The split on which the best weights are being tested.
    pub evaluating: Option<Split>,
    /// The error of the latest failed test.
    pub evaluation_error: Option<String>,
    /// Whether a stop is requested and the run has not ended yet.
    pub stopping: bool,
    /// Whether the worker waits for the end of a requested pause.
    pub paused: bool,
    /// The start of the pause, in milliseconds since 1970.
    paused_at: Option<u64>,
    /// The outcome of an ended run.
    pub outcome: Option<Outcome>,
    /// Whether a worker ever began.
    pub started: bool,
    /// The time of the latest event except for load measurements, in milliseconds since 1970.
    pub updated_at: Option<u64>,
    /// Warnings so far.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Returns the summary before any event.
    #[must_use]
    pub fn new(id: RunId, recipe: Recipe) -> Self {
        Self {
            id,
            limits: Limits::of(&recipe),
            load: None,
            recipe,
            device: None,
            parameters: None,
            images: None,
            classes: Vec::new(),
            history: Vec::new(),
            latest: None,
            waiting_for: None,
            slot_wait: None,
            kernels: None,
            features: None,
            features_computed: None,
            progress: None,
            images_per_second: None,
            learning_rate: None,
            early_stopping: EarlyStoppingStatus::default(),
            statuses: Vec::new(),
            test: None,
            test_views: None,
            train_scores: None,
            evaluating: None,
            evaluation_error: None,
            stopping: false,
            paused: false,
            paused_at: None,
            outcome: None,
            started: false,
            updated_at: None,
            warnings: Vec::new(),
        }
    }

    /// Applies one event.
    pub fn apply(&mut self, record: &Record) {
        if let Event::Load { load } = &record.event {
            // A load measurement is no progress, so it does not change `updated_at`.
            self.load = Some(load.clone());
            return;
        }
        self.updated_at = Some(record.at);
        if proves_device_works(&record.event) {
            self.kernels = None;
        }
        match &record.event {
            Event::WorkerStarted { resumed_from, resumed_step, .. } => self.restart(*resumed_from, *resumed_step),
            Event::DeviceChosen { device, description, note } => {
                self.wait_no_more();
                self.device =
                    Some(Device { name: device.clone(), description: description.clone(), note: note.clone() });
            }
            Event::DataOpened { images, classes } => {
                self.images = Some(*images);
                self.classes.clone_from(classes);
            }
            Event::ModelBuilt { total, trainable } => {
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
                self.history.push(*metrics);
                self.statuses.push(*early_stopping);
                self.images_per_second = Some(metrics.images_per_second);
                self.learning_rate = Some(metrics.learning_rate);
                self.early_stopping = *early_stopping;
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
            Event::Warning { message } => self.warnings.push(message.clone()),
            Event::Ended { outcome } => self.end(outcome.clone(), record.at),
            Event::LogOpened { .. }
            | Event::LearningRateReduced { .. }
            | Event::CheckpointSaved { .. }
            | Event::Load { .. }
            | Event::Unknown => {}
        }
    }

    /// Ends everything in progress.
    fn end(&mut self, outcome: Outcome, at: u64) {
        self.outcome = Some(outcome);
        self.wait_no_more();
        self.kernels = None;
        self.features = None;
        self.progress = None;
        self.evaluating = None;
        self.stopping = false;
        self.load = None;
        self.end_pause(at);
    }

    /// A worker begins or resumes: drops everything after the epoch, and the step in the next one, that it resumes
    /// from.
    fn restart(&mut self, resumed_from: u32, resumed_step: u32) {
        self.forget_epochs_after(resumed_from);
        self.early_stopping = self.statuses.last().copied().unwrap_or_default();
        let is_valid = |point: &StepPoint| {
            point.epoch <= resumed_from || (point.epoch - 1 == resumed_from && point.step <= resumed_step)
        };
        self.latest = self.latest.filter(is_valid);
        self.started = true;
        self.outcome = None;
        self.test = None;
        self.test_views = None;
        self.train_scores = None;
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

    /// Describes the reason for waiting, also of a run that has lost its worker meanwhile.
    #[must_use]
    pub fn wait(&self) -> Option<String> {
        let slot_wait = |slot_wait: &SlotWait| match slot_wait.ahead {
            0 => format!("waits for {}", slot_wait.device),
            ahead => format!("waits for {}, {ahead} ahead", slot_wait.device),
        };
        let other = self.waiting_for.as_ref().map(|other| format!("waits for {other}"));
        other.or_else(|| self.slot_wait.as_ref().map(slot_wait)).map(|words| printable(&words))
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
        let remaining = self.history.iter().take_while(|metrics| metrics.epoch <= epoch).count();
        self.history.truncate(remaining);
        self.statuses.truncate(remaining);
    }

    /// Returns whether a worker is running according to the log, which does not know of kills.
    pub(super) fn is_alive_by_log(&self) -> bool {
        self.outcome.is_none() || self.evaluating.is_some()
    }

    /// Returns the run's state. `alive`: whether a worker holds the run's lock; `now` in milliseconds since 1970.
    #[must_use]
    pub fn state(&self, alive: bool, now: u64) -> RunState {
        if alive {
            if self.paused {
                return RunState::Paused;
            }
            if self.waiting_for.is_some() || self.slot_wait.is_some() {
                return RunState::Queued;
            }
            let training = self.progress.is_some() || self.features.is_some() || self.evaluating.is_some();
            return if self.history.is_empty() && !training { RunState::Starting } else { RunState::Running };
        }
        match &self.outcome {
            Some(Outcome::Finished { .. }) => RunState::Finished,
            Some(Outcome::Stopped) => RunState::Stopped,
            Some(Outcome::Interrupted { .. }) => RunState::Interrupted,
            Some(Outcome::Failed { .. } | Outcome::Diverged { .. }) => RunState::Failed,
            None if !self.started && is_recent(self.recipe.created_at, now) => RunState::Starting,
            None => RunState::Lost,
        }
    }

    /// Returns the number of completed epochs.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.history.last().map_or(0, |metrics| metrics.epoch)
    }

    /// Returns the metrics of the best epoch by the monitored metric.
    #[must_use]
    pub fn best(&self) -> Option<&EpochMetrics> {
        self.history.iter().find(|metrics| metrics.epoch == self.early_stopping.best_epoch)
    }

    /// Describes the outcome in one or two words, for lists; see [`Self::cause`] for the error.
    #[must_use]
    pub fn ending(&self) -> &'static str {
        match &self.outcome {
            Some(Outcome::Finished { reason: FinishReason::EarlyStop }) => "early stop",
            Some(Outcome::Finished { reason: FinishReason::MaxEpochs }) => "all epochs",
            Some(Outcome::Stopped) => "on request",
            Some(Outcome::Interrupted { .. }) => "by a signal",
            Some(Outcome::Diverged { .. }) => "diverged",
            Some(Outcome::Failed { .. }) => "error",
            None => "",
        }
    }

    /// Returns the kind of error; `None` unless the run failed.
    #[must_use]
    pub fn failure(&self) -> Option<FailureKind> {
        match &self.outcome {
            Some(Outcome::Failed { kind, .. }) => Some(*kind),
            _ => None,
        }
    }

    /// Returns the error message of a failed or diverged run.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match &self.outcome {
            Some(Outcome::Failed { cause, .. } | Outcome::Diverged { cause }) => Some(cause),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DatasetName;

    fn summary() -> Summary {
        let dataset = DatasetName::new("demo").expect("a name");
        Summary::new(RunId::new("calm-heron").expect("an id"), Recipe::cnn(dataset, String::new(), 1_000))
    }

    fn fold(events: Vec<Event>) -> Summary {
        let mut summary = summary();
        for (at, event) in (2_000..).zip(events) {
            summary.apply(&Record { at, event });
        }
        summary
    }

    fn started(resumed_from: u32) -> Event {
        Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from, resumed_step: 0 }
    }

    fn epoch(epoch: u32, val_loss: f64) -> Event {
        Event::EpochFinished {
            metrics: EpochMetrics {
                epoch,
                train_loss: 1.0,
                train_accuracy: 0.5,
                val_loss,
                val_accuracy: 0.5,
                learning_rate: 1e-3,
                seconds: 1.0,
                images_per_second: 1_000.0,
            },
            early_stopping: EarlyStoppingStatus { best_epoch: epoch, best_value: val_loss, waited: 0 },
        }
    }

    fn waiting() -> Event {
        Event::Waiting { run: RunId::new("other").expect("an id") }
    }

    fn chosen() -> Event {
        Event::DeviceChosen { device: "cpu".into(), description: String::new(), note: None }
    }

    #[test]
    fn kernels_are_compiled_until_the_device_has_done_something() {
        let mut summary = summary();
        let device = || "cuda:0".to_owned();
        for (event, kernels) in [
            (started(0), None),
            (Event::CompilingKernels { device: device() }, Some(0)),
            (Event::EpochStarted { epoch: 1, steps: 404, done: 0, seconds: 0.0 }, Some(0)),
            (Event::KernelsCompiled { device: device(), count: 120 }, Some(120)),
            (step_of(1, 32), None),
            // The kernels of the evaluation.
            (Event::KernelsCompiled { device: device(), count: 125 }, Some(125)),
            (Event::Ended { outcome: Outcome::Stopped }, None),
        ] {
            summary.apply(&Record { at: 0, event });
            assert_eq!(summary.kernels, kernels);
        }
    }

    fn computing() -> Event {
        Event::ComputingFeatures { done: 1, total: 2, images_per_second: 3.0 }
    }

    fn ended(outcome: Outcome) -> Event {
        Event::Ended { outcome }
    }

    #[test]
    fn states_follow_from_events_liveness_and_time() {
        let failed = || ended(Outcome::Failed { cause: "disk full".into(), kind: FailureKind::Disk });
        let soon = 5_000;
        let late = 100_000;
        let table = [
            ("just created, worker on its way", vec![], false, soon, RunState::Starting),
            ("created long ago, no worker ever", vec![], false, late, RunState::Lost),
            ("worker alive before its first epoch", vec![started(0)], true, late, RunState::Starting),
            ("waits for another run", vec![started(0), waiting()], true, late, RunState::Queued),
            ("was killed while it waited", vec![started(0), waiting()], false, late, RunState::Lost),
            ("its turn has come", vec![started(0), waiting(), chosen()], true, late, RunState::Starting),
            ("paused", vec![started(0), epoch(1, 1.0), Event::Paused], true, late, RunState::Paused),
            ("paused while it waits", vec![started(0), waiting(), Event::Paused], true, late, RunState::Paused),
            (
                "goes on",
                vec![started(0), epoch(1, 1.0), Event::Paused, Event::Continued],
                true,
                late,
                RunState::Running,
            ),
            (
                "a stop ends a pause",
                vec![started(0), epoch(1, 1.0), Event::Paused, Event::StopRequested],
                true,
                late,
                RunState::Running,
            ),
            ("was killed while it was paused", vec![started(0), Event::Paused], false, late, RunState::Lost),
            (
                "resumed after it was killed while paused",
                vec![started(0), epoch(1, 1.0), Event::Paused, started(1)],
                true,
                late,
                RunState::Running,
            ),
            ("computes features", vec![started(0), computing()], true, late, RunState::Running),
            (
                "in its first epoch",
                vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }],
                true,
                late,
                RunState::Running,
            ),
            (
                "killed in its first epoch",
                vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }],
                false,
                late,
                RunState::Lost,
            ),
            (
                "early stop",
                vec![started(0), epoch(1, 1.0), ended(Outcome::Finished { reason: FinishReason::EarlyStop })],
                false,
                late,
                RunState::Finished,
            ),
            ("stopped", vec![started(0), ended(Outcome::Stopped)], false, late, RunState::Stopped),
            (
                "interrupted",
                vec![started(0), ended(Outcome::Interrupted { signal: "SIGTERM".into() })],
                false,
                late,
                RunState::Interrupted,
            ),
            ("failed", vec![started(0), failed()], false, late, RunState::Failed),
            (
                "resumed after a failure",
                vec![started(0), epoch(1, 1.0), failed(), started(1)],
                true,
                late,
                RunState::Running,
            ),
            (
                "resumed and killed",
                vec![started(0), epoch(1, 1.0), ended(Outcome::Stopped), started(1)],
                false,
                late,
                RunState::Lost,
            ),
        ];
        for (case, events, alive, now, expected) in table {
            assert_eq!(fold(events).state(alive, now), expected, "{case}");
        }
    }

    #[test]
    fn a_pause_is_no_part_of_an_epochs_time() {
        let mut summary = fold(vec![started(0), Event::EpochStarted { epoch: 1, steps: 9, done: 0, seconds: 0.0 }]);
        let begun = summary.progress.expect("an epoch").started_at;
        let mut apply = |at, event| summary.apply(&Record { at, event });
        apply(begun + 1_000, Event::Paused);
        apply(begun + 6_000, Event::Continued);
        apply(begun + 6_500, Event::Load { load: Load { processor: 99.0, memory: 1, gpu: None } });
        let progress = summary.progress.expect("an epoch");
        assert_eq!((progress.started_at, summary.updated_at), (begun + 5_000, Some(begun + 6_000)));
        assert_eq!(summary.load.as_ref().map(|load| load.memory), Some(1));
    }

    #[test]
    fn limits_are_the_recipes_until_a_worker_reports_others() {
        let changed = Event::LimitsChanged { epochs: 80, patience: 3 };
        assert_eq!(fold(vec![started(0)]).limits, Limits { epochs: 50, patience: 10 });
        assert_eq!(fold(vec![started(0), changed.clone()]).limits, Limits { epochs: 80, patience: 3 });
        assert_eq!(fold(vec![started(0), changed, started(1)]).limits, Limits { epochs: 50, patience: 10 });
    }

    #[test]
    fn a_test_on_training_images_is_stored_apart() {
        let tested = |split, right: u64| {
            let mut confusion = Confusion::new(2);
            (0..right).for_each(|_| confusion.add(0, 0));
            Event::Evaluated { split, epoch: 1, loss: 0.5, confusion }
        };
        let begins = |split| Event::EvaluationStarted { split, images: 3 };
        let mut events = vec![started(0), begins(Split::Test), tested(Split::Test, 3), begins(Split::Train)];
        assert_eq!(fold(events.clone()).evaluating, Some(Split::Train));
        events.push(tested(Split::Train, 9));
        let summary = fold(events);
        let counted = |result: &Option<TestResult>| result.as_ref().map(|result| result.confusion.total());
        assert_eq!((counted(&summary.test), counted(&summary.train_scores)), (Some(3), Some(9)));
        assert_eq!(summary.evaluating, None);
        let failed = Event::EvaluationFailed { cause: "why".into() };
        let summary = fold(vec![started(0), tested(Split::Test, 3), begins(Split::Train), failed]);
        assert_eq!((summary.evaluation_error, summary.warnings.len(), summary.evaluating), (None, 1, None));
        assert!(summary.test.is_some());
    }

    fn step_of(epoch: u32, step: u32) -> Event {
        let (loss, accuracy, learning_rate, images_per_second) = (f64::from(step), 0.0, 1e-3, 1.0);
        Event::Step { epoch, step, steps: 9, loss, accuracy, learning_rate, images_per_second }
    }

    #[test]
    fn a_run_resumed_within_an_epoch_retains_the_steps_of_its_checkpoint() {
        let within = |resumed_step| Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 1, resumed_step };
        let saved = Event::CheckpointSaved { epoch: 1, step: 4, best: false };
        let logged = vec![started(0), epoch(1, 3.0), step_of(2, 4), saved, step_of(2, 8), epoch(2, 2.0)];
        // The second epoch was logged and not saved; the checkpoint is within it.
        let summary = fold([logged.clone(), vec![within(4)]].concat());
        assert_eq!((summary.epoch(), summary.latest), (1, None), "the point at step 8 is void");
        let summary = fold([logged[..4].to_vec(), vec![within(4)]].concat());
        assert_eq!(summary.latest.map(|point| point.step), Some(4));
        let summary = fold([logged[..4].to_vec(), vec![within(3)]].concat());
        assert_eq!(summary.latest, None);

        let gone_on = Event::EpochStarted { epoch: 2, steps: 9, done: 4, seconds: 1.5 };
        let progress = fold([logged, vec![within(4), gone_on]].concat()).progress.expect("an epoch");
        // The eighth event; events are a millisecond apart from 2,000 on.
        assert_eq!((progress.step, progress.steps, progress.started_at), (4, 9, 2_007 - 1_500));
    }

    #[test]
    fn a_resumed_run_drops_uncompleted_epochs() {
        let step = Event::Step {
            epoch: 3,
            step: 1,
            steps: 4,
            loss: 9.0,
            accuracy: 0.0,
            learning_rate: 1e-3,
            images_per_second: 1.0,
        };
        let killed_before_saving = vec![started(0), epoch(1, 3.0), epoch(2, 2.0), epoch(3, 1.5), step, started(2)];
        let summary = fold(killed_before_saving.clone());
        assert_eq!(summary.best().map(|metrics| metrics.epoch), Some(2), "epoch 3 was told and never saved");
        let summary = fold([killed_before_saving, vec![epoch(3, 1.0)]].concat());
        assert_eq!(summary.history.iter().map(|metrics| metrics.epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(summary.latest.is_none());
        assert_eq!(summary.best().map(|metrics| metrics.epoch), Some(3));
    }
}
