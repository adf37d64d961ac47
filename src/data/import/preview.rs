//! The dry run of an import: everything up to the writing of images, without a dataset.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::layout::PlannedImage;
use super::limits::Limits;
use super::listing::Location;
use super::pack::{self, PackInput};
use super::sizes::{ImageSizes, SizeCount};
use super::{Fit, ImportError, ImportProgress, ImportRequest, ImportState, ParsedSource, disk_bytes, merge};
use crate::data::manifest::{ClassCounts, ImageShape, Omission, SplitOptions};
use crate::data::writer::check_target;
use crate::domain::number_text::thousands;
use crate::domain::{Size, Split, SplitCounts};

/// A dataset as an import would make it, as far as the images were read.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPreview {
    /// The part of the images that was read.
    pub depth: PreviewDepth,
    /// The classes by label.
    pub classes: Vec<ClassCounts>,
    /// The shape of every stored image.
    pub image: ImageShape,
    /// The way in which pictures of another shape are fitted.
    pub fit: Fit,
    /// The sizes of the pictures, the most frequent first.
    pub sizes: Vec<SizeCount>,
    /// The rule by which the images are divided into splits.
    pub split: SplitOptions,
    /// Everything that is not taken, by reason, the most frequent first.
    pub left_out: Vec<Omission>,
    /// Decisions that a person should know.
    pub notes: Vec<String>,
    /// The bytes that the dataset takes on disk.
    pub disk: u64,
}

/// The number of sizes of pictures that are shown.
const SHOWN_SIZES: usize = 5;

impl ImportPreview {
    /// Returns three lines: images, classes, stored size and disk; the sizes of the pictures; the splits.
    #[must_use]
    pub fn head(&self) -> Vec<String> {
        let Self { depth, classes, image, fit, sizes, split, disk, .. } = self;
        let most = if *depth == PreviewDepth::Headers { "at most " } else { "" };
        let count: usize = classes.iter().map(|class| class.counts.total()).sum();
        let shown = sizes.iter().take(SHOWN_SIZES).map(|size| {
            format!(
                "{} of {}×{}",
                thousands(usize::try_from(size.count).unwrap_or(usize::MAX)),
                size.width,
                size.height
            )
        });
        let mut shown: Vec<String> = shown.collect();
        if sizes.len() > SHOWN_SIZES {
            shown.push(format!("{} more sizes", sizes.len() - SHOWN_SIZES));
        }
        let fitted = if sizes.len() > 1 { format!("; other shapes: {}", fit.name()) } else { String::new() };
        vec![
            format!(
                "would import {most}{} images in {} classes, {}, {} of disk",
                thousands(count),
                thousands(classes.len()),
                image.describe(),
                Size(*disk)
            ),
            format!("pictures found: {}{fitted}", shown.join(", ")),
            format!("split: {}", split.describe()),
        ]
    }
}

/// The part of the images that a preview reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewDepth {
    /// The headers. A picture whose pixels are damaged counts as readable.
    Headers,
    /// All pixels, as an import.
    Pixels,
}

/// Returns the dataset that an import would make, and changes nothing. `progress` is called several times a second; a
/// break cancels.
///
/// # Errors
/// [`ImportError`], the same as the import's; with [`PreviewDepth::Headers`] up to the decoding of images.
pub fn preview(
    request: &ImportRequest,
    depth: PreviewDepth,
    progress: &mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
) -> Result<ImportPreview, ImportError> {
    request.check()?;
    let base = merge::open_merge_target(request)?;
    check_target(&request.data_dir, &request.name, &request.whole_source(base.as_ref()), request.options.replace)?;
    // Spools are unnamed files, best on the disk that holds the datasets.
    let home = Some(request.data_dir.clone()).filter(|folder| folder.is_dir());
    let work = home.unwrap_or_else(std::env::temp_dir);
    let mut state = ImportState::new(request, base, &Limits::DEFAULT, work, progress);
    let prepared = state.prepare();
    let (ParsedSource { plan, contents, encoding, .. }, measured) = prepared.map_err(|error| state.explain(error))?;
    let ImageSizes { shape, fit, sizes, unreadable } = measured;
    let mut classes: Vec<ClassCounts> =
        plan.classes.iter().map(|name| ClassCounts { name: name.clone(), counts: SplitCounts::default() }).collect();
    let mut count = |item: &PlannedImage| {
        let counts = &mut classes[item.label].counts;
        match item.split {
            Split::Train => counts.train += 1,
            Split::Validation => counts.validation += 1,
            Split::Test => counts.test += 1,
        }
    };
    match depth {
        PreviewDepth::Headers => {
            for (source, reason) in &unreadable {
                state.log.skip(source, reason);
            }
            let unreadable: HashSet<&str> = unreadable.iter().map(|(source, _)| source.as_str()).collect();
            let is_readable = |item: &&PlannedImage| {
                matches!(item.at, Location::Stored(_)) || !unreadable.contains(item.source.as_str())
            };
            plan.items.iter().filter(is_readable).for_each(count);
        }
        PreviewDepth::Pixels => {
            let images = PackInput { items: &plan.items, contents: &contents, encoding, shape, fit };
            let receive = |item: &PlannedImage, _: &[u8]| {
                count(item);
                Ok(())
            };
            let packed = pack::pack(images, state.limits, receive, &mut state.log, &mut state.progress);
            packed.map_err(|error| state.explain(error))?;
        }
    }
    state.log.check_strict(state.options.strict)?;
    state.check_classes(&classes).map_err(|error| state.explain(error))?;
    let disk = disk_bytes(&plan, shape);
    let (left_out, notes) = (state.log.left_out(), state.log.notes);
    Ok(ImportPreview { depth, classes, image: shape, fit, sizes, split: plan.split, left_out, notes, disk })
}
