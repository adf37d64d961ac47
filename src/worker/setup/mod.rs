//! What a run trains, and on what: its network on a device, imported weights, and the inputs of every split.

mod start;

use std::sync::Arc;

use burn::tensor::backend::Backend;

use crate::checkpoint::Identity;
use crate::data::features::{KEY_VERSION, Key};
use crate::data::images::{Augmenter, Images};
use crate::data::store::Dataset;
use crate::domain::text::printable;
use crate::domain::{Augmentation, Recipe, Split};
use crate::events::Event;
use crate::model::device::DeviceKind;
use crate::model::frozen::FrozenPart;
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::model::network::Network;
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;
use crate::train::features::{Cached, FeaturePlan};
use crate::train::feed::Feed;
use crate::train::resident::{Resident, bytes_on_device};

use super::backend::Habits;
use super::error::WorkerError;
use super::journal::Journal;
use super::model::Model;

pub(super) use start::take_start;

/// What cached features may take in all unless the environment says otherwise.
const CACHE_LIMIT_GIB: u64 = 20;

/// The environment variable that does, in GiB; 0 keeps none.
const CACHE_VARIABLE: &str = "MIEN_FEATURE_CACHE_GIB";

/// What every setup begins with.
pub(super) struct Ground {
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
    ground: &'a Ground,
    model: Model<B::InnerBackend>,
    identity: Identity,
    device: B::Device,
    /// Bytes that images may take on the device.
    resident: u64,
}

impl<'a, B> Setup<'a, B>
where
    B: TrainBackend,
{
    /// Resolves the network for the dataset's images, and reads its imported weights.
    ///
    /// # Errors
    /// When the images are too small, or the weights are missing, damaged or others than when the run was created; in
    /// words.
    pub(super) fn new(ground: &'a Ground, device: &B::Device, habits: Habits) -> Result<Self, WorkerError> {
        let (recipe, classes) = (&ground.recipe, ground.classes());
        let image = ground.dataset.image();
        let image = [image.height, image.width, image.channels].map(|side| side as usize);
        let model = Model::open(&ground.home, recipe, image, classes.len(), habits.at_once, device)?;
        let [channels, height, width] = model.resolved.input;
        let identity = Identity {
            fingerprint: ground.dataset.fingerprint().to_owned(),
            classes,
            image: [height, width, channels],
            base: recipe.transfer.as_ref().map(|transfer| transfer.base.clone()),
        };
        let (device, resident) = (device.clone(), habits.resident);
        Ok(Self { ground, model, identity, device, resident })
    }

    /// What its checkpoints are of.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Parameters in all, with those that are not trained.
    pub(super) fn parameters(&self) -> usize {
        self.model.resolved.parameters()
    }

    /// Parameters that are trained.
    pub(super) fn trained_parameters(&self) -> usize {
        self.model.resolved.parameters_of(self.model.cut.trained())
    }

    /// The trained part with the weights that training begins with.
    ///
    /// # Errors
    /// When imported weights, or those of the run to start from, do not fit.
    pub(super) fn network(&self) -> Result<Network<B>, WorkerError> {
        let network = self.model.trained_part(self.ground.recipe.seed, &self.device)?;
        match start::start_of(self.ground)? {
            Some(start) => Ok(network.overlay(&start.arrays)?),
            None => Ok(network),
        }
    }

    /// The training images as they are, not augmented: from cached features, else from images.
    pub(super) fn plain_training_inputs(&self) -> Feed<'_, B::InnerBackend> {
        let frozen = self.model.frozen.as_ref();
        // Nothing is to be computed, so no room is needed.
        let kept = frozen.and_then(|frozen| self.with_plan(frozen, 0, |plan| plan.kept_plain(Split::Train)));
        if let Some(features) = kept {
            return Feed::of(Arc::new(features));
        }
        self.images_of(Split::Train)
    }

    /// The images of a split, through the frozen part where there is one.
    pub(super) fn images_of(&self, split: Split) -> Feed<'_, B::InnerBackend> {
        let images = self.images();
        let resident = Resident::upload(&images, &[split], self.resident, &self.device);
        Feed::of_images(images, self.model.frozen.as_ref(), resident)
    }

    /// The inputs of these splits; computes the features that are to be cached first. `None` if a stop was asked for.
    pub(super) fn inputs(&self, splits: &[Split], journal: &mut Journal) -> Option<Feed<'_, B::InnerBackend>> {
        let frozen = self.model.frozen.as_ref();
        if let Some(frozen) = frozen.filter(|_| self.ground.recipe.repeats_images()) {
            match self.cached(frozen, splits, journal) {
                Cached::Ready(features) => return Some(Feed::of(Arc::new(features))),
                Cached::Stopped => return None,
                Cached::Uncached(reason) => {
                    let message = format!("features are not kept, and computed anew in every epoch: {reason}");
                    journal.report(Event::Warning { message });
                }
            }
        }
        let images = self.images();
        let resident = keep_on_device(&images, splits, self.resident, &self.device, journal);
        Some(Feed::of_images(images, frozen, resident))
    }

    fn images(&self) -> Images {
        let (recipe, dataset) = (&self.ground.recipe, Arc::clone(&self.ground.dataset));
        let variants = recipe.transfer.as_ref().map_or(0, |transfer| transfer.variants);
        // A crop is cut at random places, whatever else is changed.
        let ranges = recipe.augmentation.or((recipe.crop > 0).then(Augmentation::default));
        let augmenter = ranges.map(|ranges| Augmenter { ranges, seed: recipe.seed, variants });
        match (&recipe.transfer, self.model.preprocessing) {
            (Some(transfer), Some(preprocessing)) => Images::prepared(dataset, transfer.size, preprocessing, augmenter),
            _ => Images::plain(dataset, augmenter).cropped(recipe.crop),
        }
    }

    fn cached(&self, frozen: &FrozenPart<B::InnerBackend>, splits: &[Split], journal: &mut Journal) -> Cached {
        let (limit, wrong) = cache_limit();
        wrong.into_iter().for_each(|message| journal.report(Event::Warning { message }));
        match self.with_plan(frozen, limit, |plan| Some(plan.ensure(splits, &self.device, journal))) {
            Some(cached) => cached,
            None => Cached::Uncached("the network takes images as they are stored".into()),
        }
    }

    /// Does something with the plan of this run's cached features; `None` without imported weights, which have none.
    fn with_plan<T>(
        &self,
        frozen: &FrozenPart<B::InnerBackend>,
        limit: u64,
        act: impl FnOnce(&FeaturePlan<'_, B::InnerBackend>) -> Option<T>,
    ) -> Option<T> {
        let Ground { home, recipe, dataset, device, .. } = self.ground;
        let transfer = recipe.transfer.as_ref()?;
        let key = Key {
            version: KEY_VERSION,
            fingerprint: self.identity.fingerprint.clone(),
            base: transfer.base.clone(),
            layer: self.model.resolved.trained_input_name(self.model.cut).to_owned(),
            shape: self.model.resolved.trained_input(self.model.cut),
            size: transfer.size,
            preprocessing: self.model.preprocessing?,
            device: match device {
                DeviceKind::Cpu => "cpu".into(),
                DeviceKind::Cuda(_) => "cuda".into(),
            },
            precision: recipe.precision,
        };
        act(&FeaturePlan {
            dataset,
            images: &self.images(),
            frozen,
            key,
            data_dir: &home.data(),
            dataset_dir: &home.dataset(&recipe.dataset),
            limit,
            resident: self.resident,
            even: device.tunes_by_shape(),
        })
    }
}

impl Ground {
    /// Class names, in the order of labels.
    fn classes(&self) -> Vec<String> {
        self.dataset.manifest().class_names().into_iter().map(str::to_owned).collect()
    }
}

/// Bytes that cached features may take in all, and what is wrong with the variable that says so.
fn cache_limit() -> (u64, Option<String>) {
    let gibibytes = |count: u64| count.saturating_mul(1 << 30);
    match std::env::var(CACHE_VARIABLE).map(|text| (text.trim().parse(), text)) {
        Err(_) => (gibibytes(CACHE_LIMIT_GIB), None),
        Ok((Ok(count), _)) => (gibibytes(count), None),
        Ok((Err(_), text)) => {
            let text = printable(&text);
            let wrong = format!("{CACHE_VARIABLE} is '{text}', which is no whole number: {CACHE_LIMIT_GIB} is used");
            (gibibytes(CACHE_LIMIT_GIB), Some(wrong))
        }
    }
}

/// Keeps these splits on the device if images may take so many bytes there. Says so where images may be there, and
/// these have no room.
fn keep_on_device<B: Backend>(
    images: &Images,
    splits: &[Split],
    bound: u64,
    device: &B::Device,
    journal: &mut Journal,
) -> Option<Resident<B>> {
    let resident = Resident::upload(images, splits, bound, device);
    // One message a run: where training images have no room.
    if resident.is_none() && bound > 0 && splits.contains(&Split::Train) {
        let (needed, bound) = (mebibytes(bytes_on_device(images, splits)), mebibytes(bound));
        let message = format!(
            "the images would take {needed} MiB on the device, and may take {bound} (MIEN_RESIDENT_MIB sets it): batches \
             are made on the processor"
        );
        journal.report(Event::Warning { message });
    }
    resident
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
