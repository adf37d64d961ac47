//! The dry run of an import, as text and as JSON. Keys are a promise: add, never rename.

use serde::Serialize;

use super::sheet::{SplitEntry, class_table, image_text, reasons};
use crate::cli::exit::CommandError;
use crate::cli::options::Output;
use crate::cli::table::thousands;
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

/// Prints the dataset that an import would make.
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
    let shown = sizes.iter().take(SHOWN_SIZES).map(|size| {
        format!("{} of {}×{}", thousands(usize::try_from(size.count).unwrap_or(usize::MAX)), size.width, size.height)
    });
    let mut shown: Vec<String> = shown.collect();
    if sizes.len() > SHOWN_SIZES {
        shown.push(format!("{} more sizes", sizes.len() - SHOWN_SIZES));
    }
    let fitted = if sizes.len() > 1 { format!("; other shapes: {}", fit.name()) } else { String::new() };
    let head = format!(
        "would import {} images in {} classes, {}, {} of disk\npictures: {}{fitted}\nsplit: {}\n\n",
        thousands(count),
        thousands(classes.len()),
        image_text(*image),
        Size(*disk),
        shown.join(", "),
        split.describe()
    );
    let reasons = reasons(notes, left_out);
    let gap = if reasons.is_empty() { "" } else { "\n" };
    head + &class_table(classes).render() + gap + &reasons
}
