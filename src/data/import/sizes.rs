//! The size and colours of stored images, from the headers of all pictures.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use super::layout::PlannedImage;
use super::limits::Limits;
use super::listing::SourceBytes;
use super::options::{Fit, ImportOptions};
use super::pack::CHUNK;
use super::report::{ImportLog, ImportStage, Progress};
use super::{ImportError, decode};
use crate::data::manifest::ImageShape;

/// The largest side that an import chooses by itself; VGG16 was trained at this size.
const LARGEST_CHOSEN: u32 = 224;

/// A size of pictures and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeCount {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The number of pictures.
    pub count: u64,
}

/// The sizes of a source's pictures, and the shape chosen for the dataset.
#[derive(Debug)]
pub(super) struct ImageSizes {
    pub(super) shape: ImageShape,
    pub(super) fit: Fit,
    /// The sizes, the most frequent first.
    pub(super) sizes: Vec<SizeCount>,
    /// The pictures without a readable header: their sources, and the reasons. Not their positions in the plan, which a
    /// merged dataset changes.
    pub(super) unreadable: Vec<(String, String)>,
}

/// Measures all pictures and chooses the shape of stored images. The size is the requested one, else the size of at
/// least half of the pictures, else a square as the short sides are. Images are gray if every readable picture is.
pub(super) fn measure(
    source: &Path,
    items: &[PlannedImage],
    contents: &SourceBytes,
    options: &ImportOptions,
    limits: &Limits,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<ImageSizes, ImportError> {
    let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
    let (mut gray, mut turned, mut unreadable) = (true, 0_u64, Vec::new());
    for (index, chunk) in items.chunks(CHUNK).enumerate() {
        progress.report(ImportStage::Measuring, (index * CHUNK) as u64, Some(items.len() as u64))?;
        let header = |item: &PlannedImage| {
            let limit = limits.file_bytes;
            decode::header(&contents.read(&item.at, limit).map_err(|error| decode::describe_unread(&error, limit))?)
        };
        let headers: Vec<_> = chunk.par_iter().map(header).collect();
        for (item, header) in chunk.iter().zip(headers) {
            match header {
                Ok(header) => {
                    *counts.entry(header.size).or_default() += 1;
                    gray &= header.gray;
                    turned += u64::from(header.turned);
                }
                Err(reason) => unreadable.push((item.source.clone(), reason)),
            }
        }
    }
    let sizes = counts.into_iter().map(|((width, height), count)| SizeCount { width, height, count });
    let mut sizes: Vec<SizeCount> = sizes.collect();
    let area = |size: &SizeCount| u64::from(size.width) * u64::from(size.height);
    sizes.sort_by_key(|size| std::cmp::Reverse((size.count, area(size), size.width)));
    let Some(usual) = sizes.first() else {
        let reason = format!("none of its {} image files can be read", items.len());
        return Err(ImportError::Layout { path: source.to_owned(), reason });
    };
    if turned > 0 {
        log.note(format!("{turned} pictures were turned upright as their EXIF orientation states"));
    }
    let total: u64 = sizes.iter().map(|size| size.count).sum();
    let is_usual = usual.count * 2 >= total;
    let chosen = if is_usual { (usual.width, usual.height) } else { square(&sizes, total) };
    let (width, height) = options.size.unwrap_or(chosen);
    let fit = options.fit.unwrap_or(if is_usual { Fit::Squash } else { Fit::Pad });
    if !is_usual && options.size.is_none() {
        let (smallest, largest) =
            (sizes.iter().min_by_key(|size| area(size)), sizes.iter().max_by_key(|size| area(size)));
        let (small, large) = (smallest.unwrap_or(usual), largest.unwrap_or(usual));
        log.note(format!(
            "no size is usual ({} from {}×{} to {}×{}): images are stored at {width}×{height}; --size and --fit choose \
             another size and way",
            sizes.len(),
            small.width,
            small.height,
            large.width,
            large.height
        ));
    }
    let gray = options.gray.unwrap_or(gray);
    Ok(ImageSizes { shape: ImageShape { width, height, channels: if gray { 1 } else { 3 } }, fit, sizes, unreadable })
}

/// Returns a square with the median of the short sides.
fn square(sizes: &[SizeCount], total: u64) -> (u32, u32) {
    let mut short: Vec<(u32, u64)> = sizes.iter().map(|size| (size.width.min(size.height), size.count)).collect();
    short.sort_unstable();
    let mut seen = 0;
    let median = short.iter().find(|(_, count)| {
        seen += count;
        seen * 2 >= total
    });
    let side = median.map_or(LARGEST_CHOSEN, |(side, _)| (*side).min(LARGEST_CHOSEN));
    (side, side)
}
