//! The small convolutional network of the `cnn` strategy.
//!
//! ```text
//! conv3×3(32)+ReLU, maxpool 2×2, conv3×3(64)+ReLU, maxpool 2×2, flatten, dense(classes)
//! ```
//! With 48×48×1 input and 7 classes it has 83,335 parameters. Pixels come in as 0–1.

use burn::module::{Module, Param};
use burn::tensor::{FloatDType, Tensor, backend::Backend};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::initializer::{glorot_uniform, zeros};
use super::kernels::{ConvBlockBackend, cast, conv3x3_relu_maxpool2};

const FILTERS: [usize; 2] = [32, 64];

/// The smallest image side that two halvings leave something of.
pub const MIN_SIDE: usize = 4;

/// A 3×3 convolution (padding 1) with ReLU and 2×2 max pooling.
#[derive(Module, Debug)]
pub struct ConvBlock<B: Backend> {
    /// `[out, in, 3, 3]`.
    weight: Param<Tensor<B, 4>>,
    /// `[out]`.
    bias: Param<Tensor<B, 1>>,
}

/// The network.
#[derive(Module, Debug)]
pub struct Cnn<B: Backend> {
    block1: ConvBlock<B>,
    block2: ConvBlock<B>,
    /// `[features, classes]`; features in channel, row, column order.
    dense_weight: Param<Tensor<B, 2>>,
    /// `[classes]`.
    dense_bias: Param<Tensor<B, 1>>,
}

impl<B: ConvBlockBackend> ConvBlock<B> {
    fn new(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng, device: &B::Device) -> Self {
        Self {
            weight: glorot_uniform([outputs, inputs, 3, 3], 9 * inputs, 9 * outputs, rng, device),
            bias: zeros([outputs], device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        conv3x3_relu_maxpool2(images, self.weight.val(), self.bias.val())
    }
}

impl<B: ConvBlockBackend> Cnn<B> {
    /// A network with fresh weights for images of this height, width and number of channels. The same seed gives the
    /// same weights on every device.
    ///
    /// # Panics
    /// If a side is below [`MIN_SIDE`].
    #[must_use]
    pub fn new([height, width, channels]: [usize; 3], classes: usize, seed: u64, device: &B::Device) -> Self {
        assert!(height.min(width) >= MIN_SIDE, "images of {height}×{width} vanish in two halvings");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let features = FILTERS[1] * (height / 4) * (width / 4);
        Self {
            block1: ConvBlock::new(channels, FILTERS[0], &mut rng, device),
            block2: ConvBlock::new(FILTERS[0], FILTERS[1], &mut rng, device),
            dense_weight: glorot_uniform([features, classes], features, classes, &mut rng, device),
            dense_bias: zeros([classes], device),
        }
    }

    /// Logits `[images, classes]` in f32 for pixels `[images, channels, height, width]` of 0–1, in whose kind of number the
    /// convolutions compute.
    #[must_use]
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let features = self.block2.forward(self.block1.forward(images)).flatten::<2>(1, 3);
        cast(features, FloatDType::F32).matmul(self.dense_weight.val()) + self.dense_bias.val().unsqueeze()
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn the_reference_network_has_83_335_parameters() {
        assert_eq!(Cnn::<Flex>::new([48, 48, 1], 7, 1, &Default::default()).num_params(), 83_335);
    }

    #[test]
    fn odd_sizes_and_colour_go_through() {
        let device = Default::default();
        let logits = Cnn::<Flex>::new([37, 50, 3], 4, 1, &device).forward(Tensor::ones([2, 3, 37, 50], &device));
        assert_eq!(logits.dims(), [2, 4]);
    }

    #[test]
    fn a_seed_decides_the_weights() {
        let device = Default::default();
        let logits = |seed| {
            let images = Tensor::ones([1, 1, 8, 8], &device);
            Cnn::<Flex>::new([8, 8, 1], 3, seed, &device).forward(images).into_data()
        };
        assert_eq!(logits(5), logits(5));
        assert_ne!(logits(5), logits(6));
    }
}
