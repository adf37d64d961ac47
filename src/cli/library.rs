//! The datasets, weights and runs of a home as the library of a preflight.

use crate::data::{Dataset, manifest};
use crate::domain::preflight::{DatasetFacts, Entry, Library, Problem, StartFacts};
use crate::domain::{DatasetName, RunId, WeightsName};
use crate::runs::RunStore;
use crate::weights;

/// The library of the home that holds these runs.
pub(super) struct HomeLibrary<'a>(pub(super) &'a RunStore);

impl Library for HomeLibrary<'_> {
    fn dataset(&self, name: &DatasetName) -> Entry<DatasetFacts> {
        let folder = self.0.home().dataset(name);
        if !folder.join(manifest::FILE_NAME).exists() {
            return Entry::Missing;
        }
        entry(Dataset::open(&folder).map(|dataset| dataset.manifest().facts()))
    }

    fn weights(&self, name: &WeightsName) -> Entry<String> {
        let file = self.0.home().weights_file(name);
        if !file.exists() {
            return Entry::Missing;
        }
        entry(weights::read_manifest(&file).map(|manifest| manifest.identity()))
    }

    fn start(&self, id: &RunId) -> Entry<StartFacts> {
        let folder = self.0.folder(id);
        if !folder.path().exists() {
            return Entry::Missing;
        }
        let saves = folder.has_best_weights() || folder.worker_alive();
        entry(folder.recipe().map(|recipe| StartFacts::of(&recipe, saves)))
    }
}

fn entry<T>(read: Result<T, impl ToString>) -> Entry<T> {
    read.map_or_else(|error| Entry::Unreadable(error.to_string()), Entry::Found)
}

/// Returns the first problem as an error.
pub(super) fn fail_on_first(problems: Vec<Problem>) -> Result<(), Problem> {
    problems.into_iter().next().map_or(Ok(()), Err)
}
