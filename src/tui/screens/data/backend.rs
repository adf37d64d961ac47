//! The effects of the Data screen: reading faces, augmenting them, importing, deleting.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::data::batch::{Pass, Source as _};
use crate::data::import::{IMPORT_OPTIONS, dropped_path};
use crate::data::manifest;
use crate::data::{
    self, Augmenter, Dataset, Images, ImportOptions, ImportPreview, ImportRequest, Manifest, PreviewDepth, Skipped,
    features,
};
use crate::domain::text::{printable, printable_lines};
use crate::domain::{DatasetName, Split};
use crate::supervise::{self, ImportEvent, ImportProcess};
use crate::tui::backend::Backend;
use crate::tui::messages::data::{FaceRange, ImportSpec, Sample, VariantRequest};
use crate::tui::messages::{DataEffect, DataEvent};
use crate::tui::screens::paths;
use crate::tui::widgets::faces::Face;

impl Backend {
    /// Returns the disk usage of a dataset's cached features.
    #[must_use]
    pub fn features(&self, dataset: &DatasetName) -> Vec<features::CacheUsage> {
        features::usage(&self.store.home().dataset(dataset))
    }

    /// Creates the demo dataset if it does not exist.
    ///
    /// # Errors
    /// The demo dataset could not be written.
    pub fn create_demo(&self) -> Result<(), String> {
        data::demo::ensure(&self.store.home().data(), supervise::now()).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Returns faces of a class in the order of the dataset, split after split.
    ///
    /// # Errors
    /// The dataset cannot be read.
    pub fn faces(&self, pick: &FaceRange) -> Result<Vec<Sample>, String> {
        let dataset = Dataset::open(&self.store.home().dataset(&pick.dataset)).map_err(|error| error.to_string())?;
        let image = dataset.image();
        let classes = &dataset.manifest().classes;
        let own = classes.get(pick.class).ok_or("the dataset has changed; it is being read again")?;
        // The images of a split are sorted by class.
        let indices = pick.filter.splits().into_iter().flat_map(|split| {
            let before: usize = classes[..pick.class].iter().map(|class| class.counts.get(split)).sum();
            (before..before + own.counts.get(split)).map(move |index| (split, index))
        });
        let sample = |(split, index)| Sample {
            face: Face::new(image.width as usize, image.channels as usize, dataset.pixels(split, index)),
            split,
            index,
            source: dataset.source(split, index),
        };
        Ok(indices.skip(pick.first).take(pick.count).map(sample).collect())
    }

    /// Returns a training image, followed by its augmented version in each epoch. They come from the same function as
    /// in training.
    ///
    /// # Errors
    /// The dataset cannot be read.
    pub fn variants(&self, wanted: &VariantRequest) -> Result<Vec<Face>, String> {
        let dataset = Dataset::open(&self.store.home().dataset(&wanted.dataset)).map_err(|error| error.to_string())?;
        let image = dataset.image();
        let index = u32::try_from(wanted.index).ok().filter(|_| wanted.index < dataset.len(Split::Train));
        let index = index.ok_or("the dataset has changed; it is being read again")?;
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

    /// Starts an import and returns its first event.
    fn start_import(&self, order: &ImportSpec) -> ImportEvent {
        let source = paths::expanded(&order.source);
        match ImportProcess::start(self.store.home().path(), &source, &order.name, &order.arguments()) {
            Ok(import) => {
                *self.import.lock().unwrap_or_else(PoisonError::into_inner) = Some(import);
                ImportEvent::Running(None)
            }
            Err(error) => ImportEvent::Failed(format!("its process cannot be started: {error}")),
        }
    }

    /// Returns the dataset that an import would make. A later preview ends this one.
    ///
    /// # Errors
    /// The reason why the import would fail; `None` if the preview was ended.
    fn preview(&self, order: &ImportSpec, depth: PreviewDepth) -> Result<ImportPreview, Option<String>> {
        let number = self.preview.fetch_add(1, Ordering::SeqCst) + 1;
        let source = dropped_path(Path::new(&paths::expanded(&order.source)));
        let mut options = ImportOptions::default();
        for (name, value) in &order.options {
            let option = IMPORT_OPTIONS.iter().find(|option| option.name == *name);
            option.map_or(Ok(()), |option| option.set(&mut options, value)).map_err(Some)?;
        }
        let (data, now) = (self.store.home().data(), supervise::now());
        let request = ImportRequest { options, ..ImportRequest::new(source, order.name.clone(), data, now) };
        let mut go_on = |_| {
            if self.preview.load(Ordering::SeqCst) == number {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        data::preview(&request, depth, &mut go_on).map_err(|error| {
            let is_wanted = self.preview.load(Ordering::SeqCst) == number;
            is_wanted.then(|| printable_lines(&error.to_string()))
        })
    }

    /// Returns what the import of a dataset skipped: by reason, then each listed file.
    fn skipped(&self, name: &DatasetName) -> Result<Vec<String>, String> {
        let manifest =
            Manifest::read(&self.store.home().dataset(name)).map_err(|error| printable(&error.to_string()))?;
        let mut lines = manifest::reasons(&manifest.notes, &manifest.left_out);
        if !manifest.skipped.is_empty() {
            let (listed, all) = (manifest.skipped.len(), manifest.skipped_count);
            lines.push(if listed as u64 == all { "each file:".into() } else { format!("{listed} of {all} files:") });
        }
        let line = |skip: &Skipped| printable(&format!("  {}: {}", skip.source, skip.reason));
        lines.extend(manifest.skipped.iter().map(line));
        Ok(lines)
    }

    /// Returns the next event of the import, after a short wait at most.
    fn poll_import(&self) -> ImportEvent {
        let mut import = self.import.lock().unwrap_or_else(PoisonError::into_inner);
        let event = import.as_mut().map_or(ImportEvent::Cancelled, ImportProcess::poll);
        if !matches!(event, ImportEvent::Running(_)) {
            *import = None;
        }
        event
    }

    fn cancel_import(&self) -> ImportEvent {
        if let Some(import) = self.import.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            import.cancel();
        }
        ImportEvent::Cancelling
    }

    /// Deletes a dataset, unless an active run uses it.
    fn delete_dataset(&self, name: &DatasetName) -> Result<(), String> {
        self.store.refuse_in_use(name).map_err(|error| error.to_string())?;
        data::remove(&self.store.home().data(), name).map_err(|error| error.to_string())
    }
}

/// Runs an effect of the Data screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: DataEffect) -> DataEvent {
    match effect {
        DataEffect::LoadFaces(pick) => {
            let samples = backend.faces(&pick).map_err(|error| printable(&error));
            DataEvent::Faces(pick, samples)
        }
        DataEffect::MakeVariants(wanted) => {
            let made = backend.variants(&wanted).map_err(|error| printable(&error));
            DataEvent::Variants(wanted, made)
        }
        DataEffect::Complete(typed) => DataEvent::Completed(paths::complete(typed)),
        DataEffect::Preview(None) => {
            backend.preview.fetch_add(1, Ordering::SeqCst);
            DataEvent::PreviewEnded
        }
        DataEffect::Preview(Some((order, depth))) => match backend.preview(&order, depth) {
            Ok(preview) => DataEvent::Previewed(order, Ok(Arc::new(preview))),
            Err(Some(error)) => DataEvent::Previewed(order, Err(error)),
            Err(None) => DataEvent::PreviewEnded,
        },
        DataEffect::ReadSkipped(name) => {
            let lines = backend.skipped(&name);
            DataEvent::SkippedRead(name, lines)
        }
        DataEffect::StartImport(order) => DataEvent::Import(backend.start_import(&order)),
        DataEffect::WatchImport => DataEvent::Import(backend.poll_import()),
        DataEffect::CancelImport => DataEvent::Import(backend.cancel_import()),
        DataEffect::Measure(name) => {
            let bytes = data::disk_usage(&backend.store.home().dataset(&name));
            DataEvent::Measured(name, bytes)
        }
        DataEffect::Delete(name) => {
            let result = backend.delete_dataset(&name);
            DataEvent::Deleted(name, result)
        }
        DataEffect::CreateDemo => DataEvent::DemoFinished(backend.create_demo()),
        DataEffect::MeasureFeatures(dataset) => {
            let usage = backend.features(&dataset);
            DataEvent::FeaturesMeasured(dataset, usage)
        }
    }
}

/// Converts a value from 0 to 1 to a byte.
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
    use crate::tui::messages::data::SplitFilter;

    /// Returns a home with a colour dataset of two classes. Each has three training images and two for validation.
    fn home() -> (tempfile::TempDir, Backend, DatasetName) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let name = DatasetName::new("small").expect("a name");
        let image = ImageShape { width: 4, height: 4, channels: 3 };
        let staging = StagingFolder::open(&store.home().data(), &name).expect("a staging");
        let mut writer = Writer::new(staging, image, &["calm".into(), "cross".into()]).expect("a writer");
        for (split, count) in [(Split::Train, 3_u8), (Split::Validation, 2)] {
            for label in 0..2 {
                for number in 0..count {
                    let pixels: Vec<u8> = (0..48).map(|at| at * 5 + number).collect();
                    writer.push(split, label, &pixels, &format!("{split}/{label}/{number}")).expect("pushed");
                }
            }
        }
        writer.finish(description(), false).expect("finished");
        (folder, Backend::new(store), name)
    }

    #[test]
    fn faces_of_a_class_are_those_of_its_splits_in_order() {
        let (_folder, backend, dataset) = home();
        let sources = |filter, first, count| {
            let pick =
                FaceRange { dataset: dataset.clone(), fingerprint: String::new(), class: 1, filter, first, count };
            let samples = backend.faces(&pick).expect("faces");
            samples.into_iter().map(|sample| (sample.source, sample.index)).collect::<Vec<_>>()
        };
        let at = |source: &str, index| (source.to_owned(), index);
        assert_eq!(sources(SplitFilter::Of(Split::Train), 1, 9), [at("train/1/1", 4), at("train/1/2", 5)]);
        assert_eq!(sources(SplitFilter::All, 2, 2), [at("train/1/2", 5), at("validation/1/0", 2)]);
        assert_eq!(sources(SplitFilter::Of(Split::Test), 0, 9), []);
    }

    #[test]
    fn variants_are_what_training_sees() {
        let (_folder, backend, dataset) = home();
        let augmentation = Some(Augmentation::REFERENCE);
        let wanted = VariantRequest { dataset, index: 4, augmentation, seed: 7, variants: 0, first: 2, count: 2 };
        let made = backend.variants(&wanted).expect("variants");
        let opened = Arc::new(Dataset::open(&backend.store.home().dataset(&wanted.dataset)).expect("a dataset"));
        assert_eq!(made[0].pixels[..], *opened.pixels(Split::Train, 4));
        let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 7, variants: 0 };
        let mut planes = vec![0.0; 48];
        Images::plain(opened, Some(augmenter)).fill(Split::Train, &[4], Pass::Training(3), &mut planes);
        assert_eq!((made.len(), made[2].rgb(1, 2)), (3, [9, 25, 41].map(|at| level(planes[at]))));
        assert!(backend.variants(&VariantRequest { index: 6, ..wanted }).is_err());
    }

    #[test]
    fn a_dataset_is_deleted_unless_it_is_gone() {
        let (_folder, backend, dataset) = home();
        assert_eq!(backend.delete_dataset(&dataset), Ok(()));
        assert!(backend.delete_dataset(&dataset).is_err() && backend.datasets().expect("a list").is_empty());
    }
}
