//! What the Inspect screen reads: predictions, the images that they are about, and the list of marked ones.

use std::sync::Arc;

use super::Disk;
use super::data::gray;
use crate::data::Dataset;
use crate::domain::{DatasetName, LeftOut, RunId, Split, text::printable};
use crate::runs::inspection::{self, Inspection, difference, shares};
use crate::supervise;
use crate::tui::effect::InspectEffect;
use crate::tui::event::{Event, InspectEvent};
use crate::tui::state::{Against, Judgement, Shown, Subject};
use crate::tui::widgets::faces::Face;

impl Disk {
    /// Does what the Inspect screen wants done.
    pub fn on_inspect(&self, effect: InspectEffect) -> Event {
        Event::Inspect(match effect {
            InspectEffect::Judge { subject, classes } => {
                let judged = self.judge(&subject, &classes).map(Arc::new);
                InspectEvent::Judged(subject, judged)
            }
            InspectEffect::Faces { dataset, fingerprint, split, indices } => {
                let faces = self.faces(&dataset, &fingerprint, split, &indices);
                InspectEvent::Faces { dataset, fingerprint, split, faces }
            }
            InspectEffect::Mark { dataset, index, found_with } => {
                let marked = self.mark(&dataset, index, found_with);
                InspectEvent::Marked(dataset, marked)
            }
            InspectEffect::Evaluate(run) => {
                let result = supervise::evaluate(&self.store, &run).map_err(|error| error.to_string());
                InspectEvent::Evaluating(run, result)
            }
        })
    }

    /// Reads what a run says of a split, and derives from it what the screen shows.
    fn judge(&self, subject: &Subject, classes: &[String]) -> Result<Judgement, String> {
        let folder = self.store.folder(&subject.run);
        let epochs = if subject.split == Split::Validation { inspection::epochs(&folder) } else { Vec::new() };
        let (inspection, epoch) = self.read(&subject.run, subject.split, subject.epoch, classes)?;
        let confusion = inspection.confusion();
        let against = subject.against.as_ref().map(|other| self.against(&inspection, other, subject.split, epoch));
        Ok(Judgement {
            shares: shares(&confusion),
            scores: confusion.scores(),
            loss: inspection.mean_loss(),
            confusion,
            epoch,
            epochs,
            against,
            inspection,
        })
    }

    /// The predictions of one run, and their epoch where they are for validation images: the wanted one if it is kept,
    /// else the last.
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
                let epochs = inspection::epochs(&folder);
                wanted.filter(|epoch| epochs.contains(epoch)).or_else(|| epochs.last().copied())
            }
            Split::Train | Split::Test => None,
        };
        let read = inspection::load(&folder, run, classes, split, epoch.or(wanted).unwrap_or(1));
        Ok((read.map_err(|error| printable(&error.to_string()))?, epoch))
    }

    fn against(&self, own: &Inspection, other: &RunId, split: Split, epoch: Option<u32>) -> Result<Against, String> {
        let (theirs, epoch) = self.read(other, split, epoch, own.classes())?;
        let difference = difference(own, &theirs).map_err(|error| error.to_string())?;
        Ok(Against { epoch, scores: theirs.scores(), difference })
    }

    /// The training images of a dataset that are marked as wrongly labelled.
    pub(super) fn marked(&self, _name: &DatasetName) -> LeftOut {
        LeftOut::default()
    }

    fn mark(&self, _name: &DatasetName, _index: usize, _found_with: Option<RunId>) -> Result<LeftOut, String> {
        Err("not there yet".into())
    }

    /// Images of a dataset; places that it does not have are left out.
    fn faces(
        &self,
        name: &DatasetName,
        fingerprint: &str,
        split: Split,
        indices: &[usize],
    ) -> Result<Vec<(usize, Shown)>, String> {
        let dataset = Dataset::open(&self.store.home().dataset(name)).map_err(|error| printable(&error.to_string()))?;
        if dataset.fingerprint() != fingerprint {
            return Err(format!("the dataset {name} is another one by now"));
        }
        let image = dataset.image();
        let shown = |index: usize| {
            let pixels = gray(dataset.pixels(split, index), image.channels);
            (index, Shown { face: Face { width: image.width as usize, pixels }, source: dataset.source(split, index) })
        };
        Ok(indices.iter().copied().filter(|index| *index < dataset.len(split)).map(shown).collect())
    }
}
