//! The closed set of events.

use serde::{Deserialize, Serialize};

use crate::domain::{Confusion, EarlyStoppingStatus, EpochMetrics, Load, Outcome, RunId, Split, SplitCounts, nan};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The time of the event, in milliseconds since 1970 by the worker's clock.
    pub at: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line of every log.
    LogOpened {
        /// The format; see [`super::LOG_VERSION`].
        version: u32,
        /// Name and version of the program that wrote it.
        program: String,
    },
    /// A worker started. Events after `resumed_from` and `resumed_step` are void, because those epochs and steps were
    /// not saved and are trained again.
    WorkerStarted {
        /// Its process id.
        pid: u32,
        /// The name of its machine.
        host: String,
        /// The last completed epoch of the checkpoint that it resumes from; 0 from the start.
        resumed_from: u32,
        /// The completed steps of the epoch after that; 0 if there are none.
        #[serde(default, skip_serializing_if = "is_zero")]
        resumed_step: u32,
    },
    /// The device was chosen.
    DeviceChosen {
        /// `cpu` or `cuda:0`.
        device: String,
        /// The device's own name.
        description: String,
        /// The reason why it is not the preferred device.
        note: Option<String>,
    },
    /// No kernel of the device is cached. The first steps compile kernels and measure their speed, which takes a while
    /// once.
    CompilingKernels {
        /// `cuda:0`.
        device: String,
    },
    /// The worker has compiled kernels since its start. Logged every few seconds while the number grows.
    KernelsCompiled {
        /// `cuda:0`.
        device: String,
        /// The number of kernels since the start.
        count: usize,
    },
    /// The dataset was opened.
    DataOpened {
        /// Images in each split.
        images: SplitCounts,
        /// Class names, in the order of labels.
        classes: Vec<String>,
    },
    /// The network was built.
    #[serde(rename = "model_built")]
    NetworkBuilt {
        /// The number of all parameters.
        total: usize,
        /// The number of trained parameters.
        trainable: usize,
    },
    /// The run waits for another run to end before it begins.
    Waiting {
        /// The other run.
        run: RunId,
    },
    /// The run waits for a slot of its device. Logged again when the number of runs ahead changes.
    Queued {
        /// `cpu` or `cuda:0`.
        device: String,
        /// The number of runs ahead: running, or waiting at earlier positions.
        ahead: usize,
    },
    /// Features of the frozen part are being computed. Logged at most every few seconds.
    ComputingFeatures {
        /// Images done, including those found on disk.
        done: usize,
        /// All images; every variant counts.
        total: usize,
        /// Images computed per second so far.
        images_per_second: f64,
    },
    /// The features of the frozen part are on disk.
    FeaturesReady {
        /// The number of images; every variant counts.
        images: usize,
        /// The number of images that this worker computed; the others were cached.
        computed: usize,
        /// Size on disk in bytes.
        bytes: u64,
        /// Seconds for finding and computing them.
        seconds: f64,
    },
    /// An epoch began or was resumed.
    EpochStarted {
        /// The epoch's number, from 1.
        epoch: u32,
        /// Optimizer steps in the epoch.
        steps: u32,
        /// Steps that an earlier worker completed.
        #[serde(default, skip_serializing_if = "is_zero")]
        done: u32,
        /// Seconds that these steps took.
        #[serde(default, skip_serializing_if = "is_none")]
        seconds: f64,
    },
    /// Progress within an epoch. Logged at most every few seconds.
    Step {
        /// The epoch's number, from 1.
        epoch: u32,
        /// Steps done in this epoch.
        step: u32,
        /// Steps in this epoch.
        steps: u32,
        /// Mean training loss over the steps since the previous event.
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
        /// The epoch's metrics.
        #[serde(flatten)]
        metrics: EpochMetrics,
        /// The state of early stopping after the epoch.
        early_stopping: EarlyStoppingStatus,
    },
    /// The schedule lowered the learning rate because validation stalled.
    LearningRateReduced {
        /// The epoch before the change.
        epoch: u32,
        /// The rate before.
        from: f64,
        /// The rate after the change.
        to: f64,
    },
    /// A checkpoint is on disk.
    CheckpointSaved {
        /// The last completed epoch in the checkpoint.
        epoch: u32,
        /// The completed steps of the epoch after that; 0 between two epochs.
        #[serde(default, skip_serializing_if = "is_zero")]
        step: u32,
        /// Whether the checkpoint has the best weights so far.
        best: bool,
    },
    /// A person requested a stop. The run ends after the current batch and saves its state.
    StopRequested,
    /// A person requested a pause; the run computes nothing until it ends.
    Paused,
    /// The pause ended.
    Continued,
    /// The limits changed. In a worker's first moments, the limits differ from the recipe's.
    LimitsChanged {
        /// The largest number of epochs.
        epochs: u32,
        /// The number of epochs in a row without improvement before the run stops.
        patience: u32,
    },
    /// The load of the worker on its machine, logged every few seconds.
    Load {
        /// The measurements.
        #[serde(flatten)]
        load: Load,
    },
    /// The best weights are being tested.
    EvaluationStarted {
        /// The tested split.
        split: Split,
        /// The number of images to evaluate.
        images: usize,
    },
    /// The best weights were tested.
    Evaluated {
        /// The tested split.
        split: Split,
        /// The epoch of the weights.
        epoch: u32,
        /// Mean loss.
        #[serde(with = "nan")]
        loss: f64,
        /// The confusion matrix, from which every score follows.
        confusion: Confusion,
    },
    /// The best weights were tested on several views of each image, with the mean of their probabilities.
    ViewsEvaluated {
        /// Views of each image.
        views: u32,
        /// The epoch of the weights.
        epoch: u32,
        /// Mean loss.
        #[serde(with = "nan")]
        loss: f64,
        /// The confusion matrix, from which every score follows.
        confusion: Confusion,
    },
    /// The test of the best weights failed or was stopped; an earlier result stays valid.
    EvaluationFailed {
        /// The error message.
        cause: String,
    },
    /// A problem that does not end the run.
    Warning {
        /// The message.
        message: String,
    },
    /// The run ended.
    Ended {
        /// The outcome.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// An event of a kind that this program does not know.
    #[serde(other)]
    Unknown,
}

// Zero fields are omitted, so that most lines stay short and lines of older programs are unchanged.

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_none(seconds: &f64) -> bool {
    *seconds <= 0.0
}
