//! A run's annotations: changes, and JSON for scripts. Keys are stable: none is ever renamed.

use serde::Serialize;

use crate::domain::{RunId, Tag};
use crate::runs::annotations::AnnotationChange;
use crate::runs::{Annotations, FileError, RunFolder};

/// Tags, note and former names of a run, for scripts.
#[derive(Debug, Serialize)]
pub(super) struct AnnotationsEntry<'a> {
    id: &'a str,
    tags: Vec<&'a str>,
    note: &'a str,
    former: Vec<&'a str>,
}

/// Returns the annotations of run `id` for scripts.
pub(super) fn entry<'a>(id: &'a RunId, annotations: &'a Annotations) -> AnnotationsEntry<'a> {
    AnnotationsEntry {
        id: id.as_str(),
        tags: annotations.tags.iter().map(Tag::as_str).collect(),
        note: annotations.note.as_str(),
        former: annotations.former.iter().map(RunId::as_str).collect(),
    }
}

/// Applies the changes and returns the annotations. Without changes nothing is written, so a read-only home is enough.
pub(super) fn change(folder: &RunFolder, changes: Vec<AnnotationChange>) -> Result<Annotations, FileError> {
    if changes.is_empty() {
        folder.annotations()
    } else {
        folder.change_annotations(|annotations| annotations.apply(changes))
    }
}
