//! The expected duration of a run, estimated from earlier runs.

use crate::domain::{DatasetName, DeviceRequest, Recipe, RunId, SplitCounts, TrainingCost};

use super::summary::Summary;

/// An estimate from another run.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Seconds before the first epoch, for computing cached features.
    pub seconds_before: f64,
    /// Seconds per epoch.
    pub seconds_per_epoch: f64,
    /// The run whose speed is used.
    pub from: RunId,
    /// The other run's dataset, if it differs.
    pub other_dataset: Option<DatasetName>,
    /// Whether that run did another kind of work, which makes the estimate rough.
    pub rough: bool,
}

/// Returns the speed of a run's latest epoch in operations per second.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn speed(run: &Summary, image: [usize; 3]) -> Option<f64> {
    let epoch = run.history.last()?;
    let work = TrainingCost::of(&run.recipe, image, run.classes.len(), run.images?).ok()?;
    // Without its cached features a run computed them in every epoch, so its speed does not apply to other runs.
    if work.precomputed > 0 && run.features_computed.is_none() {
        return None;
    }
    (epoch.images_per_second > 0.0).then_some(work.operations as f64 * epoch.images_per_second)
}

/// Returns the speed of the frozen part while it computed the cached features, in operations per second.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn base_speed(run: &Summary, image: [usize; 3]) -> Option<f64> {
    let (computed, seconds) = run.features_computed.filter(|(computed, seconds)| *computed > 0 && *seconds > 0.0)?;
    let work = TrainingCost::of(&run.recipe, image, run.classes.len(), run.images?).ok()?;
    Some(work.precomputed_operations as f64 * computed as f64 / seconds)
}

/// Returns whether a run's device is the requested one; `None` if the recipe cannot get that device.
fn fits(run: &Summary, device: DeviceRequest) -> Option<bool> {
    let had = run.device.as_ref()?;
    match device {
        // `auto` chooses the same device as last time; another run of this machine is better than none.
        DeviceRequest::Auto => Some(run.recipe.device == DeviceRequest::Auto),
        other => (had.name == other.to_string()).then_some(true),
    }
}

/// Returns the distance between the numbers of training images, as the logarithm of their ratio; 0 for the same
/// dataset.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn distance(run: &Summary, recipe: &Recipe, images: SplitCounts) -> f64 {
    if run.recipe.dataset == recipe.dataset {
        return 0.0;
    }
    // Never closer than the same dataset: equal sizes do not imply equal channels or reading times.
    let had = run.images.map_or(1, |images| images.train.max(1));
    1.0 + (had as f64 / images.train.max(1) as f64).ln().abs()
}

/// Estimates a run's duration. Prefers a run of the same kind and device, then the same dataset, then the nearest size,
/// then the newest. Returns `None` if no run has a completed epoch. `runs` are newest first; `image` is `[height,
/// width, channels]` of stored images.
#[must_use]
#[allow(clippy::cast_precision_loss)] // far below 2^52
pub fn estimate<'a>(
    runs: impl Iterator<Item = &'a Summary>,
    recipe: &Recipe,
    image: [usize; 3],
    classes: usize,
    images: SplitCounts,
) -> Option<Estimate> {
    let work = TrainingCost::of(recipe, image, classes, images).ok()?;
    let mut candidates: Vec<(&Summary, f64, bool)> = runs
        .filter_map(|run| {
            let same_device = fits(run, recipe.device)?;
            let cached = TrainingCost::of(&run.recipe, image, classes, images).ok()?.precomputed > 0;
            let same_kind = run.recipe.strategy == recipe.strategy && run.recipe.network == recipe.network;
            let alike = same_device && same_kind && cached == (work.precomputed > 0);
            Some((run, speed(run, image)?, alike))
        })
        .collect();
    // A stable sort: of equals the newest stays first.
    candidates.sort_by(|(one, _, alike), (other, _, other_alike)| {
        let far = |run| distance(run, recipe, images);
        other_alike.cmp(alike).then_with(|| far(one).total_cmp(&far(other)))
    });
    let (run, speed, alike) = candidates.first()?;
    let base = candidates.iter().find_map(|(run, ..)| Some((run, base_speed(run, image)?)));
    let of_base = base.map_or(*speed, |(_, speed)| speed);
    // Without a similar run, use the speed of the frozen part: a head's speed does not apply to convolutions.
    let (run, speed) = match base {
        Some((other, of_base)) if !alike && recipe.transfer.is_some() => (other, of_base),
        _ => (run, *speed),
    };
    let epoch = images.train as f64 * work.operations as f64 + images.validation as f64 * work.forward as f64;
    Some(Estimate {
        seconds_before: work.precomputed as f64 * work.precomputed_operations as f64 / of_base,
        seconds_per_epoch: epoch / speed,
        from: run.id.clone(),
        other_dataset: (run.recipe.dataset != recipe.dataset).then(|| run.recipe.dataset.clone()),
        rough: !alike,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EarlyStoppingStatus, EpochMetrics, Hyperparameter, Strategy};
    use crate::events::{Event, Record};

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
            Event::DeviceChosen { device: "cpu".into(), description: String::new(), note: None },
            Event::DataOpened { images: IMAGES, classes },
        ];
        let epoch = Event::EpochFinished { metrics, early_stopping: EarlyStoppingStatus::default() };
        for event in opened.into_iter().chain(events).chain([epoch]) {
            summary.apply(&Record { at: 1, event });
        }
        summary
    }

    fn guess(runs: &[Summary], recipe: &Recipe) -> Option<Estimate> {
        estimate(runs.iter(), recipe, [48, 48, 1], 2, IMAGES)
    }

    #[test]
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn an_epoch_takes_as_long_as_it_took_the_last_run_of_its_kind() {
        let recipe = Recipe::sample(Strategy::Cnn);
        assert_eq!(guess(&[], &recipe), None, "nobody knows yet");
        let runs = [
            run("of-features", Recipe::sample(Strategy::Features), 5.0, vec![]),
            run("cnn", recipe.clone(), 110.0, vec![]),
        ];
        let found = guess(&runs, &recipe).expect("a guess");
        assert_eq!((found.from.as_str(), found.rough), ("cnn", false));
        // 1,000 training images at 110 a second, and 300 that are only evaluated.
        let work = TrainingCost::of(&recipe, [48, 48, 1], 2, IMAGES).expect("large enough");
        let expected = (1_000.0 + 300.0 * work.forward as f64 / work.operations as f64) / 110.0;
        assert!((found.seconds_per_epoch - expected).abs() < 1e-9, "{found:?}");
        assert!(found.seconds_before.abs() < 1e-9);
        let other = guess(&runs[..1], &recipe).expect("a guess");
        assert!(other.rough);
    }

    #[test]
    fn features_are_computed_as_fast_as_they_were() {
        let mut recipe = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut recipe, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_500, computed: 100, bytes: 1, seconds: 2.0 };
        let found = guess(&[run("of-features", recipe.clone(), 9_000.0, vec![ready])], &recipe).expect("a guess");
        assert!((found.seconds_before - 30.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_base_is_judged_by_a_base_and_not_by_a_head() {
        let mut cached = Recipe::sample(Strategy::Features);
        Hyperparameter::Augmentation.set(&mut cached, "none").expect("accepted");
        let ready = Event::FeaturesReady { images: 1_300, computed: 100, bytes: 1, seconds: 2.0 };
        let runs = [run("kept", cached, 9_000.0, vec![ready])];
        let found = guess(&runs, &Recipe::sample(Strategy::Features)).expect("a guess");
        // 1,300 images at 50 a second; the head's share is negligible.
        assert!(found.rough && (found.seconds_per_epoch - 26.0).abs() < 0.1, "{found:?}");
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
        let judged = |runs: &[Summary]| guess(runs, &recipe).map(|found| (found.from, found.other_dataset));
        let id = |name: &str| RunId::new(name).expect("an id");
        assert_eq!(judged(&runs), Some((id("same"), None)));
        assert_eq!(judged(&runs[..2]), Some((id("like"), DatasetName::new("like").ok())));
    }

    #[test]
    fn another_device_gives_no_estimate() {
        let recipe = Recipe { device: DeviceRequest::Cuda(0), ..Recipe::sample(Strategy::Cnn) };
        let runs = [run("cnn", Recipe { device: DeviceRequest::Cpu, ..Recipe::sample(Strategy::Cnn) }, 100.0, vec![])];
        assert_eq!(guess(&runs, &recipe), None);
        // The device that `auto` will choose is unknown, so the estimate is rough.
        assert!(guess(&runs, &Recipe::sample(Strategy::Cnn)).is_some_and(|found| found.rough));
    }
}
