//! VGG16 in numbers (Simonyan & Zisserman 2015, configuration D), as far as anybody needs them who does not run it.
//!
//! Five blocks of 3×3 convolutions with `ReLU`, each ending in 2×2 max pooling; the dense layers of the original are
//! left out and a small head of our own takes their place:
//! ```text
//! block1 … block5, global average pooling, dense(256)+ReLU, dropout 0.5, dense(classes)
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Channels of the input.
pub const INPUT_CHANNELS: usize = 3;

/// Channels of what comes out of the last block.
pub const FEATURES: usize = 512;

/// Width of the head's hidden layer.
pub const HIDDEN: usize = 256;

/// The smallest input side that five halvings leave something of.
pub const MIN_SIZE: u32 = 32;

/// A block of VGG16, from the input up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// Two convolutions of 64 channels.
    Block1,
    /// Two of 128.
    Block2,
    /// Three of 256.
    Block3,
    /// Three of 512.
    Block4,
    /// Three of 512, the most specific ones.
    Block5,
}

impl Block {
    /// All of them, from the input up.
    pub const ALL: [Self; 5] = [Self::Block1, Self::Block2, Self::Block3, Self::Block4, Self::Block5];

    /// The name used in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["block1", "block2", "block3", "block4", "block5"][self as usize]
    }

    /// How many convolutions.
    #[must_use]
    pub fn convolutions(self) -> usize {
        [2, 2, 3, 3, 3][self as usize]
    }

    /// Channels of each of its convolutions.
    #[must_use]
    pub fn channels(self) -> usize {
        [64, 128, 256, 512, FEATURES][self as usize]
    }

    /// Channels of what goes in.
    #[must_use]
    pub fn inputs(self) -> usize {
        self.below().map_or(INPUT_CHANNELS, Self::channels)
    }

    /// The block before.
    #[must_use]
    pub fn below(self) -> Option<Self> {
        (self as usize).checked_sub(1).map(|index| Self::ALL[index])
    }

    /// The side of what comes out, for an input image of this side.
    #[must_use]
    pub fn side(self, size: usize) -> usize {
        size >> (self as usize + 1)
    }

    /// Its weights and biases.
    #[must_use]
    pub fn parameters(self) -> usize {
        self.layers().map(|(inputs, outputs)| 9 * inputs * outputs + outputs).sum()
    }

    /// Multiplications and additions of its forward pass over one image of this side.
    #[must_use]
    pub fn operations(self, size: usize) -> u64 {
        let pixels = self.below().map_or(size, |below| below.side(size)).pow(2);
        self.layers().map(|(inputs, outputs)| 2 * (9 * inputs * outputs * pixels) as u64).sum()
    }

    /// Channels in and out of each convolution.
    fn layers(self) -> impl Iterator<Item = (usize, usize)> {
        let channels = self.channels();
        (0..self.convolutions()).map(move |layer| (if layer == 0 { self.inputs() } else { channels }, channels))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Block {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|block| block.name() == text);
        found.ok_or_else(|| format!("'{}' is no block: use block1 to block5", super::text::printable(text)))
    }
}

/// What goes through the early layers of a frozen base at once, in numbers of their 64 channels: 128 MiB.
pub const SLICE: usize = 32 << 20;

/// The blocks that are trained if `unfrozen` is the lowest of them; none without one.
pub fn trained_blocks(unfrozen: Option<Block>) -> impl Iterator<Item = Block> {
    Block::ALL.into_iter().filter(move |block| unfrozen.is_some_and(|lowest| *block >= lowest))
}

/// The others.
pub fn frozen_blocks(unfrozen: Option<Block>) -> impl Iterator<Item = Block> {
    Block::ALL.into_iter().filter(move |block| unfrozen.is_none_or(|lowest| *block < lowest))
}

/// Channels, height and width of what the frozen part makes of an image of this side: pooled where all of it is frozen.
#[must_use]
pub fn features_shape(unfrozen: Option<Block>, size: usize) -> [usize; 3] {
    match unfrozen.map(|block| (block, block.below())) {
        None => [FEATURES, 1, 1],
        Some((_, Some(below))) => [below.channels(), below.side(size), below.side(size)],
        Some((block, None)) => [block.inputs(), size, size],
    }
}

/// The name of the last frozen layer.
#[must_use]
pub fn features_layer(unfrozen: Option<Block>) -> &'static str {
    match unfrozen.map(Block::below) {
        None => "pooled",
        Some(Some(below)) => below.name(),
        Some(None) => "input",
    }
}

/// Parameters of the five blocks.
#[must_use]
pub fn base_parameters() -> usize {
    Block::ALL.into_iter().map(Block::parameters).sum()
}

/// Parameters of the head.
#[must_use]
pub fn head_parameters(classes: usize) -> usize {
    FEATURES * HIDDEN + HIDDEN + HIDDEN * classes + classes
}

/// Parameters that are trained when `unfrozen` and all blocks above it are; the head alone without one.
#[must_use]
pub fn trained_parameters(unfrozen: Option<Block>, classes: usize) -> usize {
    trained_blocks(unfrozen).map(Block::parameters).sum::<usize>() + head_parameters(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_the_references() {
        assert_eq!(base_parameters(), 14_714_688);
        assert_eq!(base_parameters() + head_parameters(7), 14_847_815);
        assert_eq!(trained_parameters(None, 7), 133_127);
        assert_eq!(trained_parameters(Some(Block::Block5), 7), 7_212_551);
    }

    #[test]
    fn an_image_of_224_takes_thirty_billion_operations() {
        // 15.35 billion multiply–accumulates, as is told everywhere of VGG16 without its dense layers.
        assert_eq!(Block::ALL.into_iter().map(|block| block.operations(224)).sum::<u64>(), 30_693_261_312);
        assert_eq!(Block::ALL.map(|block| block.side(224)), [112, 56, 28, 14, 7]);
    }

    #[test]
    fn a_block_reads_back_as_itself() {
        for block in Block::ALL {
            assert_eq!(block.to_string().parse(), Ok(block));
            assert_eq!(serde_json::to_string(&block).unwrap(), format!("\"{block}\""));
        }
        assert!("block6".parse::<Block>().is_err());
    }
}
