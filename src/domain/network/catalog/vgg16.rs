//! VGG16 (Simonyan & Zisserman 2015, configuration D) on imported weights: five blocks of 3×3 convolutions. A small
//! head replaces the original's dense layers.

use crate::domain::network::{Architecture, Layer, Op, Outputs, PretrainedBase, Stage};

/// Convolutions and channels of each block.
const BLOCKS: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];

/// Width of the head's hidden layer.
pub(super) const HIDDEN: usize = 256;

/// Returns the stages of the first blocks of the base.
fn base(blocks: usize) -> Vec<Stage> {
    let block = |(index, (convolutions, channels)): (usize, (usize, usize))| {
        let name = format!("block{}", index + 1);
        let mut layers = Vec::new();
        for number in 1..=convolutions {
            layers.push(Layer::new(format!("{name}.conv{number}"), Op::convolution3(channels)));
            layers.push(Layer::new(format!("{name}.relu{number}"), Op::Relu));
        }
        layers.push(Layer::new(format!("{name}.pool"), Op::MAX_POOL2));
        Stage::new(name, layers)
    };
    BLOCKS.into_iter().enumerate().take(blocks).map(block).collect()
}

/// Returns an architecture of VGG16's first blocks and a head.
pub(super) fn on_imported(name: &'static str, blocks: usize, head: impl IntoIterator<Item = Layer>) -> Architecture {
    let mut stages = base(blocks);
    stages.push(Stage::new("head", head));
    Architecture { name, pretrained: Some(PretrainedBase { prefix: "base.", channels: 3 }), stages }
}

pub(super) fn architecture() -> Architecture {
    let head = [
        // The name of the cached features where the whole base is frozen.
        Layer::new("pooled", Op::GlobalAverage),
        Layer::new("head.hidden", Op::Dense { outputs: Outputs::Fixed(HIDDEN) }),
        Layer::new("head.relu", Op::Relu),
        Layer::new("head.dropout", Op::Dropout { rate: 0.5 }),
        Layer::new("head.dense", Op::Dense { outputs: Outputs::Classes }),
    ];
    on_imported("vgg16", BLOCKS.len(), head)
}
