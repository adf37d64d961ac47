//! What a run would cost: parameters, memory, disk and time.

use super::FormChoices;
use crate::domain::figures::{count, duration, thousands};
use crate::domain::network::ResolveError;
use crate::domain::{DeviceRequest, Recipe, Size, TrainingCost};
use crate::runs::{Estimate, estimate};
use crate::tui::library::DatasetView;

/// What a recipe costs on a dataset.
pub(super) struct Cost {
    pub(super) work: TrainingCost,
    pub(super) time: Option<Estimate>,
    device: DeviceRequest,
}

impl Cost {
    /// # Errors
    /// When the images are too small for the network.
    pub(super) fn of(recipe: &Recipe, dataset: &DatasetView, choices: &FormChoices<'_>) -> Result<Self, ResolveError> {
        let image = [dataset.height, dataset.width, dataset.channels].map(|side| side as usize);
        let (classes, images) = (dataset.classes.len(), dataset.counts());
        Ok(Self {
            work: TrainingCost::of(recipe, image, classes, images)?,
            device: recipe.device,
            time: estimate(&choices.summaries(), recipe, image, classes, images, &choices.library.host),
        })
    }

    /// `14,847,815 parameters, 133,127 trained`
    pub(super) fn parameters(&self) -> String {
        let TrainingCost { parameters, trained, .. } = self.work;
        let trained = if trained == parameters { "all".into() } else { thousands(trained) };
        format!("{}, {trained} trained", count(parameters, "parameter", "parameters"))
    }

    /// `about 312 MiB of memory`
    pub(super) fn memory(&self) -> String {
        format!("about {} of memory", Size(self.work.memory))
    }

    /// Whether what the frozen layers make of the images is kept; `None` where nothing is frozen.
    pub(super) fn features(&self) -> Option<String> {
        let TrainingCost { precomputed, precomputed_operations, features_bytes, .. } = self.work;
        if precomputed > 0 {
            let images = count(precomputed, "image", "images");
            return Some(format!("features of {images} are computed once and take {} of disk", Size(features_bytes)));
        }
        (precomputed_operations > 0)
            .then(|| "images are augmented and go through the base anew every epoch (variants 0)".into())
    }

    /// `about 12 min before the first epoch …, then 3.0 s an epoch, judging by quiet-lynx`
    pub(super) fn time(&self) -> String {
        let Some(guess) = &self.time else {
            // Runs on another device say nothing, so which one is asked for belongs to the answer.
            let device = self.device;
            return format!("how long an epoch takes is not known yet: no run on device {device} to judge by");
        };
        let about = if guess.rough { "roughly" } else { "about" };
        let epoch = duration(guess.seconds_per_epoch);
        let before = duration(guess.seconds_before);
        let on = guess.other_dataset.as_ref().map_or_else(String::new, |dataset| format!(" on {dataset}"));
        let from = format!("{}{on}", guess.from);
        if guess.seconds_before < 1.0 {
            return format!("{about} {epoch} an epoch, judging by {from}");
        }
        format!(
            "{about} {before} before the first epoch, less for features on disk already, then {epoch} an epoch, judging \
             by {from}"
        )
    }
}
