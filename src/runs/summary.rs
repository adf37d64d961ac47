//! A run's summary: a fold of its events, one event at a time.

mod apply;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::number_text::count;
use crate::domain::{
    Confusion, EarlyStoppingStatus, EpochMetrics, FailureKind, FinishReason, Hyperparameter, Limits, Load, Outcome,
    Recipe, RunId, RunState, Split, SplitCounts, hyperparameter::Patience, text::printable,
};
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

/// The position of a checkpoint, from which a worker resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPosition {
    /// Completed epochs.
    pub epoch: u32,
    /// Completed steps of the next epoch.
    pub step: u32,
}

impl fmt::Display for SavedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            0 => write!(f, "after epoch {}", self.epoch),
            step => write!(f, "after step {step} of epoch {}", self.epoch.saturating_add(1)),
        }
    }
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

/// Parameters of a network.
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
    /// The name of its latest worker's machine.
    pub host: Option<String>,
    /// The device that the run got.
    pub device: Option<Device>,
    /// The network's size.
    pub parameters: Option<Parameters>,
    /// The dataset's size.
    pub images: Option<SplitCounts>,
    /// Class names.
    pub classes: Vec<String>,
    /// Completed epochs, in order.
    #[serde(rename = "history")]
    pub epochs: Vec<EpochMetrics>,
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
    /// The state of early stopping after each epoch of `epochs`.
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
    /// The time of the outcome, in milliseconds since 1970.
    pub ended_at: Option<u64>,
    /// The position of the newest checkpoint; `None` before the first one.
    pub saved: Option<SavedPosition>,
    /// Whether a worker ever began.
    pub started: bool,
    /// The time of the latest event except for load measurements, in milliseconds since 1970.
    pub updated_at: Option<u64>,
    /// Warnings so far.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Returns the recipe with the limits in force, which may have been changed since it was written. The number of
    /// epochs is never below those that are done.
    #[must_use]
    pub fn recipe_in_force(&self) -> Recipe {
        Limits { epochs: self.limits.epochs.max(self.epoch()), ..self.limits }.applied_to(&self.recipe)
    }

    /// Returns the settings in force with their values. A value that was changed since the run began names the first
    /// one, too.
    #[must_use]
    pub fn settings_in_force(&self) -> Vec<(Hyperparameter, String)> {
        let recipe = self.recipe_in_force();
        let text = |setting: Hyperparameter| {
            let (value, began) = (setting.get(&recipe), setting.get(&self.recipe));
            let text = if value == began { value } else { format!("{value}  (changed from {began})") };
            (setting, text)
        };
        Hyperparameter::of(recipe.strategy).map(text).collect()
    }

    /// Returns the numbers of training images left out and relabelled, and the runs with which they were found. Empty
    /// where nothing was corrected.
    #[must_use]
    pub fn corrections(&self) -> Vec<(&'static str, String)> {
        let corrections = self.recipe.corrections();
        let mut lines = Vec::new();
        if !corrections.left_out.is_empty() {
            lines.push(("left out", count(corrections.left_out.len(), "image", "images")));
        }
        if !corrections.relabelled.is_empty() {
            lines.push(("relabelled", corrections.relabelled.by_class(&self.classes)));
        }
        let found: Vec<&str> = corrections.found_with().into_iter().map(RunId::as_str).collect();
        if !found.is_empty() {
            lines.push(("found by", found.join(", ")));
        }
        lines
    }

    /// Returns the number of the last epoch at most. A limit below the current epoch ends the run after that one.
    #[must_use]
    pub fn last_epoch(&self) -> u32 {
        self.limits.epochs.max(self.progress.map_or(0, |progress| progress.epoch)).max(self.epoch())
    }

    /// Returns the epoch that lists show: of an active run the current one, of an ended run the last completed one.
    #[must_use]
    pub fn shown_epoch(&self, state: RunState) -> u32 {
        self.progress.filter(|_| state.is_active()).map_or_else(|| self.epoch(), |progress| progress.epoch)
    }

    /// Returns the epoch that lists show and the last possible one: `12/50`.
    #[must_use]
    pub fn epoch_text(&self, state: RunState) -> String {
        format!("{}/{}", self.shown_epoch(state), self.last_epoch())
    }

    /// Returns the value of a setting in force, as its option is given; `None` if the run's strategy lacks it.
    #[must_use]
    pub fn setting(&self, setting: Hyperparameter) -> Option<String> {
        let value = match setting {
            Hyperparameter::Epochs => self.limits.epochs.to_string(),
            Hyperparameter::Patience => Patience(self.limits.patience).to_string(),
            _ => setting.get(&self.recipe),
        };
        setting.is_of(self.recipe.strategy).then_some(value)
    }

    /// Returns whether the run is finished and had the settings of this recipe, with the same seed and images.
    #[must_use]
    pub fn is_twin_of(&self, recipe: &Recipe) -> bool {
        let undated = |of: Recipe| Recipe {
            version: 0,
            created_at: 0,
            after: None,
            // The fingerprint says which images they are.
            dataset: recipe.dataset.clone(),
            ..of
        };
        // Most runs differ in one of these, and copying the recipes of a thousand runs would delay a frame.
        let numbers = |of: &Recipe| (of.seed, of.strategy, of.batch_size, of.learning_rate.to_bits());
        // Epochs before a change of the limits had the learning rates of another schedule.
        matches!(self.outcome, Some(Outcome::Finished { .. }))
            && self.limits == Limits::of(&self.recipe)
            && numbers(&self.recipe) == numbers(recipe)
            && self.recipe.fingerprint == recipe.fingerprint
            && undated(self.recipe_in_force()) == undated(recipe.clone())
    }

    /// Returns the summary before any event.
    #[must_use]
    pub fn new(id: RunId, recipe: Recipe) -> Self {
        Self {
            id,
            limits: Limits::of(&recipe),
            load: None,
            recipe,
            host: None,
            device: None,
            parameters: None,
            images: None,
            classes: Vec::new(),
            epochs: Vec::new(),
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
            ended_at: None,
            saved: None,
            started: false,
            updated_at: None,
            warnings: Vec::new(),
        }
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

    /// Returns the start of the pause in force, in milliseconds since 1970.
    #[must_use]
    pub fn paused_at(&self) -> Option<u64> {
        self.paused_at.filter(|_| self.paused)
    }

    /// Describes the position of a pause and its effect on the runs that wait.
    #[must_use]
    pub fn describe_pause(&self) -> String {
        if self.wait().is_some() {
            return "before it began; runs behind it go ahead".into();
        }
        let device = self.device.as_ref().map_or("its device", |device| device.name.as_str());
        let position = match self.progress {
            Some(progress) => format!("in epoch {}", progress.epoch),
            None => format!("after epoch {}", self.epoch()),
        };
        printable(&format!("{position}; it keeps its slot on {device}"))
    }

    /// Returns whether a worker is running according to the log, which has no event for a kill.
    pub(super) fn is_alive_by_log(&self) -> bool {
        self.outcome.is_none() || self.evaluating.is_some()
    }

    /// Returns whether the log's latest worker has begun and has not logged an end.
    pub(super) fn has_worker_by_log(&self) -> bool {
        self.started && self.is_alive_by_log()
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
            return if self.epochs.is_empty() && !training { RunState::Starting } else { RunState::Running };
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
        self.epochs.last().map_or(0, |metrics| metrics.epoch)
    }

    /// Returns the wall time of all epochs and of computing the frozen part's features, in seconds; 0 before the first
    /// epoch.
    #[must_use]
    pub fn trained_seconds(&self) -> f64 {
        let features = self.features_computed.map_or(0.0, |(_, seconds)| seconds);
        if self.epochs.is_empty() { 0.0 } else { features + self.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>() }
    }

    /// Returns the metrics of the best epoch by the monitored metric.
    #[must_use]
    pub fn best(&self) -> Option<&EpochMetrics> {
        self.epochs.iter().find(|metrics| metrics.epoch == self.early_stopping.best_epoch)
    }

    /// Describes the outcome in one or two words, for lists; see [`Self::cause`] for the error.
    #[must_use]
    pub fn ending(&self) -> &'static str {
        match &self.outcome {
            Some(Outcome::Finished { reason: FinishReason::EarlyStop }) => "early stop",
            Some(Outcome::Finished { reason: FinishReason::MaxEpochs }) => "all epochs",
            Some(Outcome::Stopped) => "on request",
            Some(Outcome::Interrupted { .. }) => "signalled",
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

#[cfg(test)]
mod tests;
