//! Loads batches to a device: batches that the host makes, or batches that the device makes of resident images.

use std::io;
use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::batch::{Batch, Pass, Prefetch, Source};
use crate::data::images::{BatchSpec, Images};
use crate::domain::{Precision, Split};
use crate::model::frozen::FrozenPart;
use crate::model::in_precision;
use crate::model::kernels::KernelBackend;

use super::device_dataset::DeviceDataset;

/// Batches that are prepared ahead of the training step.
const PREFETCH: usize = 3;

/// The batches of a dataset: images, passed through a frozen part where there is one, or cached features.
pub struct DataLoader<'a, B: KernelBackend> {
    source: Arc<dyn Source>,
    /// Runs outside the autodiff graph.
    frozen: Option<&'a FrozenPart<B>>,
    resident: Option<DeviceDataset<B>>,
    /// Whether a smaller last batch is padded.
    pad_last_batch: bool,
    /// The precision of the inputs, and so of the network.
    precision: Precision,
}

/// A batch on the host.
#[derive(Debug)]
pub enum HostBatch {
    /// Inputs and labels.
    Complete(Batch),
    /// The indices and transforms from which the device makes the batch.
    Spec(BatchSpec),
}

/// A batch on the device.
pub(super) struct DeviceBatch<B: Backend> {
    /// `[inputs, channels, height, width]`, behind the frozen part; more rows than labels where the batch is padded.
    pub(super) inputs: Tensor<B, 4>,
    /// `[inputs]`.
    pub(super) labels: Tensor<B, 1, Int>,
}

impl HostBatch {
    /// Returns the class of each input.
    pub(super) fn labels(&self) -> &[i32] {
        match self {
            Self::Complete(batch) => &batch.labels,
            Self::Spec(picks) => &picks.labels,
        }
    }

    /// Returns the batch with its last input repeated up to `count` inputs. Labels are not padded, so their number
    /// separates inputs from padding.
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
    /// Loads from `source`, such as cached features.
    #[must_use]
    pub fn from_source(source: Arc<dyn Source>) -> Self {
        Self { source, frozen: None, resident: None, pad_last_batch: false, precision: Precision::F32 }
    }

    /// Loads images, through `frozen` where it is given; the splits in `resident` are on the device.
    #[must_use]
    pub fn from_images(images: Images, frozen: Option<&'a FrozenPart<B>>, resident: Option<DeviceDataset<B>>) -> Self {
        Self { source: Arc::new(images), frozen, resident, pad_last_batch: false, precision: Precision::F32 }
    }

    /// Sets whether a smaller last batch is padded to the size of the first by its last input, which counts in no
    /// result. Otherwise devices that compile for each shape would compile for the last batch again.
    #[must_use]
    pub fn padding_last_batch(self, pad_last_batch: bool) -> Self {
        Self { pad_last_batch, ..self }
    }

    /// Sets the precision of the inputs, in which the network then computes.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Returns the number of inputs in a split.
    #[must_use]
    pub fn count(&self, split: Split) -> usize {
        self.source.count(split)
    }

    /// Returns the class of the input at `index` of a split.
    #[must_use]
    pub fn label(&self, split: Split, index: usize) -> usize {
        self.source.label(split, index)
    }

    /// Starts a thread that prepares batches of a split's inputs in this order, augmented for this pass.
    ///
    /// # Errors
    /// If the system has no thread left.
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
            let pick = move |indices: &[u32]| padded(HostBatch::Spec(images.batch_spec(split, indices, pass)));
            return Prefetch::start(order, batch_size, PREFETCH, pick);
        }
        let source = Arc::clone(&self.source);
        let make = move |indices: &[u32]| padded(HostBatch::Complete(Batch::make(&*source, split, indices, pass)));
        Prefetch::start(order, batch_size, PREFETCH, make)
    }
}

impl<B: KernelBackend> DataLoader<'_, B> {
    /// Makes the batch on the device.
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
