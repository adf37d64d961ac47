//! Tests of training as a whole: datasets, runs and a recorder of their events.

mod limits;
mod pytorch;
mod resume;
mod transfer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::backend::{Autodiff, Flex};

use super::Reporter;
use super::data_loader::DataLoader;
use super::device_dataset::DeviceDataset;
use super::evaluate::Evaluation;
use super::fit::{Fit, FitEnd, fit};
use crate::checkpoint::{Checkpoint, CheckpointFiles, Identity};
use crate::data::batch::Source;
use crate::data::images::{Augmenter, Images};
use crate::data::manifest::{ImageShape, SplitOptions};
use crate::data::store::Dataset;
use crate::data::writer::{Description, StagingFolder, Writer};
use crate::domain::arrays::{Array, Arrays};
use crate::domain::{DatasetName, EpochMetrics, Limits, Recipe, Split};
use crate::events::Event;
use crate::model::network::Network;

type Cpu = Autodiff<Flex>;

const SIDE: u32 = 12;

/// Writes a dataset of bright stripes, horizontal or vertical, on noise: two classes that a few epochs separate.
fn dataset(home: &Path) -> Arc<Dataset> {
    let name = DatasetName::new("stripes").expect("a name");
    let workshop = StagingFolder::open(home, &name).expect("a workshop");
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
    let description = Description { source: "a test".into(), created_at: 0, split, ..Description::default() };
    writer.finish(description, false).expect("finished");
    Arc::new(Dataset::open(&home.join("stripes")).expect("a dataset"))
}

fn identity(dataset: &Dataset, image: [usize; 3], base: Option<String>) -> Identity {
    let classes = dataset.manifest().class_names().into_iter().map(str::to_owned).collect();
    Identity { fingerprint: dataset.fingerprint().to_owned(), classes, image, base }
}

/// Records the events of a training, requests a stop at a given step, and changes limits and pauses at others.
#[derive(Default)]
struct Recorder {
    events: Vec<Event>,
    steps_begun: u32,
    stop_at: Option<u32>,
    /// Limits, each with the step from which they are in force.
    limits: Vec<(u32, Limits)>,
    /// The pause before every step.
    pause: Duration,
    paused: Duration,
    validated: Vec<(u32, Evaluation)>,
}

impl Reporter for Recorder {
    fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    fn stop_requested(&mut self) -> bool {
        self.steps_begun += 1;
        let begun = Instant::now();
        std::thread::sleep(self.pause);
        self.paused += begun.elapsed();
        self.stop_at.is_some_and(|at| self.steps_begun >= at)
    }

    fn paused(&self) -> Duration {
        self.paused
    }

    fn limits(&mut self, own: Limits) -> Limits {
        self.limits.iter().rev().find(|(from, _)| self.steps_begun >= *from).map_or(own, |(_, limits)| *limits)
    }

    fn validated(&mut self, epoch: u32, evaluation: &Evaluation) {
        self.validated.push((epoch, evaluation.clone()));
    }
}

impl Recorder {
    /// Returns the metrics of all epochs without those that depend on the clock.
    fn history(&self) -> Vec<EpochMetrics> {
        let timeless = |metrics: &EpochMetrics| EpochMetrics { seconds: 0.0, images_per_second: 0.0, ..*metrics };
        let finished = |event: &Event| match event {
            Event::EpochFinished { metrics, .. } => Some(timeless(metrics)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }
}

/// A training of the CNN on the stripes.
struct ImageRun {
    folder: tempfile::TempDir,
    dataset: Arc<Dataset>,
    recipe: Recipe,
    readback: u32,
    interval: Duration,
    /// Whether images stay on the device.
    resident: bool,
    /// Whether a smaller last batch is padded.
    pad_last_batch: bool,
}

impl ImageRun {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = dataset(folder.path());
        let name = DatasetName::new("stripes").expect("a name");
        let mut recipe = Recipe::cnn(name, dataset.fingerprint().to_owned(), 0);
        recipe.epochs = 4;
        recipe.batch_size = 16;
        Self { folder, dataset, recipe, readback: 1, interval: Duration::MAX, resident: false, pad_last_batch: false }
    }

    fn files(&self, run: &str) -> CheckpointFiles {
        let file = |name: &str| self.folder.path().join(format!("{run}-{name}"));
        CheckpointFiles { last: file("last"), previous: file("previous"), best: file("best") }
    }

    fn run(&self, run: &str, from: Option<&Checkpoint>, stop_at: Option<u32>) -> (FitEnd, Recorder) {
        self.run_with(run, from, Recorder { stop_at, ..Recorder::default() }, &self.images())
    }

    fn pictures(&self) -> Images {
        let seed = self.recipe.seed;
        let augmenter = self.recipe.augmentation.map(|ranges| Augmenter { ranges, seed, variants: 0 });
        Images::plain(Arc::clone(&self.dataset), augmenter).cropped(self.recipe.crop)
    }

    fn images(&self) -> Arc<dyn Source> {
        Arc::new(self.pictures())
    }

    fn loader(&self, source: &Arc<dyn Source>) -> DataLoader<'_, Flex> {
        if !self.resident {
            return DataLoader::from_source(Arc::clone(source));
        }
        let splits = [Split::Train, Split::Validation];
        let resident = DeviceDataset::upload(&self.pictures(), &splits, 1 << 20, &Default::default());
        DataLoader::from_images(self.pictures(), None, Some(resident.expect("room")))
    }

    fn run_with(
        &self,
        run: &str,
        from: Option<&Checkpoint>,
        mut recorder: Recorder,
        source: &Arc<dyn Source>,
    ) -> (FitEnd, Recorder) {
        let device = Default::default();
        let files = self.files(run);
        let side = SIDE as usize;
        let identity = identity(&self.dataset, [side, side, 1], None);
        let seed = self.recipe.seed;
        let plan = Fit {
            recipe: &self.recipe,
            loader: self
                .loader(source)
                .padding_last_batch(self.pad_last_batch)
                .in_precision(self.recipe.trained_precision()),
            identity: &identity,
            files: &files,
            readback: self.readback,
            interval: self.interval,
        };
        let resolved = self.recipe.resolve([side, side, 1], 2).expect("large enough");
        let network = Network::<Cpu>::new(resolved.plan(0..resolved.units.len()), &Arrays::new(), seed, &device);
        let network = network.expect("nothing is imported");
        let end = fit(&plan, network, from, &device, &mut recorder).expect("trained");
        (end, recorder)
    }

    fn last(&self, run: &str) -> Checkpoint {
        Checkpoint::read(&self.files(run).last).expect("a checkpoint")
    }
}

/// Compares the losses of two runs up to rounding.
fn assert_near(ours: &Recorder, theirs: &Recorder) {
    let losses = |recorder: &Recorder| -> Vec<f64> {
        recorder.history().iter().flat_map(|metrics| [metrics.train_loss, metrics.val_loss]).collect()
    };
    assert_eq!(losses(ours).len(), losses(theirs).len());
    for (ours, theirs) in losses(ours).into_iter().zip(losses(theirs)) {
        assert!((ours - theirs).abs() < 1e-3 * theirs.abs().max(0.1), "{ours} against {theirs}");
    }
}

/// Returns an array of a sine wave; the traces of `PyTorch` use the same formula.
fn wave(shape: &[usize], scale: f64, phase: f64) -> Array {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let value = |index: usize| (scale * (0.37 * index as f64 + phase).sin()) as f32;
    Array { shape: shape.to_vec(), values: (0..shape.iter().product()).map(value).collect() }
}
