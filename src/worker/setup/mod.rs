//! Sets a run up on a device: its network, its imported weights, and the inputs of every split.

mod initial_weights;

use std::sync::Arc;

use burn::tensor::backend::Backend;

use crate::checkpoint::Identity;
use crate::data::features::{self, Key};
use crate::data::images::{Augmenter, Images};
use crate::data::store::Dataset;
use crate::domain::text::printable;
use crate::domain::{Recipe, Split};
use crate::events::Event;
use crate::model::device::DeviceKind;
use crate::model::frozen::FrozenPart;
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::model::network::Network;
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;
use crate::train::data_loader::DataLoader;
use crate::train::device_dataset::{DeviceDataset, bytes_on_device};
use crate::train::features::{CacheOutcome, FeaturePlan};

use super::backend::DevicePolicy;
use super::error::WorkerError;
use super::network_setup::NetworkSetup;
use super::run_reporter::RunReporter;

pub(super) use initial_weights::copy_initial_weights;

/// The default number of GiB that all cached features together may take.
const CACHE_LIMIT_GIB: u64 = 20;

/// The environment variable that overrides the default, in GiB; 0 disables the cache.
const CACHE_VARIABLE: &str = "MIEN_FEATURE_CACHE_GIB";

/// The files and settings of a run.
pub(super) struct RunInputs {
    pub(super) folder: RunFolder,
    pub(super) home: Home,
    pub(super) recipe: Recipe,
    pub(super) dataset: Arc<Dataset>,
    pub(super) device: DeviceKind,
}

/// A run's network on a device.
pub(super) struct Setup<'a, B: TrainBackend>
where
    B::InnerBackend: KernelBackend,
{
    run_inputs: &'a RunInputs,
    model: NetworkSetup<B::InnerBackend>,
    identity: Identity,
    device: B::Device,
    /// Bytes that resident images may take.
    resident: u64,
}

impl<'a, B> Setup<'a, B>
where
    B: TrainBackend,
{
    /// Resolves the network for the dataset's images, and reads its imported weights.
    ///
    /// # Errors
    /// If the images are too small, or the weights are missing, damaged or changed since the run was created.
    pub(super) fn new(
        run_inputs: &'a RunInputs,
        device: &B::Device,
        policy: DevicePolicy,
    ) -> Result<Self, WorkerError> {
        let (recipe, classes) = (&run_inputs.recipe, run_inputs.classes());
        let image = run_inputs.dataset.image();
        let image = [image.height, image.width, image.channels].map(|side| side as usize);
        let model = NetworkSetup::open(&run_inputs.home, recipe, image, classes.len(), policy.forward_chunk, device)?;
        let [channels, height, width] = model.resolved.input;
        let identity = Identity {
            fingerprint: run_inputs.dataset.fingerprint().to_owned(),
            classes,
            image: [height, width, channels],
            base: recipe.transfer.as_ref().map(|transfer| transfer.base.clone()),
        };
        let (device, resident) = (device.clone(), policy.resident);
        Ok(Self { run_inputs, model, identity, device, resident })
    }

    /// Returns the identity that the run's checkpoints have.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the number of parameters, frozen ones included.
    pub(super) fn parameters(&self) -> usize {
        self.model.resolved.parameters()
    }

    /// Returns the number of trained parameters.
    pub(super) fn trained_parameters(&self) -> usize {
        self.model.resolved.parameters_of(self.model.cut.trained())
    }

    /// Builds the trained part with its initial weights.
    ///
    /// # Errors
    /// If imported weights, or those of the run to start from, do not fit.
    pub(super) fn network(&self) -> Result<Network<B>, WorkerError> {
        let network = self.model.trained_part(self.run_inputs.recipe.seed, &self.device)?;
        match initial_weights::initial_weights(self.run_inputs)? {
            Some(start) => Ok(network.overlay(&start.arrays)?),
            None => Ok(network),
        }
    }

    /// Returns a loader of the unaugmented training images: of cached features where they exist.
    pub(super) fn plain_training_inputs(&self) -> DataLoader<'_, B::InnerBackend> {
        let frozen = self.model.frozen.as_ref();
        // Limit 0: nothing is computed, so no disk space is needed.
        let kept = frozen.and_then(|frozen| self.with_plan(frozen, 0, |plan| plan.cached_plain(Split::Train)));
        if let Some(features) = kept {
            return DataLoader::from_source(Arc::new(features));
        }
        self.images_of(Split::Train)
    }

    /// Returns a loader of a split's images, behind the frozen part where there is one.
    pub(super) fn images_of(&self, split: Split) -> DataLoader<'_, B::InnerBackend> {
        let images = self.images();
        let resident = DeviceDataset::upload(&images, &[split], self.resident, &self.device);
        DataLoader::from_images(images, self.model.frozen.as_ref(), resident)
    }

    /// Returns a loader of these splits, and first computes the features that the cache lacks. `None` if a stop was
    /// requested.
    pub(super) fn inputs(
        &self,
        splits: &[Split],
        reporter: &mut RunReporter,
    ) -> Option<DataLoader<'_, B::InnerBackend>> {
        let frozen = self.model.frozen.as_ref();
        if let Some(frozen) = frozen.filter(|_| self.run_inputs.recipe.repeats_images()) {
            match self.cached(frozen, splits, reporter) {
                CacheOutcome::Ready(features) => return Some(DataLoader::from_source(Arc::new(features))),
                CacheOutcome::Stopped => return None,
                CacheOutcome::Uncached(reason) => {
                    let message = format!("features are not cached, and computed again in every epoch: {reason}");
                    reporter.report(Event::Warning { message });
                }
            }
        }
        let images = self.images();
        let resident = upload(&images, splits, self.resident, &self.device, reporter);
        Some(DataLoader::from_images(images, frozen, resident))
    }

    fn images(&self) -> Images {
        let (recipe, dataset) = (&self.run_inputs.recipe, Arc::clone(&self.run_inputs.dataset));
        Images::new(dataset, self.model.preparation(recipe, self.run_inputs.dataset.image()), Augmenter::of(recipe))
    }

    fn cached(
        &self,
        frozen: &FrozenPart<B::InnerBackend>,
        splits: &[Split],
        reporter: &mut RunReporter,
    ) -> CacheOutcome {
        let (limit, wrong) = cache_limit();
        wrong.into_iter().for_each(|message| reporter.report(Event::Warning { message }));
        match self.with_plan(frozen, limit, |plan| Some(plan.ensure(splits, &self.device, reporter))) {
            Some(cached) => cached,
            None => CacheOutcome::Uncached("the network takes images as they are stored".into()),
        }
    }

    /// Calls `act` with the plan of this run's cached features; `None` without imported weights, which have none.
    fn with_plan<T>(
        &self,
        frozen: &FrozenPart<B::InnerBackend>,
        limit: u64,
        act: impl FnOnce(&FeaturePlan<'_, B::InnerBackend>) -> Option<T>,
    ) -> Option<T> {
        let RunInputs { home, recipe, dataset, device, .. } = self.run_inputs;
        let NetworkSetup { resolved, cut, preprocessing, .. } = &self.model;
        let device_kind = match device {
            DeviceKind::Cpu => features::CPU,
            DeviceKind::Cuda(_) => features::CUDA,
        };
        let key = Key::of(recipe, &self.identity.fingerprint, (resolved, *cut), (*preprocessing)?, device_kind)?;
        act(&FeaturePlan {
            dataset,
            images: &self.images(),
            frozen,
            key,
            data_dir: &home.data(),
            dataset_dir: &home.dataset(&recipe.dataset),
            limit,
            resident: self.resident,
            pad_last_batch: device.tunes_by_shape(),
        })
    }
}

impl RunInputs {
    /// Returns the class names in the order of labels.
    fn classes(&self) -> Vec<String> {
        self.dataset.manifest().class_names().into_iter().map(str::to_owned).collect()
    }
}

/// Returns the bytes that all cached features together may take, and a warning where the variable is no number.
fn cache_limit() -> (u64, Option<String>) {
    let gibibytes = |count: u64| count.saturating_mul(1 << 30);
    match std::env::var(CACHE_VARIABLE).map(|text| (text.trim().parse(), text)) {
        Err(_) => (gibibytes(CACHE_LIMIT_GIB), None),
        Ok((Ok(count), _)) => (gibibytes(count), None),
        Ok((Err(_), text)) => {
            let text = printable(&text);
            let wrong = format!("{CACHE_VARIABLE} is '{text}', which is not a whole number: {CACHE_LIMIT_GIB} is used");
            (gibibytes(CACHE_LIMIT_GIB), Some(wrong))
        }
    }
}

/// Uploads these splits if they fit into `bound` bytes. Otherwise logs a warning, unless `bound` is 0.
fn upload<B: Backend>(
    images: &Images,
    splits: &[Split],
    bound: u64,
    device: &B::Device,
    reporter: &mut RunReporter,
) -> Option<DeviceDataset<B>> {
    let resident = DeviceDataset::upload(images, splits, bound, device);
    // Warns once a run, for the training images.
    if resident.is_none() && bound > 0 && splits.contains(&Split::Train) {
        let (needed, bound) = (mebibytes(bytes_on_device(images, splits)), mebibytes(bound));
        let message = format!(
            "the images would take {needed} MiB on the device, and may take {bound} (MIEN_RESIDENT_MIB sets it): batches \
             are made on the CPU"
        );
        reporter.report(Event::Warning { message });
    }
    resident
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
