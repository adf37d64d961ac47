//! Which checkpoint a run goes on from, and what becomes of damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointFiles, State};
use crate::domain::text::printable;
use crate::runs::layout::RunFolder;

use super::error::WorkerError;

/// How long an epoch may go on without a checkpoint, in seconds, unless the environment says otherwise.
const INTERVAL_SECONDS: u64 = 300;

/// The environment variable that does; 0 saves after every step whose loss is read.
const INTERVAL_VARIABLE: &str = "MIEN_CHECKPOINT_SECONDS";

/// The run's checkpoints.
pub(super) fn files(folder: &RunFolder) -> CheckpointFiles {
    CheckpointFiles {
        last: folder.last_checkpoint(),
        previous: folder.previous_checkpoint(),
        best: folder.best_checkpoint(),
    }
}

/// How long an epoch may go on without a checkpoint, and what is wrong with the variable that says so.
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

/// A checkpoint to go on from.
pub(super) struct Place {
    /// Its file.
    pub(super) file: PathBuf,
    /// Where training stood.
    pub(super) state: State,
    /// Every file that is whole.
    whole: Vec<(PathBuf, State)>,
    /// The files that are damaged, and what is wrong with each.
    damaged: Vec<(PathBuf, CheckpointError)>,
}

/// The newest checkpoint that is whole; `None` at the start of a run. Changes nothing, and keeps no tensor in memory.
///
/// # Errors
/// When none is whole, or one is of a newer program.
pub(super) fn where_to_go_on(files: &CheckpointFiles) -> Result<Option<Place>, WorkerError> {
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    for path in [&files.last, &files.previous, &files.best] {
        match State::read(path) {
            Ok(state) => whole.push((path.clone(), state)),
            Err(newer @ CheckpointError::Newer { .. }) => return Err(newer.into()),
            Err(CheckpointError::Io { .. }) if !path.exists() => {}
            Err(error) => damaged.push((path.clone(), error)),
        }
    }
    // Of equals the first. A best one is the newest where a worker was killed between the two files of an epoch.
    match whole.iter().rev().max_by_key(|(_, state)| state.position()).cloned() {
        Some((file, state)) => Ok(Some(Place { file, state, whole, damaged })),
        None if damaged.is_empty() => Ok(None),
        None => Err(WorkerError::NoneWhole(damaged.into_iter().map(|(_, error)| error).collect())),
    }
}

impl Place {
    /// Puts damaged files aside, so that nothing overwrites them, and makes the best weights anew if a whole checkpoint
    /// is of the same epoch. Returns what a person should know of it.
    pub(super) fn mend(&self, files: &CheckpointFiles) -> Vec<String> {
        let mut told = Vec::new();
        for (path, error) in &self.damaged {
            let aside = aside(path);
            let kept = match fs::rename(path, &aside) {
                Ok(()) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it cannot be kept as {}: {error}", aside.display()),
            };
            let instead = if *path == files.best { String::new() } else { format!("; {}", self.words()) };
            told.push(format!("{error}; {kept}{instead}"));
        }
        told.extend(self.mend_best(files));
        told
    }

    fn mend_best(&self, files: &CheckpointFiles) -> Option<String> {
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

    fn words(&self) -> String {
        let (epoch, step) = self.state.position();
        let place = match step {
            0 => format!("epoch {epoch}"),
            step => format!("step {step} of epoch {}", epoch.saturating_add(1)),
        };
        format!("going on from {}, which is of {place}", self.file.display())
    }
}

/// Reads one checkpoint and writes it to another file.
fn copy_checkpoint(from: &Path, to: &Path) -> Result<(), WorkerError> {
    let write = |source| WorkerError::File { doing: "write", path: to.to_owned(), source };
    Checkpoint::read(from)?.write(to).map_err(write)
}

/// The best weights, made anew if they are damaged and a checkpoint of the same epoch is there, and what to tell of it.
///
/// # Errors
/// When there are none that are whole, or not those of the best epoch.
pub(super) fn best(files: &CheckpointFiles) -> Result<(Checkpoint, Vec<String>), WorkerError> {
    let place = where_to_go_on(files)?;
    let told = place.as_ref().map_or_else(Vec::new, |place| place.mend(files));
    let wanted = place.map(|place| place.state.early_stopping.best_epoch);
    let best = match Checkpoint::read(&files.best) {
        Ok(best) => best,
        Err(error) => {
            let why = if told.is_empty() { error.to_string() } else { told.join("; ") };
            return Err(WorkerError::Best(why));
        }
    };
    match wanted {
        Some(wanted) if wanted != best.state.epoch => Err(WorkerError::Best(format!(
            "they are of epoch {wanted}, and {} is of epoch {}",
            files.best.display(),
            best.state.epoch
        ))),
        _ => Ok((best, told)),
    }
}

/// Where a damaged file is kept: the first name that is free.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = |number: u32| match number {
        1 => path.with_file_name(format!("{name}.damaged")),
        number => path.with_file_name(format!("{name}.damaged-{number}")),
    };
    (1..u32::MAX).map(numbered).find(|place| !place.exists()).unwrap_or_else(|| numbered(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{CHECKPOINT_VERSION, Identity, Partial};
    use crate::domain::arrays::Arrays;
    use crate::domain::{EarlyStoppingStatus, Strategy};

    const NAMES: [&str; 3] = ["last", "previous", "best"];

    /// `best_epoch` is the best so far.
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
    fn a_run_goes_on_from_the_newest_checkpoint_that_is_whole() {
        use File::{At, Damaged, No};
        // (what happened; last, previous, best; the place gone on from or none; files put aside; is the best one there
        // afterwards). The best epoch is always that of the best one, or else 3.
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
            let place = where_to_go_on(&files).expect("a place");
            assert_eq!(place.as_ref().map(|place| place.state.position()), expected, "{case}");
            let told = place.map_or_else(Vec::new, |place| place.mend(&files)).join("\n");
            for name in NAMES {
                let gone = put_aside.split(' ').any(|damaged| damaged == name);
                let kept = fs::read(folder.path().join(format!("{name}.damaged"))).ok();
                assert_eq!(kept, gone.then(|| b"cut".to_vec()), "{case}: {name}");
                let named = told.contains(&format!("/{name} is damaged"));
                assert_eq!(named, gone, "{case}: {told}");
            }
            let best = Checkpoint::read(&files.best).ok().map(|best| best.state.epoch);
            assert_eq!(best, best_there.then_some(best_epoch), "{case}: {told}");
            assert!(
                best_there || expected.is_none_or(|at| at < (3, 0)) || told.contains("of epoch 3, are lost"),
                "{case}: {told}"
            );
        }
    }

    #[test]
    fn a_run_without_a_whole_checkpoint_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files_in(folder.path());
        for path in [&files.last, &files.best] {
            fs::write(path, "cut").expect("written");
        }
        let told = where_to_go_on(&files).err().expect("refused").to_string();
        assert!(told.contains("last is damaged") && told.contains("best is damaged"), "{told}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn a_second_damaged_file_does_not_take_the_place_of_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files_in(folder.path());
        for damage in ["one", "two"] {
            write(&files.previous, (2, 0), 0);
            fs::write(&files.last, damage).expect("written");
            where_to_go_on(&files).expect("a place").expect("one").mend(&files);
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
        let told = best(&files).expect_err("refused").to_string();
        assert!(told.contains("they are of epoch 4, and") && told.contains("is of epoch 2"), "{told}");
        // With a copy of the right ones they are.
        write(&files.previous, (4, 0), 4);
        let (found, told) = best(&files).expect("found");
        assert_eq!((found.state.epoch, told.len()), (4, 1), "{told:?}");
        // Damaged, and no copy.
        fs::remove_file(&files.previous).expect("removed");
        fs::write(&files.best, "cut").expect("written");
        let told = best(&files).expect_err("refused").to_string();
        assert!(told.contains("best is damaged") && told.contains("are lost"), "{told}");
    }
}
