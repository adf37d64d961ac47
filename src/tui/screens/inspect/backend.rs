//! The effects of the Inspect screen: reading predictions and their images, marking images, evaluating.

use std::sync::Arc;

use crate::data::Dataset;
use crate::data::marked::{self, Doubt, Marks};
use crate::domain::{DataFold, DatasetName, RunId, Split, text::printable};
use crate::runs::inspection::{self, Inspection};
use crate::runs::probabilities;
use crate::supervise;
use crate::tui::backend::Backend;
use crate::tui::messages::inspect::{OtherResults, PredictionReport, PredictionRequest, SourcedImage};
use crate::tui::messages::{InspectEffect, InspectEvent};
use crate::tui::widgets::faces::Face;

impl Backend {
    /// Reads a run's predictions for a split and derives the report that the screen shows.
    /// `best` is the epoch of its best weights.
    fn load_report(
        &self,
        subject: &PredictionRequest,
        classes: &[String],
        best: u32,
    ) -> Result<PredictionReport, String> {
        let folder = self.store.folder(&subject.run);
        let epochs = if subject.split == Split::Validation { folder.validation_epochs() } else { Vec::new() };
        let (inspection, epoch) = self.read(&subject.run, subject.split, subject.epoch, classes)?;
        let against = subject.against.as_ref().map(|other| self.against(subject, &inspection, other, epoch));
        let temperature = probabilities::temperature(&folder, &subject.run, classes, epoch.unwrap_or(best));
        Ok(PredictionReport::new(inspection, temperature, epoch, epochs, against))
    }

    /// Returns a run's predictions and the epoch of validation predictions. That is `wanted` if it is saved, else the
    /// last one.
    fn read(
        &self,
        run: &RunId,
        split: Split,
        wanted: Option<u32>,
        classes: &[String],
    ) -> Result<(Inspection, Option<u32>), String> {
        let folder = self.store.folder(run);
        let epoch = match split {
            Split::Validation => {
                let epochs = folder.validation_epochs();
                wanted.filter(|epoch| epochs.contains(epoch)).or_else(|| epochs.last().copied())
            }
            Split::Train | Split::Test => None,
        };
        let read = inspection::load(&folder, run, classes, split, epoch.or(wanted).unwrap_or(1));
        Ok((read.map_err(|error| printable(&error.to_string()))?, epoch))
    }

    /// Returns the other run's results for the same images.
    fn against(
        &self,
        own: &PredictionRequest,
        report: &Inspection,
        other: &RunId,
        epoch: Option<u32>,
    ) -> Result<OtherResults, String> {
        let recipe = |run| self.store.folder(run).recipe().map_err(|error| printable(&error.to_string()));
        let (mine, its) = (recipe(&own.run)?, recipe(other)?);
        if !mine.same_images(&its) {
            let (here, there) = (mine.dataset, its.dataset);
            return Err(format!(
                "{other} is on other images ({there}) than {} ({here}): they cannot be compared",
                own.run
            ));
        }
        let (theirs, epoch) = self.read(other, own.split, epoch, report.classes())?;
        OtherResults::new(report, &theirs, epoch)
    }

    /// Marks a training image, or unmarks it without a doubt. Returns all marks of the dataset.
    fn mark(&self, name: &DatasetName, index: usize, doubt: Option<Doubt>) -> Result<Arc<Marks>, String> {
        let words = |error: &dyn std::fmt::Display| printable(&error.to_string());
        let dir = self.store.home().dataset(name);
        let dataset = Dataset::open(&dir).map_err(|error| words(&error))?;
        let index = u32::try_from(index).map_err(|error| words(&error))?;
        let marks = marked::change(&dir, dataset.fingerprint(), |list| {
            if let Some(doubt) = doubt {
                list.mark(&dataset, index, doubt, supervise::now())?;
            } else {
                list.unmark(index);
            }
            Ok(())
        });
        marks.map(Arc::new).map_err(|error| words(&error))
    }

    /// Returns images of a dataset with their indices; indices beyond the split are left out.
    fn images(
        &self,
        name: &DatasetName,
        (fingerprint, fold): (&str, Option<DataFold>),
        split: Split,
        indices: &[usize],
    ) -> Result<Vec<(usize, SourcedImage)>, String> {
        let dataset = Dataset::open(&self.dataset_home.dataset(name)).map_err(|error| match &self.link {
            Some(link) => {
                format!("The images are on {}: import the same dataset here too.", printable(&link.address().name))
            }
            None => printable(&error.to_string()),
        })?;
        if dataset.fingerprint() != fingerprint {
            return Err(format!("the dataset {name} has changed since the run"));
        }
        let dataset = dataset.in_fold(fold).map_err(|error| printable(&error.to_string()))?;
        let image = dataset.image();
        let shown = |index: usize| {
            let face = Face::new(image.width as usize, image.channels as usize, dataset.pixels(split, index).to_vec());
            (index, SourcedImage { face, source: dataset.source(split, index) })
        };
        Ok(indices.iter().copied().filter(|index| *index < dataset.len(split)).map(shown).collect())
    }
}

/// Runs an effect of the Inspect screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: InspectEffect) -> InspectEvent {
    match effect {
        InspectEffect::LoadPredictions { subject, classes, best } => {
            let judged = backend.load_report(&subject, &classes, best).map(Arc::new);
            InspectEvent::PredictionsLoaded(subject, judged)
        }
        InspectEffect::LoadFaces { dataset, fingerprint, fold, split, indices } => {
            let faces = backend.images(&dataset, (&fingerprint, fold), split, &indices);
            InspectEvent::Faces { dataset, fingerprint, fold, split, faces }
        }
        InspectEffect::Mark { dataset, index, doubt } => {
            let marks = backend.mark(&dataset, index, doubt);
            InspectEvent::Marked(dataset, marks)
        }
        InspectEffect::ReadMarks(dataset) => {
            let marks = backend.marks(&dataset);
            InspectEvent::Marked(dataset, marks)
        }
        InspectEffect::ComputeHeatMaps(subject) => {
            let home = backend.store.home().path();
            let maps = supervise::heat_maps::heat_maps(home, &subject.run, subject.split, subject.index);
            InspectEvent::HeatMaps(subject, maps)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;
    use crate::data::writer::{StagingFolder, Writer, tests::description};
    use crate::domain::{LeftOutImages, Recipe};
    use crate::runs::{Home, Predictions, RunStore};

    fn home() -> (tempfile::TempDir, Backend, RunId) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        let run = store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
        (folder, Backend::new(store), run)
    }

    fn predictions(right: f32) -> Predictions {
        Predictions { classes: 2, probabilities: vec![right, 1.0 - right, 0.4, 0.6], truth: vec![0, 1] }
    }

    fn subject(run: &RunId, split: Split, epoch: Option<u32>) -> PredictionRequest {
        PredictionRequest { run: run.clone(), against: None, split, epoch }
    }

    #[test]
    fn predictions_are_read_by_epoch_and_compared_with_another_run() {
        let (_folder, backend, run) = home();
        let classes = ["calm".to_owned(), "cross".to_owned()];
        let judge = |subject: &PredictionRequest| backend.load_report(subject, &classes, 3);
        assert!(judge(&subject(&run, Split::Test, None)).is_err_and(|words| words.contains("mien resume calm-heron")));
        let none = judge(&subject(&run, Split::Validation, None)).expect_err("none");
        assert!(none.contains("has saved no predictions"), "{none}");
        let folder = backend.store.folder(&run);
        std::fs::create_dir_all(folder.path().join("validation")).expect("a folder");
        for (epoch, right) in [(1, 0.2), (3, 0.9)] {
            predictions(right).write(&folder.validation_predictions(epoch)).expect("written");
        }
        let at = |epoch| {
            judge(&subject(&run, Split::Validation, epoch)).map(|report| (report.epoch, report.scores.accuracy))
        };
        assert_eq!(at(Some(1)), Ok((Some(1), 0.5)));
        assert_eq!(at(None), Ok((Some(3), 1.0)));
        assert_eq!(at(Some(2)), Ok((Some(3), 1.0)), "the last where the wanted one is not saved");
        assert_eq!(judge(&subject(&run, Split::Validation, None)).expect("read").epochs, [1, 3]);
        predictions(0.9).write(&folder.test_predictions()).expect("written");
        let against = PredictionRequest { against: Some(run.clone()), ..subject(&run, Split::Test, None) };
        let report = judge(&against).expect("read").against.expect("asked for").expect("the same images");
        assert_eq!(report.confusion.rows(), judge(&against).expect("read").confusion.rows());
        let elsewhere = Recipe::cnn(DatasetName::new("fer2013").expect("a name"), "another".into(), 2);
        let other = backend.store.create(&RunId::new("odd-raven").expect("an id"), &elsewhere).expect("a run");
        let refused =
            judge(&PredictionRequest { against: Some(other), ..subject(&run, Split::Test, None) }).expect("its own");
        assert!(refused.against.is_some_and(|other| other.is_err_and(|words| words.contains("cannot be compared"))));
        std::fs::write(folder.test_predictions(), b"cut").expect("written");
        assert!(judge(&subject(&run, Split::Test, None)).is_err_and(|words| words.contains("test.safetensors")));
        let damaged =
            judge(&PredictionRequest { against: Some(run.clone()), ..subject(&run, Split::Validation, None) });
        assert!(damaged.expect("its own are whole").against.is_some_and(|other| other.is_ok()));
    }

    #[test]
    fn faces_come_with_their_source_and_marks_stay_with_the_dataset() {
        let (_folder, backend, run) = home();
        let name = DatasetName::new("demo").expect("a name");
        let image = ImageShape { width: 2, height: 2, channels: 1 };
        let staging = StagingFolder::open(&backend.store.home().data(), &name).expect("a place");
        let mut writer = Writer::new(staging, image, &["calm".into(), "cross".into()]).expect("a writer");
        for (index, label) in [0_u8, 0, 0, 1].into_iter().enumerate() {
            writer.push(Split::Train, label.into(), &[label; 4], &format!("{index}.png")).expect("written");
        }
        let (manifest, _) = writer.finish(description(), false).expect("a dataset");
        let faces = |print: &str, indices: &[usize]| backend.images(&name, (print, None), Split::Train, indices);
        let found = faces(&manifest.fingerprint, &[2, 1_000_000]).expect("read");
        assert_eq!(found.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [2], "one index is beyond the split");
        assert!(found[0].1.source == "2.png" && found[0].1.face.pixels.len() == 4);
        assert!(faces("another", &[2]).is_err_and(|words| words.contains("has changed since")));
        let doubt = |class| Some(Doubt { class, run: Some(run.clone()) });
        assert_eq!(backend.mark(&name, 2, doubt(None)).expect("marked").left_out().images, [2]);
        let both = backend.mark(&name, 1, doubt(None)).expect("marked");
        assert_eq!(both.left_out(), LeftOutImages::new(vec![1, 2], vec![run.clone()]));
        let relabelled = backend.mark(&name, 1, doubt(Some(1))).expect("marked").corrections().relabelled;
        assert_eq!(relabelled.get(1).map(|image| image.class), Some(1));
        assert!(backend.mark(&name, 1, doubt(Some(0))).is_err_and(|words| words.contains("labelled 'calm' already")));
        assert_eq!(backend.mark(&name, 2, None).expect("taken off").left_out().images, [1]);
        assert_eq!(backend.marks(&name).expect("read").left_out().images, [1]);
        assert!(backend.mark(&name, 1_000_000, None).is_ok(), "nothing to take off");
    }
}
