//! Finds the checkpoint from which a run resumes, and repairs damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointFault, CheckpointFiles, State};
use crate::domain::text::printable;
use crate::runs::layout::RunFolder;

use super::error::WorkerError;

/// The default number of seconds between two checkpoints within an epoch.
const INTERVAL_SECONDS: u64 = 300;

/// The environment variable that overrides the default; 0 saves after every step whose loss is read.
const INTERVAL_VARIABLE: &str = "MIEN_CHECKPOINT_SECONDS";

/// Returns the paths of the run's checkpoints.
pub(super) fn files(folder: &RunFolder) -> CheckpointFiles {
    CheckpointFiles {
        last: folder.last_checkpoint(),
        previous: folder.previous_checkpoint(),
        best: folder.best_checkpoint(),
    }
}

/// Returns the time between two checkpoints within an epoch, and a warning where the variable is no number.
pub(super) fn interval() -> (Duration, Option<String>) {
    let usual = Duration::from_secs(INTERVAL_SECONDS);
    match std::env::var(INTERVAL_VARIABLE).map(|text| (text.trim().parse(), text)) {
        Err(_) => (usual, None),
        Ok((Ok(seconds), _)) => (Duration::from_secs(seconds), None),
        Ok((Err(_), text)) => {
            let text = printable(&text);
            let wrong =
                format!("{INTERVAL_VARIABLE} is '{text}', which is not a whole number: {INTERVAL_SECONDS} is used");
            (usual, Some(wrong))
        }
    }
}

/// The checkpoint from which a run resumes.
pub(super) struct ResumePoint {
    /// The file of the checkpoint.
    pub(super) file: PathBuf,
    /// The state of training in that file.
    pub(super) state: State,
    /// All intact checkpoint files.
    whole: Vec<(PathBuf, State)>,
    /// The damaged files, with the fault of each.
    damaged: Vec<(PathBuf, CheckpointError)>,
}

/// Returns the newest intact checkpoint; `None` for a run without any. Changes no file and leaves no tensor in memory.
///
/// # Errors
/// If checkpoints exist but none is intact, or one has the format of a newer program.
pub(super) fn find_resume_point(files: &CheckpointFiles) -> Result<Option<ResumePoint>, WorkerError> {
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    for path in [&files.last, &files.previous, &files.best] {
        match State::read(path) {
            Ok(state) => whole.push((path.clone(), state)),
            Err(newer @ CheckpointError { fault: CheckpointFault::Newer(_), .. }) => return Err(newer.into()),
            Err(CheckpointError { fault: CheckpointFault::Unread(_), .. }) if !path.exists() => {}
            Err(error) => damaged.push((path.clone(), error)),
        }
    }
    // Of checkpoints at the same position the first one is taken. `best` is the newest where a worker was killed
    // between writing `best` and `last`.
    match whole.iter().rev().max_by_key(|(_, state)| state.position()).cloned() {
        Some((file, state)) => Ok(Some(ResumePoint { file, state, whole, damaged })),
        None if damaged.is_empty() => Ok(None),
        None => Err(WorkerError::NoneWhole(damaged.into_iter().map(|(_, error)| error).collect())),
    }
}

impl ResumePoint {
    /// Renames damaged files, so that nothing overwrites them, and restores the best weights from an intact checkpoint
    /// of the same epoch. Returns warnings for the log.
    pub(super) fn repair(&self, files: &CheckpointFiles) -> Vec<String> {
        let mut warnings = Vec::new();
        for (path, error) in &self.damaged {
            let aside = quarantine_path(path);
            let kept = match fs::rename(path, &aside) {
                Ok(()) => format!("it is renamed to {}", aside.display()),
                Err(error) => format!("it cannot be renamed to {}: {error}", aside.display()),
            };
            let instead = if *path == files.best { String::new() } else { format!("; {}", self.describe()) };
            warnings.push(format!("{error}; {kept}{instead}"));
        }
        warnings.extend(self.restore_best(files));
        warnings
    }

    /// Writes `best` from another checkpoint of the best epoch, where `best` is missing; returns a warning.
    fn restore_best(&self, files: &CheckpointFiles) -> Option<String> {
        let wanted = self.state.early_stopping.best_epoch;
        let is_best = |(path, state): &(PathBuf, State)| *path == files.best && state.epoch == wanted;
        if wanted == 0 || self.whole.iter().any(is_best) {
            return None;
        }
        let best = files.best.display();
        let is_wanted = |(path, state): &&(PathBuf, State)| *path != files.best && state.position() == (wanted, 0);
        Some(match self.whole.iter().find(is_wanted) {
            Some((path, _)) => match copy_checkpoint(path, &files.best) {
                Ok(()) => {
                    format!("{best} is restored from {}, which is of the same epoch {wanted}", path.display())
                }
                Err(error) => format!("cannot restore {best}: {error}"),
            },
            None => format!(
                "the best weights, of epoch {wanted}, are lost and cannot be tested unless a later epoch is better"
            ),
        })
    }

    /// Returns a clause for the log that names the file and its position.
    fn describe(&self) -> String {
        let (epoch, step) = self.state.position();
        let position = match step {
            0 => format!("epoch {epoch}"),
            step => format!("step {step} of epoch {}", epoch.saturating_add(1)),
        };
        format!("resuming from {}, which is of {position}", self.file.display())
    }
}

/// Reads the checkpoint `from` and writes it to `to`.
fn copy_checkpoint(from: &Path, to: &Path) -> Result<(), WorkerError> {
    let write = |source| WorkerError::File { doing: "write", path: to.to_owned(), source };
    Checkpoint::read(from)?.write(to).map_err(write)
}

/// Returns the best weights, restored from another checkpoint of the same epoch where they are damaged, and warnings
/// for the log.
///
/// # Errors
/// If no intact file has the weights of the best epoch.
pub(super) fn best(files: &CheckpointFiles) -> Result<(Checkpoint, Vec<String>), WorkerError> {
    let point = find_resume_point(files)?;
    let warnings = point.as_ref().map_or_else(Vec::new, |point| point.repair(files));
    let wanted = point.map(|point| point.state.early_stopping.best_epoch);
    let best = match Checkpoint::read(&files.best) {
        Ok(best) => best,
        Err(error) => {
            let why = if warnings.is_empty() { error.to_string() } else { warnings.join("; ") };
            return Err(WorkerError::Best(why));
        }
    };
    match wanted {
        Some(wanted) if wanted != best.state.epoch => Err(WorkerError::Best(format!(
            "they are of epoch {wanted}, and {} is of epoch {}",
            files.best.display(),
            best.state.epoch
        ))),
        _ => Ok((best, warnings)),
    }
}

/// Returns the path to which a damaged file is renamed: the first free one of `NAME.damaged`, `NAME.damaged-2`, ….
fn quarantine_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = |number: u32| match number {
        1 => path.with_file_name(format!("{name}.damaged")),
        number => path.with_file_name(format!("{name}.damaged-{number}")),
    };
    (1..u32::MAX).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(1))
}

#[cfg(test)]
mod tests;
