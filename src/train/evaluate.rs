//! Evaluation: every image of a split through a network, once.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::domain::{Confusion, mean_probabilities};
use crate::model::kernels::{KernelBackend, copy_to_host};
use crate::model::network::Network;

use super::data_loader::{DataLoader, HostBatch};

/// A network's results on a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean categorical cross-entropy in nats.
    pub loss: f64,
    /// Counts of (true class, predicted class).
    pub confusion: Confusion,
    /// Softmax outputs, row-major `[images, classes]`, in the order of the split.
    pub probabilities: Vec<f32>,
    /// True labels, `[images]`.
    pub truth: Vec<u16>,
}

/// Images in a forward pass. A constant, so that results do not depend on the recipe's batch size.
pub const BATCH_SIZE: usize = 128;

/// Evaluates `network` on `batches` of `loader`, which contain each image of a split once and in order. Results are
/// read from the device every `readback` batches. Returns `None` if `interrupted` returns true before the end.
///
/// Losses are summed on the host in f64. Otherwise the result would depend on the device's order of summation and on
/// `readback`.
pub fn evaluate<B: KernelBackend>(
    network: &Network<B>,
    loader: &DataLoader<'_, B>,
    batches: impl Iterator<Item = HostBatch>,
    classes: usize,
    readback: u32,
    device: &B::Device,
    mut interrupted: impl FnMut() -> bool,
) -> Option<Evaluation> {
    let mut evaluation =
        Evaluation { loss: 0.0, confusion: Confusion::new(classes), probabilities: Vec::new(), truth: Vec::new() };
    let mut unread = Unread { logits: Vec::new(), labels: Vec::new() };
    for batch in batches {
        if interrupted() {
            return None;
        }
        unread.labels.extend(batch.labels());
        let count = batch.labels().len();
        let logits = network.logits(loader.to_device(batch, device).inputs);
        // Drops the padding.
        unread.logits.push(if logits.dims()[0] > count { logits.narrow(0, 0, count) } else { logits });
        if unread.logits.len() >= readback as usize {
            unread.read(&mut evaluation);
        }
    }
    unread.read(&mut evaluation);
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    let images = evaluation.truth.len().max(1) as f64;
    evaluation.loss /= images;
    Some(evaluation)
}

/// Results that are still on the device.
struct Unread<B: Backend> {
    /// `[inputs, classes]` of each batch.
    logits: Vec<Tensor<B, 2>>,
    labels: Vec<i32>,
}

impl<B: Backend> Unread<B> {
    /// Moves the results to `evaluation`; waits for the device.
    fn read(&mut self, evaluation: &mut Evaluation) {
        if self.logits.is_empty() {
            return;
        }
        let logits = Tensor::cat(std::mem::take(&mut self.logits), 0);
        let classes = logits.dims()[1];
        let logits = copy_to_host(logits).convert::<f32>();
        // Converted to f32 above.
        let logits = logits.as_slice::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"));
        for (row, label) in logits.chunks_exact(classes).zip(self.labels.drain(..)) {
            evaluation.add(row, label);
        }
    }
}

impl Evaluation {
    /// Returns the evaluation by the mean probabilities of several evaluations of the same images; `None` for an empty
    /// list.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn mean(of: &[Self]) -> Option<Self> {
        let first = of.first()?;
        let each: Vec<&[f32]> = of.iter().map(|one| one.probabilities.as_slice()).collect();
        let probabilities = mean_probabilities(&each);
        let classes = first.confusion.classes();
        let (mut loss, mut confusion) = (0.0, Confusion::new(classes));
        for (row, truth) in probabilities.chunks_exact(classes.max(1)).zip(&first.truth) {
            let truth = usize::from(*truth);
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Of equal probabilities the first wins, as in NumPy's argmax. A probability of 0 is the result of
            // rounding, so its logarithm is taken of the least positive f32.
            confusion.add(truth, row.iter().position(|share| *share >= largest).unwrap_or(0));
            loss -= f64::from(row[truth].max(f32::MIN_POSITIVE)).ln();
        }
        loss /= first.truth.len().max(1) as f64;
        Some(Self { loss, confusion, probabilities, truth: first.truth.clone() })
    }

    fn add(&mut self, logits: &[f32], label: i32) {
        let truth = usize::try_from(label).unwrap_or_else(|_| unreachable!("labels are u16"));
        let (largest, exponentials, sum) = exponentials(logits);
        self.loss += sum.ln() - f64::from(logits[truth] - largest);
        // Of equal logits the first wins, as in NumPy's argmax.
        let predicted = logits.iter().position(|logit| *logit >= largest).unwrap_or(0);
        self.confusion.add(truth, predicted);
        self.probabilities.extend(normalized(&exponentials, sum));
        #[allow(clippy::cast_possible_truncation)] // labels are u16 in the store
        self.truth.push(truth as u16);
    }
}

/// Returns the probability of each class for one row of logits.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let (_, exponentials, sum) = exponentials(logits);
    normalized(&exponentials, sum).collect()
}

/// Returns the largest logit, the exponential of each logit's distance to it, and their sum.
fn exponentials(logits: &[f32]) -> (f32, Vec<f64>, f64) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
    let sum = exponentials.iter().sum();
    (largest, exponentials, sum)
}

#[allow(clippy::cast_possible_truncation)] // probabilities are stored as f32
fn normalized(exponentials: &[f64], sum: f64) -> impl Iterator<Item = f32> {
    exponentials.iter().map(move |exponential| (exponential / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_evaluations_is_of_their_probabilities() {
        let one = |probabilities: [f32; 4]| Evaluation {
            loss: 9.0,
            confusion: Confusion::new(2),
            probabilities: probabilities.to_vec(),
            truth: vec![0, 1],
        };
        let mean = Evaluation::mean(&[one([0.9, 0.1, 0.8, 0.2]), one([0.5, 0.5, 0.1, 0.9])]).expect("two");
        assert!(
            mean.probabilities.iter().zip([0.7, 0.3, 0.45, 0.55]).all(|(ours, theirs)| (ours - theirs).abs() < 1e-6)
        );
        assert!((mean.loss - -(0.7_f64.ln() + 0.55_f64.ln()) / 2.0).abs() < 1e-6, "{}", mean.loss);
        assert!((mean.confusion.scores().accuracy - 1.0).abs() < 1e-12);
        assert_eq!(Evaluation::mean(&[]), None);
    }
}
