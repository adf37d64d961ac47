//! What a network is fed with, and the two ways a batch reaches its device: made on the host and sent, or made there of
//! images that stay there.

use std::io;
use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::batch::{Batch, Pass, Prefetch, Source};
use crate::data::images::{Images, Picks};
use crate::domain::{Precision, Split};
use crate::model::frozen::FrozenPart;
use crate::model::in_precision;
use crate::model::kernels::KernelBackend;

use super::device_dataset::DeviceDataset;

/// Batches made ahead of the trainer.
const PREFETCH: usize = 3;

/// Inputs: images, behind a frozen base where there is one, or what that made of them.
pub struct DataLoader<'a, B: KernelBackend> {
    source: Arc<dyn Source>,
    /// It runs outside the graph.
    frozen: Option<&'a FrozenPart<B>>,
    resident: Option<DeviceDataset<B>>,
    /// Whether a smaller last batch is padded up.
    pad_last_batch: bool,
    /// What inputs enter the network in.
    precision: Precision,
}

/// What the host makes of a batch, ahead.
#[derive(Debug)]
pub enum HostBatch {
    /// All of it.
    Complete(Batch),
    /// What the device makes it of.
    Spec(Picks),
}

/// A batch on the device.
pub(super) struct DeviceBatch<B: Backend> {
    /// `[inputs, channels, height, width]`, behind the frozen base; more of them than labels where a batch was padded
    /// up.
    pub(super) inputs: Tensor<B, 4>,
    /// `[inputs]`.
    pub(super) labels: Tensor<B, 1, Int>,
}

impl HostBatch {
    /// Class of each input.
    pub(super) fn labels(&self) -> &[i32] {
        match self {
            Self::Complete(batch) => &batch.labels,
            Self::Spec(picks) => &picks.labels,
        }
    }

    /// The same with its last input repeated until there are so many. Labels stay as they are: they tell what counts.
    #[must_use]
    fn padded_to(self, count: usize) -> Self {
        /// Repeats the last `row` values.
        fn fill<T: Copy>(values: &mut Vec<T>, row: usize, count: usize) {
            while values.len() < count * row && !values.is_empty() {
                values.extend_from_within(values.len() - row..);
            }
        }
        match self {
            Self::Complete(mut batch) => {
                let row = batch.inputs.len() / batch.shape[0].max(1);
                fill(&mut batch.inputs, row, count);
                batch.shape[0] = batch.shape[0].max(count);
                Self::Complete(batch)
            }
            Self::Spec(mut picks) => {
                fill(&mut picks.indices, 1, count);
                picks.theta.iter_mut().for_each(|theta| fill(theta, 6, count));
                picks.tones.iter_mut().for_each(|tones| fill(tones, 2, count));
                picks.erased.iter_mut().for_each(|erased| fill(erased, 4, count));
                Self::Spec(picks)
            }
        }
    }
}

impl<'a, B: KernelBackend> DataLoader<'a, B> {
    /// Of whatever the host has: what a frozen base has made of images, most often.
    #[must_use]
    pub fn from_source(source: Arc<dyn Source>) -> Self {
        Self { source, frozen: None, resident: None, pad_last_batch: false, precision: Precision::F32 }
    }

    /// Of images; on the device those that are `resident`.
    #[must_use]
    pub fn from_images(images: Images, frozen: Option<&'a FrozenPart<B>>, resident: Option<DeviceDataset<B>>) -> Self {
        Self { source: Arc::new(images), frozen, resident, pad_last_batch: false, precision: Precision::F32 }
    }

    /// Whether every batch goes to the device with as many inputs as the first: a smaller last one is padded up with
    /// its last input, and what comes of that counts nowhere. For devices that compile and tune anew for every shape.
    #[must_use]
    pub fn padding_last_batch(self, pad_last_batch: bool) -> Self {
        Self { pad_last_batch, ..self }
    }

    /// What inputs enter the network in, which then computes in that.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Inputs in a split.
    #[must_use]
    pub fn count(&self, split: Split) -> usize {
        self.source.count(split)
    }

    /// The class of the `index`th input of a split.
    #[must_use]
    pub fn label(&self, split: Split, index: usize) -> usize {
        self.source.label(split, index)
    }

    /// Starts making batches of the inputs of a split in this order, as this pass sees them.
    ///
    /// # Errors
    /// When the system has no thread left to give.
    pub(super) fn start(
        &self,
        split: Split,
        order: Vec<u32>,
        batch_size: usize,
        pass: Pass,
    ) -> io::Result<Prefetch<HostBatch>> {
        let pad_last_batch = self.pad_last_batch;
        let padded = move |batch: HostBatch| if pad_last_batch { batch.padded_to(batch_size) } else { batch };
        if let Some(images) = self.resident.as_ref().and_then(|resident| resident.images(split)).cloned() {
            let pick = move |indices: &[u32]| padded(HostBatch::Spec(images.picks(split, indices, pass)));
            return Prefetch::start(order, batch_size, PREFETCH, pick);
        }
        let source = Arc::clone(&self.source);
        let make = move |indices: &[u32]| padded(HostBatch::Complete(Batch::make(&*source, split, indices, pass)));
        Prefetch::start(order, batch_size, PREFETCH, make)
    }
}

impl<B: KernelBackend> DataLoader<'_, B> {
    /// A batch on the device.
    pub(super) fn to_device(&self, batch: HostBatch, device: &B::Device) -> DeviceBatch<B> {
        let (inputs, labels) = match batch {
            HostBatch::Complete(Batch { inputs, shape, labels }) => {
                let count = labels.len();
                let labels = Tensor::from_data(TensorData::new(labels, [count]), device);
                (Tensor::from_data(TensorData::new(inputs, shape), device), labels)
            }
            HostBatch::Spec(picks) => match &self.resident {
                Some(resident) => {
                    let (inputs, labels) = resident.batch(&picks);
                    (inputs, labels.narrow(0, 0, picks.labels.len()))
                }
                None => unreachable!("only what is on the device is picked there"),
            },
        };
        let inputs = match self.frozen {
            Some(base) => base.forward(inputs),
            None => inputs,
        };
        DeviceBatch { inputs: in_precision(inputs, self.precision), labels }
    }
}
