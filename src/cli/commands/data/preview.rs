//! The dry run of an import, as text and as JSON. Keys are a promise: add, never rename.

use serde::Serialize;

use super::sheet::{SplitEntry, class_table, image_text, reasons};
use crate::cli::exit::CommandError;
use crate::cli::options::Output;
use crate::data::import::SizeCount;
use crate::data::{ClassCounts, ImageShape, ImportPreview, LeftOut};
use crate::domain::{Size, Split};

/// The number of sizes of pictures that are shown.
const SHOWN_SIZES: usize = 5;

/// A dry run for scripts.
#[derive(Debug, Serialize)]
struct PreviewEntry<'a> {
    image: ImageShape,
    fit: &'static str,
    classes: &'a [ClassCounts],
    split: SplitEntry,
    sizes: Vec<SizeEntry>,
    left_out: &'a [LeftOut],
    notes: &'a [String],
    disk_bytes: u64,
}

#[derive(Debug, Serialize)]
struct SizeEntry {
    width: u32,
    height: u32,
    count: u64,
}

/// Prints what would come in.
pub(super) fn print(preview: &ImportPreview, output: Output) -> Result<(), CommandError> {
    let size =
        |SizeCount { width, height, count }: &SizeCount| SizeEntry { width: *width, height: *height, count: *count };
    let entry = PreviewEntry {
        image: preview.image,
        fit: preview.fit.name(),
        classes: &preview.classes,
        split: preview.split.into(),
        sizes: preview.sizes.iter().map(size).collect(),
        left_out: &preview.left_out,
        notes: &preview.notes,
        disk_bytes: preview.disk,
    };
    output.print(&entry, || text(preview))
}

fn text(preview: &ImportPreview) -> String {
    let ImportPreview { classes, image, fit, sizes, split, left_out, notes, disk } = preview;
    let count: usize = Split::ALL.iter().flat_map(|split| classes.iter().map(|class| class.counts.get(*split))).sum();
    let shown = sizes.iter().take(SHOWN_SIZES).map(|size| format!("{} of {}×{}", size.count, size.width, size.height));
    let mut shown: Vec<String> = shown.collect();
    if sizes.len() > SHOWN_SIZES {
        shown.push(format!("{} more sizes", sizes.len() - SHOWN_SIZES));
    }
    let head = format!(
        "would import {count} images in {} classes, {}, {} of disk\npictures: {}; other shapes: {}\nsplit: {}\n\n",
        classes.len(),
        image_text(*image),
        Size(*disk),
        shown.join(", "),
        fit.name(),
        split.describe()
    );
    let reasons = reasons(notes, left_out);
    let gap = if reasons.is_empty() { "" } else { "\n" };
    head + &class_table(classes).render() + gap + &reasons
}
