//! The packing of an import: all threads decode a bounded number of images, and one writes them in order.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use super::layout::Item;
use super::limits::Limits;
use super::listing::Contents;
use super::report::{ImportStage, Progress, SkipLog};
use super::{ImportError, decode};
use crate::data::manifest::ImageShape;
use crate::data::writer::Writer;

/// Images in memory at a time.
const CHUNK: usize = 512;

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
}

/// Returns the shape of stored images. The size is the requested or else the most frequent one (of equally frequent
/// ones the larger). Images are gray if every readable image is.
pub(super) fn shape(
    source: &Path,
    items: &[Item],
    contents: &Contents,
    size: Option<(u32, u32)>,
    limits: &Limits,
    progress: &mut Progress,
) -> Result<ImageShape, ImportError> {
    let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
    let mut gray = true;
    for (index, chunk) in items.chunks(CHUNK).enumerate() {
        progress.report(ImportStage::Measuring, (index * CHUNK) as u64, Some(items.len() as u64))?;
        let header = |item: &Item| decode::header(&contents.read(&item.at, limits.file_bytes).ok()?).ok();
        let headers: Vec<_> = chunk.par_iter().filter_map(header).collect();
        for header in headers {
            *sizes.entry(header.size).or_default() += 1;
            gray &= header.gray;
        }
    }
    let usual = sizes.into_iter().max_by_key(|(size, count)| (*count, u64::from(size.0) * u64::from(size.1), *size));
    let Some((usual, _)) = usual else {
        let reason = format!("none of its {} image files can be read", items.len());
        return Err(ImportError::Layout { path: source.to_owned(), reason });
    };
    let (width, height) = size.unwrap_or(usual);
    Ok(ImageShape { width, height, channels: if gray { 1 } else { 3 } })
}

/// Decodes every item into the writer, skips those that cannot be decoded, and returns the number of resized images.
pub(super) fn pack(
    Images { items, contents, encoding }: Images,
    shape: ImageShape,
    limits: &Limits,
    writer: &mut Writer,
    log: &mut SkipLog,
    progress: &mut Progress,
) -> Result<u64, ImportError> {
    let mut resized = 0;
    let decode = |item: &Item| {
        let bytes = contents.read(&item.at, limits.file_bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => format!("is larger than {} MiB", limits.file_bytes >> 20),
            _ => format!("cannot be read: {error}"),
        })?;
        match encoding {
            Encoding::Files => decode::file(&bytes, shape),
            Encoding::Gray(side) => decode::gray(bytes, side, shape),
        }
    };
    for (index, chunk) in items.chunks(CHUNK).enumerate() {
        progress.report(ImportStage::Packing, (index * CHUNK) as u64, Some(items.len() as u64))?;
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
