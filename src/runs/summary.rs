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
    /// Counted from 1.
    pub epoch: u32,
    /// Steps done.
    pub step: u32,
    /// Steps in the epoch.
    pub steps: u32,
    /// When the epoch began, in milliseconds since 1970, moved on by as long as it was paused or no worker was at it.
    pub started_at: u64,
}

/// How far the features of the frozen base are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeatureProgress {
    /// Images done.
    pub done: usize,
    /// Images in all; every variant counts.
    pub total: usize,
    /// Images computed per second.
    pub images_per_second: f64,
}

/// One throttled point of the training curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepPoint {
    /// Time in epochs: 2.5 is halfway through the third.
    pub epochs: f64,
    /// Its epoch, counted from 1.
    epoch: u32,
    /// Its step in the epoch, counted from 1.
    step: u32,
    /// Mean training loss since the point before.
    pub loss: f64,
    /// Training accuracy since the point before.
    pub accuracy: f64,
}

/// The result of testing the best weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The epoch of the weights.
    pub epoch: u32,
    /// Mean loss.
    pub loss: f64,
    /// Everything else follows from this.
    pub confusion: Confusion,
}

/// Parameters of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// In all.
    pub total: usize,
    /// Those that are trained.
    pub trainable: usize,
}

/// The device that a run got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `cpu` or `cuda:0`.
    pub name: String,
    /// What it calls itself.
    pub description: String,
    /// Why it is not the one that was hoped for.
    pub note: Option<String>,
}

/// Its turn on a device, which it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// How many runs are before it: at work, or waiting at earlier places.
    pub ahead: usize,
}

/// What a run's events amount to so far, but for the curve within epochs.
///
/// It is kept on disk: whoever changes its fields, or how events are taken in, raises [`super::kept::FOLD_VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The run.
    pub id: RunId,
    /// Its settings.
    pub recipe: Recipe,
    /// The device it got.
    pub device: Option<Device>,
    /// Its model's size.
    pub parameters: Option<Parameters>,
    /// Its dataset's size.
    pub images: Option<SplitCounts>,
    /// Class names.
    pub classes: Vec<String>,
    /// Completed epochs, in order.
    pub history: Vec<EpochMetrics>,
    /// The latest point of the training curve; all of it is in [`super::Steps`].
    pub latest: Option<StepPoint>,
    /// The run that it waits for.
    pub waiting_for: Option<RunId>,
    /// Its turn on its device, if that is what it waits for.
    pub turn: Option<Turn>,
    /// Kernels that its worker has had compiled, while that is what it last told of.
    pub kernels: Option<usize>,
    /// The features that are being computed.
    pub features: Option<FeatureProgress>,
    /// How many images' features its worker has computed, and in how many seconds; 0 if they were all on disk.
    pub features_computed: Option<(usize, f64)>,
    /// The epoch under way.
    pub progress: Option<EpochProgress>,
    /// Latest training speed.
    pub images_per_second: Option<f64>,
    /// Latest learning rate.
    pub learning_rate: Option<f64>,
    /// The limits in force: the recipe's, or what they were changed to.
    pub limits: Limits,
    /// What the worker takes of its machine, by the latest measurement; `None` when there is no worker any more.
    pub load: Option<Load>,
    /// Where early stopping stands.
    pub early_stopping: EarlyStoppingStatus,
    /// Where it stood after each epoch of `history`.
    statuses: Vec<EarlyStoppingStatus>,
    /// The test of the best weights.
    pub test: Option<TestResult>,
    /// The test of the same weights on several views of each image, and how many; `None` where the recipe wants one.
    pub test_views: Option<(u32, TestResult)>,
    /// The same weights on the training images, as they are and not augmented; what is left out of training is not in
    /// it.
    pub train_scores: Option<TestResult>,
    /// The split on which the best weights are being tested now.
    pub evaluating: Option<Split>,
    /// Why the latest attempt to test them failed.
    pub evaluation_error: Option<String>,
    /// Whether a stop was asked for and not yet obeyed.
    pub stopping: bool,
    /// Whether the worker waits, on request, until it is told to go on.
    pub paused: bool,
    /// Since when, in milliseconds since 1970.
    paused_at: Option<u64>,
    /// How the run ended, if it did.
    pub outcome: Option<Outcome>,
    /// Whether a worker ever began.
    pub started: bool,
    /// When the latest event happened, but for measurements of load, in milliseconds since 1970.
    pub updated_at: Option<u64>,
    /// Warnings so far.
    pub warnings: Vec<String>,
}

impl Summary {
    /// The summary before any event.
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
            turn: None,
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

    /// Takes one event in.
    pub fn apply(&mut self, record: &Record) {
        if let Event::Load { load } = &record.event {
            // How far the run is, is judged by the time of what was told of it.
            self.load = Some(load.clone());
            return;
        }
        self.updated_at = Some(record.at);
        if told_by_a_device_at_work(&record.event) {
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
                self.wait_for(None, Some(Turn { device: device.clone(), ahead: *ahead }));
            }
            Event::CompilingKernels { .. } => self.kernels = Some(0),
            Event::KernelsCompiled { count, .. } => self.kernels = Some(*count),
            Event::ComputingFeatures { done, total, images_per_second } => {
                let (done, total, images_per_second) = (*done, *total, *images_per_second);
                self.features = Some(FeatureProgress { done, total, images_per_second });
            }
            Event::FeaturesReady { computed, seconds, .. } => {
                self.features = None;
                // The first is that of the training images; the test's, at the end, adds nothing.
                self.features_computed.get_or_insert((*computed, *seconds));
            }
            Event::EpochStarted { epoch, steps, done, seconds } => {
                self.features = None;
                // As if the part that was done before had ended just now.
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
                self.go_on(record.at);
            }
            Event::Paused => {
                self.paused = true;
                self.paused_at.get_or_insert(record.at);
            }
            Event::Continued => self.go_on(record.at),
            Event::LimitsChanged { epochs, patience } => self.limits = Limits { epochs: *epochs, patience: *patience },
            Event::EvaluationStarted { split, .. } => {
                // Nobody starts a test with a stop pending: one that is left over is that of an earlier test.
                self.stopping = false;
                self.wait_no_more();
                self.go_on(record.at);
                self.evaluating = Some(*split);
                self.evaluation_error = None;
            }
            Event::EvaluationFailed { cause } => {
                self.stopping = false;
                self.wait_no_more();
                self.go_on(record.at);
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

    /// Nothing is under way any more.
    fn end(&mut self, outcome: Outcome, at: u64) {
        self.outcome = Some(outcome);
        self.wait_no_more();
        self.kernels = None;
        self.features = None;
        self.progress = None;
        self.evaluating = None;
        self.stopping = false;
        self.load = None;
        self.go_on(at);
    }

    /// A worker begins, or goes on after an earlier one: what lies past the epoch, and the step in the one after that,
    /// which it goes on from is void.
    fn restart(&mut self, resumed_from: u32, resumed_step: u32) {
        self.forget_epochs_after(resumed_from);
        self.early_stopping = self.statuses.last().copied().unwrap_or_default();
        let kept = |point: &StepPoint| {
            point.epoch <= resumed_from || (point.epoch - 1 == resumed_from && point.step <= resumed_step)
        };
        self.latest = self.latest.filter(kept);
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
        // The worker tells at once if others are in force.
        self.limits = Limits::of(&self.recipe);
    }

    /// A test failed. Where it was the pass over the training images, the test itself went well.
    fn take_failure(&mut self, cause: &str) {
        match self.evaluating.take() {
            Some(Split::Train) => self.warnings.push(cause.to_owned()),
            _ => self.evaluation_error = Some(cause.to_owned()),
        }
    }

    /// Keeps the scores of the best weights on a split.
    fn take_scores(&mut self, split: Split, result: TestResult) {
        match split {
            Split::Test => self.test = Some(result),
            Split::Train => self.train_scores = Some(result),
            Split::Validation => {}
        }
    }

    fn wait_for(&mut self, other: Option<RunId>, turn: Option<Turn>) {
        self.waiting_for = other;
        self.turn = turn;
    }

    fn wait_no_more(&mut self) {
        self.wait_for(None, None);
    }

    /// What it waits for before it may begin, in words; also of a run that has lost its worker meanwhile.
    #[must_use]
    pub fn wait(&self) -> Option<String> {
        let turn = |turn: &Turn| match turn.ahead {
            0 => format!("waits for {}", turn.device),
            ahead => format!("waits for {}, {ahead} ahead", turn.device),
        };
        let other = self.waiting_for.as_ref().map(|other| format!("waits for {other}"));
        other.or_else(|| self.turn.as_ref().map(turn)).map(|words| printable(&words))
    }

    /// A pause is over: what is timed goes on as if it had not been.
    fn go_on(&mut self, at: u64) {
        self.paused = false;
        let waited = self.paused_at.take().map_or(0, |since| at.saturating_sub(since));
        if let Some(progress) = &mut self.progress {
            progress.started_at = progress.started_at.saturating_add(waited);
        }
    }

    /// Epochs come in order, so what lies past one is the end of the lists.
    fn forget_epochs_after(&mut self, epoch: u32) {
        let kept = self.history.iter().take_while(|metrics| metrics.epoch <= epoch).count();
        self.history.truncate(kept);
        self.statuses.truncate(kept);
    }

    /// Whether a worker is at the run as far as its log tells, which knows nothing of one that was killed.
    pub(super) fn looks_alive(&self) -> bool {
        self.outcome.is_none() || self.evaluating.is_some()
    }

    /// The run's state. `alive`: whether a worker holds the run's lock; `now` in milliseconds since 1970.
    #[must_use]
    pub fn state(&self, alive: bool, now: u64) -> RunState {
        if alive {
            if self.paused {
                return RunState::Paused;
            }
            if self.waiting_for.is_some() || self.turn.is_some() {
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

    /// Epochs completed.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.history.last().map_or(0, |metrics| metrics.epoch)
    }

    /// The figures of the best epoch by the monitored value.
    #[must_use]
    pub fn best(&self) -> Option<&EpochMetrics> {
        self.history.iter().find(|metrics| metrics.epoch == self.early_stopping.best_epoch)
    }

    /// One or two words on how the run ended, for a list; the whole cause for [`Self::cause`].
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

    /// What kind of thing ended the run; `None` of one that has not failed, or diverged.
    #[must_use]
    pub fn failure(&self) -> Option<FailureKind> {
        match &self.outcome {
            Some(Outcome::Failed { kind, .. }) => Some(*kind),
            _ => None,
        }
    }

    /// Why the run failed.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match &self.outcome {
            Some(Outcome::Failed { cause, .. } | Outcome::Diverged { cause }) => Some(cause),
            _ => None,
        }
    }
}

/// Whether a device has done what it was given: nothing of that waits for a kernel any more.
fn told_by_a_device_at_work(event: &Event) -> bool {
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
            // Those of the evaluation.
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
    fn limits_are_the_recipes_until_a_worker_tells_others() {
        let changed = Event::LimitsChanged { epochs: 80, patience: 3 };
        assert_eq!(fold(vec![started(0)]).limits, Limits { epochs: 50, patience: 10 });
        assert_eq!(fold(vec![started(0), changed.clone()]).limits, Limits { epochs: 80, patience: 3 });
        assert_eq!(fold(vec![started(0), changed, started(1)]).limits, Limits { epochs: 50, patience: 10 });
    }

    #[test]
    fn a_test_on_training_images_is_kept_apart() {
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
    fn a_run_resumed_within_an_epoch_keeps_what_its_checkpoint_holds() {
        let within = |resumed_step| Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 1, resumed_step };
        let saved = Event::CheckpointSaved { epoch: 1, step: 4, best: false };
        let told = vec![started(0), epoch(1, 3.0), step_of(2, 4), saved, step_of(2, 8), epoch(2, 2.0)];
        // The second epoch was told and not saved: what is on disk lies within it.
        let summary = fold([told.clone(), vec![within(4)]].concat());
        assert_eq!((summary.epoch(), summary.latest), (1, None), "the point at step 8 is void");
        let summary = fold([told[..4].to_vec(), vec![within(4)]].concat());
        assert_eq!(summary.latest.map(|point| point.step), Some(4));
        let summary = fold([told[..4].to_vec(), vec![within(3)]].concat());
        assert_eq!(summary.latest, None);

        let gone_on = Event::EpochStarted { epoch: 2, steps: 9, done: 4, seconds: 1.5 };
        let progress = fold([told, vec![within(4), gone_on]].concat()).progress.expect("an epoch");
        // The eighth event, at a millisecond each from 2,000 on.
        assert_eq!((progress.step, progress.steps, progress.started_at), (4, 9, 2_007 - 1_500));
    }

    #[test]
    fn a_resumed_run_forgets_what_was_not_completed() {
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
