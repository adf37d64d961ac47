//! Labels that stand beside the images instead of in the names of their folders.
//!
//! Sources: files named by `--labels` (`list`), patterns of file names (`pattern`), and a file for each image in the
//! layouts of YOLO and AffectNet (`per_image`). Where nothing was named, [`describe_missing_classes`] states
//! what was found.

mod columns;
mod list;
mod pattern;
mod per_image;
mod vocabulary;

use std::path::{Path, PathBuf};

pub use self::pattern::Pattern;
use super::ImportError;
use super::listing::{Listing, SourceBytes, SourceFile};
use super::options::ImportOptions;
use super::split_names::{self, SplitName};

/// The label of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) class: String,
    /// The split that the label's source states.
    pub(super) split: Option<SplitName>,
    /// The person or other group of the image.
    pub(super) group: Option<String>,
}

impl Label {
    fn of(class: impl Into<String>) -> Self {
        Self { class: class.into(), split: None, group: None }
    }
}

/// The labels of a source's images.
#[derive(Debug)]
pub(super) enum Labels {
    Table(list::LabelTable),
    Pattern(Pattern),
    PerImage(per_image::PerImageLabels),
}

impl Labels {
    /// Returns the labels that the options name, or that stand beside the images in a known layout.
    pub(super) fn find(
        source: &Path,
        listing: &Listing,
        contents: &SourceBytes,
        options: &ImportOptions,
        has_classes: bool,
    ) -> Result<Option<Self>, ImportError> {
        if let Some(pattern) = &options.pattern {
            return Ok(Some(Self::Pattern(pattern.clone())));
        }
        if !options.labels.is_empty() {
            return list::read(source, &options.labels, listing, contents).map(|rows| Some(Self::Table(rows)));
        }
        if has_classes {
            return Ok(None);
        }
        if let Some(per_image) = per_image::find(listing, contents) {
            return Ok(Some(Self::PerImage(per_image)));
        }
        Ok(list::find_votes(listing, contents).map(Self::Table))
    }

    /// Returns the label of an image. The error is the reason why it has none.
    pub(super) fn of(&self, image: &SourceFile, contents: &SourceBytes) -> Result<Label, String> {
        match self {
            Self::Table(rows) => rows.of(&image.path),
            Self::Pattern(pattern) => pattern.label(&image.path),
            Self::PerImage(per_image) => per_image.of(&image.path, contents),
        }
    }

    /// Returns a decision that a person should know.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Table(rows) => rows.describe(),
            Self::Pattern(pattern) => format!("classes are from file names by the pattern {pattern}"),
            Self::PerImage(per_image) => per_image.describe(),
        }
    }

    /// Returns whether a text file is a source of these labels.
    pub(super) fn uses(&self, path: &str) -> bool {
        match self {
            Self::Table(rows) => rows.uses(path),
            Self::Pattern(_) => false,
            Self::PerImage(per_image) => per_image.uses(path),
        }
    }
}

/// Reads the labels of a table's rows from the files that the options name; `None` if there are none.
pub(super) fn for_rows(source: &Path, files: &[PathBuf]) -> Result<Option<list::LabelTable>, ImportError> {
    if files.is_empty() {
        return Ok(None);
    }
    list::read(source, files, &Listing::default(), &SourceBytes::default()).map(Some)
}

/// Advises what to do with images that are in no class folders.
pub(super) fn describe_missing_classes(listing: &Listing, contents: &SourceBytes) -> String {
    let images: Vec<&SourceFile> = listing.files.iter().filter(|file| file.is_image()).collect();
    let flat = "its images are in no class folders";
    if let Some(name) = pattern::recognize_dataset(&images) {
        return format!("{flat}; their names state expressions as those of {name} do: --pattern {name}");
    }
    if let Some(path) = list::find_candidate(listing, contents, &images) {
        return format!("{flat}; their labels seem to be in '{path}': --labels {path}");
    }
    if let Some(example) = pattern::guess(&images) {
        return format!("{flat}; if their names begin with the class, as {example}, give --pattern '{{class}}*'");
    }
    format!(
        "{flat}: expected train/CLASS and test/CLASS folders of images, or class folders alone; --labels FILE names a \
         file with a class for each image, --pattern takes classes from names"
    )
}

/// Returns the error for folders whose file names state several expressions. Otherwise the folders, one for each
/// person, would pass for classes.
pub(super) fn find_contradicting_names(images: &[&SourceFile]) -> Option<String> {
    let name = pattern::recognize_dataset(images)?;
    pattern::has_mixed_folder(images, name).then(|| {
        format!(
            "its folders are not classes: the file names in them state several expressions, as those of {name} do; take \
             classes from the names by --pattern {name}"
        )
    })
}

/// Returns whether the names of all images begin with a split, as `train_00001.jpg` does, and state two or more splits.
pub(super) fn split_by_beginning(images: &[&SourceFile]) -> bool {
    let mut splits: Vec<SplitName> = Vec::new();
    for image in images {
        let Some(split) = split_names::parse_beginning(image.name()) else { return false };
        if !splits.contains(&split) {
            splits.push(split);
        }
    }
    splits.len() > 1
}

/// Reads bytes as labels of every kind.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(bytes: &[u8]) {
    per_image::read_any(bytes);
    let text = String::from_utf8_lossy(bytes);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let _ = (columns::parse(bytes, "labels.csv"), columns::parse(rest.as_bytes(), first));
    let _ = first.parse::<Pattern>().map(|pattern| pattern.label(rest));
    let _ = split_names::parse(&text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_bytes_make_a_reader_of_labels_fail(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in "[a-z0-9.,;:\t\n\"{}#*? /-]{0,80}",
            name in "[a-zA-Z0-9_.]{1,30}",
        ) {
            read_any(&bytes);
            read_any(text.as_bytes());
            if let Ok(pattern) = text.parse::<Pattern>()
                && let Ok(label) = pattern.label(&name)
            {
                prop_assert!(!label.class.is_empty() && name.contains(&label.class));
            }
        }
    }
}
