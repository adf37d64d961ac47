//! Where a run stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::nan;

/// Why a run that did all it should has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The recipe's last epoch was reached.
    MaxEpochs,
    /// Patience ran out.
    EarlyStop,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Trained to its end and tested.
    Finished {
        /// Which end.
        reason: FinishReason,
    },
    /// Stopped on request after saving.
    Stopped,
    /// Ended by a signal after saving, as at a shutdown or a scheduler's time limit: nobody asked for its end, so that
    /// a run of the queue stays in it.
    Interrupted {
        /// The signal's name, such as `SIGTERM`.
        signal: String,
    },
    /// The loss or a validation figure stopped being a number; the best weights are kept.
    Diverged {
        /// What became non-finite, and where.
        cause: String,
    },
    /// Something went wrong.
    Failed {
        /// What, in words, with the file where there is one.
        cause: String,
        /// What kind of thing; logs of older programs tell none.
        #[serde(default)]
        kind: FailureKind,
    },
}

/// What kind of thing ended a run, for those who filter runs or decide whether to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A device has no memory left.
    OutOfMemory,
    /// The dataset is gone, or is another one than the recipe names.
    DatasetChanged,
    /// The imported weights are gone, or are others than the recipe names.
    WeightsChanged,
    /// The run to start from is gone, or has no weights that fit.
    StartMissing,
    /// No checkpoint is whole, or one does not belong to the run.
    Checkpoint,
    /// A file cannot be read or written.
    Disk,
    /// The device asked for is not there, or failed.
    Device,
    /// A fault of this program.
    Panic,
    /// None of these, or not known.
    #[default]
    #[serde(other)]
    Other,
}

impl FailureKind {
    /// The word used in files and queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OutOfMemory => "out_of_memory",
            Self::DatasetChanged => "dataset_changed",
            Self::WeightsChanged => "weights_changed",
            Self::StartMissing => "start_missing",
            Self::Checkpoint => "checkpoint",
            Self::Disk => "disk",
            Self::Device => "device",
            Self::Panic => "panic",
            Self::Other => "other",
        }
    }
}

/// The state of a run as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waits for its device.
    Queued,
    /// Its worker is on the way to the first epoch.
    Starting,
    /// Trains or tests.
    Running,
    /// Its worker is alive and waits, on request, until it is told to go on.
    Paused,
    /// Ended by itself: last epoch or early stop.
    Finished,
    /// Ended on request.
    Stopped,
    /// Ended by a signal that nobody sent to stop it.
    Interrupted,
    /// Ended by a fault, a divergence among them.
    Failed,
    /// Its worker is gone without a word.
    Lost,
}

impl RunState {
    /// The word shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// Whether a worker is at it, or about to be.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Starting | Self::Running | Self::Paused)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where early stopping stands after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStoppingStatus {
    /// The epoch with the best value, counted from 1; 0 before there is one.
    pub best_epoch: u32,
    /// The best value of the monitored figure; NaN before there is one.
    #[serde(with = "nan")]
    pub best_value: f64,
    /// Epochs in a row, up to now, that did not improve on it.
    pub waited: u32,
}

impl Default for EarlyStoppingStatus {
    fn default() -> Self {
        Self { best_epoch: 0, best_value: f64::NAN, waited: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_an_older_or_newer_program_is_of_no_known_kind() {
        let read = |text: &str| serde_json::from_str::<Outcome>(text).expect("an outcome");
        let failed = |kind| Outcome::Failed { cause: "why".into(), kind };
        assert_eq!(read(r#"{"outcome":"failed","cause":"why"}"#), failed(FailureKind::Other));
        assert_eq!(read(r#"{"outcome":"failed","cause":"why","kind":"cosmic_ray"}"#), failed(FailureKind::Other));
        let text = serde_json::to_string(&failed(FailureKind::OutOfMemory)).expect("plain values");
        assert_eq!(text, r#"{"outcome":"failed","cause":"why","kind":"out_of_memory"}"#);
        for kind in [FailureKind::OutOfMemory, FailureKind::StartMissing, FailureKind::Disk, FailureKind::Other] {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.name());
            assert_eq!(read(&serde_json::to_string(&failed(kind)).expect("plain values")), failed(kind));
        }
    }
}
