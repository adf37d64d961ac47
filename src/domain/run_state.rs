//! The state and the outcome of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::nan;

/// The reason for the end of a run that was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The recipe's last epoch was reached.
    MaxEpochs,
    /// Patience ran out.
    EarlyStop,
}

/// The way in which a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Trained to its end and tested.
    Finished {
        /// The reason for the end.
        reason: FinishReason,
    },
    /// Stopped on request after saving.
    Stopped,
    /// Ended by a signal after saving, as at a shutdown or a scheduler's time limit. No person requested the end, so
    /// the run remains in the queue.
    Interrupted {
        /// The signal's name, such as `SIGTERM`.
        signal: String,
    },
    /// The loss or a validation metric became NaN or infinite; the best weights are intact.
    Diverged {
        /// The non-finite value and its position in training.
        cause: String,
    },
    /// An error ended the run.
    Failed {
        /// The error message, with the file if there is one.
        cause: String,
        /// The kind of error; logs of older programs have none.
        #[serde(default)]
        kind: FailureKind,
    },
}

/// The kind of error that ended a run, for filters and retry policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A device ran out of memory.
    OutOfMemory,
    /// The dataset is missing or is not the one of the recipe.
    DatasetChanged,
    /// The imported weights are missing or are not the ones of the recipe.
    WeightsChanged,
    /// The run to start from is missing or has no matching weights.
    StartMissing,
    /// No checkpoint is intact, or a checkpoint belongs to another run.
    Checkpoint,
    /// A file cannot be read or written.
    Disk,
    /// The requested device is missing or failed.
    Device,
    /// A fault of this program.
    Panic,
    /// Another or an unknown kind.
    #[default]
    #[serde(other)]
    Other,
}

impl FailureKind {
    /// Returns the name in files and queries.
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

/// The state of a run in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waiting for its device.
    Queued,
    /// Its worker has not begun the first epoch yet.
    Starting,
    /// Training or testing.
    Running,
    /// Its worker is alive and waits for the end of a requested pause.
    Paused,
    /// Ended after the last epoch or by early stopping.
    Finished,
    /// Ended on request.
    Stopped,
    /// Ended by a signal that no person sent to stop it.
    Interrupted,
    /// Ended by an error or by divergence.
    Failed,
    /// Its worker is gone without having logged an end.
    Lost,
}

impl RunState {
    /// Returns the name on screens.
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

    /// Returns whether a run has a worker or is about to get one.
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

/// The state of early stopping after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStoppingStatus {
    /// The epoch with the best value, from 1; 0 before there is a best value.
    pub best_epoch: u32,
    /// The best value of the monitored metric; NaN before there is a best value.
    #[serde(with = "nan")]
    pub best_value: f64,
    /// Epochs in a row, up to now, without improvement.
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
