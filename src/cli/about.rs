//! A run's tags, note and former names: changed, and as JSON for scripts. Keys are a promise: add, never rename.

use serde::Serialize;

use crate::domain::{RunId, Tag};
use crate::runs::annotations::AnnotationChange;
use crate::runs::{Annotations, FileError, RunFolder};

/// Tags, note and former names of a run.
#[derive(Debug, Serialize)]
pub(super) struct AboutEntry<'a> {
    id: &'a str,
    tags: Vec<&'a str>,
    note: &'a str,
    former: Vec<&'a str>,
}

/// The entry of this run.
pub(super) fn entry<'a>(id: &'a RunId, about: &'a Annotations) -> AboutEntry<'a> {
    AboutEntry {
        id: id.as_str(),
        tags: about.tags.iter().map(Tag::as_str).collect(),
        note: about.note.as_str(),
        former: about.former.iter().map(RunId::as_str).collect(),
    }
}

/// Applies the changes and returns the result. Without changes, a home that may only be read is enough.
pub(super) fn change(folder: &RunFolder, changes: Vec<AnnotationChange>) -> Result<Annotations, FileError> {
    if changes.is_empty() { folder.annotations() } else { folder.change_annotations(|about| about.apply(changes)) }
}
