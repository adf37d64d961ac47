//! The dry run of an import, as text and as JSON. Keys are a promise: add, never rename.

use serde::Serialize;

use super::sheet::{SplitEntry, class_table};
use crate::cli::exit::CommandError;
use crate::cli::options::Output;
use crate::data::import::SizeCount;
use crate::data::manifest::reasons;
use crate::data::{ClassCounts, ImageShape, ImportPreview, Omission};

/// A dry run for scripts.
#[derive(Debug, Serialize)]
struct PreviewEntry<'a> {
    image: ImageShape,
    fit: &'static str,
    classes: &'a [ClassCounts],
    split: SplitEntry,
    sizes: Vec<SizeEntry>,
    left_out: &'a [Omission],
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
    let reasons = reasons(&preview.notes, &preview.left_out);
    let gap = if reasons.is_empty() { "" } else { "\n" };
    let lines = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
    format!("{}\n{}{gap}{}", lines(preview.head()), class_table(&preview.classes).render(), lines(reasons))
}
