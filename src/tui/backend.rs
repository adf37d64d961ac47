//! The home on this machine: what the dashboard reads of datasets, weights and marks, and where effects begin. Every
//! call may take its time: the runtime keeps them off the drawing thread.

use std::sync::Mutex;

use super::library::{DatasetEntry, DatasetView, WeightsEntry};
use crate::data::check::{Findings, Summary};
use crate::data::{self, Manifest, marked};
use crate::domain::text::printable;
use crate::domain::{DatasetName, LeftOutImages};
use crate::runs::RunStore;
use crate::supervise::Import;
use crate::weights;

/// The datasets, weights and runs of a home, and the workers that train in it.
pub struct Backend {
    pub(super) store: RunStore,
    /// The import under way.
    pub(super) import: Mutex<Option<Import>>,
}

impl Backend {
    /// A backend on the home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        Self { store, import: Mutex::new(None) }
    }

    /// The datasets of the home, by name.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    pub fn datasets(&self) -> Result<Vec<DatasetEntry>, String> {
        let listed = data::list(&self.store.home().data()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (DatasetName, Result<Manifest, data::StoreError>)| DatasetEntry {
            dataset: manifest
                .map(|manifest| {
                    let findings = self.findings(&name, &manifest);
                    view(&name, manifest, findings, self.marked(&name))
                })
                .map_err(|error| printable(&error.to_string())),
            name,
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    /// The pretrained weights of the home, by name.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    pub fn weights(&self) -> Result<Vec<WeightsEntry>, String> {
        let listed = weights::list(&self.store.home().weights()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (_, Result<weights::Manifest, weights::WeightsError>)| WeightsEntry {
            name,
            manifest: manifest.map_err(|error| printable(&error.to_string())),
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    /// What the check of a dataset found, as it was last kept.
    fn findings(&self, name: &DatasetName, manifest: &Manifest) -> Vec<String> {
        let total = manifest.counts().total();
        let found = Findings::cached(&self.store.home().dataset(name), &manifest.fingerprint, total);
        found.map_or_else(Vec::new, |found| Summary::of(&found, &manifest.places()).parts())
    }

    /// The training images of a dataset that are marked as wrongly labelled.
    ///
    /// # Errors
    /// Why that cannot be told, in words.
    pub fn marked(&self, name: &DatasetName) -> Result<LeftOutImages, String> {
        let dir = self.store.home().dataset(name);
        let manifest = Manifest::read(&dir).map_err(|error| printable(&error.to_string()))?;
        let marked = marked::read(&dir, &manifest.fingerprint).map_err(|error| printable(&error.to_string()))?;
        Ok(marked.left_out())
    }
}

fn view(
    name: &DatasetName,
    manifest: Manifest,
    findings: Vec<String>,
    marked: Result<LeftOutImages, String>,
) -> DatasetView {
    DatasetView {
        name: name.clone(),
        fingerprint: manifest.fingerprint,
        width: manifest.image.width,
        height: manifest.image.height,
        channels: manifest.image.channels,
        classes: manifest.classes.into_iter().map(|class| (printable(&class.name), class.counts)).collect(),
        skipped: manifest.skipped_count,
        findings,
        marks_error: marked.as_ref().err().cloned(),
        marked: marked.unwrap_or_default(),
    }
}
