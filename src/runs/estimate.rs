//! The expected duration of a run, estimated from earlier runs.

mod forecast;
mod remaining;

use serde::{Deserialize, Serialize};

use crate::domain::preflight::DatasetFacts;
use crate::domain::{CachedImages, DatasetName, DeviceRequest, Recipe, RunId, SplitCounts, TrainingCost};

use std::path::Path;

use super::holder::Holder;
use super::summary::Summary;
pub use forecast::{Forecast, forecast};
pub use remaining::{epoch_left, run_left};

/// The machine on which a run would be trained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name, which other machines may have too.
    pub host: String,
    /// Whether a run on `auto` may get a GPU.
    pub has_gpu: bool,
}

impl Machine {
    /// Returns this machine, as this program can use it.
    #[must_use]
    pub fn this() -> Self {
        // NVIDIA's driver, and that of Windows's subsystem for Linux.
        let has_driver = ["/dev/nvidiactl", "/dev/dxg"].iter().any(|file| Path::new(file).exists());
        Self { host: Holder::this_host(), has_gpu: cfg!(feature = "cuda") && has_driver }
    }
}

/// An estimate from another run.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Seconds of computing the features that are not on disk yet, before the first epoch.
    pub feature_seconds: f64,
    /// Seconds per epoch.
    pub seconds_per_epoch: f64,
    /// The run whose speed is used.
    pub source_run: RunId,
    /// The other run's dataset, if it differs.
    pub other_dataset: Option<DatasetName>,
    /// Whether the estimate is rough: that run had another device, strategy, network or precision, or only one of the
    /// two caches features.
    pub rough: bool,
}

impl Estimate {
    /// Returns the seconds of a whole run of this many epochs, at most.
    #[must_use]
    pub fn total(&self, epochs: u32) -> f64 {
        self.feature_seconds + self.seconds_per_epoch * f64::from(epochs)
    }
}

/// Returns the speed of a run's latest epoch in operations per second.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn operations_per_second(run: &Summary, image: [usize; 3]) -> Option<f64> {
    let epoch = run.epochs.last()?;
    let cost = TrainingCost::of(&run.recipe, image, run.classes.len(), run.images?).ok()?;
    // Without its cached features a run computed them in every epoch, so its speed does not apply to other runs.
    if cost.precomputed > 0 && run.features_computed.is_none() {
        return None;
    }
    (epoch.images_per_second > 0.0).then_some(cost.operations as f64 * epoch.images_per_second)
}

/// Returns the speed of the frozen part while it computed the cached features, in operations per second.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn frozen_operations_per_second(run: &Summary, image: [usize; 3]) -> Option<f64> {
    let (computed, seconds) = run.features_computed.filter(|(computed, seconds)| *computed > 0 && *seconds > 0.0)?;
    let cost = TrainingCost::of(&run.recipe, image, run.classes.len(), run.images?).ok()?;
    Some(cost.precomputed_operations as f64 * computed as f64 / seconds)
}

/// How well a run's device predicts the device of a request, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DeviceMatch {
    /// A device of the same kind on another machine, or any device of this machine while `auto` is undecided.
    Rough,
    /// A run on the expected device of this machine.
    Same,
}

/// Returns the device that a request gets on this machine; `None` if no run shows it. `runs` are newest first.
fn expected_device(runs: &[&Summary], request: DeviceRequest, machine: &Machine) -> Option<String> {
    if request != DeviceRequest::Auto {
        return Some(request.to_string());
    }
    if !machine.has_gpu {
        return Some(DeviceRequest::Cpu.to_string());
    }
    let latest = runs.iter().find(|run| {
        run.recipe.device == DeviceRequest::Auto && run.host.as_ref() == Some(&machine.host) && run.device.is_some()
    });
    latest.and_then(|run| Some(run.device.as_ref()?.name.clone()))
}

/// Returns how well a run's device predicts the expected one; `None` if it is of another kind.
fn device_match(run: &Summary, expected: Option<&str>, host: &str) -> Option<DeviceMatch> {
    let device = &run.device.as_ref()?.name;
    let here = run.host.as_deref() == Some(host);
    let kind = |name: &str| name.split(':').next().map(str::to_owned);
    match expected {
        Some(expected) if here && device == expected => Some(DeviceMatch::Same),
        Some(expected) => (kind(device) == kind(expected)).then_some(DeviceMatch::Rough),
        None => here.then_some(DeviceMatch::Rough),
    }
}

/// Returns the distance between the numbers of training images, as the logarithm of their ratio; 0 for the same
/// dataset.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn size_distance(run: &Summary, recipe: &Recipe, images: SplitCounts) -> f64 {
    if run.recipe.dataset == recipe.dataset {
        return 0.0;
    }
    // Never closer than the same dataset: equal sizes do not imply equal channels or reading times.
    let had = run.images.map_or(1, |images| images.train.max(1));
    1.0 + (had as f64 / images.train.max(1) as f64).ln().abs()
}

/// Returns the number of images whose features a run computes: those that are not on disk already.
#[must_use]
pub fn images_to_compute(
    runs: &[&Summary],
    recipe: &Recipe,
    cost: &TrainingCost,
    cached: CachedImages,
    machine: &Machine,
) -> usize {
    let device = expected_device(runs, recipe.device, machine);
    cost.precomputed.saturating_sub(cached.on(device.as_deref()))
}

/// Estimates a run's duration on a machine, in seconds, where it finds the features of `cached` images on disk. Prefers
/// a run of the same device, then of the same kind, then of the same dataset, then of the nearest size, then the
/// newest. Returns `None` if no run on such a device has a completed epoch, or if the recipe does not fit its dataset.
/// `runs` are newest first.
#[must_use]
#[allow(clippy::cast_precision_loss)] // far below 2^52
pub fn estimate(
    runs: &[&Summary],
    recipe: &Recipe,
    dataset: &DatasetFacts,
    cached: CachedImages,
    machine: &Machine,
) -> Option<Estimate> {
    let dataset = dataset.as_split_by(recipe).ok()?;
    let (image, classes, images) = (dataset.image, dataset.classes.len(), dataset.counts());
    let cost = TrainingCost::of(recipe, image, classes, images).ok()?;
    let expected = expected_device(runs, recipe.device, machine);
    let mut candidates: Vec<(&Summary, f64, (DeviceMatch, bool, bool))> = runs
        .iter()
        .filter_map(|run| {
            let device = device_match(run, expected.as_deref(), &machine.host)?;
            let cached = TrainingCost::of(&run.recipe, image, classes, images).ok()?.precomputed > 0;
            let same_caching = cached == (cost.precomputed > 0);
            let same_kind = run.recipe.strategy == recipe.strategy
                && run.recipe.network == recipe.network
                && run.recipe.precision == recipe.precision
                && same_caching;
            Some((*run, operations_per_second(run, image)?, (device, same_kind, same_caching)))
        })
        .collect();
    // A stable sort: of equals the newest stays first.
    candidates.sort_by(|(one, _, similarity), (other, _, other_similarity)| {
        let far = |run| size_distance(run, recipe, images);
        other_similarity.cmp(similarity).then_with(|| far(one).total_cmp(&far(other)))
    });
    let (run, speed, similarity) = candidates.first()?;
    let (device, same_kind, same_caching) = *similarity;
    let base = candidates.iter().find_map(|(run, ..)| Some((run, frozen_operations_per_second(run, image)?)));
    let frozen_speed = base.map_or(*speed, |(_, speed)| speed);
    // Without a similar run, use the speed of the frozen part: a head's speed does not apply to convolutions.
    let is_other_work = !same_kind && (recipe.transfer.is_some() || !same_caching);
    let (run, speed) = match base {
        Some((other, frozen_speed)) if is_other_work => (other, frozen_speed),
        None if !same_caching => return None,
        _ => (run, *speed),
    };
    let epoch =
        dataset.trained_images(recipe) as f64 * cost.operations as f64 + images.validation as f64 * cost.forward as f64;
    Some(Estimate {
        feature_seconds: images_to_compute(runs, recipe, &cost, cached, machine) as f64
            * cost.precomputed_operations as f64
            / frozen_speed,
        seconds_per_epoch: epoch / speed,
        source_run: run.id.clone(),
        other_dataset: (run.recipe.dataset != recipe.dataset).then(|| run.recipe.dataset.clone()),
        rough: (device, same_kind) != (DeviceMatch::Same, true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, EpochMetrics, Hyperparameter, Strategy};
    use crate::events::{Event, Record};

    const HERE: &str = "here";
    const IMAGES: SplitCounts = SplitCounts { train: 1_000, validation: 300, test: 200 };

    fn run(id: &str, recipe: Recipe, images_per_second: f64, events: Vec<Event>) -> Summary {
        let mut summary = Summary::new(RunId::new(id).expect("an id"), recipe);
        let metrics = EpochMetrics {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: 0.5,
            val_loss: 1.0,
            val_accuracy: 0.5,
            learning_rate: 1e-3,
            seconds: 1.0,
            images_per_second,
        };
        let classes = vec!["a".into(), "b".into()];
        let opened = [
            Event::WorkerStarted { pid: 1, host: HERE.into(), resumed_from: 0, resumed_step: 0 },
            Event::DeviceChosen { device: "cpu".into(), description: String::new(), note: None },
            Event::DataOpened { images: IMAGES, classes },
        ];
        let epoch = Event::EpochFinished { metrics, early_stopping: EarlyStoppingStatus::default() };
        for event in opened.into_iter().chain(events).chain([epoch]) {
            summary.apply(&Record { at: 1, event });
        }
        summary
    }

    fn estimated(runs: &[Summary], recipe: &Recipe) -> Option<Estimate> {
        estimated_on(&Machine { host: HERE.into(), has_gpu: true }, runs, recipe)
    }

    fn estimated_on(machine: &Machine, runs: &[Summary], recipe: &Recipe) -> Option<Estimate> {
        estimated_with(CachedImages::default(), machine, runs, recipe)
    }

    fn estimated_with(cached: CachedImages, machine: &Machine, runs: &[Summary], recipe: &Recipe) -> Option<Estimate> {
        let classes = vec![("a".into(), IMAGES), ("b".into(), SplitCounts::default())];
        let dataset = DatasetFacts { fingerprint: "f".into(), image: [48, 48, 1], classes, groups: None };
        estimate(&runs.iter().collect::<Vec<_>>(), recipe, &dataset, cached, machine)
    }

    #[test]
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn an_epoch_takes_as_long_as_it_took_the_last_run_of_its_kind() {
        let recipe = Recipe::sample(Strategy::Cnn);
        assert_eq!(estimated(&[], &recipe), None, "nobody knows yet");
        let runs = [
            run("of-features", Recipe::sample(Strategy::Features), 5.0, vec![]),
            run("cnn", recipe.clone(), 110.0, vec![]),
        ];
        let found = estimated(&runs, &recipe).expect("an estimate");
        assert_eq!((found.source_run.as_str(), found.rough), ("cnn", false));
        // 1,000 training images at 110 a second, and 300 that are only evaluated.
        let cost = TrainingCost::of(&recipe, [48, 48, 1], 2, IMAGES).expect("large enough");
        let expected = (1_000.0 + 300.0 * cost.forward as f64 / cost.operations as f64) / 110.0;
        assert!((found.seconds_per_epoch - expected).abs() < 1e-9, "{found:?}");
        assert!(found.feature_seconds.abs() < 1e-9);
        let other = estimated(&runs[..1], &recipe).expect("an estimate");
        assert!(other.rough);
    }

    #[test]
    fn features_are_computed_as_fast_as_they_were() {
        let mut recipe = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut recipe, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_500, computed: 100, bytes: 1, seconds: 2.0 };
        let found =
            estimated(&[run("of-features", recipe.clone(), 9_000.0, vec![ready])], &recipe).expect("an estimate");
        assert!((found.feature_seconds - 30.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn features_on_disk_take_no_time() {
        let mut recipe = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut recipe, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_500, computed: 100, bytes: 1, seconds: 2.0 };
        let runs = [run("of-features", recipe.clone(), 9_000.0, vec![ready])];
        let seconds = |cached, has_gpu| {
            let machine = Machine { host: HERE.into(), has_gpu };
            estimated_with(cached, &machine, &runs, &recipe).expect("an estimate").feature_seconds
        };
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
        assert!(close(seconds(CachedImages { cpu: 1_500, cuda: 0 }, false), 0.0));
        assert!(close(seconds(CachedImages { cpu: 1_000, cuda: 0 }, false), 10.0));
        // A GPU computes other bits, and `auto` may take one.
        assert!(close(seconds(CachedImages { cpu: 0, cuda: 1_500 }, false), 30.0));
    }

    #[test]
    fn a_base_is_judged_by_a_base_and_not_by_a_head() {
        let mut cached = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut cached, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_300, computed: 100, bytes: 1, seconds: 2.0 };
        let runs = [run("kept", cached, 9_000.0, vec![ready])];
        let found = estimated(&runs, &Recipe::sample(Strategy::Features)).expect("an estimate");
        // 1,300 images at 50 a second; the head's share is negligible.
        assert!(found.rough && (found.seconds_per_epoch - 26.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn a_network_from_scratch_is_not_judged_by_a_head() {
        let mut cached = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut cached, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_300, computed: 100, bytes: 1, seconds: 2.0 };
        let found_on_disk = Event::FeaturesReady { images: 1_300, computed: 0, bytes: 1, seconds: 0.0 };
        let head = run("head", cached.clone(), 9_000.0, vec![found_on_disk]);
        let cnn = Recipe::sample(Strategy::Cnn);
        assert_eq!(estimated(std::slice::from_ref(&head), &cnn), None, "only the speed of a head is known");
        let base = run("base", cached, 9_000.0, vec![ready]);
        let deep = run("deep", Recipe::sample(Strategy::Deep), 100.0, vec![]);
        let judged = |runs: &[Summary]| estimated(runs, &cnn).map(|found| found.source_run.to_string());
        assert_eq!(judged(&[head.clone(), base.clone()]).as_deref(), Some("base"), "by its frozen convolutions");
        assert_eq!(judged(&[head, base, deep]).as_deref(), Some("deep"), "an older one that convolves");
    }

    #[test]
    fn a_run_on_the_same_dataset_precedes_a_newer_one_on_another() {
        let recipe = Recipe::sample(Strategy::Cnn);
        let other_dataset = |name: &str| Recipe { dataset: DatasetName::new(name).expect("a name"), ..recipe.clone() };
        let mut small = run("small", other_dataset("small"), 900.0, vec![]);
        small.images = Some(SplitCounts { train: 20, validation: 5, test: 5 });
        let like = run("like", other_dataset("like"), 500.0, vec![]);
        let same = run("same", recipe.clone(), 110.0, vec![]);
        let runs = [small, like, same];
        let judged = |runs: &[Summary]| estimated(runs, &recipe).map(|found| (found.source_run, found.other_dataset));
        let id = |name: &str| RunId::new(name).expect("an id");
        assert_eq!(judged(&runs), Some((id("same"), None)));
        assert_eq!(judged(&runs[..2]), Some((id("like"), DatasetName::new("like").ok())));
    }

    #[test]
    fn another_device_gives_no_estimate() {
        let recipe = Recipe { device: DeviceRequest::Cuda(0), ..Recipe::sample(Strategy::Cnn) };
        let runs = [run("cnn", Recipe { device: DeviceRequest::Cpu, ..Recipe::sample(Strategy::Cnn) }, 100.0, vec![])];
        assert_eq!(estimated(&runs, &recipe), None);
        // The device that `auto` will choose is unknown, so the estimate is rough.
        assert!(estimated(&runs, &Recipe::sample(Strategy::Cnn)).is_some_and(|found| found.rough));
    }

    #[test]
    fn another_machine_or_precision_gives_a_rough_estimate_at_most() {
        let recipe = Recipe::sample(Strategy::Cnn);
        let judged =
            |runs: &[Summary], recipe: &Recipe| estimated(runs, recipe).map(|found| (found.source_run, found.rough));
        let id = |name: &str| RunId::new(name).expect("an id");
        let device = |mut run: Summary, host: &str, name: &str| {
            run.host = Some(host.into());
            run.device.as_mut().expect("a device").name = name.into();
            run
        };
        let there = device(run("there", recipe.clone(), 9_000.0, vec![]), "elsewhere", "cuda:0");
        let here = run("here", recipe.clone(), 100.0, vec![]);
        assert_eq!(
            judged(std::slice::from_ref(&there), &recipe),
            None,
            "a GPU of another machine says nothing of `auto` here"
        );
        assert_eq!(judged(&[there.clone(), here.clone()], &recipe), Some((id("here"), false)));
        // Machines of a cloud share a name.
        let namesake = device(run("namesake", recipe.clone(), 9_000.0, vec![]), HERE, "cuda:0");
        let cpu_only = Machine { host: HERE.into(), has_gpu: false };
        let on_cpu =
            |runs: &[Summary]| estimated_on(&cpu_only, runs, &recipe).map(|found| (found.source_run, found.rough));
        assert_eq!(on_cpu(std::slice::from_ref(&namesake)), None, "without a GPU `auto` is the CPU");
        assert_eq!(on_cpu(&[namesake, here.clone()]), Some((id("here"), false)));
        let gpu = Recipe { device: DeviceRequest::Cuda(0), ..recipe.clone() };
        assert_eq!(judged(&[there, here.clone()], &gpu), Some((id("there"), true)));

        let mut bf16 = recipe.clone();
        bf16.set_precision(crate::domain::Precision::Bf16);
        let of_bf16 = run("bf16", bf16, 9_000.0, vec![]);
        assert_eq!(judged(&[of_bf16.clone(), here], &recipe), Some((id("here"), false)));
        assert_eq!(judged(&[of_bf16], &recipe), Some((id("bf16"), true)));

        // Of runs on a device that was named, that of the same kind decides what `auto` may take.
        let named = Recipe { device: DeviceRequest::Cpu, ..recipe.clone() };
        let runs = [
            run(
                "of-features",
                Recipe { device: DeviceRequest::Cpu, ..Recipe::sample(Strategy::Features) },
                5.0,
                vec![],
            ),
            run("cnn", named, 100.0, vec![]),
        ];
        assert_eq!(judged(&runs, &recipe), Some((id("cnn"), true)));
    }
}
