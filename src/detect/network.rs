//! `YuNet`'s weights and the sequence of its layers.

use image::RgbImage;
use safetensors::SafeTensors;

use super::layers::{Activation, Map, Unit, add_enlarged, pool, stem};
use super::vectors::Kernel;

/// The weights, written by `scripts/make-detector`; the licence is `YUNET-LICENSE.txt`.
const WEIGHTS: &[u8] = include_bytes!("yunet.safetensors");

/// Pixels between two cells of each level.
pub(super) const STRIDES: [u8; 3] = [8, 16, 32];

/// The network `YuNet`.
#[derive(Debug)]
pub(super) struct Network {
    stem: Kernel,
    /// The units of the six stages. All but the first and third halve the map.
    backbone: Vec<Vec<Unit>>,
    /// A unit for each stride.
    neck: [Unit; 3],
    heads: [Unit; 3],
}

impl Network {
    /// Returns the network with its published weights.
    pub(super) fn yunet() -> Self {
        // The file is part of this program, and a test reads every tensor of it.
        let tensors = SafeTensors::deserialize(WEIGHTS).unwrap_or_else(|error| unreachable!("{error}"));
        let units = |stage: usize| {
            let first = usize::from(stage == 0);
            (first..2).map(|unit| read_unit(&tensors, &format!("backbone.{stage}.{unit}"), Activation::Relu)).collect()
        };
        let each = |name: &str, activation: Activation| {
            [0, 1, 2].map(|level| read_unit(&tensors, &format!("{name}.{level}"), activation))
        };
        Self {
            stem: read_kernel(&tensors, "stem"),
            backbone: (0..6).map(units).collect(),
            neck: each("neck", Activation::Relu),
            heads: each("head", Activation::None),
        }
    }

    /// Returns class, object, box and landmarks for the strides 8, 16 and 32, `[height / stride, width / stride, 16]`
    /// each.
    pub(super) fn forward(&self, picture: &RgbImage) -> [Map; 3] {
        let mut map = stem(picture, &self.stem, usize::from(STRIDES[2]));
        let mut stages = Vec::new();
        for (number, units) in self.backbone.iter().enumerate() {
            if !matches!(number, 0 | 2) {
                map = pool(&map);
            }
            for unit in units {
                map = unit.forward(&map);
            }
            if number >= 3 {
                stages.push(map.clone());
            }
        }
        // From the coarsest level on, each is added to the next finer one.
        let mut levels: Vec<Map> = Vec::new();
        for (level, mut map) in stages.into_iter().enumerate().rev() {
            if let Some(coarser) = levels.last() {
                add_enlarged(&mut map, coarser);
            }
            levels.push(self.neck[level].forward(&map));
        }
        std::array::from_fn(|level| self.heads[level].forward(&levels[2 - level]))
    }
}

fn read_unit(tensors: &SafeTensors<'_>, name: &str, activation: Activation) -> Unit {
    let part = |part: &str| read_kernel(tensors, &format!("{name}.{part}"));
    Unit { point: part("point"), depth: part("depth"), activation }
}

fn read_kernel(tensors: &SafeTensors<'_>, name: &str) -> Kernel {
    let read = |part: &str| {
        let name = format!("{name}.{part}");
        // A test reads every tensor of the file.
        let tensor = tensors.tensor(&name).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    Kernel { weight: read("weight"), bias: read("bias") }
}
