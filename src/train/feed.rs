//! What a network is fed with, and the two ways a batch reaches its device: made on the host and sent, or made there of
//! images that stay there.

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

use super::resident::Resident;

/// Batches made ahead of the trainer.
const PREFETCH: usize = 3;

/// Inputs: images, behind a frozen base where there is one, or what that made of them.
pub struct Feed<'a, B: KernelBackend> {
    source: Arc<dyn Source>,
    /// It runs outside the graph.
    frozen: Option<&'a FrozenPart<B>>,
    resident: Option<Resident<B>>,
    /// Whether a smaller last batch is filled up.
    even: bool,
    /// What inputs enter the network in.
    precision: Precision,
}

/// What the host makes of a batch, ahead.
#[derive(Debug)]
pub enum Piece {
    /// All of it.
    Made(Batch),
    /// What the device makes it of.
    Picked(BatchSpec),
}

/// A batch on the device.
pub(super) struct Ready<B: Backend> {
    /// `[inputs, channels, height, width]`, behind the frozen base; more of them than labels where a batch was filled
    /// up.
    pub(super) inputs: Tensor<B, 4>,
    /// `[inputs]`.
    pub(super) labels: Tensor<B, 1, Int>,
}

impl Piece {
    /// Class of each input.
    pub(super) fn labels(&self) -> &[i32] {
        match self {
            Self::Made(batch) => &batch.labels,
            Self::Picked(picks) => &picks.labels,
        }
    }

    /// The same with its last input repeated until there are so many. Labels stay as they are: they tell what counts.
    #[must_use]
    fn filled(self, count: usize) -> Self {
        /// Repeats the last `row` values.
        fn fill<T: Copy>(values: &mut Vec<T>, row: usize, count: usize) {
            while values.len() < count * row && !values.is_empty() {
                values.extend_from_within(values.len() - row..);
            }
        }
        match self {
            Self::Made(mut batch) => {
                let row = batch.inputs.len() / batch.shape[0].max(1);
                fill(&mut batch.inputs, row, count);
                batch.shape[0] = batch.shape[0].max(count);
                Self::Made(batch)
            }
            Self::Picked(mut picks) => {
                fill(&mut picks.indices, 1, count);
                picks.theta.iter_mut().for_each(|theta| fill(theta, 6, count));
                picks.tones.iter_mut().for_each(|tones| fill(tones, 2, count));
                picks.erased.iter_mut().for_each(|erased| fill(erased, 4, count));
                Self::Picked(picks)
            }
        }
    }
}

impl<'a, B: KernelBackend> Feed<'a, B> {
    /// Of whatever the host has: what a frozen base has made of images, most often.
    #[must_use]
    pub fn of(source: Arc<dyn Source>) -> Self {
        Self { source, frozen: None, resident: None, even: false, precision: Precision::F32 }
    }

    /// Of images; on the device those that are `resident`.
    #[must_use]
    pub fn of_images(images: Images, frozen: Option<&'a FrozenPart<B>>, resident: Option<Resident<B>>) -> Self {
        Self { source: Arc::new(images), frozen, resident, even: false, precision: Precision::F32 }
    }

    /// Whether every batch goes to the device with as many inputs as the first: a smaller last one is filled up with
    /// its last input, and what comes of that counts nowhere. For devices that compile and tune anew for every shape.
    #[must_use]
    pub fn evenly(self, even: bool) -> Self {
        Self { even, ..self }
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
    ) -> io::Result<Prefetch<Piece>> {
        let even = self.even;
        let filled = move |piece: Piece| if even { piece.filled(batch_size) } else { piece };
        if let Some(images) = self.resident.as_ref().and_then(|resident| resident.images(split)).cloned() {
            let pick = move |indices: &[u32]| filled(Piece::Picked(images.batch_spec(split, indices, pass)));
            return Prefetch::start(order, batch_size, PREFETCH, pick);
        }
        let source = Arc::clone(&self.source);
        let make = move |indices: &[u32]| filled(Piece::Made(Batch::make(&*source, split, indices, pass)));
        Prefetch::start(order, batch_size, PREFETCH, make)
    }
}

impl<B: KernelBackend> Feed<'_, B> {
    /// A batch on the device.
    pub(super) fn ready(&self, piece: Piece, device: &B::Device) -> Ready<B> {
        let (inputs, labels) = match piece {
            Piece::Made(Batch { inputs, shape, labels }) => {
                let count = labels.len();
                let labels = Tensor::from_data(TensorData::new(labels, [count]), device);
                (Tensor::from_data(TensorData::new(inputs, shape), device), labels)
            }
            Piece::Picked(picks) => match &self.resident {
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
        Ready { inputs: in_precision(inputs, self.precision), labels }
    }
}
