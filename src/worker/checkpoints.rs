//! Finds the checkpoint from which a run resumes, and repairs damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::text::printable;
use crate::runs::layout::RunFolder;
use crate::train::checkpoint::{Checkpoint, CheckpointError, CheckpointFiles, State};

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
                format!("{INTERVAL_VARIABLE} is '{text}', which is no whole number: {INTERVAL_SECONDS} is used");
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
            Err(newer @ CheckpointError::Newer { .. }) => return Err(newer.into()),
            Err(CheckpointError::Io { .. }) if !path.exists() => {}
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
                Ok(()) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it cannot be kept as {}: {error}", aside.display()),
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
                    format!("{best} is made anew from {}, which is of the same epoch {wanted}", path.display())
                }
                Err(error) => format!("cannot make {best} anew: {error}"),
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
        format!("going on from {}, which is of {position}", self.file.display())
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
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, Strategy};
    use crate::model::parameters::Arrays;
    use crate::train::checkpoint::{CHECKPOINT_VERSION, Identity, Partial};

    const NAMES: [&str; 3] = ["last", "previous", "best"];

    /// Writes a checkpoint at the position (`epoch`, `step`) of a run whose best epoch so far is `best_epoch`.
    fn write(path: &Path, (epoch, step): (u32, u32), best_epoch: u32) {
        let state = State {
            version: CHECKPOINT_VERSION,
            strategy: Strategy::Cnn,
            identity: Identity { fingerprint: String::new(), classes: Vec::new(), image: [48, 48, 1], base: None },
            epoch,
            optimizer_steps: 0,
            learning_rate: 1e-3,
            early_stopping: EarlyStoppingStatus { best_epoch, best_value: 1.0, waited: 0 },
            partial: (step > 0).then(|| Partial { step, ..Partial::default() }),
        };
        Checkpoint { state, arrays: Arrays::new() }.write(path).expect("written");
    }

    fn files_in(folder: &Path) -> CheckpointFiles {
        let [last, previous, best] = NAMES.map(|name| folder.join(name));
        CheckpointFiles { last, previous, best }
    }

    #[derive(Clone, Copy)]
    enum File {
        No,
        Damaged,
        At(u32, u32),
    }

    #[test]
    fn a_run_resumes_from_the_newest_intact_checkpoint() {
        use File::{At, Damaged, No};
        // Case, then last, previous and best, the position to resume from, the files renamed, and whether `best` exists
        // afterwards. The best epoch is that of the `best` file, or else 3.
        let table = [
            ("killed in the first epoch", [No, No, No], None, "", false),
            ("stopped in the first epoch", [At(0, 4), No, No], Some((0, 4)), "", false),
            ("the usual case", [At(5, 0), At(4, 9), At(3, 0)], Some((5, 0)), "", true),
            ("of an older program", [At(5, 0), No, At(3, 0)], Some((5, 0)), "", true),
            ("within an epoch", [At(5, 7), At(5, 0), At(3, 0)], Some((5, 7)), "", true),
            ("killed before the best of epoch 6 was the last", [At(5, 7), At(5, 2), At(6, 0)], Some((6, 0)), "", true),
            ("killed between the two files of epoch 1", [No, No, At(1, 0)], Some((1, 0)), "", true),
            ("killed between the two renames", [No, At(5, 0), At(3, 0)], Some((5, 0)), "", true),
            ("last damaged", [Damaged, At(4, 9), At(3, 0)], Some((4, 9)), "last", true),
            ("last damaged, which was the best", [Damaged, At(4, 9), At(5, 0)], Some((5, 0)), "last", true),
            ("last and previous damaged", [Damaged, Damaged, At(3, 0)], Some((3, 0)), "last previous", true),
            ("previous damaged", [At(5, 0), Damaged, At(3, 0)], Some((5, 0)), "previous", true),
            ("best damaged and lost", [At(5, 0), At(4, 0), Damaged], Some((5, 0)), "best", false),
            ("best damaged, a copy before", [At(3, 4), At(3, 0), Damaged], Some((3, 4)), "best", true),
            ("best damaged, a copy", [At(3, 0), At(2, 9), Damaged], Some((3, 0)), "best", true),
            ("only the one before is whole", [Damaged, At(3, 0), Damaged], Some((3, 0)), "last best", true),
        ];
        for (case, state, expected, put_aside, best_there) in table {
            let folder = tempfile::tempdir().expect("a folder");
            let files = files_in(folder.path());
            let best_epoch = match state {
                [.., At(epoch, _)] => epoch,
                [At(0, _), ..] => 0,
                _ => 3,
            };
            for (path, file) in [&files.last, &files.previous, &files.best].into_iter().zip(state) {
                match file {
                    Damaged => fs::write(path, "cut").expect("written"),
                    At(epoch, step) => write(path, (epoch, step), best_epoch),
                    No => {}
                }
            }
            let point = find_resume_point(&files).expect("a point");
            assert_eq!(point.as_ref().map(|point| point.state.position()), expected, "{case}");
            let warnings = point.map_or_else(Vec::new, |point| point.repair(&files)).join("\n");
            for name in NAMES {
                let gone = put_aside.split(' ').any(|damaged| damaged == name);
                let kept = fs::read(folder.path().join(format!("{name}.damaged"))).ok();
                assert_eq!(kept, gone.then(|| b"cut".to_vec()), "{case}: {name}");
                let named = warnings.contains(&format!("/{name} is damaged"));
                assert_eq!(named, gone, "{case}: {warnings}");
            }
            let best = Checkpoint::read(&files.best).ok().map(|best| best.state.epoch);
            assert_eq!(best, best_there.then_some(best_epoch), "{case}: {warnings}");
            assert!(
                best_there || expected.is_none_or(|at| at < (3, 0)) || warnings.contains("of epoch 3, are lost"),
                "{case}: {warnings}"
            );
        }
    }

    #[test]
    fn a_run_without_an_intact_checkpoint_is_refused_and_unchanged() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files_in(folder.path());
        for path in [&files.last, &files.best] {
            fs::write(path, "cut").expect("written");
        }
        let warnings = find_resume_point(&files).err().expect("refused").to_string();
        assert!(warnings.contains("last is damaged") && warnings.contains("best is damaged"), "{warnings}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn a_second_damaged_file_does_not_replace_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files_in(folder.path());
        for damage in ["one", "two"] {
            write(&files.previous, (2, 0), 0);
            fs::write(&files.last, damage).expect("written");
            find_resume_point(&files).expect("a point").expect("one").repair(&files);
        }
        let kept = |name: &str| fs::read_to_string(folder.path().join(name)).expect("kept");
        assert_eq!((kept("last.damaged"), kept("last.damaged-2")), ("one".into(), "two".into()));
    }

    #[test]
    fn weights_of_another_epoch_are_not_tested_as_the_best() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files_in(folder.path());
        write(&files.last, (5, 0), 4);
        write(&files.best, (2, 0), 2);
        let warnings = best(&files).expect_err("refused").to_string();
        assert!(warnings.contains("they are of epoch 4, and") && warnings.contains("is of epoch 2"), "{warnings}");
        // A copy of the right weights is tested.
        write(&files.previous, (4, 0), 4);
        let (found, warnings) = best(&files).expect("found");
        assert_eq!((found.state.epoch, warnings.len()), (4, 1), "{warnings:?}");
        // Damaged weights without a copy are refused.
        fs::remove_file(&files.previous).expect("removed");
        fs::write(&files.best, "cut").expect("written");
        let warnings = best(&files).expect_err("refused").to_string();
        assert!(warnings.contains("best is damaged") && warnings.contains("are lost"), "{warnings}");
    }
}
