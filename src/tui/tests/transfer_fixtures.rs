//! Imported weights and runs that use them.

use super::fixtures::{self, Logbook, NOW, dataset_name, id};
use crate::domain::{FinishReason, Hyperparameter, Preprocessing, Recipe, WeightsName};
use crate::events::Event as Logged;
use crate::tui::library::{RunView, WeightsEntry};
use crate::tui::messages::Event;
use crate::tui::state::State;
use crate::tui::update::update;
use crate::weights::{Layout, Manifest};

const HASH: &str = "a161c0f787405f054455e01072862a2c";

/// Returns the identity of the weights `imagenet`, as recipes contain it.
fn identity() -> String {
    weights("imagenet").manifest.expect("weights that can be read").identity()
}

pub(super) fn weights_name(name: &str) -> WeightsName {
    WeightsName::new(name).expect("a name")
}

/// Returns imported weights of this name.
pub(super) fn weights(name: &str) -> WeightsEntry {
    let manifest = Manifest {
        version: 1,
        hash: HASH.into(),
        source: "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5".into(),
        source_hash: String::new(),
        layout: Layout::KerasLegacyH5,
        preprocessing: Preprocessing::KERAS_IMAGENET,
        reason: "its names".into(),
        not_taken: crate::weights::IgnoredTensors::default(),
        licence: "CC BY 4.0".into(),
        parameters: 14_714_688,
        imported_at: 1,
    };
    WeightsEntry { name: weights_name(name), manifest: Ok(manifest) }
}

/// Returns a dashboard with FER-2013, the demo dataset and the weights `imagenet`.
pub(super) fn with_weights(runs: Vec<RunView>) -> State {
    let mut state = fixtures::with_data(runs);
    update(&mut state, NOW, Event::WeightsRead(Ok(vec![weights("imagenet")])));
    state.train.dataset = Some(dataset_name("fer2013"));
    state
}

/// A run of the strategy `features` without augmentation.
pub(super) fn features(name: &str, seconds_ago: u64) -> Logbook {
    Logbook::new(name, seconds_ago).with(|recipe| {
        let (dataset, at) = (fixtures::fer2013(), recipe.created_at);
        *recipe = Recipe::features(dataset.name, dataset.fingerprint, at, weights_name("imagenet"), identity());
        Hyperparameter::Size.set(recipe, "96").expect("accepted");
        Hyperparameter::Augmentation.set(recipe, "none").expect("accepted");
    })
}

/// A run that fine-tunes the best weights of the run `from`.
pub(super) fn finetune(name: &str, seconds_ago: u64, from: &str) -> Logbook {
    features(name, seconds_ago)
        .with(|recipe| *recipe = Recipe::fine_tuning_from(recipe, id(from), recipe.created_at).expect("on a base"))
}

/// A finished and tested run.
pub(super) fn finished() -> RunView {
    let ready = Logged::FeaturesReady { images: 35_887, computed: 35_887, bytes: 73_496_576, seconds: 149.0 };
    features("quiet-lynx", 3 * 3600).started().log(ready).epochs(18, 12).tested(12, FinishReason::EarlyStop).view(false)
}

/// A run that computes features.
pub(super) fn computing() -> RunView {
    let computing = Logged::ComputingFeatures { done: 12_300, total: 28_709, images_per_second: 240.0 };
    features("keen-crane", 60).started().log(computing).view(true)
}

/// A run whose device compiles kernels for the first time.
pub(super) fn compiling() -> RunView {
    let device = || "cuda:0".to_owned();
    let epoch_started = Logged::EpochStarted { epoch: 1, steps: 404, done: 0, seconds: 0.0 };
    let compiled = Logged::KernelsCompiled { device: device(), count: 137 };
    let run = finetune("keen-crane", 95, "quiet-lynx").started();
    run.log(Logged::CompilingKernels { device: device() }).log(epoch_started).log(compiled).view(true)
}

/// A fine-tuning run in its third epoch.
pub(super) fn finetuning() -> RunView {
    finetune("calm-heron", 133, "quiet-lynx").started().epochs(2, 2).steps(3, 14).view(true)
}

/// A run in a long training that waits for its device behind this many runs.
pub(super) fn in_turn(name: &str, ahead: usize) -> RunView {
    let started = Logged::WorkerStarted { pid: 4713, host: "box".into(), resumed_from: 0, resumed_step: 0 };
    let queued = Logged::Queued { device: "cuda:0".into(), ahead };
    features(name, 40).with(|recipe| recipe.epochs = 300).log(started).log(queued).view(true)
}

/// A run that waits for another to compute features.
pub(super) fn queued() -> RunView {
    let started = Logged::WorkerStarted { pid: 4712, host: "box".into(), resumed_from: 0, resumed_step: 0 };
    let waiting = Logged::Waiting { run: id("keen-crane") };
    finetune("plain-finch", 50, "keen-crane").log(started).log(waiting).view(true)
}
