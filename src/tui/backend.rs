//! The one place where the dashboard touches datasets, weights and workers. Everything else sees plain values.

use super::state::{DatasetEntry, DatasetView, WeightsEntry};
use super::widgets::faces::Face;
use crate::data::{self, Dataset, Manifest, features};
use crate::domain::{DatasetName, Recipe, RunId, Split, text::printable};
use crate::runs::RunStore;
use crate::supervise;
use crate::weights;

/// What the dashboard asks of the world. Every call may take its time: the runtime keeps them off the drawing thread.
pub trait Backend: Send + Sync {
    /// The datasets of the home, by name.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    fn datasets(&self) -> Result<Vec<DatasetEntry>, String>;

    /// The pretrained weights of the home, by name.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    fn weights(&self) -> Result<Vec<WeightsEntry>, String>;

    /// What the kept features of a dataset take.
    fn features(&self, dataset: &DatasetName) -> Vec<features::Usage>;

    /// Draws the demo dataset if it is not there.
    ///
    /// # Errors
    /// Why not, in words.
    fn create_demo(&self) -> Result<(), String>;

    /// Up to `count` training images of a class; none if they cannot be read.
    fn samples(&self, dataset: &DatasetName, class: usize, count: usize) -> Vec<Face>;

    /// A free name for a run.
    fn suggest_name(&self) -> RunId;

    /// Creates a run and starts its worker; the name is changed where it is taken.
    ///
    /// # Errors
    /// Why not, in words.
    fn launch(&self, id: &RunId, recipe: &Recipe) -> Result<RunId, String>;

    /// Creates three runs that wait for one another and starts their workers; names are changed where they are taken.
    ///
    /// # Errors
    /// Why not, in words, and which of them go on all the same.
    fn launch_all(&self, ids: &[RunId; 3], recipes: &[Recipe; 3]) -> Result<[RunId; 3], String>;

    /// Starts a worker that goes on with a run.
    ///
    /// # Errors
    /// Why not, in words.
    fn resume(&self, id: &RunId) -> Result<(), String>;

    /// Asks a run's worker to stop.
    ///
    /// # Errors
    /// Why not, in words.
    fn stop(&self, id: &RunId) -> Result<(), String>;
}

/// The home on this machine's disk.
pub struct Disk {
    store: RunStore,
}

impl Disk {
    /// The home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        Self { store }
    }
}

fn view(name: &DatasetName, manifest: Manifest) -> DatasetView {
    DatasetView {
        name: name.clone(),
        fingerprint: manifest.fingerprint,
        width: manifest.image.width,
        height: manifest.image.height,
        channels: manifest.image.channels,
        classes: manifest.classes.into_iter().map(|class| (printable(&class.name), class.counts)).collect(),
        skipped: manifest.skipped_count,
    }
}

/// Colours become the gray that the eye takes them for (ITU-R BT.601).
fn gray(pixels: &[u8], channels: u32) -> Vec<u8> {
    let luma = |pixel: &[u8]| match pixel {
        [red, green, blue] => {
            let sum = 299 * u32::from(*red) + 587 * u32::from(*green) + 114 * u32::from(*blue);
            u8::try_from(sum / 1_000).unwrap_or(u8::MAX)
        }
        _ => pixel.first().copied().unwrap_or(0),
    };
    pixels.chunks(channels.max(1) as usize).map(luma).collect()
}

impl Backend for Disk {
    fn datasets(&self) -> Result<Vec<DatasetEntry>, String> {
        let listed = data::list(&self.store.home().data()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (DatasetName, Result<Manifest, data::StoreError>)| DatasetEntry {
            dataset: manifest.map(|manifest| view(&name, manifest)).map_err(|error| printable(&error.to_string())),
            name,
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    fn weights(&self) -> Result<Vec<WeightsEntry>, String> {
        let listed = weights::list(&self.store.home().weights()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (_, Result<weights::Manifest, weights::WeightsError>)| WeightsEntry {
            name,
            manifest: manifest.map_err(|error| printable(&error.to_string())),
        };
        Ok(listed.into_iter().map(entry).collect())
    }

    fn features(&self, dataset: &DatasetName) -> Vec<features::Usage> {
        features::usage(&self.store.home().dataset(dataset))
    }

    fn create_demo(&self) -> Result<(), String> {
        data::demo::ensure(&self.store.home().data(), supervise::now()).map(|_| ()).map_err(|error| error.to_string())
    }

    fn samples(&self, dataset: &DatasetName, class: usize, count: usize) -> Vec<Face> {
        let Ok(dataset) = Dataset::open(&self.store.home().dataset(dataset)) else { return Vec::new() };
        let image = dataset.image();
        // Images lie class by class in each split.
        let of_class = (0..dataset.len(Split::Train)).filter(|index| dataset.label(Split::Train, *index) == class);
        let face = |index| Face {
            width: image.width as usize,
            pixels: gray(dataset.pixels(Split::Train, index), image.channels),
        };
        of_class.take(count).map(face).collect()
    }

    fn suggest_name(&self) -> RunId {
        supervise::suggest_name(&self.store)
    }

    fn launch(&self, id: &RunId, recipe: &Recipe) -> Result<RunId, String> {
        supervise::launch(&self.store, id, recipe).map_err(|error| error.to_string())
    }

    fn launch_all(&self, ids: &[RunId; 3], recipes: &[Recipe; 3]) -> Result<[RunId; 3], String> {
        supervise::launch_practice(&self.store, ids.clone(), recipes.clone()).map_err(|error| error.to_string())
    }

    fn resume(&self, id: &RunId) -> Result<(), String> {
        supervise::resume(&self.store, id).map_err(|error| error.to_string())
    }

    fn stop(&self, id: &RunId) -> Result<(), String> {
        supervise::request_stop(&self.store, id).map_err(|error| error.to_string())
    }
}
