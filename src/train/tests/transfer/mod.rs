//! Tests of training on imported weights: frozen and trained layers, and features from the cache.

mod pytorch;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use burn::backend::Flex;

use super::{Cpu, Recorder, assert_near, dataset, identity};
use crate::checkpoint::{Checkpoint, CheckpointFiles};
use crate::data::features::{KEY_VERSION, Key};
use crate::data::images::{Augmenter, Images};
use crate::data::store::Dataset;
use crate::domain::arrays::{Array, Arrays};
use crate::domain::network::{Cut, ResolvedNetwork, TensorKind};
use crate::domain::{Augmentation, NetworkName, Preprocessing, Recipe, Schedule, Split, StageName, Strategy, Transfer};
use crate::model::frozen::FrozenPart;
use crate::model::kernels::KernelBackend;
use crate::model::network::Network;
use crate::train::data_loader::DataLoader;
use crate::train::device_dataset::DeviceDataset;
use crate::train::features::{CacheOutcome, FeaturePlan};
use crate::train::fit::{Fit, FitEnd, fit};

/// Returns numbers from −`scale` to `scale` by a multiplicative hash of their index, as in
/// `tests/fixtures/vgg16_trace.py`.
fn scattered(shape: &[usize], scale: f64, salt: u64) -> Array {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let value = |index: u64| {
        let bits = (index.wrapping_mul(2_654_435_761) + salt * 40_503) & 0xffff_ffff;
        let bits = ((bits ^ (bits >> 15)) * 2_246_822_519) & 0xffff_ffff;
        let bits = bits ^ (bits >> 13);
        ((bits as f64 / 2_f64.powi(31) - 1.0) * scale) as f32
    };
    let count: usize = shape.iter().product();
    Array { shape: shape.to_vec(), values: (0..count as u64).map(value).collect() }
}

#[allow(clippy::cast_precision_loss)] // channels are few
fn base() -> Arrays {
    let mut arrays = Arrays::new();
    for (salt, tensor) in (1..).zip(NetworkName::VGG16.architecture().pretrained_tensors()) {
        let scale = match tensor.kind {
            TensorKind::Weight { fan_in, .. } => (6.0 / fan_in as f64).sqrt(),
            _ => 0.1,
        };
        arrays.insert(tensor.name, scattered(&tensor.shape, scale, salt));
    }
    arrays
}

/// Resolves VGG16 for images of this side, trained from a stage on; without one, only the head is trained.
fn vgg16(size: usize, classes: usize, unfrozen: Option<&StageName>) -> (ResolvedNetwork, Cut) {
    let resolved = NetworkName::VGG16.architecture().resolve([3, size, size], classes).expect("large enough");
    let cut = resolved.cut(unfrozen.into()).expect("a stage");
    (resolved, cut)
}

fn frozen_part(weights: &Arrays, size: usize, unfrozen: Option<&StageName>) -> FrozenPart<Flex> {
    let (resolved, cut) = vgg16(size, 1, unfrozen);
    FrozenPart::new(&resolved, cut, weights, &Default::default()).expect("fits").expect("something is frozen")
}

fn trained_part<B: KernelBackend>(
    weights: &Arrays,
    size: usize,
    unfrozen: Option<&StageName>,
    classes: usize,
    seed: u64,
) -> Network<B> {
    let (resolved, cut) = vgg16(size, classes, unfrozen);
    Network::new(resolved.plan(cut.trained()), weights, seed, &Default::default()).expect("fits")
}

fn norm(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

const SIZE: u32 = 32;

/// A training on VGG16's imported weights.
struct TransferRun {
    folder: tempfile::TempDir,
    dataset: Arc<Dataset>,
    recipe: Recipe,
    readback: u32,
    interval: Duration,
    weights: Arrays,
    /// Bytes that resident images may take while features are computed.
    resident: u64,
    pad_last_batch: bool,
}

/// The source of a run's inputs.
#[derive(Clone, Copy, PartialEq)]
enum InputSource {
    Cache,
    Images,
    /// Images that stay on the device.
    Device,
}

impl TransferRun {
    fn new(strategy: Strategy) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = dataset(folder.path());
        let mut recipe = Recipe::sample(strategy);
        recipe.epochs = 3;
        recipe.batch_size = 32;
        recipe.schedule = Schedule::Constant;
        recipe.augmentation = Some(Augmentation::REFERENCE);
        if let Some(transfer) = &mut recipe.transfer {
            transfer.size = SIZE;
        }
        Self {
            folder,
            dataset,
            recipe,
            readback: 1,
            interval: Duration::MAX,
            weights: base(),
            resident: 0,
            pad_last_batch: false,
        }
    }

    fn unfrozen(&self) -> Option<&StageName> {
        self.recipe.transfer.as_ref().and_then(Transfer::unfrozen)
    }

    fn images(&self) -> Images {
        let variants = self.recipe.transfer.as_ref().map_or(0, |transfer| transfer.variants);
        let seed = self.recipe.seed;
        let augmenter = self.recipe.augmentation.map(|ranges| Augmenter { ranges, seed, variants });
        Images::prepared(self.dataset.clone(), SIZE, Preprocessing::TORCHVISION, augmenter)
    }

    fn frozen(&self) -> FrozenPart<Flex> {
        frozen_part(&self.weights, SIZE as usize, self.unfrozen()).computing_in(self.recipe.precision)
    }

    fn key(&self) -> Key {
        let (resolved, cut) = vgg16(SIZE as usize, 2, self.unfrozen());
        Key {
            version: KEY_VERSION,
            fingerprint: self.dataset.fingerprint().into(),
            base: "base".into(),
            layer: resolved.trained_input_name(cut).into(),
            shape: resolved.trained_input(cut),
            size: SIZE,
            preprocessing: Preprocessing::TORCHVISION,
            device: "cpu".into(),
            precision: self.recipe.precision,
        }
    }

    fn dataset_dir(&self) -> PathBuf {
        self.folder.path().join("stripes")
    }

    fn cache(&self, recorder: &mut Recorder, limit: u64) -> CacheOutcome {
        let plan = FeaturePlan {
            dataset: &self.dataset,
            images: &self.images(),
            frozen: &self.frozen(),
            key: self.key(),
            data_dir: self.folder.path(),
            dataset_dir: &self.dataset_dir(),
            limit,
            resident: self.resident,
            pad_last_batch: self.pad_last_batch,
        };
        plan.ensure(&[Split::Train, Split::Validation], &Default::default(), recorder)
    }

    fn files(&self, run: &str) -> CheckpointFiles {
        let file = |name: &str| self.folder.path().join(format!("{run}-{name}"));
        CheckpointFiles { last: file("last"), previous: file("previous"), best: file("best") }
    }

    fn run(
        &self,
        run: &str,
        from: InputSource,
        checkpoint: Option<&Checkpoint>,
        stop_at: Option<u32>,
    ) -> (FitEnd, Recorder) {
        let (device, frozen, files) = (Default::default(), self.frozen(), self.files(run));
        let splits = [Split::Train, Split::Validation];
        let loader = match from {
            InputSource::Images => DataLoader::from_images(self.images(), Some(&frozen), None),
            InputSource::Device => {
                let resident = DeviceDataset::upload(&self.images(), &splits, 1 << 20, &device).expect("room");
                DataLoader::from_images(self.images(), Some(&frozen), Some(resident))
            }
            InputSource::Cache => match self.cache(&mut Recorder::default(), 1 << 30) {
                CacheOutcome::Ready(features) => DataLoader::from_source(Arc::new(features)),
                CacheOutcome::Uncached(reason) => panic!("{reason}"),
                CacheOutcome::Stopped => panic!("nobody asked to stop"),
            },
        };
        let identity = identity(&self.dataset, [32, 32, 3], Some("base".into()));
        let plan = Fit::<Cpu> {
            recipe: &self.recipe,
            loader: loader.in_precision(self.recipe.trained_precision()),
            identity: &identity,
            files: &files,
            readback: self.readback,
            interval: self.interval,
        };
        let network = trained_part::<Cpu>(&self.weights, SIZE as usize, self.unfrozen(), 2, self.recipe.seed);
        let mut recorder = Recorder { stop_at, ..Recorder::default() };
        let end = fit(&plan, network, checkpoint, &device, &mut recorder).expect("trained");
        (end, recorder)
    }

    fn last(&self, run: &str) -> Checkpoint {
        Checkpoint::read(&self.files(run).last).expect("a checkpoint")
    }
}
