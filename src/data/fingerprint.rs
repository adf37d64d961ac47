//! The identity of a dataset: a BLAKE3 hash over what training sees and nothing else.
//!
//! Hashed are a format tag, the image shape, the class names in order, the number of images of each class in each
//! split, and the hash of all pixels in canonical order (split, class, then the order within the class). Names of files
//! and dates are left out: a folder, an archive and a table of the same images have the same fingerprint.

use super::manifest::{ClassCounts, ImageShape};
use crate::domain::Split;

/// Changes whenever the meaning of the hashed bytes does.
const TAG: &[u8] = b"mien dataset 1\0";

/// Hex digits of a fingerprint: 128 bits, enough to tell datasets apart and short enough to show.
const DIGITS: usize = 32;

/// The fingerprint of a dataset whose pixels, in canonical order, have the BLAKE3 hash `pixels`.
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
