//! Datasets, weights and cached features.

use std::sync::{Arc, PoisonError};

use super::{Disk, paths};
use crate::data::batch::{Pass, Source as _};
use crate::data::{self, Augmenter, Dataset, Images, Manifest, features};
use crate::domain::{DatasetName, LeftOutImages, Split, text::printable};
use crate::supervise::{self, Import, ImportEvent};
use crate::tui::effect::DataEffect;
use crate::tui::event::{DataEvent, Event};
use crate::tui::state::{DatasetEntry, DatasetView, Pick, Sample, Variants, WeightsEntry};
use crate::tui::widgets::faces::Face;
use crate::weights;

fn view(name: &DatasetName, manifest: Manifest, marked: Result<LeftOutImages, String>) -> DatasetView {
    DatasetView {
        name: name.clone(),
        fingerprint: manifest.fingerprint,
        width: manifest.image.width,
        height: manifest.image.height,
        channels: manifest.image.channels,
        classes: manifest.classes.into_iter().map(|class| (printable(&class.name), class.counts)).collect(),
        skipped: manifest.skipped_count,
        marks_error: marked.as_ref().err().cloned(),
        marked: marked.unwrap_or_default(),
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
            dataset: manifest
                .map(|manifest| view(&name, manifest, self.marked(&name)))
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

    /// What the kept features of a dataset take.
    #[must_use]
    pub fn features(&self, dataset: &DatasetName) -> Vec<features::CacheUsage> {
        features::usage(&self.store.home().dataset(dataset))
    }

    /// Draws the demo dataset if it is not there.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn create_demo(&self) -> Result<(), String> {
        data::demo::ensure(&self.store.home().data(), supervise::now()).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Faces of a class, in the order of the store, split after split.
    ///
    /// # Errors
    /// Why the dataset cannot be read, in words.
    pub fn faces(&self, pick: &Pick) -> Result<Vec<Sample>, String> {
        let dataset = Dataset::open(&self.store.home().dataset(&pick.dataset)).map_err(|error| error.to_string())?;
        let image = dataset.image();
        let classes = &dataset.manifest().classes;
        let own = classes.get(pick.class).ok_or("the dataset changed; it is read anew")?;
        // Images lie class by class in each split.
        let places = pick.part.splits().into_iter().flat_map(|split| {
            let before: usize = classes[..pick.class].iter().map(|class| class.counts.get(split)).sum();
            (before..before + own.counts.get(split)).map(move |index| (split, index))
        });
        let sample = |(split, index)| Sample {
            face: Face::new(image.width as usize, image.channels as usize, dataset.pixels(split, index)),
            split,
            index,
            source: dataset.source(split, index),
        };
        Ok(places.skip(pick.first).take(pick.count).map(sample).collect())
    }

    /// A training image as it is, then as epochs see it: by the very function that training calls.
    ///
    /// # Errors
    /// Why the dataset cannot be read, in words.
    pub fn variants(&self, wanted: &Variants) -> Result<Vec<Face>, String> {
        let dataset = Dataset::open(&self.store.home().dataset(&wanted.dataset)).map_err(|error| error.to_string())?;
        let image = dataset.image();
        let index = u32::try_from(wanted.index).ok().filter(|_| wanted.index < dataset.len(Split::Train));
        let index = index.ok_or("the dataset changed; it is read anew")?;
        let augmenter =
            wanted.augmentation.map(|ranges| Augmenter { ranges, seed: wanted.seed, variants: wanted.variants });
        let images = Images::plain(Arc::new(dataset), augmenter);
        let face = |pass: Pass| {
            let mut planes = vec![0.0; image.bytes()];
            images.fill(Split::Train, &[index], pass, &mut planes);
            let pixels = planes.len() / image.channels as usize;
            let byte = |at: usize| level(planes[at % image.channels as usize * pixels + at / image.channels as usize]);
            Face::new(image.width as usize, image.channels as usize, (0..planes.len()).map(byte).collect::<Vec<u8>>())
        };
        let epochs = (wanted.first..).take(wanted.count).map(Pass::Training);
        Ok(std::iter::once(Pass::PLAIN).chain(epochs).map(face).collect())
    }

    /// Starts an import and tells that it is under way.
    fn start_import(&self, source: &str, name: &DatasetName) -> ImportEvent {
        let source = paths::expanded(source);
        match Import::start(self.store.home().path(), &source, name) {
            Ok(import) => {
                *self.import.lock().unwrap_or_else(PoisonError::into_inner) = Some(import);
                ImportEvent::Running(None)
            }
            Err(error) => ImportEvent::Failed(format!("its process cannot be started: {error}")),
        }
    }

    /// What is new of the import, within a moment.
    fn import_news(&self) -> ImportEvent {
        let mut import = self.import.lock().unwrap_or_else(PoisonError::into_inner);
        let news = import.as_mut().map_or(ImportEvent::Cancelled, Import::poll);
        if !matches!(news, ImportEvent::Running(_)) {
            *import = None;
        }
        news
    }

    fn cancel_import(&self) -> ImportEvent {
        if let Some(import) = self.import.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            import.cancel();
        }
        ImportEvent::Cancelling
    }

    /// Removes a dataset that no worker trains on.
    fn delete_dataset(&self, name: &DatasetName) -> Result<(), String> {
        self.store.refuse_in_use(name).map_err(|error| error.to_string())?;
        data::remove(&self.store.home().data(), name).map_err(|error| error.to_string())
    }

    /// Does what the Data screen wants done.
    pub fn on_data(&self, effect: DataEffect) -> Event {
        Event::Data(match effect {
            DataEffect::LoadFaces(pick) => {
                let samples = self.faces(&pick).map_err(|error| printable(&error));
                DataEvent::Faces(pick, samples)
            }
            DataEffect::MakeVariants(wanted) => {
                let made = self.variants(&wanted).map_err(|error| printable(&error));
                DataEvent::Variants(wanted, made)
            }
            DataEffect::Complete(typed) => {
                let path = paths::completed(&typed);
                DataEvent::Completed { typed, path }
            }
            DataEffect::StartImport { source, name } => DataEvent::Import(self.start_import(&source, &name)),
            DataEffect::WatchImport => DataEvent::Import(self.import_news()),
            DataEffect::CancelImport => DataEvent::Import(self.cancel_import()),
            DataEffect::Measure(name) => {
                let bytes = data::disk_usage(&self.store.home().dataset(&name));
                DataEvent::Measured(name, bytes)
            }
            DataEffect::Delete(name) => {
                let result = self.delete_dataset(&name);
                DataEvent::Deleted(name, result)
            }
        })
    }
}

/// From 0 to 1 to a byte.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 to 255
fn level(value: f32) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::Augmentation;
    use crate::runs::{Home, RunStore};
    use crate::tui::state::Part;

    /// A home with a colour dataset of two classes: three training images of each, two for validation, none for test.
    fn home() -> (tempfile::TempDir, Disk, DatasetName) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let name = DatasetName::new("small").expect("a name");
        let image = ImageShape { width: 4, height: 4, channels: 3 };
        let workshop = StagingFolder::open(&store.home().data(), &name).expect("a workshop");
        let mut writer = Writer::new(workshop, image, &["calm".into(), "cross".into()]).expect("a writer");
        for (split, count) in [(Split::Train, 3_u8), (Split::Validation, 2)] {
            for label in 0..2 {
                for number in 0..count {
                    let pixels: Vec<u8> = (0..48).map(|at| at * 5 + number).collect();
                    writer.push(split, label, &pixels, &format!("{split}/{label}/{number}")).expect("pushed");
                }
            }
        }
        writer.finish(description(), false).expect("finished");
        (folder, Disk::new(store), name)
    }

    #[test]
    fn faces_of_a_class_are_those_of_its_splits_in_order() {
        let (_folder, disk, dataset) = home();
        let sources = |part, first, count| {
            let pick = Pick { dataset: dataset.clone(), fingerprint: String::new(), class: 1, part, first, count };
            let samples = disk.faces(&pick).expect("faces");
            samples.into_iter().map(|sample| (sample.source, sample.index)).collect::<Vec<_>>()
        };
        let at = |source: &str, index| (source.to_owned(), index);
        assert_eq!(sources(Part::Of(Split::Train), 1, 9), [at("train/1/1", 4), at("train/1/2", 5)]);
        assert_eq!(sources(Part::All, 2, 2), [at("train/1/2", 5), at("validation/1/0", 2)]);
        assert_eq!(sources(Part::Of(Split::Test), 0, 9), []);
    }

    #[test]
    fn variants_are_what_training_sees() {
        let (_folder, disk, dataset) = home();
        let augmentation = Some(Augmentation::REFERENCE);
        let wanted = Variants { dataset, index: 4, augmentation, seed: 7, variants: 0, first: 2, count: 2 };
        let made = disk.variants(&wanted).expect("variants");
        let opened = Arc::new(Dataset::open(&disk.store.home().dataset(&wanted.dataset)).expect("a dataset"));
        assert_eq!(made[0].pixels[..], *opened.pixels(Split::Train, 4));
        let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 7, variants: 0 };
        let mut planes = vec![0.0; 48];
        Images::plain(opened, Some(augmenter)).fill(Split::Train, &[4], Pass::Training(3), &mut planes);
        assert_eq!((made.len(), made[2].rgb(1, 2)), (3, [9, 25, 41].map(|at| level(planes[at]))));
        assert!(disk.variants(&Variants { index: 6, ..wanted }).is_err());
    }

    #[test]
    fn a_dataset_is_deleted_unless_it_is_gone() {
        let (_folder, disk, dataset) = home();
        assert_eq!(disk.delete_dataset(&dataset), Ok(()));
        assert!(disk.delete_dataset(&dataset).is_err() && disk.datasets().expect("a list").is_empty());
    }
}
