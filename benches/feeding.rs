//! Measures the preparation of batches: augmentation on one thread, the pipeline without a consumer, and the time that
//! a training step waits for its batch. One iteration is one image or one batch; criterion's elements/s are images/s.
//!
//! `cargo bench --no-default-features --features trainer --bench feeding`. With `-- alone …`, prints one line for
//! `benches/against_peers.py`:
//!
//! | arguments | prints |
//! |---|---|
//! | `augment SIDE IMAGES` | images/s by the clock and of CPU time, one thread |
//! | `pipeline BATCH IMAGES` | images/s by the clock and of CPU time, of batches that are prepared and dropped |
//! | `waiting BATCH STEPS` | images/s of the CNN's training behind the pipeline, the share of the time that it waited for a batch, and images/s of the same steps on one batch |
//! | `open FOLDER TIMES` | milliseconds for opening that dataset, median and most |

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::backend::Autodiff;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::tensor::{Int, Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mien::data::{Augmenter, Batch, Dataset, Images, Pass, Prefetch, Source, epoch_order};
use mien::domain::preprocessing::Preprocessing;
use mien::domain::{Augmentation, NetworkName, Split};
use mien::model::network::Network;
use mien::train::optimizer::{NetworkOptimizer, OptimizerSettings};

/// Images of the made-up dataset: more than caches hold, few enough to generate quickly.
const IMAGES: usize = 8192;

/// Batches prepared ahead, as in training.
const AHEAD: usize = 3;

/// Returns the augmentation of the reference.
fn augmenter() -> Augmenter {
    Augmenter { ranges: Augmentation::REFERENCE, seed: 1, variants: 0 }
}

/// Returns the dataset's images for the CNN, or prepared for imported weights if `side` is not 48.
fn images(dataset: Arc<Dataset>, side: usize) -> Images {
    match u32::try_from(side).expect("small") {
        48 => Images::plain(dataset, Some(augmenter())),
        side => Images::prepared(dataset, side, Preprocessing::KERAS_IMAGENET, Some(augmenter())),
    }
}

/// Returns a function that augments one image on this thread.
fn augmentation(side: usize, dir: &Path) -> impl FnMut() + use<> {
    let images = images(common::dataset(dir, IMAGES), side);
    let mut out = vec![0.0; images.shape().iter().product()];
    let mut done = 0_usize;
    move || {
        let index = u32::try_from(done % IMAGES).expect("small");
        images.fill(Split::Train, &[index], Pass::Training((done / IMAGES + 1) as u64), &mut out);
        done += 1;
    }
}

/// Returns an epoch's batches, prepared ahead as in training.
fn batches(source: &Arc<dyn Source>, epoch: u64, batch: usize) -> Prefetch<Batch> {
    let order = epoch_order(1, epoch, IMAGES);
    let source = Arc::clone(source);
    let make = move |indices: &[u32]| Batch::make(&*source, Split::Train, indices, Pass::Training(epoch));
    Prefetch::start(order, batch, AHEAD, make).expect("a thread")
}

/// Consumes whole epochs of the pipeline until there were `wanted` images.
fn pipeline(batch: usize, wanted: usize, dir: &Path) {
    let source: Arc<dyn Source> = Arc::new(images(common::dataset(dir, IMAGES), 48));
    batches(&source, 1, batch).for_each(common::used);
    let (processor, start) = (processor_of_process(), Instant::now());
    let (mut taken, mut epoch) = (0, 1);
    while taken < wanted {
        epoch += 1;
        for batch in batches(&source, epoch, batch) {
            taken += batch.labels.len();
            common::used(batch);
        }
    }
    let clock = start.elapsed().as_secs_f64();
    let processor = processor_of_process() - processor;
    println!("{:.1} {:.1}", common::number(taken) / clock, common::number(taken) / processor.max(0.01));
}

/// Returns the CPU seconds of this process in hundredths, with those of finished threads; Linux only.
fn processor_of_process() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

type Train = Autodiff<Flex>;

/// The CNN with its optimizer.
struct Trainer {
    cnn: Option<Network<Train>>,
    adam: NetworkOptimizer<Train>,
    loss: CrossEntropyLoss<Train>,
}

impl Trainer {
    fn new() -> Self {
        let loss = CrossEntropyLossConfig::new().init(&FlexDevice);
        let cnn = Network::from_scratch(NetworkName::CNN, [1, 48, 48], 7, 1, &FlexDevice).expect("large enough");
        Self { cnn: Some(cnn), adam: NetworkOptimizer::new(OptimizerSettings::ADAM), loss }
    }

    fn step(&mut self, Batch { inputs, shape, labels }: Batch) {
        let labels = Tensor::<Train, 1, Int>::from_data(TensorData::new(labels, [shape[0]]), &FlexDevice);
        let inputs = Tensor::<Train, 4>::from_data(TensorData::new(inputs, shape), &FlexDevice);
        let cnn = self.cnn.take().expect("put back below");
        let loss = self.loss.forward(cnn.logits(inputs), labels);
        self.cnn = Some(self.adam.step(cnn, loss.backward(), [1e-3; 2]));
    }
}

/// Trains on the pipeline's batches, then on one batch repeatedly.
fn waiting(batch: usize, steps: usize, dir: &Path) {
    let source: Arc<dyn Source> = Arc::new(images(common::dataset(dir, IMAGES), 48));
    let mut trainer = Trainer::new();
    let first = batches(&source, 1, batch).next().expect("a batch");
    (0..3).for_each(|_| trainer.step(first.clone()));
    let (mut waited, mut done, mut epoch) = (Duration::ZERO, 0, 0);
    let start = Instant::now();
    while done < steps {
        epoch += 1;
        let mut ahead = batches(&source, epoch, batch);
        loop {
            let asked = Instant::now();
            let next = ahead.next();
            waited += asked.elapsed();
            match next {
                Some(batch) if done < steps => trainer.step(batch),
                _ => break,
            }
            done += 1;
        }
    }
    let all = start.elapsed();
    let start = Instant::now();
    (0..steps).for_each(|_| trainer.step(first.clone()));
    let images = common::number(batch * steps);
    let share = waited.as_secs_f64() / all.as_secs_f64();
    println!("{:.1} {share:.5} {:.1}", images / all.as_secs_f64(), images / start.elapsed().as_secs_f64());
}

/// Opens an imported dataset repeatedly.
fn open(folder: &Path, times: usize) {
    let mut milliseconds: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            common::used(Dataset::open(folder).expect("a dataset"));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    milliseconds.sort_by(f64::total_cmp);
    println!("{:.3} {:.3}", milliseconds[times / 2], milliseconds[times - 1]);
}

fn augment(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut group = c.benchmark_group("augment");
    group.throughput(Throughput::Elements(1));
    for side in [48, 96, 224] {
        let mut run = augmentation(side, dir.path());
        group.bench_function(BenchmarkId::new("48 to", side), |b| b.iter(&mut run));
    }
}

fn ahead(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let source: Arc<dyn Source> = Arc::new(images(common::dataset(dir.path(), IMAGES), 48));
    let mut group = c.benchmark_group("an epoch of the pipeline alone");
    group.sample_size(10).throughput(Throughput::Elements(IMAGES as u64));
    for batch in [32, 64, 256] {
        let epoch = || batches(&source, 1, batch).for_each(common::used);
        group.bench_function(BenchmarkId::new("batch", batch), |b| b.iter(epoch));
    }
}

criterion_group!(benches, augment, ahead);

fn main() {
    let Some(words) = common::words() else {
        benches();
        return Criterion::default().configure_from_args().final_summary();
    };
    let dir = tempfile::tempdir().expect("a folder");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["augment", side, images] => {
            let (images, mut run) = (common::count(images), augmentation(common::count(side), dir.path()));
            // In pieces, so that the median ignores short loads of the machine.
            common::timed(images.div_ceil(20), 20, || (0..images.div_ceil(20)).for_each(|_| run()));
        }
        ["pipeline", batch, images] => pipeline(common::count(batch), common::count(images), dir.path()),
        ["waiting", batch, steps] => waiting(common::count(batch), common::count(steps), dir.path()),
        ["open", folder, times] => open(Path::new(folder), common::count(times)),
        _ => panic!("{words:?}: see the head of this file"),
    }
}
