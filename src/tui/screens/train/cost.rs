//! The cost of a run in words: parameters, memory, disk space and time.

use super::FormChoices;
use crate::domain::network::ResolveError;
use crate::domain::number_text::{clock_time, count, duration, ready_at, thousands};
use crate::domain::{DeviceRequest, Recipe, Size, TrainingCost};
use crate::runs::{Estimate, estimate};
use crate::tui::library::DatasetView;
use crate::tui::state::State;

/// The cost of a recipe on a dataset.
pub(super) struct Cost {
    pub(super) training: TrainingCost,
    pub(super) time: Option<Estimate>,
    device: DeviceRequest,
}

impl Cost {
    /// # Errors
    /// The images are too small for the network.
    pub(super) fn of(recipe: &Recipe, dataset: &DatasetView, choices: &FormChoices<'_>) -> Result<Self, ResolveError> {
        let image = [dataset.height, dataset.width, dataset.channels].map(|side| side as usize);
        let (classes, images) = (dataset.classes.len(), dataset.counts());
        Ok(Self {
            training: TrainingCost::of(recipe, image, classes, images)?,
            device: recipe.device,
            time: estimate(&choices.summaries(), recipe, image, classes, images, &choices.library.machine),
        })
    }

    /// Returns `14,847,815 parameters, 133,127 trained`.
    pub(super) fn parameters(&self) -> String {
        let TrainingCost { parameters, trained, .. } = self.training;
        let trained = if trained == parameters { "all".into() } else { thousands(trained) };
        format!("{}, {trained} trained", count(parameters, "parameter", "parameters"))
    }

    /// Returns `about 312 MiB of memory`.
    pub(super) fn memory(&self) -> String {
        format!("about {} of memory", Size(self.training.memory))
    }

    /// Returns a sentence on computing the cached features; `None` where nothing is frozen.
    pub(super) fn features(&self) -> Option<String> {
        let TrainingCost { precomputed, precomputed_operations, features_bytes, .. } = self.training;
        if precomputed > 0 {
            let images = count(precomputed, "image", "images");
            return Some(format!("features of {images} are computed once and take {} on disk", Size(features_bytes)));
        }
        (precomputed_operations > 0)
            .then(|| "images are augmented and pass through the base in every epoch (variants 0)".into())
    }

    /// Returns `about 12 min before the first epoch …, then 3.0 s an epoch, judging by quiet-lynx; at most 15 min,
    /// ready 02:15`.
    pub(super) fn time(&self, epochs: u32, state: &State) -> String {
        let Some(estimate) = &self.time else {
            // Only runs on the same device allow an estimate, so the sentence names the device.
            let device = self.device;
            return format!("the time of an epoch is not known yet: no earlier run on device {device}");
        };
        let about = if estimate.rough { "roughly" } else { "about" };
        let epoch = duration(estimate.seconds_per_epoch);
        let before = duration(estimate.feature_seconds);
        let on = estimate.other_dataset.as_ref().map_or_else(String::new, |dataset| format!(" on {dataset}"));
        let from = format!("{}{on}", estimate.source_run);
        let total = estimate.total(epochs);
        let ready = ready_at(state.now, total).map(|at| clock_time(at, state.now, &state.zone));
        let ready = ready.map_or_else(String::new, |clock| format!(", ready {clock}"));
        let all = format!("at most {}{ready}", duration(total));
        if estimate.feature_seconds < 1.0 {
            return format!("{about} {epoch} an epoch, judging by {from}; {all}");
        }
        format!(
            "{about} {before} before the first epoch (less with cached features), then {epoch} an epoch, judging \
             by {from}; {all}"
        )
    }
}
