//! Checks sums that are read from the device: losses, correct predictions and confusion matrices, on known logits.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};

use crate::bench::bench_inputs::{CLASSES, uniform};
use crate::bench::{BenchError, Check, Finding, ReportFinding};
use crate::data::batch::{Batch, Pass, Source};
use crate::domain::network::{Layer, Op, Stage};
use crate::domain::{Architecture, Confusion, Split};
use crate::model::kernels::{KernelBackend, TrainBackend};
use crate::model::network::Network;
use crate::model::parameters::Arrays;
use crate::train::data_loader::{DataLoader, HostBatch};
use crate::train::evaluate::evaluate;
use crate::train::metric_accumulator::DeviceSums;

/// Images, and the size of a batch; the last batch is smaller.
const IMAGES: usize = 301;
const BATCH: usize = 32;

/// The largest relative error of sums of a few hundred numbers in f32.
const BAR: f64 = 1e-5;

/// Returns a network that returns its inputs as logits.
fn identity<B: KernelBackend>(device: &B::Device) -> Result<Network<B>, BenchError> {
    let architecture = Architecture {
        name: "identity",
        pretrained: None,
        stages: vec![Stage::new("head", [Layer::new("flatten", Op::Flatten)])],
    };
    let resolved = architecture.resolve([CLASSES, 1, 1], CLASSES)?;
    let plan = resolved.plan(0..resolved.units.len());
    Ok(Network::new(plan, &Arrays::new(), 0, device)?)
}

/// Known logits and classes.
struct KnownLogits {
    logits: Vec<f32>,
    labels: Vec<usize>,
}

impl Source for KnownLogits {
    fn shape(&self) -> [usize; 3] {
        [CLASSES, 1, 1]
    }
    fn count(&self, _: Split) -> usize {
        self.labels.len()
    }
    fn label(&self, _: Split, index: usize) -> usize {
        self.labels[index]
    }
    fn fill(&self, _: Split, indices: &[u32], _: Pass, out: &mut [f32]) {
        for (row, index) in out.chunks_exact_mut(CLASSES).zip(indices) {
            row.copy_from_slice(&self.logits[*index as usize * CLASSES..][..CLASSES]);
        }
    }
}

impl KnownLogits {
    fn new() -> Self {
        let labels = (0..IMAGES).map(|image| image * image % CLASSES).collect();
        Self { logits: uniform(IMAGES * CLASSES, 4.0, 5), labels }
    }

    /// Returns the summed loss and the confusion matrix, computed in f64.
    fn expected(&self) -> (f64, Confusion) {
        let (mut loss, mut confusion) = (0.0, Confusion::new(CLASSES));
        for (logits, label) in self.logits.chunks_exact(CLASSES).zip(&self.labels) {
            loss += logits.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln() - f64::from(logits[*label]);
            let best = (0..CLASSES).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0);
            confusion.add(*label, best);
        }
        (loss, confusion)
    }

    fn batches(&self) -> impl Iterator<Item = Batch> {
        let indices: Vec<u32> = (0..u32::try_from(IMAGES).unwrap_or(0)).collect();
        let batches: Vec<Batch> =
            indices.chunks(BATCH).map(|indices| Batch::make(self, Split::Test, indices, Pass::PLAIN)).collect();
        batches.into_iter()
    }
}

#[allow(clippy::cast_precision_loss)] // counts are small
pub(super) fn check<B>(device: &B::Device, report: ReportFinding<'_>) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let known = Arc::new(KnownLogits::new());
    let (loss, confusion) = known.expected();
    let mut report_check = |part: String, error: f64, bar: f64| {
        report(Finding::Check(Check::new("sums", part, error, 0.0, bar)));
    };
    for readback in [1, 4, 32] {
        let loader = DataLoader::<B::InnerBackend>::from_source(Arc::<KnownLogits>::clone(&known));
        let network = identity::<B::InnerBackend>(device)?;
        let batches = known.batches().map(HostBatch::Complete);
        let found = evaluate(&network, &loader, batches, CLASSES, readback, device, || false);
        let (error, wrong) = found.map_or((f64::NAN, f64::NAN), |found| {
            let wrong = f64::from(u8::from(found.confusion != confusion));
            ((found.loss * IMAGES as f64 - loss).abs() / loss, wrong)
        });
        report_check(format!("loss, read every {readback} batches"), error, BAR);
        report_check(format!("confusion, read every {readback} batches"), wrong, 0.0);
    }
    let mut pending = DeviceSums::<B>::default();
    for batch in known.batches() {
        let count = batch.labels.len();
        let logits = Tensor::from_data(TensorData::new(batch.inputs, [count, CLASSES]), device);
        let labels = Tensor::<B::InnerBackend, 1, Int>::from_data(TensorData::new(batch.labels, [count]), device);
        // The mean loss is set to the number of images.
        let mean = Tensor::from_data(TensorData::new(vec![count as f32], [1]), device);
        pending.add(mean, logits, labels, count);
    }
    let sums = pending.take();
    let right: u64 = (0..CLASSES).map(|class| confusion.rows()[class][class]).sum();
    report_check("right in training".into(), (sums.right - right as f64).abs(), 0.0);
    let squares: usize = known.batches().map(|batch| batch.labels.len().pow(2)).sum();
    report_check("summed loss in training".into(), (sums.loss - squares as f64).abs() / squares as f64, BAR);
    Ok(())
}
