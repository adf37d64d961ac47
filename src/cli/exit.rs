//! The end of a command: the only module that turns typed errors into messages and exit codes.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::data::marked::MarkedError;
use crate::data::{ImportError, StoreError};
use crate::domain::network::ResolveError;
use crate::domain::preflight::Problem;
use crate::domain::{DatasetName, NameError, SettingError, SweepError, UnknownName, WeightsName};
use crate::download::DownloadError;
use crate::events::ReadError;
use crate::export::ExportError;
use crate::homes::run_copy::CopyError;
use crate::report::ReportError;
use crate::runs::annotations::NoteError;
use crate::runs::comparison::ComparisonError;
use crate::runs::inspection::InspectionError;
use crate::runs::queue::{MoveError, SlotsError};
use crate::runs::store::LoadError;
use crate::runs::{EnsembleError, FileError, FindError, ManageError};
use crate::supervise::{KillError, LaunchError, LaunchSeriesError, QueueError, RequestError, StopError};
use crate::weights::WeightsError;

/// The exit codes, as the help of some commands lists them.
pub(super) const HELP: &str = "\
Exit codes:
  0    done; for train, resume, watch and evaluate: the run finished
  1    failed: the run failed, diverged or was lost, or there is no such run or dataset
  2    wrong usage: an unknown command or option, or a value that is not accepted
  130  stopped on request, or ended by Ctrl-C

RUN is the id of a run, the beginning of one, or `latest`.
HOME is --home, else $MIEN_HOME, else the current folder if it has data/ or checkpoints/, else your
data folder. A home on another machine is a NAME of [homes.NAME] in the config file, or ssh://user@box/path.";

/// The result of a command that ended without a [`CommandError`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Exit {
    /// Success; for commands that follow a run: the run finished.
    Done,
    /// A failure whose message is already printed.
    Failed,
    /// The run was stopped on request, or Ctrl-C ended the command.
    Stopped,
    /// The exit code of a command on another machine, whose message is printed.
    There(u8),
}

impl Exit {
    /// Returns `Done` if `done`, else `Failed`.
    pub(super) fn done_if(done: bool) -> Self {
        if done { Self::Done } else { Self::Failed }
    }

    /// Returns the worse of two exits.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, other) => other,
            (Self::Stopped, Self::Failed) => other,
            (earlier, _) => earlier,
        }
    }

    /// Returns the exit code of the process.
    pub(super) fn code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Failed => ExitCode::FAILURE,
            // The code that a shell reports of a process ended by Ctrl-C: 128 + SIGINT.
            Self::Stopped => ExitCode::from(130),
            Self::There(code) => ExitCode::from(code),
        }
    }
}

/// The error with which a command fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Wrong usage that the parser cannot detect.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Comparison(#[from] ComparisonError),
    #[error(transparent)]
    Inspection(#[from] InspectionError),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A run that cannot start.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A failure of which only the message matters.
    #[error("{0}")]
    Failure(String),
    #[error("there is no folder for data and runs: give --home FOLDER, or set MIEN_HOME or HOME")]
    NoHome,
    #[error("cannot use {} as home: {source}", path.display())]
    Home { path: PathBuf, source: io::Error },
    #[error("cannot list {}: {source}", folder.display())]
    List { folder: PathBuf, source: io::Error },
    #[error("cannot listen for Ctrl-C: {0}")]
    Signals(io::Error),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    #[error("there is no dataset '{name}' in {}{similar}; `mien data list` lists them", folder.display())]
    NoDataset { name: DatasetName, folder: PathBuf, similar: String },
    #[error("there are no weights '{name}' in {}{similar}; `mien weights list` lists them", folder.display())]
    NoWeights { name: WeightsName, folder: PathBuf, similar: String },
    /// A failed download, with advice for machines without a network.
    #[error("{error}{}", if error.is_offline() { format!("\n{instead}") } else { String::new() })]
    Download { error: DownloadError, instead: String },
    /// A failure with a file that has another name for people, such as a download's address.
    #[error("{}{advice}", error.to_string().replace(&*path.to_string_lossy(), what))]
    Of { error: Box<CommandError>, path: PathBuf, what: String, advice: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[cfg(feature = "trainer")]
    #[error(transparent)]
    Device(#[from] crate::model::device::DeviceError),
    #[cfg(feature = "trainer")]
    #[error(transparent)]
    Bench(#[from] crate::bench::BenchError),
    #[cfg(feature = "dashboard")]
    #[error(transparent)]
    Dashboard(#[from] crate::tui::DashboardError),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Events(#[from] ReadError),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    LaunchSeries(#[from] LaunchSeriesError),
    #[error(transparent)]
    Stop(#[from] StopError),
    #[error(transparent)]
    Kill(#[from] KillError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Move(#[from] MoveError),
    #[error(transparent)]
    Slots(#[from] SlotsError),
    #[error(transparent)]
    Marked(#[from] MarkedError),
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl CommandError {
    /// Returns whether the reader has closed the pipe, which is no failure: the reader needs no more output.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns the exit code of the process.
    pub(super) fn code(&self) -> ExitCode {
        if self.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        if let Self::Of { error, .. } = self {
            return error.code();
        }
        let cancelled = matches!(
            self,
            Self::Import(ImportError::Cancelled) | Self::Download { error: DownloadError::Cancelled, .. }
        );
        if cancelled {
            return Exit::Stopped.code();
        }
        let usage = matches!(
            self,
            Self::Usage(_)
                | Self::Name(_)
                | Self::UnknownName(_)
                | Self::Note(_)
                | Self::Resolve(_)
                | Self::Comparison(_)
                | Self::Report(ReportError::Comparison(_))
                | Self::Setting(_)
                | Self::Sweep(_)
                | Self::Problem(
                    Problem::Recipe(_)
                        | Problem::Network(_)
                        | Problem::StartWithoutBase(_)
                        | Problem::StageFrozen { .. }
                )
                | Self::Request(RequestError::Limits(_) | RequestError::NothingGiven)
                | Self::Launch(LaunchError::Limits(_))
                | Self::Slots(SlotsError::Range(_))
                | Self::Ensemble(EnsembleError::Few(_) | EnsembleError::Twice(_))
                | Self::Export(ExportError::Ending { .. })
                | Self::Import(ImportError::Options(_))
                | Self::Download { error: DownloadError::Address { .. }, .. }
        );
        if usage { ExitCode::from(2) } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure_and_wrong_usage_has_its_own_code() {
        let code = |error: CommandError| format!("{:?}", error.code());
        let pipe = CommandError::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(code(pipe), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(CommandError::Usage("no".into())), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(CommandError::NoHome), format!("{:?}", ExitCode::FAILURE));
    }
}
