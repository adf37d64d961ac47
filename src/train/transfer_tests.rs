//! Training on a pretrained base: right against `PyTorch`, frozen what is said to be, and the same from a cache.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use burn::backend::Flex;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Tensor, TensorData};

use super::features::{Cached, FeaturePlan};
use super::feed::Feed;
use super::fit::{Fit, FitEnd, fit};
use super::optimizer::{NetworkOptimizer, OptimizerSettings};
use super::resident::Resident;
use super::tests::{Cpu, Notes, dataset, identity};
use crate::checkpoint::{Checkpoint, CheckpointFiles};
use crate::data::batch::{Pass, Source};
use crate::data::features::{KEY_VERSION, Key};
use crate::data::images::{Augmenter, Images};
use crate::data::store::Dataset;
use crate::domain::arrays::{Array, Arrays};
use crate::domain::network::{Cut, Resolved, TensorKind};
use crate::domain::{
    Augmentation, NetworkName, Precision, Preprocessing, Recipe, Schedule, Split, StageName, Strategy, Transfer,
};
use crate::events::Event;
use crate::model::frozen::FrozenPart;
use crate::model::network::{Network, StepKey};

/// Numbers from −`scale` to `scale` by a multiplicative hash of their index, as `tests/fixtures/vgg16_trace.py` has
/// them.
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

/// VGG16 on images of this side, with so many classes, trained from a stage on; without one the head alone.
fn vgg16(size: usize, classes: usize, unfrozen: Option<&StageName>) -> (Resolved, Cut) {
    let resolved = NetworkName::VGG16.architecture().resolve([3, size, size], classes).expect("large enough");
    let cut = resolved.cut(unfrozen.into()).expect("a stage");
    (resolved, cut)
}

fn frozen_part(weights: &Arrays, size: usize, unfrozen: Option<&StageName>) -> FrozenPart<Flex> {
    let (resolved, cut) = vgg16(size, 1, unfrozen);
    FrozenPart::new(&resolved, cut, weights, &Default::default()).expect("fits").expect("something is frozen")
}

fn trained_part<B: crate::model::kernels::KernelBackend>(
    weights: &Arrays,
    size: usize,
    unfrozen: Option<&StageName>,
    classes: usize,
    seed: u64,
) -> Network<B> {
    let (resolved, cut) = vgg16(size, classes, unfrozen);
    Network::new(resolved.plan(cut.trained()), weights, seed, &Default::default()).expect("fits")
}

fn head() -> Arrays {
    Arrays::from([
        ("head.hidden_weight".into(), scattered(&[512, 256], 0.1, 101)),
        ("head.hidden_bias".into(), scattered(&[256], 0.1, 102)),
        ("head.dense_weight".into(), scattered(&[256, 3], 0.2, 103)),
        ("head.dense_bias".into(), scattered(&[3], 0.1, 104)),
    ])
}

fn norm(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn features_and_fine_tuning_agree_with_pytorch() {
    #[derive(serde::Deserialize)]
    struct Trace {
        size: usize,
        unfrozen: Option<StageName>,
        rates: [f64; 2],
        features: Vec<Vec<f64>>,
        features_norm: f64,
        logits: Vec<Vec<f64>>,
        losses: Vec<f64>,
        norms_after: std::collections::BTreeMap<String, f64>,
    }
    let close = |ours: f64, theirs: f64, tolerance: f64, what: &str| {
        assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let traces: Vec<Trace> =
        serde_json::from_str(include_str!("../../tests/fixtures/vgg16_trace.json")).expect("the fixture");
    let (device, weights) = (Default::default(), base());
    for trace in traces {
        let (unfrozen, size) = (trace.unfrozen.as_ref(), trace.size);
        let images = scattered(&[5, 3, size, size], 1.0, 201).to_tensor::<Flex, 4>(&device);
        let pooled = frozen_part(&weights, size, None).forward(images.clone());
        let pooled = pooled.flatten::<2>(1, 3).into_data().into_vec::<f32>().expect("floats");
        close(norm(pooled.iter().copied()), trace.features_norm, 1e-5, "norm of features");
        let some = pooled.chunks(512).flat_map(|row| row.iter().step_by(64));
        for (ours, theirs) in some.zip(trace.features.concat()) {
            close(f64::from(*ours), theirs, 1e-4, "feature");
        }

        let below = frozen_part(&weights, size, unfrozen).forward(images);
        let (resolved, cut) = vgg16(size, 3, unfrozen);
        assert_eq!(below.dims()[1..], resolved.trained_input(cut));
        let below = Tensor::<Cpu, 4>::from_inner(below);
        let network = trained_part::<Cpu>(&weights, size, unfrozen, 3, 0);
        let mut network = network.overlay(&head()).expect("fits");
        let logits = network.logits(below.clone()).into_data().convert::<f64>();
        for (ours, theirs) in logits.iter::<f64>().zip(trace.logits.concat()) {
            close(ours, theirs, 1e-4, "logit");
        }
        let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);
        let loss_function = CrossEntropyLossConfig::new().init::<Cpu>(&device);
        let mut adam = NetworkOptimizer::new(OptimizerSettings::ADAM);
        for (step, theirs) in trace.losses.iter().enumerate() {
            let loss = loss_function.forward(network.logits(below.clone()), labels.clone());
            close(loss.clone().into_scalar().into(), *theirs, 1e-3, &format!("{unfrozen:?}: loss of step {step}"));
            network = adam.step(network, loss.backward(), trace.rates);
        }
        let after = network.to_arrays();
        assert_eq!(after.keys().collect::<Vec<_>>(), trace.norms_after.keys().collect::<Vec<_>>());
        for (name, array) in after {
            close(norm(array.values), trace.norms_after[&name], 1e-4, &name);
        }
    }
}

#[test]
fn dropout_halves_and_keeps_the_mean_and_is_drawn_by_its_key() {
    let network = trained_part::<Flex>(&base(), 32, None, 3, 1);
    let inputs = scattered(&[64, 512, 1, 1], 1.0, 9).to_tensor::<Flex, 4>(&Default::default());
    let logits = |key: Option<StepKey>| {
        let logits = match key {
            Some(key) => network.training_logits(inputs.clone(), key).0,
            None => network.logits(inputs.clone()),
        };
        logits.into_data().into_vec::<f32>().expect("floats")
    };
    let key = StepKey { seed: 3, epoch: 2, step: 1 };
    assert_eq!(logits(Some(key)), logits(Some(key)));
    for other in [StepKey { seed: 4, ..key }, StepKey { epoch: 1, ..key }, StepKey { step: 2, ..key }] {
        assert_ne!(logits(Some(other)), logits(Some(key)));
    }
    // Over many draws the noise averages out to what is evaluated.
    let mut mean = vec![0.0; 64 * 3];
    for step in 1..=400 {
        logits(Some(StepKey { step, ..key })).iter().zip(&mut mean).for_each(|(logit, sum)| *sum += logit / 400.0);
    }
    let plain = logits(None);
    let error: Vec<f32> = mean.iter().zip(&plain).map(|(mean, plain)| mean - plain).collect();
    assert!(norm(error) < 0.1 * norm(plain), "the mean of dropout is off");
}

const SIZE: u32 = 32;

struct Bench {
    folder: tempfile::TempDir,
    dataset: Arc<Dataset>,
    recipe: Recipe,
    readback: u32,
    interval: Duration,
    weights: Arrays,
    /// Bytes that images may take on the device while features are computed.
    resident: u64,
    even: bool,
}

/// Where a run's inputs come from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Cache,
    Images,
    /// Images that stay on the device.
    Device,
}

impl Bench {
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
            even: false,
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

    fn cache(&self, notes: &mut Notes, limit: u64) -> Cached {
        let plan = FeaturePlan {
            dataset: &self.dataset,
            images: &self.images(),
            frozen: &self.frozen(),
            key: self.key(),
            data_dir: self.folder.path(),
            dataset_dir: &self.dataset_dir(),
            limit,
            resident: self.resident,
            even: self.even,
        };
        plan.ensure(&[Split::Train, Split::Validation], &Default::default(), notes)
    }

    fn files(&self, run: &str) -> CheckpointFiles {
        let file = |name: &str| self.folder.path().join(format!("{run}-{name}"));
        CheckpointFiles { last: file("last"), previous: file("previous"), best: file("best") }
    }

    fn run(&self, run: &str, from: From, checkpoint: Option<&Checkpoint>, stop_at: Option<u32>) -> (FitEnd, Notes) {
        let (device, frozen, files) = (Default::default(), self.frozen(), self.files(run));
        let splits = [Split::Train, Split::Validation];
        let feed = match from {
            From::Images => Feed::of_images(self.images(), Some(&frozen), None),
            From::Device => {
                let resident = Resident::upload(&self.images(), &splits, 1 << 20, &device).expect("room");
                Feed::of_images(self.images(), Some(&frozen), Some(resident))
            }
            From::Cache => match self.cache(&mut Notes::default(), 1 << 30) {
                Cached::Ready(features) => Feed::of(Arc::new(features)),
                Cached::Uncached(reason) => panic!("{reason}"),
                Cached::Stopped => panic!("nobody asked to stop"),
            },
        };
        let identity = identity(&self.dataset, [32, 32, 3], Some("base".into()));
        let plan = Fit::<Cpu> {
            recipe: &self.recipe,
            feed: feed.in_precision(self.recipe.trained_precision()),
            identity: &identity,
            files: &files,
            readback: self.readback,
            interval: self.interval,
        };
        let network = trained_part::<Cpu>(&self.weights, SIZE as usize, self.unfrozen(), 2, self.recipe.seed);
        let mut notes = Notes { stop_at, ..Notes::default() };
        let end = fit(&plan, network, checkpoint, &device, &mut notes).expect("trained");
        (end, notes)
    }

    fn last(&self, run: &str) -> Checkpoint {
        Checkpoint::read(&self.files(run).last).expect("a checkpoint")
    }
}

fn assert_near(ours: &Notes, theirs: &Notes) {
    let figures = |notes: &Notes| -> Vec<f64> {
        notes.history().iter().flat_map(|metrics| [metrics.train_loss, metrics.val_loss]).collect()
    };
    assert_eq!(figures(ours).len(), figures(theirs).len());
    for (ours, theirs) in figures(ours).into_iter().zip(figures(theirs)) {
        assert!((ours - theirs).abs() < 1e-3 * theirs.abs().max(0.1), "{ours} against {theirs}");
    }
}

#[test]
fn variants_from_the_cache_train_as_the_images_do_and_the_second_run_computes_nothing() {
    let mut bench = Bench::new(Strategy::Features);
    let (end, anew) = bench.run("anew", From::Images, None, None);
    assert!(matches!(end, FitEnd::Finished(_)));
    // With as many variants as epochs, each epoch sees what it would have seen without a cache.
    bench.recipe.transfer.as_mut().expect("a base").variants = 3;
    assert_near(&bench.run("cached", From::Cache, None, None).1, &anew);
    let before = bench.last("cached");
    bench.run("again", From::Cache, None, None);
    assert_eq!(bench.last("again"), before, "the same seed, the same run");
    let mut notes = Notes::default();
    assert!(matches!(bench.cache(&mut notes, 1 << 30), Cached::Ready(_)));
    // 120 training images in three variants and 40 to validate on.
    let found = |event: &Event| matches!(event, Event::FeaturesReady { images: 400, computed: 0, .. });
    assert!(notes.events.iter().any(found), "{:?}", notes.events);
}

#[test]
fn images_on_the_device_give_the_features_and_the_fine_tuning_of_those_that_are_sent() {
    let bench = Bench::new(Strategy::Finetune);
    let (_, sent) = bench.run("sent", From::Images, None, None);
    assert_near(&bench.run("kept", From::Device, None, None).1, &sent);

    let mut bench = Bench::new(Strategy::Features);
    bench.recipe.transfer.as_mut().expect("a base").variants = 3;
    let (_, sent) = bench.run("sent", From::Images, None, None);
    bench.resident = 1 << 20;
    assert_near(&bench.run("cached", From::Cache, None, None).1, &sent);
}

#[test]
fn in_bf16_features_from_the_cache_are_those_of_the_images_and_others_than_in_f32() {
    for strategy in [Strategy::Features, Strategy::Finetune] {
        let mut bench = Bench::new(strategy);
        bench.recipe.transfer.as_mut().expect("a base").variants = 3;
        let (_, full) = bench.run("full", From::Cache, None, None);
        bench.recipe.compute_in(Precision::Bf16);
        let (_, cached) = bench.run("cached", From::Cache, None, None);
        assert_ne!(cached.history(), full.history(), "the features of f32 were taken");
        bench.recipe.transfer.as_mut().expect("a base").variants = 0;
        assert_near(&bench.run("anew", From::Images, None, None).1, &cached);
    }
}

#[test]
fn features_of_batches_that_are_filled_up_are_those_of_the_images() {
    // 120 training and 40 validation images in batches of 32: both have a smaller last one.
    let mut bench = Bench::new(Strategy::Finetune);
    bench.recipe.transfer.as_mut().expect("a base").variants = 3;
    let (_, as_it_is) = bench.run("as-it-is", From::Images, None, None);
    for resident in [0, 1 << 20] {
        let mut bench = Bench::new(Strategy::Finetune);
        bench.recipe.transfer.as_mut().expect("a base").variants = 3;
        (bench.even, bench.resident) = (true, resident);
        assert_near(&bench.run("filled", From::Cache, None, None).1, &as_it_is);
    }
}

#[test]
fn features_that_were_interrupted_go_on_where_they_were() {
    let mut bench = Bench::new(Strategy::Features);
    bench.recipe.augmentation = None;
    let mut notes = Notes { stop_at: Some(7), ..Notes::default() };
    assert!(matches!(bench.cache(&mut notes, 1 << 30), Cached::Stopped));
    let mut notes = Notes::default();
    assert!(matches!(bench.cache(&mut notes, 1 << 30), Cached::Ready(_)));
    // The training images were done before the stop; the validation images fill a chunk of their own.
    let rest = |event: &Event| matches!(event, Event::FeaturesReady { images: 160, computed: 40, .. });
    assert!(notes.events.iter().any(rest), "{:?}", notes.events);
}

#[test]
fn what_does_not_fit_is_not_kept_and_says_so() {
    let bench = Bench::new(Strategy::Features);
    let Cached::Uncached(reason) = bench.cache(&mut Notes::default(), 1000) else { panic!("it was kept") };
    assert!(reason.contains("MIEN_FEATURE_CACHE_GIB"), "{reason}");
}

#[test]
fn fine_tuning_trains_its_block_and_nothing_below_and_keeps_only_that() {
    let mut bench = Bench::new(Strategy::Finetune);
    bench.recipe.augmentation = None;
    let images = bench.images();
    let mut batch = vec![0.0; 8 * 3 * 32 * 32];
    images.fill(Split::Train, &[0, 1, 2, 3, 4, 5, 6, 7], Pass::PLAIN, &mut batch);
    let frozen_output = || {
        let batch = Tensor::<Flex, 4>::from_data(TensorData::new(batch.clone(), [8, 3, 32, 32]), &Default::default());
        bench.frozen().forward(batch).into_data()
    };
    let before = frozen_output();
    let (_, notes) = bench.run("tuned", From::Cache, None, None);
    assert_eq!(notes.history().len(), 3);
    assert_eq!(frozen_output(), before, "the frozen part is as it was, to the last bit");

    let Checkpoint { state, arrays } = bench.last("tuned");
    assert_eq!(state.identity.base.as_deref(), Some("base"));
    let trained: Vec<&String> = arrays.keys().filter(|name| !name.starts_with("adam.")).collect();
    assert_eq!(trained.len(), 6 + 4, "{trained:?}");
    assert!(trained.iter().all(|name| name.starts_with("base.block5.") || name.starts_with("head.")));
    for number in 1..=3 {
        let name = format!("block5.conv{number}.weight");
        assert_ne!(arrays[&format!("base.{name}")].values, bench.weights[&name].values, "{name} was trained");
    }
}

#[test]
fn a_base_with_a_rate_near_zero_stays_where_it_is_while_the_head_learns() {
    let mut bench = Bench::new(Strategy::Finetune);
    bench.recipe.augmentation = None;
    let transfer = bench.recipe.transfer.as_mut().expect("a base");
    transfer.fine_tuning.as_mut().expect("fine-tuning").base_learning_rate = 1e-30;
    bench.run("slow", From::Cache, None, None);
    let arrays = bench.last("slow").arrays;
    let start = trained_part::<Flex>(&bench.weights, SIZE as usize, bench.unfrozen(), 2, 42).to_arrays();
    assert_eq!(arrays["base.block5.conv1.weight"], start["base.block5.conv1.weight"]);
    assert_ne!(arrays["head.dense_weight"], start["head.dense_weight"]);
}

#[test]
fn a_stopped_run_on_a_base_resumes_as_if_it_had_not_been() {
    let mut bench = Bench::new(Strategy::Finetune);
    bench.recipe.augmentation = None;
    let (_, whole) = bench.run("whole", From::Cache, None, None);
    // 4 steps and 1 validation batch an epoch.
    let (end, _) = bench.run("stopped", From::Cache, None, Some(8));
    assert_eq!(end, FitEnd::Stopped);
    let checkpoint = bench.last("stopped");
    assert_eq!(checkpoint.state.epoch, 1);
    let (_, rest) = bench.run("stopped", From::Cache, Some(&checkpoint), None);
    assert_eq!(rest.history()[..], whole.history()[1..]);
    assert_eq!(bench.last("stopped"), bench.last("whole"));
}
