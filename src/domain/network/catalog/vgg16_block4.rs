//! The first four blocks of VGG16 on imported weights, for small images. The head reads every position of their output.
//! At 48×48 pixels block 5 ends in one position, so its features lack the places of mouth and eyes.

use super::vgg16::{HIDDEN, on_imported};
use crate::domain::network::{Architecture, Layer, Op, Outputs};

/// The number of blocks.
const BLOCKS: usize = 4;

pub(super) fn architecture() -> Architecture {
    let head = [
        // Activations of an unnormalized base are hundreds; a dense layer on them learns slowly.
        Layer::new("head.norm", Op::BATCH_NORM),
        Layer::new("head.flatten", Op::Flatten),
        Layer::new("head.hidden", Op::Dense { outputs: Outputs::Fixed(HIDDEN) }),
        Layer::new("head.relu", Op::Relu),
        Layer::new("head.dropout", Op::Dropout { rate: 0.5 }),
        Layer::new("head.dense", Op::Dense { outputs: Outputs::Classes }),
    ];
    on_imported("vgg16-block4", BLOCKS, head)
}
