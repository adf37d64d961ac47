//! Evaluation: every image of a split through a network, once.

use burn::tensor::{Tensor, TensorData};

use crate::data::batch::Batch;
use crate::domain::Confusion;

use super::classifier::Classifier;
use crate::model::kernels::ConvBlockBackend;
use crate::model::vgg16::FrozenBase;

/// What a network says of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean categorical cross-entropy, in nats.
    pub loss: f64,
    /// Counts of (truth, predicted).
    pub confusion: Confusion,
    /// Softmax outputs, row-major `[images, classes]`, in the order of the split.
    pub probabilities: Vec<f32>,
    /// True labels, `[images]`.
    pub truth: Vec<u16>,
}

/// Images per forward pass. Fixed, so that results do not depend on the recipe's batch size.
pub const BATCH_SIZE: usize = 128;

/// Evaluates `network`, on top of a frozen base if there is one, on `batches`, which hold each image of a split once and in
/// order. `None` if `interrupted` before the end.
///
/// Losses are summed on the host in f64: the result does not depend on how a device would add them up.
pub fn evaluate<B: ConvBlockBackend>(
    network: &impl Classifier<B>,
    frozen: Option<&FrozenBase<B>>,
    batches: impl Iterator<Item = Batch>,
    classes: usize,
    device: &B::Device,
    mut interrupted: impl FnMut() -> bool,
) -> Option<Evaluation> {
    let mut evaluation =
        Evaluation { loss: 0.0, confusion: Confusion::new(classes), probabilities: Vec::new(), truth: Vec::new() };
    for batch in batches {
        if interrupted() {
            return None;
        }
        let labels = batch.labels.clone();
        let logits = network.logits(inputs(batch, frozen, device)).into_data().convert::<f32>();
        // Converted to f32 the line before.
        let logits = logits.as_slice::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"));
        for (row, label) in logits.chunks_exact(classes).zip(labels) {
            evaluation.add(row, label);
        }
    }
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    let images = evaluation.truth.len().max(1) as f64;
    evaluation.loss /= images;
    Some(evaluation)
}

/// A batch on the device, `[inputs, channels, height, width]`, behind the frozen base if there is one.
pub(super) fn inputs<B: ConvBlockBackend>(
    batch: Batch,
    frozen: Option<&FrozenBase<B>>,
    device: &B::Device,
) -> Tensor<B, 4> {
    let inputs = Tensor::from_data(TensorData::new(batch.inputs, batch.shape), device);
    match frozen {
        Some(base) => base.forward(inputs),
        None => inputs,
    }
}

impl Evaluation {
    fn add(&mut self, logits: &[f32], label: i32) {
        let truth = usize::try_from(label).unwrap_or_else(|_| unreachable!("labels are u16"));
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        self.loss += sum.ln() - f64::from(logits[truth] - largest);
        // The first of equal logits wins, as in NumPy's argmax.
        let predicted = logits.iter().position(|logit| *logit >= largest).unwrap_or(0);
        self.confusion.add(truth, predicted);
        #[allow(clippy::cast_possible_truncation)] // probabilities are stored as f32
        self.probabilities.extend(exponentials.iter().map(|exponential| (exponential / sum) as f32));
        #[allow(clippy::cast_possible_truncation)] // labels are u16 in the store
        self.truth.push(truth as u16);
    }
}
