//! Datasets, weights and cached features.

use super::Disk;
use crate::data::{self, Dataset, Manifest, features};
use crate::domain::{DatasetName, Split, text::printable};
use crate::supervise;
use crate::tui::effect::DataEffect;
use crate::tui::event::Event;
use crate::tui::state::{DatasetEntry, DatasetView, WeightsEntry};
use crate::tui::widgets::faces::Face;
use crate::weights;

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

impl Disk {
    /// The datasets of the home, by name.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    pub fn datasets(&self) -> Result<Vec<DatasetEntry>, String> {
        let listed = data::list(&self.store.home().data()).map_err(|error| error.to_string())?;
        let entry = |(name, manifest): (DatasetName, Result<Manifest, data::StoreError>)| DatasetEntry {
            dataset: manifest.map(|manifest| view(&name, manifest)).map_err(|error| printable(&error.to_string())),
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

    /// What the kept features of a dataset take.
    #[must_use]
    pub fn features(&self, dataset: &DatasetName) -> Vec<features::Usage> {
        features::usage(&self.store.home().dataset(dataset))
    }

    /// Draws the demo dataset if it is not there.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn create_demo(&self) -> Result<(), String> {
        data::demo::ensure(&self.store.home().data(), supervise::now()).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Up to `count` training images of a class; none if they cannot be read.
    #[must_use]
    pub fn samples(&self, dataset: &DatasetName, class: usize, count: usize) -> Vec<Face> {
        let Ok(dataset) = Dataset::open(&self.store.home().dataset(dataset)) else { return Vec::new() };
        let image = dataset.image();
        // Images lie class by class in each split.
        let of_class = (0..dataset.len(Split::Train)).filter(|index| dataset.label(Split::Train, *index) == class);
        let face =
            |index| Face::new(image.width as usize, image.channels as usize, dataset.pixels(Split::Train, index));
        of_class.take(count).map(face).collect()
    }

    /// Does what the Data screen wants done.
    pub fn on_data(&self, effect: DataEffect) -> Event {
        match effect {}
    }
}
