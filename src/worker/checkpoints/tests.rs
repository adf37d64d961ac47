//! Tests of the choice of a checkpoint and of the repair of damaged ones.

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
