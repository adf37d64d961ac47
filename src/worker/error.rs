//! The errors of the job process, with the kind that each has in the log.

use std::io;
use std::path::PathBuf;

use super::fault::Fault;
use crate::checkpoint::CheckpointError;
use crate::data::StoreError;
use crate::domain::MismatchError;
use crate::domain::network::ResolveError;
use crate::domain::preflight::{Problem, Subject};
use crate::domain::{DatasetName, FailureKind};
use crate::model::device::DeviceError;
use crate::runs::FileError;
use crate::train::fit::FitError;
use crate::weights::{BaseError, WeightsError};

/// The errors that end a worker's job.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The recipe does not fit the dataset, the weights or the run to start from.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] FileError),
    /// The dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] StoreError),
    /// The imported weights cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The run folder is in no home.
    #[error("the run folder is not in a home: pass a folder of HOME/checkpoints")]
    NoHome,
    /// The run has saved no best weights yet.
    #[error("{}: there are no best weights yet, a run saves them after its first epoch", .0.display())]
    NoBestWeights(PathBuf),
    /// The shape of the run's images is unknown, because its dataset's manifest is gone or is another dataset's.
    #[error(
        "the size of the run's images is unknown: its dataset's {} is missing or of another dataset; import the dataset \
         again, or copy that file from the machine on which the run was trained",
        crate::data::store::shown(.manifest)
    )]
    NoShape {
        /// The path of the missing manifest.
        manifest: PathBuf,
    },
    /// The dataset has no test images.
    #[error("the dataset '{0}' has no test images: import it again with a test folder or --test 0.1")]
    NothingToScore(DatasetName),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network cannot be resolved, or the recipe trains a stage that the network lacks.
    #[error(transparent)]
    Network(#[from] ResolveError),
    /// Weights do not fit the network.
    #[error(transparent)]
    Mismatch(#[from] MismatchError),
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// All checkpoints of the run are damaged.
    #[error(
        "{}; start a new run with its settings",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    NoneWhole(Vec<CheckpointError>),
    /// The best weights are missing, damaged, or of another epoch.
    #[error("the best weights cannot be tested: {0}")]
    Best(String),
    /// A checkpoint was trained on another dataset or base.
    #[error("the checkpoint was trained on another {0} than the recipe names: restore the {0}, or start a new run")]
    OtherRun(&'static str),
    /// Training failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A file cannot be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// The attempted operation, such as `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// Another worker holds the run's lock.
    #[error("another worker runs {}", .0.display())]
    Busy(PathBuf),
    /// The queue cannot be used.
    #[error("cannot use the queue: {0}")]
    Queue(io::Error),
    /// The system refused a signal handler.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// A panic: the device or this program failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<BaseError> for WorkerError {
    fn from(error: BaseError) -> Self {
        match error {
            BaseError::Problem(problem) => Self::Problem(problem),
            BaseError::Weights(error) => Self::Weights(error),
        }
    }
}

impl WorkerError {
    /// Returns the kind of failure, for the log.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Problem(problem) => kind_of(problem),
            Self::Dataset(StoreError::Io { .. })
            | Self::Weights(WeightsError::Io { .. })
            | Self::Recipe(_)
            | Self::File { .. }
            | Self::Queue(_)
            | Self::Fit(FitError::Save(_)) => FailureKind::Disk,
            Self::Dataset(_) | Self::NoShape { .. } => FailureKind::DatasetChanged,
            Self::Weights(_) => FailureKind::WeightsChanged,
            Self::Device(_) => FailureKind::Device,
            Self::Checkpoint(_)
            | Self::NoneWhole(_)
            | Self::Best(_)
            | Self::OtherRun(_)
            | Self::Mismatch(_)
            | Self::Fit(FitError::Mismatch(_)) => FailureKind::Checkpoint,
            Self::Fault(fault) => fault.kind,
            Self::NoHome
            | Self::NoBestWeights(_)
            | Self::NothingToScore(_)
            | Self::Network(_)
            | Self::Busy(_)
            | Self::Signals(_)
            | Self::Fit(FitError::Thread(_)) => FailureKind::Other,
        }
    }
}

fn kind_of(problem: &Problem) -> FailureKind {
    match (problem, problem.subject()) {
        (Problem::Network(_) | Problem::NoImages { .. }, _) => FailureKind::Other,
        (Problem::StageFrozen { .. }, _) | (_, Subject::Start) => FailureKind::StartMissing,
        (_, Subject::Dataset) => FailureKind::DatasetChanged,
        (_, Subject::Weights) => FailureKind::WeightsChanged,
        (_, Subject::Recipe | Subject::Corrections | Subject::Setting(_)) => FailureKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::CheckpointFault;
    use crate::domain::{RunId, WeightsName};

    #[test]
    fn errors_with_different_remedies_have_different_kinds() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let run = || RunId::new("heron").expect("an id");
        let dataset = || DatasetName::new("faces").expect("a name");
        let weights = WeightsName::new("vggface").expect("a name");
        let damaged = || CheckpointError { path: "last.ckpt".into(), fault: CheckpointFault::Checksum };
        let stage = "block3".parse().expect("a stage");
        let table: [(WorkerError, FailureKind); 11] = [
            (Problem::NoDataset { name: dataset(), start: None }.into(), FailureKind::DatasetChanged),
            (StoreError::Corrupt { path: "x".into(), reason: "cut".into() }.into(), FailureKind::DatasetChanged),
            (StoreError::Io { path: "x".into(), error: denied() }.into(), FailureKind::Disk),
            (Problem::NoWeights { name: weights, start: None }.into(), FailureKind::WeightsChanged),
            (Problem::StartUnsaved(run()).into(), FailureKind::StartMissing),
            (Problem::StageFrozen { start: run(), stage }.into(), FailureKind::StartMissing),
            (WorkerError::NoneWhole(vec![damaged(), damaged()]), FailureKind::Checkpoint),
            (WorkerError::File { doing: "write", path: "x".into(), source: denied() }, FailureKind::Disk),
            (WorkerError::NothingToScore(dataset()), FailureKind::Other),
            (Fault { kind: FailureKind::OutOfMemory, words: "no memory".into() }.into(), FailureKind::OutOfMemory),
            (WorkerError::OtherRun("dataset"), FailureKind::Checkpoint),
        ];
        for (error, kind) in table {
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
