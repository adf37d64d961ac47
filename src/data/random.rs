//! Random numbers as a function of a key.
//!
//! Each (purpose, seed, epoch, index) has a `ChaCha8` generator. An image's change in an epoch is therefore the same in
//! every batch, thread and order, and a resumed run needs no stored generator state.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The purpose of random numbers; two purposes never share a stream.
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
    /// The division of images into splits.
    Divide,
    /// The division of a class into folds.
    Fold,
}

/// A random number generator keyed by purpose, seed, epoch and index. It does not use `rand`'s distributions, whose
/// algorithms change between releases.
#[derive(Debug, Clone)]
pub struct KeyedRng(ChaCha8Rng);

impl KeyedRng {
    /// Returns the generator of this key.
    #[must_use]
    pub fn new(purpose: Purpose, seed: u64, epoch: u64, index: u64) -> Self {
        let tag: &[u8; 8] = match purpose {
            Purpose::Order => b"order\0\0\0",
            Purpose::Augment => b"augment\0",
            Purpose::Demo => b"demo\0\0\0\0",
            Purpose::Mix => b"mix\0\0\0\0\0",
            Purpose::Divide => b"divide\0\0",
            Purpose::Fold => b"fold\0\0\0\0",
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(tag);
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        key[16..24].copy_from_slice(&epoch.to_le_bytes());
        key[24..].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns a number uniform in [0, 1), in steps of 2⁻⁵³.
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Returns true with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Returns a number uniform in 0..`bound`, with a bias of at most 2⁻³².
    #[allow(clippy::cast_possible_truncation)] // the product's upper half is below `bound`
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u32
    }
}
