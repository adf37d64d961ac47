//! How weights follow their gradients, and how much each class counts.

use serde::{Deserialize, Serialize};

/// How weights follow their gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam, with weight decay apart from the gradient, as Keras has it.
    #[default]
    Adam,
    /// The same update under its other name (I. Loshchilov and F. Hutter 2019).
    AdamW,
    /// Stochastic gradient descent with Nesterov momentum, and weight decay as a part of the gradient, as `PyTorch` has
    /// it.
    Sgd,
}

impl Optimizer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Adam, Self::AdamW, Self::Sgd];

    /// The word used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::Sgd => "sgd",
        }
    }
}

/// How rare classes are given more weight in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Every image counts once.
    #[default]
    None,
    /// The loss of an image counts by the inverse of its class's share.
    Weights,
    /// The same by the inverse's square root.
    WeightsSqrt,
    /// Images are drawn with replacement, so that every class is seen as often.
    Sampler,
    /// Likewise, each class by the square root of its share.
    SamplerSqrt,
}

impl Balance {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Weights, Self::WeightsSqrt, Self::Sampler, Self::SamplerSqrt];

    /// The word used in files and commands.
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
    /// The factor of each class's loss, whose mean over all training images is 1, for classes with so many training
    /// images; `None` where every image counts once.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub fn class_weights(self, counts: &[usize]) -> Option<Vec<f64>> {
        let power = match self {
            Self::Weights => 1.0,
            Self::WeightsSqrt => 0.5,
            Self::None | Self::Sampler | Self::SamplerSqrt => return None,
        };
        let all: usize = counts.iter().sum();
        // A class without images weighs nothing: no image has its label.
        let raw = counts.iter().map(|count| if *count == 0 { 0.0 } else { (*count as f64).powf(-power) });
        let raw: Vec<f64> = raw.collect();
        let sum: f64 = raw.iter().zip(counts).map(|(weight, count)| weight * *count as f64).sum();
        Some(raw.iter().map(|weight| weight * all as f64 / sum).collect())
    }

    /// How often each class is drawn, relative to the others, for classes with so many training images; `None` where
    /// every image is seen once.
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
