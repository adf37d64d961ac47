//! Checks of checkpoints, all files `*.ckpt` of the run, by their checksums and against the log.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{HomeFinding, Subject};
use crate::checkpoint::{CheckpointFault, State};
use crate::domain::RunState;
use crate::runs::layout::RunFolder;
use crate::runs::summary::Summary;

/// Returns the run's checkpoint files, sorted by name.
pub(super) fn files(folder: &RunFolder) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.path()) else { return Vec::new() };
    let is_one = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ckpt") && !path.is_symlink();
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_one).collect();
    files.sort();
    files
}

/// Returns the state of each intact checkpoint by file, and findings about the damaged ones.
pub(super) fn read_all(folder: &RunFolder) -> (BTreeMap<PathBuf, State>, Vec<HomeFinding>) {
    let (mut held, mut findings) = (BTreeMap::new(), Vec::new());
    for file in files(folder) {
        match verify(&file) {
            Ok(Some(found)) => {
                held.insert(file, found);
            }
            // A worker replaced or removed the file meanwhile.
            Ok(None) => {}
            Err(fault) => findings.push(HomeFinding::damage(&file, fault.to_string(), String::new())),
        }
    }
    (held, findings)
}

/// Reads and checks one file; `None` if it is gone.
pub(super) fn verify(file: &Path) -> Result<Option<State>, CheckpointFault> {
    match State::read(file).map_err(|error| error.fault) {
        Ok(state) => Ok(Some(state)),
        Err(CheckpointFault::Unread(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Checks each checkpoint by itself and against the log's summary.
pub(super) fn check(subject: &Subject<'_>, logged: Option<&Summary>) -> Vec<HomeFinding> {
    let folder = subject.folder;
    let (held, mut findings) = read_all(folder);
    for finding in &mut findings {
        finding.advice = advice(subject, &finding.file, &held);
    }
    for (file, found) in &held {
        if found.identity.fingerprint != subject.recipe.fingerprint && *file != folder.start_checkpoint() {
            let what = "belongs to a run on other images than those of this recipe".to_owned();
            findings.push(HomeFinding::damage(file, what, "restore the file of this run"));
        }
    }
    let Some(logged) = logged.filter(|_| !subject.alive) else { return findings };
    findings.extend(against_log(subject, logged, &held));
    findings
}

fn advice(subject: &Subject<'_>, damaged: &Path, held: &BTreeMap<PathBuf, State>) -> String {
    let (best, last, id) = (subject.folder.best_checkpoint(), subject.folder.last_checkpoint(), subject.id);
    let epoch = |file: &PathBuf| held.get(file).map(|held| held.epoch);
    if damaged == last {
        return match epoch(&best) {
            Some(epoch) => format!("`mien resume {id}` continues from best.ckpt, of epoch {epoch}"),
            None => "nothing to resume from: start a new run with its settings".into(),
        };
    }
    if damaged == best {
        return match epoch(&last) {
            Some(epoch) => format!(
                "`mien resume {id}` continues from last.ckpt, of epoch {epoch}; the best weights before that are lost"
            ),
            None => "its weights are lost; the results in the log remain".into(),
        };
    }
    if damaged == subject.folder.start_checkpoint() {
        return "needed only to start the run over; it continues from its own checkpoints".into();
    }
    "remove it; the other checkpoints remain".into()
}

fn against_log(subject: &Subject<'_>, logged: &Summary, held: &BTreeMap<PathBuf, State>) -> Vec<HomeFinding> {
    let (best, last, id) = (subject.folder.best_checkpoint(), subject.folder.last_checkpoint(), subject.id);
    let mut findings = Vec::new();
    let finished = logged.state(false, u64::MAX) == RunState::Finished;
    if logged.epoch() > 0 && !best.exists() {
        let advice = if last.exists() && !finished {
            format!("`mien resume {id}` continues from last.ckpt")
        } else {
            "its weights are gone; the results in the log remain".to_owned()
        };
        findings.push(HomeFinding::damage(&best, "is gone: the run cannot be tested again", advice));
    }
    if logged.epoch() > 0 && !last.exists() {
        findings.push(if finished {
            HomeFinding::note(&last, "is gone: the run cannot be extended exactly, only from its best epoch", "")
        } else {
            let advice = format!("`mien resume {id}` continues from best.ckpt, if that is undamaged");
            HomeFinding::damage(&last, "is gone: the last epochs have to be trained again", advice)
        });
    }
    if let Some(found) = held.get(&last).map(|held| held.epoch) {
        if found > logged.epoch() {
            let what = format!("holds epoch {found}, but the log has no more than {}", logged.epoch());
            findings.push(HomeFinding::damage(&last, what, "the log lacks its end; the weights are undamaged"));
        } else if found < logged.epoch() {
            let what = format!("holds epoch {found} of {}: the run was killed before it was saved", logged.epoch());
            findings.push(HomeFinding::note(&last, what, format!("`mien resume {id}` trains the rest again")));
        }
    }
    let expected = logged.early_stopping.best_epoch;
    if let Some(found) = held.get(&best).map(|held| held.epoch).filter(|found| *found != expected && expected > 0) {
        let what = format!("holds epoch {found}, but by the log epoch {expected} is the best");
        findings.push(HomeFinding::note(&best, what, format!("`mien resume {id}` trains what is missing again")));
    }
    findings
}
