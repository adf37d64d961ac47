//! The optimizer, and the weight of each class.

use serde::{Deserialize, Serialize};

/// The rule by which weights are updated from gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma & Ba 2015), with weight decay decoupled from the gradient, as in Keras.
    #[default]
    Adam,
    /// Adam's update under its other name (I. Loshchilov and F. Hutter 2019).
    AdamW,
    /// Stochastic gradient descent with Nesterov momentum and weight decay added to the gradient, as in `PyTorch`.
    Sgd,
}

impl Optimizer {
    /// All optimizers.
    pub const ALL: [Self; 3] = [Self::Adam, Self::AdamW, Self::Sgd];

    /// Returns the name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::Sgd => "sgd",
        }
    }
}

/// The way in which rare classes get more weight in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Every image counts once.
    #[default]
    None,
    /// An image's loss is weighted by the inverse of its class's share.
    Weights,
    /// An image's loss is weighted by the square root of that inverse.
    WeightsSqrt,
    /// Images are drawn with replacement, every class equally often.
    Sampler,
    /// Images are drawn with replacement, each class in proportion to the square root of its share.
    SamplerSqrt,
}

impl Balance {
    /// All balances.
    pub const ALL: [Self; 5] = [Self::None, Self::Weights, Self::WeightsSqrt, Self::Sampler, Self::SamplerSqrt];

    /// Returns the name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weights => "weights",
            Self::WeightsSqrt => "weights-sqrt",
            Self::Sampler => "sampler",
            Self::SamplerSqrt => "sampler-sqrt",
        }
    }
}

impl Balance {
    /// Returns the loss factor of each class, `[classes]`, from its number of training images. The mean over all
    /// training images is 1. Returns `None` if every image counts once.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn class_weights(self, counts: &[usize]) -> Option<Vec<f64>> {
        let power = match self {
            Self::Weights => 1.0,
            Self::WeightsSqrt => 0.5,
            Self::None | Self::Sampler | Self::SamplerSqrt => return None,
        };
        let all: usize = counts.iter().sum();
        // A class without images gets 0: no image has its label.
        let raw = counts.iter().map(|count| if *count == 0 { 0.0 } else { (*count as f64).powf(-power) });
        let raw: Vec<f64> = raw.collect();
        let sum: f64 = raw.iter().zip(counts).map(|(weight, count)| weight * *count as f64).sum();
        Some(raw.iter().map(|weight| weight * all as f64 / sum).collect())
    }

    /// Returns the relative frequency with which each class is drawn, `[classes]`, from its number of training images.
    /// Returns `None` if every image is seen once.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn class_chances(self, counts: &[usize]) -> Option<Vec<f64>> {
        let power = match self {
            Self::Sampler => 0.0,
            Self::SamplerSqrt => 0.5,
            Self::None | Self::Weights | Self::WeightsSqrt => return None,
        };
        Some(counts.iter().map(|count| if *count == 0 { 0.0 } else { (*count as f64).powf(power) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_scikit_learn() {
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0]*6 + [1]*3 + [2]*1)
        let expected = [0.5555555555555556, 1.1111111111111112, 3.3333333333333335];
        let found = Balance::Weights.class_weights(&[6, 3, 1]).expect("weights");
        assert!(found.iter().zip(expected).all(|(ours, theirs)| (ours - theirs).abs() < 1e-12), "{found:?}");
        let roots = Balance::WeightsSqrt.class_weights(&[16, 4, 0]).expect("weights");
        assert!((16.0 * roots[0] + 4.0 * roots[1] - 20.0).abs() < 1e-12 && (roots[1] / roots[0] - 2.0).abs() < 1e-12);
        assert!(roots[2] <= 0.0, "a class without images");
        assert_eq!(Balance::Sampler.class_weights(&[1, 2]), None);
    }

    #[test]
    fn chances_even_classes_out() {
        assert_eq!(Balance::Sampler.class_chances(&[9, 4, 0]), Some(vec![1.0, 1.0, 0.0]));
        assert_eq!(Balance::SamplerSqrt.class_chances(&[9, 4]), Some(vec![3.0, 2.0]));
        assert_eq!(Balance::None.class_chances(&[9, 4]), None);
    }
}
