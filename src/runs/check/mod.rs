//! Looks through a run's folder for damage: every file by its own checksum or shape, and all of them against the log.
//!
//! Nothing is changed and no symbolic link is followed. A worker may be at the run: what it may be in the middle of is
//! not held against it.

mod checkpoints;
mod files;
mod log;
mod predictions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::layout::RunFolder;
use super::store::RunStore;
use crate::domain::{DatasetName, Recipe, RunId, SplitCounts};
use crate::runs::placement::Liveness;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is lost that cannot be had again.
    Note,
    /// Something is not as it was written, or gone.
    Damage,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder.
    pub file: PathBuf,
    /// What is wrong and what that means.
    pub what: String,
    /// What to do; empty where there is nothing.
    pub advice: String,
}

impl Finding {
    /// Damage to a file.
    #[must_use]
    pub fn damage(file: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Damage, file: file.to_owned(), what: what.into(), advice: advice.into() }
    }

    /// A note about a file.
    #[must_use]
    pub fn note(file: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Note, file: file.to_owned(), what: what.into(), advice: advice.into() }
    }
}

/// What a run should know of its dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its fingerprint now.
    pub fingerprint: String,
    /// Images in each split.
    pub images: SplitCounts,
    /// Number of classes.
    pub classes: usize,
}

/// The datasets of a home that can be read.
pub type Datasets = BTreeMap<DatasetName, Known>;

/// What is checked against.
struct Subject<'a> {
    id: &'a RunId,
    folder: &'a RunFolder,
    recipe: &'a Recipe,
    /// Whether a worker is at it.
    alive: bool,
    /// The run's dataset, if it is there and the one that the run was made for.
    dataset: Option<&'a Known>,
}

impl RunStore {
    /// Everything that is wrong with a run.
    #[must_use]
    pub fn check(&self, id: &RunId, datasets: &Datasets) -> Vec<Finding> {
        let folder = self.folder(id);
        let liveness = folder.liveness();
        let alive = liveness.may_be_alive();
        let mut findings = files::check(&folder, self.home().path(), alive);
        if let Liveness::Unknown(error) = liveness {
            let what = format!("cannot be looked at: {error}; a live worker and a dead one look the same");
            let advice = "check its permissions, and the home's locks with `mien doctor`";
            findings.push(Finding::damage(&folder.lock_file(), what, advice));
        }
        let recipe = match folder.recipe() {
            Ok(recipe) => recipe,
            Err(error) => {
                let advice = "put back a copy of the file; without it the run cannot be shown or resumed";
                findings.push(Finding::damage(&folder.recipe_file(), error.to_string(), advice));
                // Checkpoints carry their own checksums and need no recipe.
                findings.extend(checkpoints::each(&folder).1);
                return findings;
            }
        };
        let known = datasets.get(&recipe.dataset);
        findings.extend(dataset(&folder, &recipe, known));
        let dataset = known.filter(|known| known.fingerprint == recipe.fingerprint);
        let subject = Subject { id, folder: &folder, recipe: &recipe, alive, dataset };
        let (told, of_log) = log::check(&subject);
        findings.extend(of_log);
        findings.extend(checkpoints::check(&subject, told.as_ref()));
        findings.extend(predictions::check(&subject));
        findings
    }

    /// What is wrong in the folder of runs beside them: folders without a recipe, and what interrupted deletions left.
    #[must_use]
    pub fn check_folder(&self) -> Vec<Finding> {
        files::beside_runs(&self.home().checkpoints())
    }
}

/// Whether a checkpoint is there; an error if it is not as it was written.
pub(super) fn verify_checkpoint(file: &Path) -> Result<bool, String> {
    checkpoints::verify(file).map(|held| held.is_some())
}

/// The files that a run keeps checkpoints in.
pub(super) fn checkpoint_files(folder: &RunFolder) -> Vec<PathBuf> {
    checkpoints::files(folder)
}

fn dataset(folder: &RunFolder, recipe: &Recipe, known: Option<&Known>) -> Option<Finding> {
    let file = folder.recipe_file();
    let name = &recipe.dataset;
    match known {
        Some(known) if known.fingerprint == recipe.fingerprint => None,
        Some(known) => {
            let what = format!(
                "was trained on other images than dataset {name} holds now ({} then, {} now)",
                recipe.fingerprint, known.fingerprint
            );
            Some(Finding::note(
                &file,
                what,
                "its results stand; it cannot be resumed or tested until those images are back",
            ))
        }
        None => {
            let what = format!("its dataset {name} is not there, or damaged");
            Some(Finding::note(
                &file,
                what,
                format!("its results stand; `mien data import … --name {name}` to resume or test it"),
            ))
        }
    }
}
