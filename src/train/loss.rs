//! The training loss: cross-entropy against smoothed, weighted and mixed labels.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::activation::log_softmax;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use crate::data::random::{KeyedRng, Purpose};
use crate::model::network::StepKey;

/// The settings of the loss.
#[derive(Debug, Clone)]
pub struct Objective<B: Backend> {
    /// The share of each label that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// The factor of each class's loss, `[classes]`.
    pub class_weights: Option<Tensor<B, 1>>,
    /// Both parameters of the beta distribution of mixing shares (mixup, H. Zhang et al. 2018,
    /// <https://arxiv.org/abs/1710.09412>); 0 mixes none.
    pub mixup: f64,
}

/// A batch after mixup.
pub(super) struct MixedBatch<B: Backend> {
    /// `[inputs, channels, height, width]`.
    pub(super) inputs: Tensor<B, 4>,
    /// The labels of the images mixed in, `[inputs]`, and the share of the first image.
    pub(super) others: Option<(Tensor<B, 1, Int>, f64)>,
}

impl<B: Backend> Objective<B> {
    /// Returns cross-entropy without smoothing, weights and mixing.
    #[must_use]
    pub fn plain() -> Self {
        Self { label_smoothing: 0.0, class_weights: None, mixup: 0.0 }
    }

    /// Mixes each image of `inputs` `[n, c, h, w]` with the one at its index from the end, by a share drawn for this
    /// step. `labels` are `[n]`.
    pub(super) fn mix(&self, inputs: Tensor<B, 4>, labels: &Tensor<B, 1, Int>, key: StepKey) -> MixedBatch<B> {
        if self.mixup <= 0.0 {
            return MixedBatch { inputs, others: None };
        }
        let step = u64::from(key.epoch) << 32 | u64::from(key.step);
        let share = beta(self.mixup, &mut KeyedRng::new(Purpose::Mix, key.seed, step, 0));
        let others = inputs.clone().flip([0]);
        let inputs = inputs.mul_scalar(share) + others.mul_scalar(1.0 - share);
        MixedBatch { inputs, others: Some((labels.clone().flip([0]), share)) }
    }

    /// Returns the mean loss `[1]` of `logits` `[n, classes]` against `labels` `[n]` and the labels mixed in.
    pub(super) fn loss<T: AutodiffBackend<InnerBackend = B>>(
        &self,
        logits: Tensor<T, 2>,
        labels: Tensor<B, 1, Int>,
        others: Option<(Tensor<B, 1, Int>, f64)>,
    ) -> Tensor<T, 1> {
        let of = |logits: Tensor<T, 2>, labels| match self.class_weights.clone() {
            Some(weights) => {
                weighted(logits, Tensor::from_inner(labels), Tensor::from_inner(weights), self.label_smoothing)
            }
            None => unweighted(logits, Tensor::from_inner(labels), self.label_smoothing),
        };
        match others {
            Some((others, share)) => {
                of(logits.clone(), labels).mul_scalar(share) + of(logits, others).mul_scalar(1.0 - share)
            }
            None => of(logits, labels),
        }
    }
}

/// Returns the mean cross-entropy `[1]` against labels of which the share `smoothing` is spread evenly over all classes
/// (C. Szegedy et al. 2016, <https://arxiv.org/abs/1512.00567>, section 7).
#[allow(clippy::cast_possible_truncation)] // a share
fn unweighted<B: Backend>(logits: Tensor<B, 2>, labels: Tensor<B, 1, Int>, smoothing: f64) -> Tensor<B, 1> {
    let smoothing = Some(smoothing as f32).filter(|share| *share > 0.0);
    CrossEntropyLossConfig::new().with_smoothing(smoothing).init(&logits.device()).forward(logits, labels)
}

/// Returns the smoothed cross-entropy `[1]` with a factor for each class, divided by the sum of the labels' factors, as
/// `torch.nn.functional.cross_entropy` computes it.
#[allow(clippy::cast_precision_loss)] // of classes
fn weighted<B: Backend>(
    logits: Tensor<B, 2>,
    labels: Tensor<B, 1, Int>,
    weights: Tensor<B, 1>,
    smoothing: f64,
) -> Tensor<B, 1> {
    let [images, classes] = logits.dims();
    let logs = log_softmax(logits, 1).neg();
    let of_labels = weights.clone().select(0, labels.clone());
    let total = of_labels.clone().sum();
    let own = logs.clone().gather(1, labels.reshape([images, 1])).reshape([images]);
    let right = own.mul(of_labels).sum().mul_scalar(1.0 - smoothing);
    if smoothing <= 0.0 {
        return right.div(total);
    }
    let even = logs.mul(weights.reshape([1, classes])).sum().mul_scalar(smoothing / classes as f64);
    (right + even).div(total)
}

/// Draws from the beta distribution whose parameters are both `alpha` (M. Jöhnk 1964).
fn beta(alpha: f64, random: &mut KeyedRng) -> f64 {
    loop {
        let [one, other] = [(); 2].map(|()| random.unit().powf(1.0 / alpha));
        let sum = one + other;
        if sum > 0.0 && sum <= 1.0 {
            return one / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.2, 1.0, 4.0] {
            let mut random = KeyedRng::new(Purpose::Mix, 1, 2, 3);
            let draws: Vec<f64> = (0..4000).map(|_| beta(alpha, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.02 && (variance / expected - 1.0).abs() < 0.08,
                "{alpha}: {mean} {variance}"
            );
        }
    }
}
