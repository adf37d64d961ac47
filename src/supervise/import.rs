//! An import in its own process: `mien data import … --progress`, followed through its output.
//!
//! The process has its own session and outlives its starter, so that an import survives the end of the dashboard. An
//! interrupted import removes its files; after a kill, the next import removes them.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::child_lines::{ChildLines, describe_failure};
use super::launcher::command_on;
use crate::domain::DatasetName;

/// The option of `mien data import` that reports progress for a program.
pub const PROGRESS_OPTION: &str = "--progress";

/// The longest wait for one event.
const POLL_TIMEOUT: Duration = Duration::from_millis(250);

/// The progress of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    /// The current stage: downloading, reading, measuring, packing.
    pub stage: String,
    /// The amount done in this stage: bytes of a download, archive or table; otherwise files or images.
    pub done: u64,
    /// The total amount, if known.
    pub total: Option<u64>,
    /// The number of classes found so far, once known.
    pub classes: Option<usize>,
}

/// A file that an import skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// A path inside the source, or a row of its table.
    pub source: String,
    /// The reason.
    pub reason: String,
}

/// Things of one kind that an import left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OmissionKind {
    /// The reason.
    pub reason: String,
    /// The number of things.
    pub count: u64,
    /// The first of them: a path inside the source, or a row of its table.
    pub example: String,
    /// Whether a strict import refuses the source because of them.
    pub skipped: bool,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportResult {
    /// The dataset's name.
    pub name: String,
    /// The number of images.
    pub images: usize,
    /// The number of classes.
    pub classes: usize,
    /// The skipped files, up to a limit.
    pub skipped: Vec<SkippedFile>,
    /// The number of skipped files, listed or not.
    pub skipped_count: u64,
    /// The number of resized images.
    pub resized: u64,
    /// Decisions of the import that a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Everything that was left out, by reason.
    #[serde(default)]
    pub left_out: Vec<OmissionKind>,
}

/// A line of an import's output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ImportLine {
    /// The progress.
    Progress(ImportProgress),
    /// The result.
    Finished(ImportResult),
}

/// An event of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportEvent {
    /// The import is running; its progress, if new.
    Running(Option<ImportProgress>),
    /// The import is being cancelled.
    Cancelling,
    /// The import is finished.
    Finished(ImportResult),
    /// The import was cancelled; none of its files remain.
    Cancelled,
    /// The import failed with this message; none of its files remain.
    Failed(String),
}

/// A running import.
#[derive(Debug)]
pub struct ImportProcess {
    child: ChildLines<ImportLine>,
    cancelled: bool,
}

impl ImportProcess {
    /// Starts importing `source`, a path or an address, into the home as a dataset of this name. `options` are those of
    /// `mien data import`.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(home: &Path, source: &str, name: &DatasetName, options: &[String]) -> std::io::Result<Self> {
        let mut command = command_on(home)?;
        command.args(["data", "import", "--name", name.as_str(), PROGRESS_OPTION]).args(options).args(["--", source]);
        Self::of(command)
    }

    fn of(command: Command) -> std::io::Result<Self> {
        Ok(Self { child: ChildLines::start(command)?, cancelled: false })
    }

    /// Cancels the import, which removes its files.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        self.child.interrupt();
    }

    /// Waits up to a quarter of a second for the end or for progress.
    pub fn poll(&mut self) -> ImportEvent {
        let mut latest = None;
        let mut patience = POLL_TIMEOUT;
        loop {
            match self.child.next(patience) {
                Ok(ImportLine::Finished(imported)) => {
                    let _ = self.child.wait();
                    return ImportEvent::Finished(imported);
                }
                Ok(ImportLine::Progress(progress)) => {
                    // Several lines of progress become one event.
                    latest = Some(progress);
                    patience = Duration::from_millis(50);
                }
                Err(RecvTimeoutError::Timeout) => return ImportEvent::Running(latest),
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            }
        }
    }

    /// Handles the end of the output without a result.
    fn end(&mut self) -> ImportEvent {
        let (status, error_output) = self.child.wait();
        if self.cancelled {
            ImportEvent::Cancelled
        } else {
            ImportEvent::Failed(describe_failure(status, error_output))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ImportProcess {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        ImportProcess::of(command).expect("started")
    }

    fn all(mut import: ImportProcess) -> Vec<ImportEvent> {
        let mut news = Vec::new();
        loop {
            match import.poll() {
                ImportEvent::Running(None) => {}
                ImportEvent::Running(some) => news.push(ImportEvent::Running(some)),
                end => {
                    news.push(end);
                    return news;
                }
            }
        }
    }

    #[test]
    fn progress_and_the_end_are_received() {
        let script = r#"echo '{"event":"progress","stage":"reading","done":5,"total":9,"classes":null}'; echo noise; sleep 0.2
            echo '{"event":"finished","name":"x","images":7,"classes":2,"skipped":[],"skipped_count":0,"resized":0}'"#;
        let news = all(shell(script));
        assert!(matches!(&news[0], ImportEvent::Running(Some(progress)) if progress.done == 5), "{news:?}");
        assert!(matches!(&news[1], ImportEvent::Finished(imported) if imported.images == 7), "{news:?}");
    }

    #[test]
    fn a_failure_has_the_message_of_the_import() {
        let news = all(shell("echo 'mien: /x: cannot be read' >&2; exit 1"));
        assert_eq!(news, [ImportEvent::Failed("/x: cannot be read".into())]);
        assert!(matches!(&all(shell("exit 3"))[..], [ImportEvent::Failed(words)] if words.contains('3')));
    }

    #[test]
    fn a_cancelled_import_is_interrupted() {
        let script = r#"trap 'exit 130' INT
            echo '{"event":"progress","stage":"reading","done":5,"total":9,"classes":null}'
            while :; do sleep 0.05; done"#;
        // A shell cannot trap a signal that was ignored when it began, as where the tests run in the background.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", "sh", "-c", script]);
        let mut import = ImportProcess::of(command).expect("started");
        while import.poll() == ImportEvent::Running(None) {}
        import.cancel();
        assert_eq!(all(import), [ImportEvent::Cancelled]);
    }
}
