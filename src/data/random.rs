//! Random numbers that depend on a key and nothing else.
//!
//! A `ChaCha8` generator per (purpose, seed, epoch, index): the same image of the same epoch is changed in the same way
//! whatever batch, thread or order it is met in, and a run that resumes needs no stored generator state.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the numbers are for: two purposes never share a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The order of images in an epoch.
    Order,
    /// The augmentation of an image.
    Augment,
    /// The drawing of demo faces.
    Demo,
    /// The mixing of a batch's images.
    Mix,
}

/// A keyed generator. Its numbers are made here rather than by `rand`'s distributions, whose algorithms change between
/// releases.
#[derive(Debug, Clone)]
pub struct Keyed(ChaCha8Rng);

impl Keyed {
    /// The generator of this key.
    #[must_use]
    pub fn new(purpose: Purpose, seed: u64, epoch: u64, index: u64) -> Self {
        let tag: &[u8; 8] = match purpose {
            Purpose::Order => b"order\0\0\0",
            Purpose::Augment => b"augment\0",
            Purpose::Demo => b"demo\0\0\0\0",
            Purpose::Mix => b"mix\0\0\0\0\0",
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(tag);
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        key[16..24].copy_from_slice(&epoch.to_le_bytes());
        key[24..].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in [0, 1), in steps of 2⁻⁵³.
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..`bound`; the bias of 2⁻³² and less is of no matter here.
    #[allow(clippy::cast_possible_truncation)] // the product's upper half is below `bound`
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u32
    }
}
