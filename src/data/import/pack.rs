//! The packing of an import: all threads decode a bounded number of images, and one writes them in order.

use rayon::prelude::*;

use super::layout::Item;
use super::limits::Limits;
use super::listing::Contents;
use super::options::Fit;
use super::report::{ImportStage, Progress, SkipLog};
use super::{ImportError, decode};
use crate::data::manifest::ImageShape;
use crate::data::writer::Writer;

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
pub(super) struct Images<'a> {
    pub(super) items: &'a [Item],
    pub(super) contents: &'a Contents,
    pub(super) encoding: Encoding,
    pub(super) shape: ImageShape,
    pub(super) fit: Fit,
}

/// Decodes every item into the writer, skips those that cannot be decoded, and returns the number of resized images.
pub(super) fn pack(
    Images { items, contents, encoding, shape, fit }: Images,
    limits: &Limits,
    writer: &mut Writer,
    log: &mut SkipLog,
    progress: &mut Progress,
) -> Result<u64, ImportError> {
    let mut resized = 0;
    let decode = |item: &Item| {
        let limit = limits.file_bytes;
        let bytes = contents.read(&item.at, limit).map_err(|error| decode::describe_unread(&error, limit))?;
        match encoding {
            Encoding::Files => decode::file(&bytes, shape, fit),
            Encoding::Gray(side) => decode::gray(bytes, side, shape),
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
                    resized += u64::from(was_resized);
                    writer.push(item.split, item.label, &pixels, &item.source)?;
                }
                Err(reason) => log.skip(&item.source, reason),
            }
        }
    }
    progress.report(ImportStage::Packing, items.len() as u64, Some(items.len() as u64))?;
    Ok(resized)
}
