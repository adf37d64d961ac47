//! VGG16 on pretrained weights, cut in two: what is frozen, and what is trained with a head on top.
//!
//! The frozen part is run on the inner backend, where there is no graph to keep; what comes out of it enters the trained
//! part as a constant. [`crate::domain::vgg16`] has the network in numbers.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{FloatDType, Tensor, TensorData, activation, backend::Backend};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::in_precision;
use super::initializer::{glorot_uniform, zeros};
use super::kernels::{ConvBlockBackend, cast, conv3x3_relu, conv3x3_relu_maxpool2};
use super::parameters::{Arrays, MismatchError};
use crate::domain::Precision;
use crate::domain::vgg16::{Block, FEATURES, HIDDEN, SLICE, frozen_blocks, trained_blocks};

/// The share of the hidden layer's outputs that a training step drops.
pub const DROPOUT: f32 = 0.5;

/// A 3×3 convolution.
#[derive(Module, Debug)]
pub struct Convolution<B: Backend> {
    /// `[out, in, 3, 3]`.
    weight: Param<Tensor<B, 4>>,
    /// `[out]`.
    bias: Param<Tensor<B, 1>>,
}

/// Two or three convolutions, each with `ReLU`, the last one with 2×2 max pooling.
#[derive(Module, Debug)]
pub struct ConvolutionBlock<B: Backend> {
    conv1: Convolution<B>,
    conv2: Convolution<B>,
    conv3: Option<Convolution<B>>,
}

/// Neighbouring blocks of VGG16.
#[derive(Module, Debug)]
pub struct Vgg16<B: Backend> {
    block1: Option<ConvolutionBlock<B>>,
    block2: Option<ConvolutionBlock<B>>,
    block3: Option<ConvolutionBlock<B>>,
    block4: Option<ConvolutionBlock<B>>,
    block5: Option<ConvolutionBlock<B>>,
}

/// Which random numbers a training step draws: a function of these, so that nothing of it has to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    /// The run's seed.
    pub seed: u64,
    /// Counted from 1.
    pub epoch: u32,
    /// Counted from 1 in each epoch.
    pub step: u32,
}

/// Global average pooling, a hidden layer with `ReLU` and dropout, one logit a class.
#[derive(Module, Debug)]
pub struct Head<B: Backend> {
    /// `[512, 256]`.
    hidden_weight: Param<Tensor<B, 2>>,
    /// `[256]`.
    hidden_bias: Param<Tensor<B, 1>>,
    /// `[256, classes]`.
    dense_weight: Param<Tensor<B, 2>>,
    /// `[classes]`.
    dense_bias: Param<Tensor<B, 1>>,
}

/// What is trained: the unfrozen blocks, if any, and the head.
#[derive(Module, Debug)]
pub struct TransferNetwork<B: Backend> {
    base: Vgg16<B>,
    head: Head<B>,
}

/// What is not: the blocks below, and the pooling where all of them are.
#[derive(Debug, Clone)]
pub struct FrozenBase<B: Backend> {
    blocks: Vgg16<B>,
    pooled: bool,
    /// Pixels along a side of an image.
    size: usize,
    /// The most images at once: the large early layers of more would take too much memory.
    slice: usize,
    precision: Precision,
}

impl<B: Backend> Convolution<B> {
    fn load(
        weights: &Arrays,
        name: &str,
        [inputs, outputs]: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, MismatchError> {
        Ok(Self {
            weight: parameter(weights, format!("{name}.weight"), [outputs, inputs, 3, 3], device)?,
            bias: parameter(weights, format!("{name}.bias"), [outputs], device)?,
        })
    }
}

fn parameter<B: Backend, const D: usize>(
    weights: &Arrays,
    name: String,
    shape: [usize; D],
    device: &B::Device,
) -> Result<Param<Tensor<B, D>>, MismatchError> {
    match weights.get(&name) {
        None => Err(MismatchError::Missing(name)),
        Some(array) if array.shape != shape => {
            Err(MismatchError::Shape { name, expected: shape.to_vec(), found: array.shape.clone() })
        }
        Some(array) => Ok(Param::from_tensor(array.to_tensor(device))),
    }
}

impl<B: ConvBlockBackend> ConvolutionBlock<B> {
    fn load(weights: &Arrays, block: Block, device: &B::Device) -> Result<Self, MismatchError> {
        let convolution = |number: usize| {
            let inputs = if number == 1 { block.inputs() } else { block.channels() };
            Convolution::load(weights, &format!("{block}.conv{number}"), [inputs, block.channels()], device)
        };
        let third = (block.convolutions() == 3).then(|| convolution(3)).transpose()?;
        Ok(Self { conv1: convolution(1)?, conv2: convolution(2)?, conv3: third })
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let plain = |x, layer: &Convolution<B>| conv3x3_relu(x, layer.weight.val(), layer.bias.val());
        let pooled = |x, layer: &Convolution<B>| conv3x3_relu_maxpool2(x, layer.weight.val(), layer.bias.val());
        let x = plain(x, &self.conv1);
        match &self.conv3 {
            None => pooled(x, &self.conv2),
            Some(conv3) => pooled(plain(x, &self.conv2), conv3),
        }
    }
}

impl<B: ConvBlockBackend> Vgg16<B> {
    /// These blocks with weights named `block1.conv1.weight` and so on.
    ///
    /// # Errors
    /// When a weight is missing or has another shape; names the first one.
    pub fn load(weights: &Arrays, blocks: &[Block], device: &B::Device) -> Result<Self, MismatchError> {
        let load =
            |block: Block| blocks.contains(&block).then(|| ConvolutionBlock::load(weights, block, device)).transpose();
        Ok(Self {
            block1: load(Block::Block1)?,
            block2: load(Block::Block2)?,
            block3: load(Block::Block3)?,
            block4: load(Block::Block4)?,
            block5: load(Block::Block5)?,
        })
    }

    fn blocks(&self) -> impl Iterator<Item = &ConvolutionBlock<B>> {
        [&self.block1, &self.block2, &self.block3, &self.block4, &self.block5].into_iter().flatten()
    }

    /// From the input of the lowest block to the output of the highest, `[n, channels, height, width]` each.
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.blocks().fold(x, |x, block| block.forward(x))
    }
}

/// The mean of each channel in f32, `[n, c, h, w]` → `[n, c, 1, 1]`.
fn global_average<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    cast(x, FloatDType::F32).mean_dim(3).mean_dim(2)
}

impl<B: Backend> Head<B> {
    fn new(classes: usize, seed: u64, device: &B::Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            hidden_weight: glorot_uniform([FEATURES, HIDDEN], FEATURES, HIDDEN, &mut rng, device),
            hidden_bias: zeros([HIDDEN], device),
            dense_weight: glorot_uniform([HIDDEN, classes], HIDDEN, classes, &mut rng, device),
            dense_bias: zeros([classes], device),
        }
    }

    /// Logits `[n, classes]` for `[n, 512, height, width]`; with dropout in a training step.
    fn forward(&self, x: Tensor<B, 4>, dropout: Option<StepKey>) -> Tensor<B, 2> {
        let x = global_average(x).flatten::<2>(1, 3);
        let hidden = activation::relu(x.matmul(self.hidden_weight.val()) + self.hidden_bias.val().unsqueeze());
        let hidden = match dropout {
            Some(key) => {
                let mask = dropout_mask(hidden.dims(), key, &hidden.device());
                hidden * mask
            }
            None => hidden,
        };
        hidden.matmul(self.dense_weight.val()) + self.dense_bias.val().unsqueeze()
    }
}

/// 0 where an output is dropped, and what keeps the mean where it is not. Drawn on the host: every device drops the same.
fn dropout_mask<B: Backend>(shape: [usize; 2], key: StepKey, device: &B::Device) -> Tensor<B, 2> {
    let mut rng = ChaCha8Rng::seed_from_u64(key.seed);
    rng.set_stream(u64::from(key.epoch) << 32 | u64::from(key.step));
    let keep = 1.0 / (1.0 - DROPOUT);
    let values: Vec<f32> =
        (0..shape[0] * shape[1]).map(|_| if rng.random::<f32>() < DROPOUT { 0.0 } else { keep }).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl<B: ConvBlockBackend> TransferNetwork<B> {
    /// The blocks from `unfrozen` up with these weights, under a head drawn from `seed`.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(
        weights: &Arrays,
        unfrozen: Option<Block>,
        classes: usize,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self, MismatchError> {
        let base = Vgg16::load(weights, &trained_blocks(unfrozen).collect::<Vec<_>>(), device)?;
        Ok(Self { base, head: Head::new(classes, seed, device) })
    }

    /// Logits `[n, classes]` in f32 for what the frozen base made of images, in whose kind of number the unfrozen blocks compute;
    /// with dropout in a training step.
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 4>, dropout: Option<StepKey>) -> Tensor<B, 2> {
        self.head.forward(self.base.forward(x), dropout)
    }

    /// The parameters of the unfrozen blocks, which have a learning rate of their own.
    #[must_use]
    pub fn base_parameters(&self) -> Vec<ParamId> {
        let mut ids = Ids(Vec::new());
        self.base.visit(&mut ids);
        ids.0
    }
}

struct Ids(Vec<ParamId>);

impl<B: Backend> ModuleVisitor<B> for Ids {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.0.push(param.id);
    }
}

impl<B: ConvBlockBackend> FrozenBase<B> {
    /// The blocks below `unfrozen` for images of this side; without one, all of them and the pooling.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(
        weights: &Arrays,
        unfrozen: Option<Block>,
        size: usize,
        device: &B::Device,
    ) -> Result<Self, MismatchError> {
        let blocks = Vgg16::load(weights, &frozen_blocks(unfrozen).collect::<Vec<_>>(), device)?;
        let base = Self { blocks, pooled: unfrozen.is_none(), size, slice: 1, precision: Precision::F32 };
        Ok(base.at_once(SLICE))
    }

    /// Taking so many numbers of the first block's output at once, and never less than an image's.
    #[must_use]
    pub fn at_once(self, numbers: usize) -> Self {
        let slice = (numbers / (Block::Block1.channels() * self.size * self.size)).max(1);
        Self { slice, ..self }
    }

    /// Computing in this precision.
    #[must_use]
    pub fn computing_in(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// `[n, 3, size, size]` → `[n, channels, height, width]` as [`features_shape`](crate::domain::vgg16::features_shape) tells.
    #[must_use]
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [n, ..] = images.dims();
        let forward = |images| {
            let features = self.blocks.forward(in_precision(images, self.precision));
            if self.pooled { global_average(features) } else { features }
        };
        let each = even_slice(n, self.slice);
        if n <= each {
            return forward(images);
        }
        let slices = (0..n).step_by(each).map(|at| forward(images.clone().narrow(0, at, each.min(n - at))));
        Tensor::cat(slices.collect(), 0)
    }
}

/// Images in each slice of `count`, at most `most` of them: slices of one size where up to twice as many would do, because a
/// GPU tunes each size anew.
fn even_slice(count: usize, most: usize) -> usize {
    let fewest = count.div_ceil(most).max(1);
    count.div_ceil((fewest..=2 * fewest).find(|slices| count.is_multiple_of(*slices)).unwrap_or(fewest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_of_one_size_where_that_costs_little() {
        for (count, most, each) in [
            (0, 10, 0),
            (7, 10, 7),
            (10, 10, 10),
            (64, 10, 8),
            (128, 10, 8),
            // A prime number of images has no even slices.
            (61, 10, 9),
            (64, 1, 1),
            (256, 417, 256),
            (512, 417, 256),
        ] {
            assert_eq!(even_slice(count, most), each, "{count} images, at most {most}");
        }
    }
}
