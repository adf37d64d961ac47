//! Images with equal pixels, by the hash of their bytes.

use rayon::prelude::*;

/// Returns the positions of images with equal pixels: groups of two or more, ascending, by their first position.
pub(super) fn exact(images: &[&[u8]]) -> Vec<Vec<u32>> {
    let of_images: Vec<blake3::Hash> = images.par_iter().map(|pixels| blake3::hash(pixels)).collect();
    let mut hashed: Vec<(blake3::Hash, u32)> = of_images.into_iter().zip(0_u32..).collect();
    hashed.par_sort_unstable_by_key(|(hash, at)| (*hash.as_bytes(), *at));
    let groups = hashed.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1);
    let mut groups: Vec<Vec<u32>> = groups.map(|group| group.iter().map(|(_, at)| *at).collect()).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    groups
}

/// Returns the difference between the largest and the smallest value of an image; of a colour image in any channel.
pub(super) fn value_range(pixels: &[u8]) -> u8 {
    let ends = pixels.iter().fold((u8::MAX, u8::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    ends.1.saturating_sub(ends.0)
}
