//! The loop as a whole: right against PyTorch, the same from the same seed, and the same after an interruption.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use burn::backend::{Autodiff, Flex};
use burn::module::AutodiffModule;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Tensor, TensorData};

use super::Reporter;
use super::epoch::train_step;
use super::evaluate::{Evaluation, evaluate};
use super::feed::Feed;
use super::fit::{Fit, FitEnd, fit};
use super::loss::Objective;
use super::optimizer::{NetworkOptimizer, OptimizerSettings};
use super::resident::Resident;
use crate::checkpoint::{self, Checkpoint, CheckpointFiles, Identity};
use crate::data::batch::{Pass, Source};
use crate::data::images::{Augmenter, Images};
use crate::data::manifest::{ImageShape, SplitOptions};
use crate::data::store::Dataset;
use crate::data::writer::{Description, Workshop, Writer};
use crate::domain::arrays::{Array, Arrays};
use crate::domain::{
    Augmentation, DatasetName, EpochMetrics, FinishReason, Hyperparameter, LeftOut, Limits, NetworkName, Precision,
    Recipe, Schedule, Split,
};
use crate::events::Event;
use crate::model::network::Network;
use crate::model::network::StepKey;
use crate::model::network_tests::{build, drawn, residual};

pub(super) type Cpu = Autodiff<Flex>;

pub(super) const SIDE: u32 = 12;

/// Bright stripes that lie or stand, on noise: two classes that a few epochs tell apart.
pub(super) fn dataset(home: &Path) -> Arc<Dataset> {
    let name = DatasetName::new("stripes").expect("a name");
    let workshop = Workshop::open(home, &name).expect("a workshop");
    let image = ImageShape { width: SIDE, height: SIDE, channels: 1 };
    let mut writer = Writer::new(workshop, image, &["lying".into(), "standing".into()]).expect("a writer");
    let mut noise = 1_u32;
    for (split, count) in Split::ALL.into_iter().zip([60, 20, 20]) {
        for label in 0..2_u32 {
            for index in 0..count {
                let pixel = |at: u32| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let line = if label == 0 { at / SIDE } else { at % SIDE };
                    let stripe = u32::from((line + index) % 4 == 0) * 90;
                    u8::try_from(stripe + (noise >> 24) / 2).expect("below 256")
                };
                let pixels: Vec<u8> = (0..SIDE * SIDE).map(pixel).collect();
                writer.push(split, label as usize, &pixels, &format!("{index}")).expect("pushed");
            }
        }
    }
    let split = SplitOptions::default();
    let description = Description {
        skipped: Vec::new(),
        skipped_count: 0,
        resized: 0,
        source: "a test".into(),
        created_at: 0,
        split,
    };
    writer.finish(description, false).expect("finished");
    Arc::new(Dataset::open(&home.join("stripes")).expect("a dataset"))
}

pub(super) fn identity(dataset: &Dataset, image: [usize; 3], base: Option<String>) -> Identity {
    let classes = dataset.manifest().class_names().into_iter().map(str::to_owned).collect();
    Identity { fingerprint: dataset.fingerprint().to_owned(), classes, image, base }
}

/// Keeps the events, asks to stop once so many steps have begun, and changes the limits at others.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) events: Vec<Event>,
    pub(super) asked: u32,
    pub(super) stop_at: Option<u32>,
    /// From which step on which limits are in force.
    pub(super) limits: Vec<(u32, Limits)>,
    /// How long to pause before every step.
    pub(super) pause: Duration,
    pub(super) paused: Duration,
    pub(super) validated: Vec<(u32, Evaluation)>,
}

impl Reporter for Notes {
    fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    fn stop_requested(&mut self) -> bool {
        self.asked += 1;
        let begun = Instant::now();
        std::thread::sleep(self.pause);
        self.paused += begun.elapsed();
        self.stop_at.is_some_and(|at| self.asked >= at)
    }

    fn paused(&self) -> Duration {
        self.paused
    }

    fn limits(&mut self, own: Limits) -> Limits {
        self.limits.iter().rev().find(|(from, _)| self.asked >= *from).map_or(own, |(_, limits)| *limits)
    }

    fn validated(&mut self, epoch: u32, evaluation: &Evaluation) {
        self.validated.push((epoch, evaluation.clone()));
    }
}

impl Notes {
    /// The history without what depends on the clock.
    pub(super) fn history(&self) -> Vec<EpochMetrics> {
        let timeless = |metrics: &EpochMetrics| EpochMetrics { seconds: 0.0, images_per_second: 0.0, ..*metrics };
        let finished = |event: &Event| match event {
            Event::EpochFinished { metrics, .. } => Some(timeless(metrics)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    dataset: Arc<Dataset>,
    recipe: Recipe,
    readback: u32,
    interval: Duration,
    /// Whether images stay on the device.
    resident: bool,
    /// Whether a smaller last batch is filled up.
    even: bool,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = dataset(folder.path());
        let name = DatasetName::new("stripes").expect("a name");
        let mut recipe = Recipe::cnn(name, dataset.fingerprint().to_owned(), 0);
        recipe.epochs = 4;
        recipe.batch_size = 16;
        Self { folder, dataset, recipe, readback: 1, interval: Duration::MAX, resident: false, even: false }
    }

    fn files(&self, run: &str) -> CheckpointFiles {
        let file = |name: &str| self.folder.path().join(format!("{run}-{name}"));
        CheckpointFiles { last: file("last"), previous: file("previous"), best: file("best") }
    }

    fn run(&self, run: &str, from: Option<&Checkpoint>, stop_at: Option<u32>) -> (FitEnd, Notes) {
        self.run_with(run, from, Notes { stop_at, ..Notes::default() }, &self.images())
    }

    fn pictures(&self) -> Images {
        let seed = self.recipe.seed;
        let augmenter = self.recipe.augmentation.map(|ranges| Augmenter { ranges, seed, variants: 0 });
        Images::plain(Arc::clone(&self.dataset), augmenter).cropped(self.recipe.crop)
    }

    fn images(&self) -> Arc<dyn Source> {
        Arc::new(self.pictures())
    }

    fn feed(&self, source: &Arc<dyn Source>) -> Feed<'_, Flex> {
        if !self.resident {
            return Feed::of(Arc::clone(source));
        }
        let splits = [Split::Train, Split::Validation];
        let resident = Resident::upload(&self.pictures(), &splits, 1 << 20, &Default::default());
        Feed::of_images(self.pictures(), None, Some(resident.expect("room")))
    }

    fn run_with(
        &self,
        run: &str,
        from: Option<&Checkpoint>,
        mut notes: Notes,
        source: &Arc<dyn Source>,
    ) -> (FitEnd, Notes) {
        let device = Default::default();
        let files = self.files(run);
        let side = SIDE as usize;
        let identity = identity(&self.dataset, [side, side, 1], None);
        let seed = self.recipe.seed;
        let plan = Fit {
            recipe: &self.recipe,
            feed: self.feed(source).evenly(self.even).in_precision(self.recipe.trained_precision()),
            identity: &identity,
            files: &files,
            readback: self.readback,
            interval: self.interval,
        };
        let resolved = self.recipe.resolve([side, side, 1], 2).expect("large enough");
        let network = Network::<Cpu>::new(resolved.plan(0..resolved.units.len()), &Arrays::new(), seed, &device);
        let network = network.expect("nothing is imported");
        let end = fit(&plan, network, from, &device, &mut notes).expect("trained");
        (end, notes)
    }

    fn last(&self, run: &str) -> Checkpoint {
        Checkpoint::read(&self.files(run).last).expect("a checkpoint")
    }
}

#[test]
fn it_learns_and_the_same_seed_gives_the_same_run() {
    let bench = Bench::new();
    let (end, first) = bench.run("first", None, None);
    let (_, second) = bench.run("second", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_eq!(first.history(), second.history());
    let (before, after) = (first.history()[0], first.history()[3]);
    assert!(after.val_loss < before.val_loss && after.val_accuracy > 0.8, "{before:?} {after:?}");
    let read = |run| Checkpoint::read(&bench.files(run).last).expect("a checkpoint");
    assert_eq!(read("first"), read("second"));
}

#[test]
fn another_seed_gives_another_run() {
    let mut bench = Bench::new();
    let (_, first) = bench.run("first", None, None);
    bench.recipe.seed += 1;
    assert_ne!(bench.run("second", None, None).1.history(), first.history());
}

#[test]
fn a_run_stopped_anywhere_and_resumed_ends_as_if_it_had_not_been() {
    let bench = Bench::new();
    let (_, whole) = bench.run("whole", None, None);
    let expected = Checkpoint::read(&bench.files("whole").last).expect("a checkpoint");
    // 8 steps and 1 validation batch an epoch: in the first epoch, in a later one, while validating.
    for stop_at in [3, 13, 18] {
        let run = format!("stopped-{stop_at}");
        let (end, mut notes) = bench.run(&run, None, Some(stop_at));
        assert_eq!(end, FitEnd::Stopped);
        let checkpoint = Checkpoint::read(&bench.files(&run).last).ok();
        let completed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.epoch as usize);
        assert_eq!(completed, notes.history().len());
        let (_, rest) = bench.run(&run, checkpoint.as_ref(), None);
        notes.events.extend(rest.events);
        assert_eq!(notes.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(Checkpoint::read(&bench.files(&run).last).expect("a checkpoint"), expected);
    }
}

#[test]
fn a_run_with_every_setting_goes_on_to_the_same_bits() {
    let mut bench = Bench::new();
    let settings = [
        (Hyperparameter::Optimizer, "sgd"),
        (Hyperparameter::LearningRate, "0.05"),
        (Hyperparameter::Schedule, "cosine"),
        (Hyperparameter::Warmup, "1"),
        (Hyperparameter::WeightDecay, "0.0005"),
        (Hyperparameter::LabelSmoothing, "0.1"),
        (Hyperparameter::ClipNorm, "1"),
        (Hyperparameter::Average, "0.9"),
        (Hyperparameter::Balance, "sampler-sqrt"),
        (Hyperparameter::Crop, "10"),
        (Hyperparameter::Standardize, "image"),
        (Hyperparameter::Augmentation, "strong+brightness=0.2+contrast=0.2+mixup=0.4"),
    ];
    for (setting, value) in settings {
        setting.set(&mut bench.recipe, value).expect("accepted");
    }
    let (end, whole) = bench.run("whole", None, None);
    assert_eq!((end, whole.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 4));
    let expected = bench.last("whole");
    let names = |prefix: &str| expected.arrays.keys().filter(|name| name.starts_with(prefix)).count();
    assert_eq!([names("average."), names("sgd.velocity."), names("adam.")], [6, 6, 0]);
    for stop_at in [3, 13] {
        let run = format!("stopped-{stop_at}");
        let (_, mut notes) = bench.run(&run, None, Some(stop_at));
        let (_, rest) = bench.run(&run, Some(&bench.last(&run)), None);
        notes.events.extend(rest.events);
        assert_eq!(notes.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(bench.last(&run), expected, "stopped at {stop_at}");
    }
    // What is validated is the average.
    let evaluated = checkpoint::evaluated(expected.arrays.clone());
    assert!(evaluated.keys().all(|name| !name.starts_with("average.")));
    assert_eq!(evaluated["dense_weight"], expected.arrays["average.dense_weight"]);
    assert_ne!(evaluated["dense_weight"], expected.arrays["dense_weight"]);
}

/// The first epochs' figures, before rounding has had the time to grow.
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
fn images_that_stay_on_the_device_train_as_those_that_are_sent() {
    let mut bench = Bench::new();
    // 120 images: the last batch of an epoch has 10.
    bench.recipe.batch_size = 22;
    for augmentation in [Some(Augmentation::REFERENCE), None] {
        bench.recipe.augmentation = augmentation;
        bench.resident = false;
        let (_, sent) = bench.run("sent", None, None);
        bench.resident = true;
        let (end, kept) = bench.run("kept", None, None);
        assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
        assert_near(&kept, &sent);
        if augmentation.is_none() {
            assert_eq!(kept.history(), sent.history(), "nothing is sampled, so nothing is rounded");
        }
    }
}

#[test]
fn in_bf16_a_run_learns_keeps_weights_in_f32_and_resumes_to_the_last_bit() {
    let mut bench = Bench::new();
    let (_, full) = bench.run("full", None, None);
    bench.recipe.compute_in(Precision::Bf16);
    let (end, whole) = bench.run("whole", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_ne!(whole.history(), full.history(), "nothing was computed in bf16");
    for (short, full) in whole.history().iter().zip(full.history()) {
        assert!((short.val_loss - full.val_loss).abs() < 0.1 * full.val_loss.max(0.1), "{short:?} {full:?}");
    }
    let (end, mut notes) = bench.run("stopped", None, Some(13));
    assert_eq!(end, FitEnd::Stopped);
    notes.events.extend(bench.run("stopped", Some(&bench.last("stopped")), None).1.events);
    assert_eq!(notes.history(), whole.history());
    assert_eq!(bench.last("stopped"), bench.last("whole"));
    // Weights that had gone through bf16 would have no more bits than it.
    let short = |value: f32| value.to_bits().trailing_zeros() >= 16;
    let weights = &bench.last("whole").arrays["block2.weight"].values;
    assert!(weights.iter().filter(|value| !short(**value)).count() > weights.len() / 2);
}

#[test]
fn a_last_batch_that_is_filled_up_trains_as_it_is() {
    for network in NetworkName::from_scratch() {
        let mut bench = Bench::new();
        bench.recipe.set_network(network);
        // 120 images: the last batch of an epoch has 10. All validation images are fewer than a batch.
        bench.recipe.batch_size = 22;
        for resident in [false, true] {
            bench.resident = resident;
            bench.even = false;
            let (_, as_it_is) = bench.run("as-it-is", None, None);
            bench.even = true;
            let (end, filled) = bench.run("filled", None, None);
            assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
            assert_near(&filled, &as_it_is);
            let accuracies = |notes: &Notes| -> Vec<f64> { notes.history().iter().map(|m| m.val_accuracy).collect() };
            assert_eq!(accuracies(&filled), accuracies(&as_it_is), "{network}");
        }
    }
}

#[test]
fn every_network_from_scratch_learns_and_is_resumed_to_the_last_bit_within_an_epoch() {
    for network in NetworkName::from_scratch() {
        let mut bench = Bench::new();
        bench.recipe.set_network(network);
        let (_, whole) = bench.run("whole", None, None);
        let (before, after) = (whole.history()[0], whole.history()[3]);
        assert!(after.train_loss < before.train_loss, "{network}: {before:?} {after:?}");
        // 8 steps and 1 validation batch an epoch.
        let (end, mut notes) = bench.run("stopped", None, Some(13));
        assert_eq!(end, FitEnd::Stopped);
        let checkpoint = bench.last("stopped");
        assert_eq!(checkpoint.state.position().0, 1, "within the second epoch");
        let (_, rest) = bench.run("stopped", Some(&checkpoint), None);
        notes.events.extend(rest.events);
        assert_eq!(notes.history(), whole.history(), "{network}");
        assert_eq!(bench.last("stopped"), bench.last("whole"), "{network}");
    }
}

#[test]
fn every_batch_of_an_even_feed_is_as_large_as_the_first() {
    let bench = Bench { resident: true, ..Bench::new() };
    let (images, device) = (bench.images(), Default::default());
    for feed in [bench.feed(&images).evenly(true), Feed::of(Arc::clone(&images)).evenly(true)] {
        let pieces = feed.start(Split::Train, (0..120).collect(), 22, Pass::Training(1)).expect("a thread");
        let sizes: Vec<[usize; 2]> = pieces
            .map(|piece| {
                let ready = feed.ready(piece, &device);
                [ready.inputs.dims()[0], ready.labels.dims()[0]]
            })
            .collect();
        assert_eq!(sizes, [[22, 22], [22, 22], [22, 22], [22, 22], [22, 22], [22, 10]]);
    }
}

#[test]
fn a_run_with_images_on_the_device_and_rare_reads_is_resumed_to_the_last_bit() {
    let bench = Bench { resident: true, readback: 3, ..Bench::new() };
    let (_, whole) = bench.run("whole", None, None);
    // 8 steps and 1 validation batch an epoch.
    for stop_at in [3, 14] {
        let run = format!("stopped-{stop_at}");
        let (end, mut notes) = bench.run(&run, None, Some(stop_at));
        assert_eq!(end, FitEnd::Stopped);
        let (_, rest) = bench.run(&run, Some(&bench.last(&run)), None);
        notes.events.extend(rest.events);
        assert_eq!(notes.history(), whole.history(), "stopped at {stop_at}");
        assert_eq!(bench.last(&run), bench.last("whole"));
    }
}

#[test]
fn how_often_an_evaluation_is_read_changes_nothing() {
    let mut bench = Bench::new();
    let network = drawn::<Flex>(NetworkName::CNN, [1, SIDE as usize, SIDE as usize], 2, 3);
    let identity = identity(&bench.dataset, [SIDE as usize, SIDE as usize, 1], None);
    bench.resident = true;
    let feed = bench.feed(&bench.images());
    let evaluated = |readback| {
        // 7 batches, the last of 6 images.
        let batches = feed.start(Split::Train, (0..120).collect(), 19, Pass::PLAIN).expect("a thread");
        let classes = identity.classes.len();
        evaluate(&network, &feed, batches, classes, readback, &Default::default(), || false).expect("to the end")
    };
    let each = evaluated(1);
    assert_eq!(each.truth.len(), 120);
    for readback in [2, 3, 7, 100] {
        assert_eq!(evaluated(readback), each, "every {readback}");
    }
}

#[test]
fn patience_ends_a_run_and_the_best_weights_are_kept() {
    let mut bench = Bench::new();
    bench.recipe.epochs = 40;
    bench.recipe.early_stopping.patience = 2;
    // No value beats the first by a whole nat, so epochs 2 and 3 are waited for.
    bench.recipe.early_stopping.min_delta = 1.0;
    let (end, notes) = bench.run("patient", None, None);
    assert_eq!(end, FitEnd::Finished(FinishReason::EarlyStop));
    assert_eq!(notes.history().len(), 3);
    assert_eq!(Checkpoint::read(&bench.files("patient").best).expect("best").state.epoch, 1);
    let last = Checkpoint::read(&bench.files("patient").last).expect("last");
    assert_eq!(last.state.epoch, 3);
    assert_eq!(bench.run("patient", Some(&last), None).1.history().len(), 0, "a resumed run knows that it is over");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_as_diverged() {
    let mut bench = Bench::new();
    bench.recipe.learning_rate = 1e30;
    let (end, notes) = bench.run("diverged", None, None);
    assert!(matches!(&end, FitEnd::Diverged(cause) if cause.contains("no number")), "{end:?}");
    assert!(notes.history().len() <= 1);
}

#[test]
fn a_pause_changes_no_bit_and_is_no_part_of_the_time() {
    let mut bench = Bench::new();
    bench.recipe.epochs = 2;
    let (_, whole) = bench.run("whole", None, None);
    // 8 steps and 1 validation batch an epoch.
    let pause = Duration::from_millis(40);
    let notes = Notes { pause, ..Notes::default() };
    let begun = Instant::now();
    let (_, slept) = bench.run_with("paused", None, notes, &bench.images());
    let passed = begun.elapsed().as_secs_f64();
    assert_eq!(slept.history(), whole.history());
    assert_eq!(bench.last("paused"), bench.last("whole"));
    let told = slept.events.iter().filter_map(|event| match event {
        Event::EpochFinished { metrics, .. } => Some(metrics.seconds),
        _ => None,
    });
    let (told, slept) = (told.sum::<f64>(), slept.paused.as_secs_f64());
    assert!(slept >= 18.0 * pause.as_secs_f64(), "{slept}");
    assert!(told <= passed - slept + 1e-3, "{told} s told of {passed} s, {slept} of them paused");
}

#[test]
fn patience_counts_as_it_is_when_an_epoch_ends() {
    let mut bench = Bench::new();
    bench.recipe.epochs = 40;
    bench.recipe.early_stopping.patience = 30;
    // No value beats the first by a whole nat.
    bench.recipe.early_stopping.min_delta = 1.0;
    // In the middle of the third epoch, of 9 questions each.
    let limits = vec![(22, Limits { epochs: 40, patience: 2 })];
    let (end, notes) = bench.run_with("less", None, Notes { limits, ..Notes::default() }, &bench.images());
    assert_eq!((end, notes.history().len()), (FitEnd::Finished(FinishReason::EarlyStop), 3));

    // More patience lets the same run go on from there.
    let limits = vec![(0, Limits { epochs: 40, patience: 4 })];
    let last = bench.last("less");
    let (end, notes) = bench.run_with("less", Some(&last), Notes { limits, ..Notes::default() }, &bench.images());
    assert_eq!((end, notes.history().len()), (FitEnd::Finished(FinishReason::EarlyStop), 2));
}

#[test]
fn fewer_epochs_than_begun_end_a_run_after_the_one_under_way() {
    let bench = Bench::new();
    let limits = vec![(12, Limits { epochs: 1, patience: 10 })];
    let (end, notes) = bench.run_with("short", None, Notes { limits, ..Notes::default() }, &bench.images());
    assert_eq!((end, notes.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 2));
}

#[test]
fn a_run_that_is_extended_is_the_longer_run_where_the_rate_is_constant() {
    let mut bench = Bench::new();
    bench.recipe.schedule = Schedule::Constant;
    let (_, longer) = bench.run("longer", None, None);
    bench.recipe.epochs = 2;
    let (_, mut notes) = bench.run("extended", None, None);
    let limits = vec![(0, Limits { epochs: 4, patience: 10 })];
    let last = bench.last("extended");
    let (end, rest) = bench.run_with("extended", Some(&last), Notes { limits, ..Notes::default() }, &bench.images());
    notes.events.extend(rest.events);
    assert_eq!(end, FitEnd::Finished(FinishReason::MaxEpochs));
    assert_eq!(notes.history(), longer.history());
    assert_eq!(bench.last("extended"), bench.last("longer"));
}

#[test]
fn what_is_told_of_validation_images_is_what_the_epochs_figures_are_of() {
    let bench = Bench::new();
    let (_, notes) = bench.run("validated", None, None);
    let history = notes.history();
    assert_eq!(notes.validated.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for ((_, evaluation), metrics) in notes.validated.iter().zip(history) {
        let rows = || evaluation.probabilities.chunks_exact(2).zip(&evaluation.truth);
        let right = rows().filter(|(row, truth)| usize::from(row[1] > row[0]) == usize::from(**truth)).count();
        let loss: f64 = rows().map(|(row, truth)| -f64::from(row[usize::from(*truth)]).ln()).sum();
        assert_eq!(evaluation.truth.len(), 40);
        assert!((f64::from(u32::try_from(right).expect("few")) / 40.0 - metrics.val_accuracy).abs() < 1e-12);
        assert!((loss / 40.0 - metrics.val_loss).abs() < 1e-5, "{} against {}", loss / 40.0, metrics.val_loss);
    }
}

/// Images that note which training images were asked for.
struct Watched {
    images: Arc<dyn Source>,
    seen: Mutex<Vec<(u64, u32)>>,
}

impl Source for Watched {
    fn shape(&self) -> [usize; 3] {
        self.images.shape()
    }

    fn count(&self, split: Split) -> usize {
        self.images.count(split)
    }

    fn label(&self, split: Split, index: usize) -> usize {
        self.images.label(split, index)
    }

    fn fill(&self, split: Split, indices: &[u32], pass: Pass, out: &mut [f32]) {
        if split == Split::Train {
            let mut seen = self.seen.lock().expect("no panic before");
            let Pass::Training(epoch) = pass else { panic!("training has epochs") };
            seen.extend(indices.iter().map(|index| (epoch, *index)));
        }
        self.images.fill(split, indices, pass, out);
    }
}

#[test]
fn an_image_left_out_is_in_no_batch_and_every_other_in_each_epoch_once() {
    let mut bench = Bench::new();
    bench.recipe.epochs = 2;
    let gone = [0, 17, 60, 119];
    bench.recipe.leave_out(LeftOut::new(gone.to_vec(), Vec::new()));
    let watched = Arc::new(Watched { images: bench.images(), seen: Mutex::default() });
    let source: Arc<dyn Source> = Arc::clone(&watched) as _;
    let (end, notes) = bench.run_with("without", None, Notes::default(), &source);
    assert_eq!((end, notes.history().len()), (FitEnd::Finished(FinishReason::MaxEpochs), 2));
    let seen = watched.seen.lock().expect("no panic before");
    for epoch in [1, 2] {
        let of_epoch: Vec<u32> = seen.iter().filter(|(at, _)| *at == epoch).map(|(_, index)| *index).collect();
        let once: HashSet<u32> = of_epoch.iter().copied().collect();
        assert_eq!((of_epoch.len(), once.len()), (116, 116), "epoch {epoch}");
        assert!(gone.iter().all(|index| !once.contains(index)), "epoch {epoch}");
    }
}

pub(super) fn wave(shape: &[usize], scale: f64, phase: f64) -> Array {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let value = |index: usize| (scale * (0.37 * index as f64 + phase).sin()) as f32;
    Array { shape: shape.to_vec(), values: (0..shape.iter().product()).map(value).collect() }
}

/// `tests/fixtures/cnn_trace.py` makes the fixture.
#[test]
fn ten_steps_agree_with_pytorch() {
    #[derive(serde::Deserialize)]
    struct Trace {
        first_logits: Vec<Vec<f64>>,
        losses: Vec<f64>,
        norms_after: std::collections::BTreeMap<String, f64>,
    }
    let trace: Trace = serde_json::from_str(include_str!("../../tests/fixtures/cnn_trace.json")).expect("the fixture");
    let device = Default::default();
    let arrays = Arrays::from([
        ("block1.weight".into(), wave(&[32, 1, 3, 3], 0.3, 0.0)),
        ("block1.bias".into(), wave(&[32], 0.1, 1.0)),
        ("block2.weight".into(), wave(&[64, 32, 3, 3], 0.1, 2.0)),
        ("block2.bias".into(), wave(&[64], 0.1, 3.0)),
        ("dense_weight".into(), wave(&[256, 3], 0.1, 4.0)),
        ("dense_bias".into(), wave(&[3], 0.1, 5.0)),
    ]);
    let mut network = drawn::<Cpu>(NetworkName::CNN, [1, 10, 10], 3, 0).load_arrays(&arrays).expect("fits");
    let mut pixels = wave(&[5, 1, 10, 10], 0.5, 6.0);
    pixels.values.iter_mut().for_each(|value| *value += 0.5);
    let images: Tensor<Cpu, 4> = pixels.to_tensor(&device);
    let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);

    let close = |ours: f64, theirs: f64, what: &str| {
        assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let logits = network.logits(images.clone()).into_data().convert::<f64>();
    for (ours, theirs) in logits.iter::<f64>().zip(trace.first_logits.concat()) {
        close(ours, theirs, "logit");
    }
    let loss_function = CrossEntropyLossConfig::new().init::<Cpu>(&device);
    let mut adam = NetworkOptimizer::new(OptimizerSettings::ADAM);
    for (step, theirs) in trace.losses.iter().enumerate() {
        let loss = loss_function.forward(network.logits(images.clone()), labels.clone());
        close(loss.clone().into_scalar().into(), *theirs, &format!("loss of step {step}"));
        network = adam.step(network, loss.backward(), [1e-3; 2]);
    }
    for (name, array) in network.to_arrays() {
        let norm = array.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        close(norm, trace.norms_after[&name], &name);
    }
}

#[derive(serde::Deserialize)]
struct Trace {
    rate: f64,
    losses: Vec<f64>,
    evaluated: Vec<Vec<f64>>,
    norms_after: std::collections::BTreeMap<String, f64>,
}

/// `tests/fixtures/batch_norm_trace.py` makes the fixture.
#[test]
fn ten_steps_with_batch_norm_agree_with_pytorch() {
    let text = include_str!("../../tests/fixtures/batch_norm_trace.json");
    let mut traces: std::collections::BTreeMap<String, Trace> = serde_json::from_str(text).expect("the fixture");
    let weights = Tensor::<Flex, 1>::from_data([0.5_f32, 1.0, 2.0], &Default::default());
    let adam = OptimizerSettings::ADAM;
    let descent = OptimizerSettings { kind: crate::domain::Optimizer::Sgd, weight_decay: 0.5, clip_norm: 0.0 };
    let table = [
        ("plain", adam, Objective::plain()),
        (
            "regularized",
            OptimizerSettings { weight_decay: 5.0, ..adam },
            Objective { label_smoothing: 0.2, ..Objective::plain() },
        ),
        ("descent", descent, Objective::plain()),
        ("clipped", OptimizerSettings { clip_norm: 0.1, ..descent }, Objective::plain()),
        ("weighted", adam, Objective { class_weights: Some(weights.clone()), ..Objective::plain() }),
        (
            "weighted_and_smoothed",
            adam,
            Objective { class_weights: Some(weights), label_smoothing: 0.2, ..Objective::plain() },
        ),
    ];
    for (name, settings, objective) in table {
        ten_steps(name, &traces.remove(name).expect("a trace"), settings, &objective);
    }
    assert!(traces.is_empty(), "no test for {:?}", traces.keys());
}

fn ten_steps(name: &str, trace: &Trace, settings: OptimizerSettings, objective: &Objective<Flex>) {
    let device = Default::default();
    let network = build::<Cpu>(&residual(), [2, 9, 9], 3, 0);
    // In the order in which PyTorch lists parameters.
    let order = ["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"];
    let order = order.into_iter().chain(["down.weight", "bn3.weight", "bn3.bias", "dense_weight", "dense_bias"]);
    let mut arrays = network.to_arrays();
    for (phase, name) in (0_u32..).zip(order) {
        let array = arrays.get_mut(name).expect("a tensor");
        let scale = name.starts_with("bn") && name.ends_with("weight");
        *array = wave(&array.shape, 0.5, f64::from(phase));
        array.values.iter_mut().for_each(|value| *value += f32::from(u8::from(scale)));
    }
    let mut network = network.load_arrays(&arrays).expect("fits");
    let mut pixels = wave(&[5, 2, 9, 9], 0.5, 20.0);
    pixels.values.iter_mut().for_each(|value| *value += 0.5);
    let images: Tensor<Flex, 4> = pixels.to_tensor(&device);
    let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);
    let close = |ours: f64, theirs: f64, what: &str| {
        assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let mut optimizer = NetworkOptimizer::new(settings);
    for (step, theirs) in (1..).zip(trace.losses.iter().copied()) {
        let key = StepKey { seed: 1, epoch: 1, step };
        let (moved, loss, _) =
            train_step(network, &mut optimizer, images.clone(), labels.clone(), key, [trace.rate; 2], objective);
        network = moved;
        close(loss.into_scalar().into(), theirs, &format!("{name}: loss of step {step}"));
    }
    let logits = network.valid().logits(images).into_data().convert::<f64>();
    for (ours, theirs) in logits.iter::<f64>().zip(trace.evaluated.concat()) {
        close(ours, theirs, "logit");
    }
    let arrays = network.to_arrays();
    assert_eq!(arrays.keys().collect::<Vec<_>>(), trace.norms_after.keys().collect::<Vec<_>>());
    for (name, array) in arrays {
        let norm = array.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        close(norm, trace.norms_after[&name], &name);
    }
}
