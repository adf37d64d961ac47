//! The packing of an import: all threads decode a bounded number of images, and one passes them on in order.

use std::collections::HashMap;

use rayon::prelude::*;

use super::layout::PlannedImage;
use super::limits::Limits;
use super::listing::{Location, SourceBytes};
use super::options::Fit;
use super::report::{ImportLog, ImportStage, Progress};
use super::{ImportError, decode};
use crate::data::manifest::ImageShape;

/// Images in memory at a time.
pub(super) const CHUNK: usize = 512;

/// Bytes of stored pixels in memory at a time.
const CHUNK_BYTES: usize = 256 << 20;

/// The encoding of all items.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// Image files.
    Files,
    /// Squares of gray values with this side.
    Gray(u32),
}

/// The input of the packing stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackInput<'a> {
    pub(super) items: &'a [PlannedImage],
    pub(super) contents: &'a SourceBytes,
    pub(super) encoding: Encoding,
    pub(super) shape: ImageShape,
    pub(super) fit: Fit,
}

/// Decodes every item for `receive`, which is called with the item and its pixels, in order. Skips items that cannot be
/// decoded, and returns counts of the others.
pub(super) fn pack(
    PackInput { items, contents, encoding, shape, fit }: PackInput,
    limits: &Limits,
    mut receive: impl FnMut(&PlannedImage, &[u8]) -> Result<(), ImportError>,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<PackResult, ImportError> {
    let mut packed = PackResult::default();
    let decode = |item: &PlannedImage| {
        let limit = limits.file_bytes;
        let bytes = contents.read(&item.at, limit).map_err(|error| decode::describe_unread(&error, limit))?;
        match encoding {
            _ if matches!(item.at, Location::Stored(_)) => Ok((bytes, false)),
            Encoding::Files => decode::file(&bytes, shape, fit),
            Encoding::Gray(side) => decode::gray(bytes, side, shape, fit),
        }
    };
    let mut done = 0;
    for chunk in items.chunks((CHUNK_BYTES / shape.bytes().max(1)).clamp(1, CHUNK)) {
        progress.report(ImportStage::Packing, done, Some(items.len() as u64))?;
        done += chunk.len() as u64;
        let decoded: Vec<_> = chunk.par_iter().map(decode).collect();
        for (item, decoded) in chunk.iter().zip(decoded) {
            match decoded {
                Ok((pixels, was_resized)) => {
                    packed.resized += u64::from(was_resized);
                    packed.added += u64::from(!matches!(item.at, Location::Stored(_)));
                    packed.groups.push(item.group);
                    receive(item, &pixels)?;
                }
                Err(reason) => log.skip(&item.source, reason),
            }
        }
    }
    progress.report(ImportStage::Packing, items.len() as u64, Some(items.len() as u64))?;
    Ok(packed)
}

/// The images that were decoded.
#[derive(Debug, Default)]
pub(super) struct PackResult {
    /// The number of resized images.
    pub(super) resized: u64,
    /// The number of images that do not come from the dataset into which they are merged.
    pub(super) added: u64,
    /// The group of each image, if it is known.
    groups: Vec<Option<u32>>,
}

impl PackResult {
    /// Returns the groups of all images, numbered from 0 without gaps; empty if none is known. An image of no known
    /// group is a group of its own.
    pub(super) fn numbered_groups(&self) -> Vec<u32> {
        if self.groups.iter().all(Option::is_none) {
            return Vec::new();
        }
        let (mut numbers, mut next) = (HashMap::new(), 0_u32..);
        let mut draw = || next.next().unwrap_or(u32::MAX);
        let mut all = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            all.push(match group {
                Some(group) => *numbers.entry(*group).or_insert_with(&mut draw),
                None => draw(),
            });
        }
        all
    }
}
