//! The cost of a run in words: parameters, memory, disk space and time.

use super::FormChoices;
use crate::data::features;
use crate::domain::cost::features_text;
use crate::domain::network::ResolveError;
use crate::domain::number_text::{clock_time, count, duration, ready_at, thousands};
use crate::domain::{DeviceRequest, Recipe, Size, TrainingCost};
use crate::runs::{Estimate, estimate, images_to_compute};
use crate::tui::library::DatasetView;
use crate::tui::state::State;

/// The cost of a recipe on a dataset.
pub(super) struct Cost {
    pub(super) training: TrainingCost,
    /// The number of images whose features are not on disk yet.
    to_compute: usize,
    pub(super) time: Option<Estimate>,
    device: DeviceRequest,
}

impl Cost {
    /// # Errors
    /// The images are too small for the network.
    pub(super) fn of(recipe: &Recipe, dataset: &DatasetView, choices: &FormChoices<'_>) -> Result<Self, ResolveError> {
        let facts = dataset.facts();
        let split = facts.as_split_by(recipe).unwrap_or_else(|_| facts.clone());
        let training = TrainingCost::of(recipe, split.image, split.classes.len(), split.counts())?;
        let cached = features::cached_images(choices.library.cached_features(&dataset.name), recipe, &facts);
        let (runs, machine) = (choices.summaries(), &choices.library.machine);
        Ok(Self {
            training,
            to_compute: images_to_compute(&runs, recipe, &training, cached, machine),
            device: recipe.device,
            time: estimate(&runs, recipe, &facts, cached, machine),
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
            return Some(features_text(precomputed, self.to_compute, Size(features_bytes)));
        }
        (precomputed_operations > 0)
            .then(|| "images are augmented and pass through the base in every epoch (variants 0)".into())
    }

    /// Returns `about 12 min before the first epoch …, then 3.0 s an epoch, judging by quiet-lynx; at most 15 min,
    /// ready 02:15`. Behind other runs and in a cluster, the end is not known: `at most 15 min from its start`.
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
        let waits = state.library.runs.active(state.now) > 0 || state.train.place().is_some();
        let ready = match ready_at(state.now, total) {
            _ if waits => " from its start".into(),
            Some(at) => format!(", ready {}", clock_time(at, state.now, &state.zone)),
            None => String::new(),
        };
        let all = format!("at most {}{ready}", duration(total));
        if estimate.feature_seconds < 1.0 {
            return format!("{about} {epoch} an epoch, judging by {from}; {all}");
        }
        format!("{about} {before} before the first epoch, then {epoch} an epoch, judging by {from}; {all}")
    }
}
