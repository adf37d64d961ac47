//! The identity of a dataset: a BLAKE3 hash of the data that training uses.
//!
//! Hashed are a format tag, the image shape, the class names in order, the counts by split and class, and the hash of
//! all pixels. Pixels are in canonical order: split, class, then the order within the class. File names and
//! dates are left out, so a folder, an archive and a table of the same images have one fingerprint.

use super::manifest::{ClassCounts, ImageShape};
use crate::domain::Split;

/// The version of the hashed bytes; it changes with their meaning.
const TAG: &[u8] = b"mien dataset 1\0";

/// Hex digits of a fingerprint: 128 bits.
const DIGITS: usize = 32;

/// Returns the fingerprint of a dataset; `pixels` is the BLAKE3 hash of its pixels in canonical order.
#[must_use]
pub fn fingerprint(image: ImageShape, classes: &[ClassCounts], pixels: &blake3::Hash) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(TAG);
    for side in [image.width, image.height, image.channels] {
        hasher.update(&side.to_le_bytes());
    }
    hasher.update(&(classes.len() as u64).to_le_bytes());
    for class in classes {
        hasher.update(&(class.name.len() as u64).to_le_bytes());
        hasher.update(class.name.as_bytes());
    }
    for split in Split::ALL {
        for class in classes {
            hasher.update(&(class.counts.get(split) as u64).to_le_bytes());
        }
    }
    hasher.update(pixels.as_bytes());
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}
