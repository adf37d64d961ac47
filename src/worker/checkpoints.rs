//! Which checkpoint a run goes on from.

use std::path::Path;

use crate::runs::layout::RunFolder;
use crate::train::checkpoint::{Checkpoint, CheckpointError, CheckpointFiles};

/// The run's checkpoints.
pub(super) fn files(folder: &RunFolder) -> CheckpointFiles {
    CheckpointFiles { last: folder.last_checkpoint(), best: folder.best_checkpoint() }
}

/// The checkpoint to go on from, with a warning if the one that should be there is damaged; `None` at the start.
pub(super) fn where_to_go_on(files: &CheckpointFiles) -> Result<Option<(Checkpoint, Option<String>)>, String> {
    let missing = |path: &Path| !path.exists();
    if missing(&files.last) && missing(&files.best) {
        return Ok(None);
    }
    match (Checkpoint::read(&files.last), Checkpoint::read(&files.best)) {
        // Written first: a worker killed between the two files.
        (Ok(last), Ok(best)) if best.state.epoch > last.state.epoch => Ok(Some((best, None))),
        (Err(CheckpointError::Io { .. }), Ok(best)) if missing(&files.last) => Ok(Some((best, None))),
        (Ok(last), _) => Ok(Some((last, None))),
        (Err(newer @ CheckpointError::Newer { .. }), _) => Err(newer.to_string()),
        (Err(error), Ok(best)) => {
            let message = format!("{error}; going on from the best one, of epoch {}", best.state.epoch);
            Ok(Some((best, Some(message))))
        }
        (Err(last), Err(best)) => Err(format!("{last}; {best}; start a new run with its settings")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, Strategy};
    use crate::model::parameters::Arrays;
    use crate::train::checkpoint::{CHECKPOINT_VERSION, Identity, State};

    fn write(path: &Path, epoch: u32) {
        let state = State {
            version: CHECKPOINT_VERSION,
            strategy: Strategy::Cnn,
            identity: Identity { fingerprint: String::new(), classes: Vec::new(), image: [48, 48, 1], base: None },
            epoch,
            optimizer_steps: 0,
            learning_rate: 1e-3,
            early_stopping: EarlyStoppingStatus::default(),
        };
        Checkpoint { state, arrays: Arrays::new() }.write(path).expect("written");
    }

    #[test]
    fn a_run_goes_on_from_the_newest_checkpoint_that_is_whole() {
        const DAMAGED: u32 = 0;
        // (what happened, epoch of last, epoch of best, epoch to go on from or none, whether a warning is due)
        let table = [
            ("killed in the first epoch", None, None, None, false),
            ("the usual case", Some(5), Some(3), Some(5), false),
            ("killed between the two files of epoch 6", Some(5), Some(6), Some(6), false),
            ("killed between the two files of epoch 1", None, Some(1), Some(1), false),
            ("last damaged", Some(DAMAGED), Some(3), Some(3), true),
            ("best damaged", Some(5), Some(DAMAGED), Some(5), false),
        ];
        for (case, last, best, expected, warned) in table {
            let folder = tempfile::tempdir().expect("a folder");
            let files = CheckpointFiles { last: folder.path().join("last"), best: folder.path().join("best") };
            for (path, epoch) in [(&files.last, last), (&files.best, best)] {
                match epoch {
                    Some(DAMAGED) => std::fs::write(path, "cut").expect("written"),
                    Some(epoch) => write(path, epoch),
                    None => {}
                }
            }
            let found = where_to_go_on(&files).expect("a place");
            let epoch = found.as_ref().map(|(checkpoint, _)| checkpoint.state.epoch);
            let warning = found.and_then(|(_, warning)| warning);
            assert_eq!((epoch, warning.is_some()), (expected, warned), "{case}");
        }
    }
}
