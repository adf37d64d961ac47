//! The small network of two convolutions, trained from scratch: 83,335 parameters on 48×48×1 and seven classes.

use crate::domain::network::{Architecture, Layer, Op, Outputs, Stage};

pub(super) fn architecture() -> Architecture {
    let block = |name: &str, outputs| {
        let layers = [
            Layer::new(name, Op::convolution3(outputs)),
            Layer::new(format!("{name}.relu"), Op::Relu),
            Layer::new(format!("{name}.pool"), Op::MAX_POOL2),
        ];
        Stage::new(name, layers)
    };
    let head = [Layer::new("flatten", Op::Flatten), Layer::new("dense", Op::Dense { outputs: Outputs::Classes })];
    Architecture {
        name: "cnn",
        pretrained: None,
        stages: vec![block("block1", 32), block("block2", 64), Stage::new("head", head)],
    }
}
