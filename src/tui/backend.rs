//! Reads datasets, weights and marks of the home for the dashboard, and holds what its effects need. Calls read files
//! and may block, so the runtime makes them on other threads than drawing.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::library::{DatasetEntry, DatasetView, WeightsEntry};
use crate::data::marked::Marks;
use crate::data::overview::{self, Overview};
use crate::data::{self, Manifest};
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId};
use crate::homes::Link;
use crate::runs::{Home, RunStore};
use crate::supervise::{ImportProcess, PredictionProcess};
use crate::weights;

/// The running prediction. Its effects may be performed in another order than they were requested.
#[derive(Default)]
pub(super) struct PredictionSlot {
    /// The largest number of a prediction that was ended.
    pub(super) ended: u64,
    /// The running prediction with its number.
    pub(super) running: Option<(u64, PredictionProcess)>,
}

/// Access to the datasets, weights and runs of a home.
pub struct Backend {
    pub(super) store: RunStore,
    /// The line to the home, if that is on another machine.
    pub(super) link: Option<Arc<Link>>,
    /// The home whose datasets show images: the one of this machine, if the runs are elsewhere.
    pub(super) dataset_home: Home,
    /// The running import, if there is one.
    pub(super) import: Mutex<Option<ImportProcess>>,
    /// The running prediction, if there is one.
    pub(super) prediction: Mutex<PredictionSlot>,
    /// The number of the latest preview; an earlier one ends when it sees another number.
    pub(super) preview: AtomicU64,
}

impl Backend {
    /// Returns a backend for the home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        let dataset_home = store.home().clone();
        Self {
            store,
            link: None,
            dataset_home,
            import: Mutex::new(None),
            prediction: Mutex::default(),
            preview: AtomicU64::new(0),
        }
    }

    /// Returns a backend for the mirror of a home on another machine. Images are those of datasets in `dataset_home`
    /// with the same fingerprint.
    #[must_use]
    pub fn of_link(link: Arc<Link>, dataset_home: Home) -> Self {
        let store = RunStore::new(link.home());
        Self { link: Some(link), dataset_home, ..Self::new(store) }
    }

    /// Reads the datasets of the home, ordered by name.
    ///
    /// # Errors
    /// When the folder cannot be listed; the message names it.
    pub fn datasets(&self) -> Result<Vec<DatasetEntry>, String> {
        let listed = data::list(&self.store.home().data()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (DatasetName, Result<Manifest, data::StoreError>)| DatasetEntry {
            dataset: manifest
                .map(|manifest| DatasetView::new(&name, Overview::read(&self.store.home().dataset(&name), manifest)))
                .map_err(|error| printable(&error.to_string())),
            name,
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    /// Reads the imported weights of the home, ordered by name.
    ///
    /// # Errors
    /// When the folder cannot be listed; the message names it.
    pub fn weights(&self) -> Result<Vec<WeightsEntry>, String> {
        let listed = weights::list(&self.store.home().weights()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (_, Result<weights::Manifest, weights::WeightsError>)| WeightsEntry {
            name,
            manifest: manifest.map_err(|error| printable(&error.to_string())),
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    /// Reads which training images of a dataset are marked as wrongly labelled.
    ///
    /// # Errors
    /// When the manifest or the list of marks cannot be read.
    pub fn marks(&self, name: &DatasetName) -> Result<Arc<Marks>, String> {
        overview::marks(&self.store.home().dataset(name)).map(Arc::new)
    }
}

/// Performs an action on each run in order, and returns the results.
pub(super) fn for_each<E>(ids: Vec<RunId>, action: impl Fn(&RunId) -> Result<(), E>) -> Vec<(RunId, Result<(), E>)> {
    let perform = |id: RunId| {
        let result = action(&id);
        (id, result)
    };
    ids.into_iter().map(perform).collect()
}
