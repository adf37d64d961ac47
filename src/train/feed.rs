//! What a network is fed with, and the two ways a batch reaches its device: made on the host and sent, or made there of
//! images that stay there.

use std::io;
use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::batch::{Batch, Prefetch, Source};
use crate::data::images::{Images, Picks};
use crate::domain::Split;
use crate::model::kernels::ConvBlockBackend;
use crate::model::vgg16::FrozenBase;

use super::resident::Resident;

/// Batches made ahead of the trainer.
const PREFETCH: usize = 3;

/// Inputs: images, behind a frozen base where there is one, or what that made of them.
pub struct Feed<'a, B: Backend> {
    source: Arc<dyn Source>,
    /// It runs outside the graph.
    frozen: Option<&'a FrozenBase<B>>,
    resident: Option<Resident<B>>,
}

/// What the host makes of a batch, ahead.
#[derive(Debug)]
pub enum Piece {
    /// All of it.
    Made(Batch),
    /// What the device makes it of.
    Picked(Picks),
}

/// A batch on the device.
pub(super) struct Ready<B: Backend> {
    /// `[inputs, channels, height, width]`, behind the frozen base.
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
}

impl<'a, B: Backend> Feed<'a, B> {
    /// Of whatever the host has: what a frozen base has made of images, most often.
    #[must_use]
    pub fn of(source: Arc<dyn Source>) -> Self {
        Self { source, frozen: None, resident: None }
    }

    /// Of images; on the device those that are `resident`.
    #[must_use]
    pub fn of_images(images: Images, frozen: Option<&'a FrozenBase<B>>, resident: Option<Resident<B>>) -> Self {
        Self { source: Arc::new(images), frozen, resident }
    }

    /// Inputs in a split.
    #[must_use]
    pub fn count(&self, split: Split) -> usize {
        self.source.count(split)
    }

    /// Starts making batches of the inputs of a split in this order, as this epoch sees them.
    ///
    /// # Errors
    /// When the system has no thread left to give.
    pub(super) fn start(
        &self,
        split: Split,
        order: Vec<u32>,
        batch_size: usize,
        epoch: Option<u64>,
    ) -> io::Result<Prefetch<Piece>> {
        if let Some(images) = self.resident.as_ref().and_then(|resident| resident.images(split)).cloned() {
            let pick = move |indices: &[u32]| Piece::Picked(images.picks(split, indices, epoch));
            return Prefetch::start(order, batch_size, PREFETCH, pick);
        }
        let source = Arc::clone(&self.source);
        let make = move |indices: &[u32]| Piece::Made(Batch::make(&*source, split, indices, epoch));
        Prefetch::start(order, batch_size, PREFETCH, make)
    }
}

impl<B: ConvBlockBackend> Feed<'_, B> {
    /// A batch on the device.
    pub(super) fn ready(&self, piece: Piece, device: &B::Device) -> Ready<B> {
        let (inputs, labels) = match piece {
            Piece::Made(Batch { inputs, shape, labels }) => {
                let count = labels.len();
                let labels = Tensor::from_data(TensorData::new(labels, [count]), device);
                (Tensor::from_data(TensorData::new(inputs, shape), device), labels)
            }
            Piece::Picked(picks) => match &self.resident {
                Some(resident) => resident.batch(&picks),
                None => unreachable!("only what is on the device is picked there"),
            },
        };
        let inputs = match self.frozen {
            Some(base) => base.forward(inputs),
            None => inputs,
        };
        Ready { inputs, labels }
    }
}
