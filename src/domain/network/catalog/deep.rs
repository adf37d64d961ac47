//! Seven convolutions with batch norm, trained from scratch: 1.2 million parameters. Pooling comes before batch norm,
//! which then computes a quarter of the pixels (as in K. Jordan's airbench, 2024).

use crate::domain::network::{Architecture, Layer, Op, Outputs, Stage};

/// Channels of the convolutions of a block, and whether the last one is pooled.
pub(super) type Block = (&'static [usize], bool);

const BLOCKS: [Block; 4] = [(&[32], true), (&[64, 64], true), (&[128, 128], true), (&[256, 256], false)];

pub(super) fn architecture() -> Architecture {
    blocks("deep", &BLOCKS, 0.3)
}

/// Returns blocks of 3×3 convolutions with batch norm, under a head with global pooling and dropout at `rate`.
pub(super) fn blocks(name: &'static str, blocks: &[Block], rate: f32) -> Architecture {
    let block = |index: usize, (channels, pooled): Block| {
        let name = format!("block{}", index + 1);
        let mut layers = Vec::new();
        for (number, outputs) in (1..).zip(channels) {
            let convolution = Op::Convolution { kernel: 3, stride: 1, outputs: *outputs, bias: false };
            layers.push(Layer::new(format!("{name}.conv{number}"), convolution));
            if pooled && number == channels.len() {
                layers.push(Layer::new(format!("{name}.pool"), Op::MAX_POOL2));
            }
            layers.push(Layer::new(format!("{name}.bn{number}"), Op::BATCH_NORM));
            layers.push(Layer::new(format!("{name}.relu{number}"), Op::Relu));
        }
        Stage::new(name, layers)
    };
    let head = [
        Layer::new("pooled", Op::GlobalAverage),
        Layer::new("dropout", Op::Dropout { rate }),
        Layer::new("dense", Op::Dense { outputs: Outputs::Classes }),
    ];
    let mut stages: Vec<Stage> = blocks.iter().enumerate().map(|(index, sizes)| block(index, *sizes)).collect();
    stages.push(Stage::new("head", head));
    Architecture { name, pretrained: None, stages }
}
