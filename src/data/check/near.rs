//! Pairs of nearly equal pictures: found by their hashes, confirmed by their pixels.
//!
//! Two hashes at most [`MAX_DISTANCE`] bits apart differ in at most one bit of one of five bands. A table for each band
//! gives the pictures with a value. A picture is compared only with those of 14 values in each band.
//!
//! The bounds were measured on FER-2013, with the correlations of all pairs of its 34,034 different pictures. All 718
//! pairs from 0.95 on have hashes within 9 bits, as have 7,702 pairs in all. docs/data.md has the table.

use std::ops::Range;

use rayon::prelude::*;

use super::NearPair;
use super::picture_hash::{BITS, PictureHasher};
use crate::data::manifest::ImageShape;

/// The smallest correlation of the pixels of two pictures that count as near copies.
pub const MIN_CORRELATION: f32 = 0.95;

/// The largest number of differing bits of two hashes whose pictures are compared.
const MAX_DISTANCE: u32 = 9;

/// Groups of bits: bit k is in band k modulo this. With one more error for each, they exceed [`MAX_DISTANCE`].
const BANDS: usize = 5;

/// Pictures whose pixels one picture is compared with, the nearest hashes first. Otherwise thousands of alike pictures
/// would all be compared with one another.
const MAX_COMPARED: usize = 64;

/// Later pictures of one value of a band whose hashes are compared. FER-2013 has 255 at most; in millions of images the
/// time would otherwise grow with the square of their number.
const MAX_SCANNED: usize = 4096;

/// Returns the pairs of near copies among the images at these positions, ascending.
pub(super) fn pairs(images: &[&[u8]], shape: ImageShape, positions: &[u32]) -> Vec<NearPair> {
    let picture_hasher = PictureHasher::new(shape);
    let pixels = |at: usize| images[positions[at] as usize];
    let hashes: Vec<u64> = (0..positions.len()).into_par_iter().map(|at| picture_hasher.hash(pixels(at))).collect();
    let bands: Vec<Band> = (0..BANDS).into_par_iter().map(|band| Band::new(band, &hashes)).collect();
    let of_picture = |at: usize| {
        let mut found = Vec::new();
        for (is_mirrored, own) in [(false, hashes[at]), (true, hashes[at] ^ picture_hasher.mirror_mask())] {
            let candidates = candidates(own, at, &hashes, &bands);
            if candidates.is_empty() {
                continue;
            }
            let turned = is_mirrored.then(|| mirrored(pixels(at), shape));
            let mine = turned.as_deref().unwrap_or(pixels(at));
            let compared =
                candidates.into_iter().map(|(_, other)| (other as usize, correlation(mine, pixels(other as usize))));
            found.extend(compared.filter(|(_, correlation)| *correlation >= MIN_CORRELATION).map(
                |(other, correlation)| NearPair {
                    first: positions[at],
                    second: positions[other],
                    correlation,
                    mirrored: is_mirrored,
                },
            ));
        }
        // A symmetric picture is also near as its own mirror image.
        found.sort_by_key(|pair| (pair.second, pair.mirrored));
        found.dedup_by_key(|pair| pair.second);
        found
    };
    (0..positions.len()).into_par_iter().flat_map_iter(of_picture).collect()
}

/// Returns the later pictures whose hashes are near this one, as (distance, index), the nearest first.
fn candidates(own: u64, at: usize, hashes: &[u64], bands: &[Band]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for band in bands {
        let key = band.key(own);
        let flipped = (0..band.bits()).map(|bit| key ^ 1 << bit);
        for key in std::iter::once(key).chain(flipped) {
            let members = band.members(key);
            let later = &members[members.partition_point(|member| *member as usize <= at)..];
            let near =
                later.iter().take(MAX_SCANNED).map(|member| ((hashes[*member as usize] ^ own).count_ones(), *member));
            found.extend(near.filter(|(distance, _)| *distance <= MAX_DISTANCE));
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MAX_COMPARED);
    found
}

/// The pictures by the value of one band of their hashes.
struct Band {
    number: usize,
    /// The begin of each value's members, then the end of the last.
    begins: Vec<u32>,
    /// Indices of pictures, by value, then ascending.
    members: Vec<u32>,
}

impl Band {
    fn new(number: usize, hashes: &[u64]) -> Self {
        let mut band = Self { number, begins: Vec::new(), members: Vec::new() };
        let keys: Vec<usize> = hashes.iter().map(|hash| band.key(*hash)).collect();
        let mut ends = vec![0_u32; (1 << band.bits()) + 1];
        keys.iter().for_each(|key| ends[key + 1] += 1);
        (1..ends.len()).for_each(|at| ends[at] += ends[at - 1]);
        band.begins.clone_from(&ends);
        band.members = vec![0; keys.len()];
        for (index, key) in (0_u32..).zip(keys) {
            band.members[ends[key] as usize] = index;
            ends[key] += 1;
        }
        band
    }

    fn bits(&self) -> usize {
        (BITS - self.number).div_ceil(BANDS)
    }

    fn key(&self, hash: u64) -> usize {
        (self.number..BITS)
            .step_by(BANDS)
            .enumerate()
            .fold(0, |key, (at, bit)| key | usize::from(hash >> bit & 1 == 1) << at)
    }

    fn members(&self, key: usize) -> &[u32] {
        let Range { start, end } = self.begins[key]..self.begins[key + 1];
        &self.members[start as usize..end as usize]
    }
}

/// Returns the mirror image of an image, u8 `[H, W, C]`.
pub(super) fn mirrored(pixels: &[u8], shape: ImageShape) -> Vec<u8> {
    let (row, channels) = ((shape.width * shape.channels) as usize, shape.channels as usize);
    pixels.chunks_exact(row).flat_map(|row| row.chunks_exact(channels).rev().flatten().copied()).collect()
}

/// Returns Pearson's correlation of two images' values; 0 if one of them is constant.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // sums are far below 2^52
fn correlation(one: &[u8], other: &[u8]) -> f32 {
    let mut sums = [0_u64; 5];
    // Within a row of this length the sums of products stay below 2^32, which vectorizes.
    for (one, other) in one.chunks(1 << 12).zip(other.chunks(1 << 12)) {
        let mut part = [0_u32; 5];
        for (a, b) in one.iter().zip(other) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            part = [part[0] + a, part[1] + b, part[2] + a * a, part[3] + b * b, part[4] + a * b];
        }
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += u64::from(part));
    }
    let [a, b, aa, bb, ab] = sums.map(|sum| sum as f64);
    let count = one.len() as f64;
    let scale = ((count * aa - a * a) * (count * bb - b * b)).sqrt();
    if scale > 0.0 { ((count * ab - a * b) / scale) as f32 } else { 0.0 }
}
