//! A pretrained base: the head alone on a frozen one, or the head with its upper blocks.

use std::sync::Arc;

use burn::tensor::backend::AutodiffBackend;

use super::{Ground, Setup, keep_on_device};
use crate::data::features::{KEY_VERSION, Key};
use crate::data::images::{Augmenter, Images};
use crate::domain::text::printable;
use crate::domain::vgg16::{Block, base_parameters, features_layer, features_shape, head_parameters, trained_blocks};
use crate::domain::{FineTuning, Preprocessing, Split, Transfer};
use crate::events::Event;
use crate::model::device::DeviceKind;
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters::{self, Array, Arrays};
use crate::model::vgg16::{FrozenBase, TransferNetwork};
use crate::runs::layout::RunFolder;
use crate::train::Reporter;
use crate::train::checkpoint::{Checkpoint, Identity};
use crate::train::features::{Cached, FeaturePlan};
use crate::train::feed::Feed;
use crate::train::resident::Resident;
use crate::weights::Weights;
use crate::worker::backend::Habits;
use crate::worker::journal::Journal;

/// What cached features may take in all unless the environment says otherwise.
const CACHE_LIMIT_GIB: u64 = 20;

/// The environment variable that does, in GiB; 0 keeps none.
const CACHE_VARIABLE: &str = "MIEN_FEATURE_CACHE_GIB";

/// The `features` and `finetune` strategies.
pub(in super::super) struct TransferSetup<'a, B: AutodiffBackend> {
    ground: &'a Ground,
    transfer: &'a Transfer,
    weights: Arrays,
    preprocessing: Preprocessing,
    /// `None` where even the lowest block is trained.
    frozen: Option<FrozenBase<B::InnerBackend>>,
    identity: Identity,
    device: B::Device,
    /// Bytes that images may take on the device.
    resident: u64,
}

impl<'a, B> TransferSetup<'a, B>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    /// Reads the base.
    ///
    /// # Errors
    /// When it is missing, damaged or another one than when the run was created.
    pub(in super::super) fn new(
        ground: &'a Ground,
        transfer: &'a Transfer,
        device: &B::Device,
        habits: Habits,
    ) -> Result<Self, String> {
        let (weights, preprocessing) = open_base(ground, transfer)?;
        let size = transfer.size as usize;
        let unfrozen = transfer.unfrozen();
        let base = || FrozenBase::new(&weights, unfrozen, size, device).map_err(|error| error.to_string());
        let frozen = (unfrozen != Some(Block::Block1)).then(base).transpose()?;
        let frozen = frozen.map(|base| base.computing_in(ground.recipe.precision).at_once(habits.at_once));
        let identity = Identity {
            fingerprint: ground.dataset.fingerprint().to_owned(),
            classes: ground.classes(),
            image: [size, size, 3],
            base: Some(transfer.base.clone()),
        };
        let device = device.clone();
        let resident = habits.resident;
        Ok(Self { ground, transfer, weights, preprocessing, frozen, identity, device, resident })
    }

    fn images(&self) -> Images {
        let recipe = &self.ground.recipe;
        let (seed, variants) = (recipe.seed, self.transfer.variants);
        let augmenter = recipe.augmentation.map(|ranges| Augmenter { ranges, seed, variants });
        Images::prepared(Arc::clone(&self.ground.dataset), self.transfer.size, self.preprocessing, augmenter)
    }

    fn key(&self) -> Key {
        let unfrozen = self.transfer.unfrozen();
        Key {
            version: KEY_VERSION,
            fingerprint: self.identity.fingerprint.clone(),
            base: self.transfer.base.clone(),
            layer: features_layer(unfrozen).to_owned(),
            shape: features_shape(unfrozen, self.transfer.size as usize),
            size: self.transfer.size,
            preprocessing: self.preprocessing,
            device: match self.ground.device {
                DeviceKind::Cpu => "cpu".into(),
                DeviceKind::Cuda(_) => "cuda".into(),
            },
            precision: self.ground.recipe.precision,
        }
    }

    fn cached(&self, frozen: &FrozenBase<B::InnerBackend>, splits: &[Split], journal: &mut Journal) -> Cached {
        let (limit, wrong) = cache_limit();
        wrong.into_iter().for_each(|message| journal.report(Event::Warning { message }));
        self.with_plan(frozen, limit, |plan| plan.ensure(splits, &self.device, journal))
    }

    fn with_plan<T>(
        &self,
        frozen: &FrozenBase<B::InnerBackend>,
        limit: u64,
        act: impl FnOnce(&FeaturePlan<'_, B::InnerBackend>) -> T,
    ) -> T {
        let Ground { home, recipe, dataset, .. } = self.ground;
        act(&FeaturePlan {
            dataset,
            images: &self.images(),
            frozen,
            key: self.key(),
            data_dir: &home.data(),
            dataset_dir: &home.dataset(&recipe.dataset),
            limit,
            resident: self.resident,
            even: self.ground.device.tunes_by_shape(),
        })
    }
}

impl<B> Setup<B> for TransferSetup<'_, B>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    type Network = TransferNetwork<B>;

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> usize {
        base_parameters() + head_parameters(self.identity.classes.len())
    }

    fn network(&self) -> Result<TransferNetwork<B>, String> {
        let (unfrozen, classes) = (self.transfer.unfrozen(), self.identity.classes.len());
        let network = TransferNetwork::new(&self.weights, unfrozen, classes, self.ground.recipe.seed, &self.device)
            .map_err(|error| error.to_string())?;
        match start_of(&self.ground.folder, self.transfer)? {
            Some(start) => parameters::overlay(network, &start.arrays).map_err(|error| error.to_string()),
            None => Ok(network),
        }
    }

    fn plain_training_inputs(&self) -> Feed<'_, B::InnerBackend> {
        let frozen = self.frozen.as_ref();
        // Nothing is to be computed, so no room is needed.
        let kept = frozen.and_then(|frozen| self.with_plan(frozen, 0, |plan| plan.kept_plain(Split::Train)));
        if let Some(features) = kept {
            return Feed::of(Arc::new(features));
        }
        let images = self.images();
        let resident = Resident::upload(&images, &[Split::Train], self.resident, &self.device);
        Feed::of_images(images, frozen, resident)
    }

    fn inputs(&self, splits: &[Split], journal: &mut Journal) -> Option<Feed<'_, B::InnerBackend>> {
        let frozen = self.frozen.as_ref();
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

fn open_base(ground: &Ground, transfer: &Transfer) -> Result<(Arrays, Preprocessing), String> {
    let weights = Weights::open(&ground.home.weights_file(&transfer.weights)).map_err(|error| error.to_string())?;
    let manifest = weights.manifest();
    if manifest.identity() != transfer.base {
        return Err(format!(
            "the weights '{}' are others than when this run was created ({}, then {})",
            transfer.weights,
            manifest.identity(),
            transfer.base
        ));
    }
    Ok((base_arrays(&weights), manifest.preprocessing))
}

/// All tensors of a base, by name.
#[must_use]
pub(crate) fn base_arrays(weights: &Weights) -> Arrays {
    let mut arrays = Arrays::new();
    for block in Block::ALL {
        for number in 1..=block.convolutions() {
            for part in ["weight", "bias"] {
                let name = format!("{block}.conv{number}.{part}");
                let tensor = weights.tensor(&name);
                arrays.extend(tensor.map(|(shape, values)| (name, Array { shape, values })));
            }
        }
    }
    arrays
}

/// The weights that fine-tuning starts from, once they are taken.
fn start_of(folder: &RunFolder, transfer: &Transfer) -> Result<Option<Checkpoint>, String> {
    let path = folder.start_checkpoint();
    if transfer.fine_tuning.is_none() || !path.exists() {
        return Ok(None);
    }
    Checkpoint::read(&path).map(Some).map_err(|error| error.to_string())
}

/// Copies the best weights of the run that fine-tuning goes on from, unless that is done already.
///
/// # Errors
/// When that run has none, or they do not belong to this recipe; in words.
pub(in super::super) fn take_start(ground: &Ground, transfer: &Transfer) -> Result<(), String> {
    let Some(FineTuning { from, unfreeze, .. }) = &transfer.fine_tuning else { return Ok(()) };
    let place = ground.folder.start_checkpoint();
    if place.exists() {
        return Ok(());
    }
    let source = ground.home.run(from).best_checkpoint();
    if !source.exists() {
        return Err(format!(
            "{from}, from which this run was to start, has saved no weights: there is no {}",
            source.display()
        ));
    }
    let mut start = Checkpoint::read(&source).map_err(|error| error.to_string())?;
    let mine = (&ground.recipe.fingerprint, Some(&transfer.base));
    if (&start.state.identity.fingerprint, start.state.identity.base.as_ref()) != mine {
        return Err(format!(
            "{from} was trained on another dataset or another base than this run: start from another run"
        ));
    }
    start.arrays.retain(|name, _| !name.starts_with("adam."));
    let trained: Vec<Block> = trained_blocks(Some(*unfreeze)).collect();
    let lower = Block::ALL.into_iter().find(|block| {
        !trained.contains(block) && start.arrays.keys().any(|name| name.starts_with(&format!("base.{block}.")))
    });
    if let Some(block) = lower {
        return Err(format!("{from} has trained {block}, which would be frozen here: use --unfreeze {block}"));
    }
    start.write(&place).map_err(|error| format!("cannot write {}: {error}", place.display()))
}
