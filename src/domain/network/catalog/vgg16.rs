//! VGG16 (Simonyan & Zisserman 2015, configuration D) on imported weights: five blocks of 3×3 convolutions. A small
//! head replaces the original's dense layers.

use crate::domain::network::{Architecture, Layer, Op, Outputs, Pretrained, Stage};

/// Convolutions and channels of each block.
const BLOCKS: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];

/// Width of the head's hidden layer.
const HIDDEN: usize = 256;

pub(super) fn architecture() -> Architecture {
    let block = |index: usize, (convolutions, channels): (usize, usize)| {
        let name = format!("block{}", index + 1);
        let mut layers = Vec::new();
        for number in 1..=convolutions {
            layers.push(Layer::new(format!("{name}.conv{number}"), Op::convolution3(channels)));
            layers.push(Layer::new(format!("{name}.relu{number}"), Op::Relu));
        }
        layers.push(Layer::new(format!("{name}.pool"), Op::MAX_POOL2));
        Stage::new(name, layers)
    };
    let head = [
        // The name of the cached features where the whole base is frozen.
        Layer::new("pooled", Op::GlobalAverage),
        Layer::new("head.hidden", Op::Dense { outputs: Outputs::Fixed(HIDDEN) }),
        Layer::new("head.relu", Op::Relu),
        Layer::new("head.dropout", Op::Dropout { rate: 0.5 }),
        Layer::new("head.dense", Op::Dense { outputs: Outputs::Classes }),
    ];
    let mut stages: Vec<Stage> = BLOCKS.into_iter().enumerate().map(|(index, sizes)| block(index, sizes)).collect();
    stages.push(Stage::new("head", head));
    Architecture { name: "vgg16", pretrained: Some(Pretrained { prefix: "base.", channels: 3 }), stages }
}
