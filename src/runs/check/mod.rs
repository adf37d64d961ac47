//! A check of a run's folder for damage: every file by its own checksum or format, and against the log.
//!
//! Nothing is changed and no symbolic link is followed. A running worker's unfinished changes are no findings.

mod checkpoints;
mod files;
mod log;
mod predictions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::layout::RunFolder;
use super::store::RunStore;
use crate::checkpoint::CheckpointFault;
use crate::domain::{DataFold, DatasetName, GroupSizes, Recipe, RunId, Split, SplitCounts};
use crate::runs::placement::Liveness;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A remark: nothing is lost permanently.
    Note,
    /// A file was changed or is missing.
    Damage,
}

/// Damage, an inconsistency or a leftover in a run, dataset or weights, with advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HomeFinding {
    /// The severity.
    pub severity: Severity,
    /// The file or folder.
    pub file: PathBuf,
    /// The fault and its consequence.
    pub what: String,
    /// The advice; empty if there is none.
    pub advice: String,
}

impl HomeFinding {
    /// Returns a finding of damage to a file.
    #[must_use]
    pub fn damage(file: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Damage, file: file.to_owned(), what: what.into(), advice: advice.into() }
    }

    /// Returns a remark about a file.
    #[must_use]
    pub fn note(file: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Note, file: file.to_owned(), what: what.into(), advice: advice.into() }
    }
}

/// The expected values of a run's dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInfo {
    /// The current fingerprint.
    pub fingerprint: String,
    /// Images of each class in each split.
    pub classes: Vec<SplitCounts>,
    /// The groups of the images, if they are known.
    pub groups: Option<Arc<GroupSizes>>,
}

impl DatasetInfo {
    /// Returns the number of images in a split of the dataset, or of this fold of it.
    fn images(&self, split: Split, fold: Option<DataFold>) -> usize {
        let folded = fold.map(|fold| fold.counts(&self.classes, self.groups.as_deref()));
        folded.as_ref().unwrap_or(&self.classes).iter().map(|class| class.get(split)).sum()
    }
}

/// The readable datasets of a home.
pub type Datasets = BTreeMap<DatasetName, DatasetInfo>;

/// The run to check, with the values to compare it with.
struct Subject<'a> {
    id: &'a RunId,
    folder: &'a RunFolder,
    recipe: &'a Recipe,
    /// Whether a worker is running.
    alive: bool,
    /// The run's dataset, if it exists with the recipe's fingerprint.
    dataset: Option<&'a DatasetInfo>,
}

impl RunStore {
    /// Returns all findings about a run.
    #[must_use]
    pub fn check(&self, id: &RunId, datasets: &Datasets) -> Vec<HomeFinding> {
        let folder = self.folder(id);
        let liveness = folder.liveness();
        let alive = liveness.may_be_alive();
        let mut findings = files::check(&folder, self.home().path(), alive);
        if let Liveness::Unknown(error) = liveness {
            let what = format!("cannot be checked: {error}; a running worker cannot be distinguished from a dead one");
            let advice = "check its permissions, and the home's locks with `mien doctor`";
            findings.push(HomeFinding::damage(&folder.lock_file(), what, advice));
        }
        let recipe = match folder.recipe() {
            Ok(recipe) => recipe,
            Err(error) => {
                let advice = "restore the file from a copy; without it the run cannot be shown or resumed";
                findings.push(HomeFinding::damage(&folder.recipe_file(), error.to_string(), advice));
                // Checkpoints have their own checksums and need no recipe.
                findings.extend(checkpoints::read_all(&folder).1);
                return findings;
            }
        };
        let known = datasets.get(&recipe.dataset);
        findings.extend(dataset(&folder, &recipe, known));
        let dataset = known.filter(|known| known.fingerprint == recipe.fingerprint);
        let subject = Subject { id, folder: &folder, recipe: &recipe, alive, dataset };
        let (logged, of_log) = log::check(&subject);
        findings.extend(of_log);
        findings.extend(checkpoints::check(&subject, logged.as_ref()));
        findings.extend(predictions::check(&subject));
        findings
    }

    /// Returns findings about other entries of the folder of runs: folders without a recipe, and remains of interrupted
    /// deletions.
    #[must_use]
    pub fn check_folder(&self) -> Vec<HomeFinding> {
        files::check_other_folders(&self.home().checkpoints())
    }
}

/// Returns whether a checkpoint exists; an error if it is damaged.
pub(super) fn verify_checkpoint(file: &Path) -> Result<bool, CheckpointFault> {
    checkpoints::verify(file).map(|held| held.is_some())
}

/// Returns the checkpoint files of a run.
pub(super) fn checkpoint_files(folder: &RunFolder) -> Vec<PathBuf> {
    checkpoints::files(folder)
}

fn dataset(folder: &RunFolder, recipe: &Recipe, known: Option<&DatasetInfo>) -> Option<HomeFinding> {
    let file = folder.recipe_file();
    let name = &recipe.dataset;
    match known {
        Some(known) if known.fingerprint == recipe.fingerprint => None,
        Some(known) => {
            let what = format!(
                "was trained on other images than dataset {name} holds now ({} then, {} now)",
                recipe.fingerprint, known.fingerprint
            );
            Some(HomeFinding::note(
                &file,
                what,
                "its results remain valid; it cannot be resumed or tested until those images are restored",
            ))
        }
        None => {
            let what = format!("its dataset {name} is missing or damaged");
            Some(HomeFinding::note(
                &file,
                what,
                format!("its results remain valid; `mien data import … --name {name}` to resume or test it"),
            ))
        }
    }
}
