//! Progress and result of an import, and the list of skipped files.

use std::ops::ControlFlow;

use super::ImportError;
use crate::data::manifest::{Manifest, Skipped};
use crate::domain::text::printable;

/// The largest number of skipped files that are listed; more are only counted.
pub const MOST_SKIPS_LISTED: usize = 1000;

/// The number of skipped files in the error of a strict import.
const NAMED_WHEN_REFUSED: usize = 3;

/// A stage of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStage {
    /// Reading the source, in bytes of an archive or table, or in files of a folder.
    Reading,
    /// Finding the size of the images, in images.
    Measuring,
    /// Decoding the images and writing the store, in images.
    Packing,
}

/// The progress of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// The stage.
    pub stage: ImportStage,
    /// The finished part of the stage, in its unit.
    pub done: u64,
    /// The whole of the stage, in its unit, if it is known.
    pub total: Option<u64>,
    /// The number of classes, once it is known.
    pub classes: Option<usize>,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportReport {
    /// The manifest of the stored dataset.
    pub manifest: Manifest,
    /// Whether the same dataset was imported under this name before. Its manifest is then returned, and the other
    /// fields describe this import.
    pub unchanged: bool,
    /// The skipped files, at most [`MOST_SKIPS_LISTED`].
    pub skipped: Vec<Skipped>,
    /// The number of skipped files, listed or not.
    pub skipped_count: u64,
    /// The number of resized images.
    pub resized: u64,
}

/// The progress callback; a break becomes an error.
pub(super) struct Progress<'a> {
    pub(super) callback: &'a mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
    /// The number of classes, once it is known.
    pub(super) classes: Option<usize>,
}

impl Progress<'_> {
    pub(super) fn report(&mut self, stage: ImportStage, done: u64, total: Option<u64>) -> Result<(), ImportError> {
        match (self.callback)(ImportProgress { stage, done, total, classes: self.classes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ImportError::Cancelled),
        }
    }
}

/// The list of skipped files.
#[derive(Debug, Default)]
pub(super) struct SkipLog {
    pub(super) listed: Vec<Skipped>,
    pub(super) count: u64,
}

impl SkipLog {
    pub(super) fn skip(&mut self, source: &str, reason: impl AsRef<str>) {
        self.count += 1;
        if self.listed.len() < MOST_SKIPS_LISTED {
            self.listed.push(Skipped { source: printable(source), reason: printable(reason.as_ref()) });
        }
    }

    /// Returns an error if `strict` and any file was skipped so far.
    pub(super) fn check_strict(&self, strict: bool) -> Result<(), ImportError> {
        if !strict || self.count == 0 {
            return Ok(());
        }
        let first = self.listed.iter().take(NAMED_WHEN_REFUSED).cloned().collect();
        Err(ImportError::Refused { count: self.count, first })
    }
}
