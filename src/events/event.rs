//! The closed set of events.

use serde::{Deserialize, Serialize};

use crate::domain::{Confusion, EarlyStoppingStatus, EpochMetrics, Load, Outcome, RunId, Split, SplitCounts, nan};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened, in milliseconds since 1970 by the worker's clock.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First line of every log.
    LogOpened {
        /// See [`super::LOG_VERSION`].
        version: u32,
        /// Name and version of the program that wrote it.
        program: String,
    },
    /// A worker took the run on. What earlier events say of what lies past `resumed_from` and `resumed_step` is void:
    /// it was not completed, or is trained again.
    WorkerStarted {
        /// Its process id.
        pid: u32,
        /// The machine it runs on.
        host: String,
        /// The last completed epoch that it goes on from; 0 from the start.
        resumed_from: u32,
        /// The step within the epoch after that; 0 where none of its steps is done.
        #[serde(default, skip_serializing_if = "is_zero")]
        resumed_step: u32,
    },
    /// The device was chosen.
    DeviceChosen {
        /// `cpu` or `cuda:0`.
        device: String,
        /// What the device calls itself.
        description: String,
        /// Why it is not the one that was hoped for.
        note: Option<String>,
    },
    /// Nothing that the device has to be given is compiled yet: the first steps compile kernels and find out which are
    /// fastest, which takes a while once.
    CompilingKernels {
        /// `cuda:0`.
        device: String,
    },
    /// Kernels that the device had not been given before were compiled since the worker started; told every few seconds
    /// while there are more.
    KernelsCompiled {
        /// `cuda:0`.
        device: String,
        /// How many so far.
        count: usize,
    },
    /// The dataset was opened.
    DataOpened {
        /// Images in each split.
        images: SplitCounts,
        /// Class names, in the order of labels.
        classes: Vec<String>,
    },
    /// The model was built.
    ModelBuilt {
        /// Parameters in all.
        total: usize,
        /// Those that are trained.
        trainable: usize,
    },
    /// The run waits for another one to end before it begins.
    Waiting {
        /// The other run.
        run: RunId,
    },
    /// The run waits for its turn on its device; told again when the number of runs before it changes.
    Queued {
        /// `cpu` or `cuda:0`.
        device: String,
        /// How many runs are before it: at work, or waiting at earlier places.
        ahead: usize,
    },
    /// The features of the frozen base are being computed, throttled.
    ComputingFeatures {
        /// Images done, with those found on disk.
        done: usize,
        /// Images in all; every variant counts.
        total: usize,
        /// Images computed per second so far.
        images_per_second: f64,
    },
    /// The features of the frozen base are on disk.
    FeaturesReady {
        /// Images; every variant counts.
        images: usize,
        /// How many of them this worker computed; the others were there.
        computed: usize,
        /// What they take on disk.
        bytes: u64,
        /// How long finding and computing them took.
        seconds: f64,
    },
    /// An epoch began, or is gone on with.
    EpochStarted {
        /// Counted from 1.
        epoch: u32,
        /// Optimizer steps in it.
        steps: u32,
        /// How many of them an earlier worker has done.
        #[serde(default, skip_serializing_if = "is_zero")]
        done: u32,
        /// How long it took for them.
        #[serde(default, skip_serializing_if = "is_none")]
        seconds: f64,
    },
    /// Progress within an epoch, throttled.
    Step {
        /// Counted from 1.
        epoch: u32,
        /// Steps done in this epoch.
        step: u32,
        /// Steps in this epoch.
        steps: u32,
        /// Mean training loss over the steps since the event before.
        #[serde(with = "nan")]
        loss: f64,
        /// Training accuracy over the same steps.
        #[serde(with = "nan")]
        accuracy: f64,
        /// Learning rate of the last of them.
        learning_rate: f64,
        /// Training images per second over the same steps.
        images_per_second: f64,
    },
    /// An epoch was completed and validated.
    EpochFinished {
        /// Its figures.
        #[serde(flatten)]
        metrics: EpochMetrics,
        /// Where early stopping stands after it.
        early_stopping: EarlyStoppingStatus,
    },
    /// The schedule lowered the learning rate because validation stalled.
    LearningRateReduced {
        /// After this epoch.
        epoch: u32,
        /// The rate before.
        from: f64,
        /// The rate from now on.
        to: f64,
    },
    /// A checkpoint is on disk.
    CheckpointSaved {
        /// The last completed epoch that it holds.
        epoch: u32,
        /// How many steps of the epoch after that it holds; 0 if it lies between two epochs.
        #[serde(default, skip_serializing_if = "is_zero")]
        step: u32,
        /// Whether it is the best so far.
        best: bool,
    },
    /// Somebody asked the run to stop; it will after the current batch, and saves it.
    StopRequested,
    /// Somebody asked the run to pause; from here on it computes nothing.
    Paused,
    /// The pause is over.
    Continued,
    /// Other limits than before are in force; in a worker's first moments: others than the recipe's.
    LimitsChanged {
        /// Most epochs to train.
        epochs: u32,
        /// How many epochs in a row may fail to improve.
        patience: u32,
    },
    /// What the worker takes of its machine, every few seconds.
    Load {
        /// The figures.
        #[serde(flatten)]
        load: Load,
    },
    /// The best weights are being tested.
    EvaluationStarted {
        /// On this split.
        split: Split,
        /// Images to go through.
        images: usize,
    },
    /// The best weights were tested.
    Evaluated {
        /// On this split.
        split: Split,
        /// The epoch of the weights.
        epoch: u32,
        /// Mean loss.
        #[serde(with = "nan")]
        loss: f64,
        /// Everything else follows from this.
        confusion: Confusion,
    },
    /// The best weights were tested on several views of each image, by the mean of their probabilities.
    ViewsEvaluated {
        /// Views of each image.
        views: u32,
        /// The epoch of the weights.
        epoch: u32,
        /// Mean loss.
        #[serde(with = "nan")]
        loss: f64,
        /// Everything else follows from this.
        confusion: Confusion,
    },
    /// The best weights could not be tested, or somebody asked to stop; what was known of them stands.
    EvaluationFailed {
        /// Why, in words.
        cause: String,
    },
    /// Something that a person should know and that does not end the run.
    Warning {
        /// In words.
        message: String,
    },
    /// The run ended.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// An event of a kind that this program does not know.
    #[serde(other)]
    Unknown,
}

// What an event lacks is 0, so that most lines, and all of older programs, are as short as before.

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_none(seconds: &f64) -> bool {
    *seconds <= 0.0
}
