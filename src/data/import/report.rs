//! What an import skipped, how far it is, and what came of it.

use std::ops::ControlFlow;

use super::ImportError;
use crate::data::manifest::{Manifest, Skipped};
use crate::domain::text::printable;

/// Most skipped things that are listed by name; the rest are only counted.
pub const MOST_SKIPS_LISTED: usize = 1000;

/// How many skipped things the error of a strict import names.
const NAMED_WHEN_REFUSED: usize = 3;

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStage {
    /// Reads the source: counted in bytes of an archive or table, in files of a folder.
    Reading,
    /// Finds the size of the images: counted in images.
    Measuring,
    /// Decodes the images and writes the store: counted in images.
    Packing,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// What it is doing.
    pub stage: ImportStage,
    /// How much of that is done.
    pub done: u64,
    /// How much there is to do, where that is known.
    pub total: Option<u64>,
    /// Classes of the source, once they are known.
    pub classes: Option<usize>,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportReport {
    /// The dataset as it is in the store.
    pub manifest: Manifest,
    /// Whether the very same dataset had been imported under this name already. Then that one stays, and its manifest
    /// tells of that import; the other figures here are of this one.
    pub unchanged: bool,
    /// What was left out; at most [`MOST_SKIPS_LISTED`] are listed.
    pub skipped: Vec<Skipped>,
    /// How many were left out, listed or not.
    pub skipped_count: u64,
    /// How many images were resized.
    pub resized: u64,
}

/// The callback with its answer turned into an error.
pub(super) struct Progress<'a> {
    pub(super) callback: &'a mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
    /// Classes of the source, once they are known.
    pub(super) classes: Option<usize>,
}

impl Progress<'_> {
    pub(super) fn tell(&mut self, stage: ImportStage, done: u64, total: Option<u64>) -> Result<(), ImportError> {
        match (self.callback)(ImportProgress { stage, done, total, classes: self.classes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ImportError::Cancelled),
        }
    }
}

/// Collects what is skipped.
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

    /// With `strict`, anything skipped so far is an error.
    pub(super) fn refuse_if(&self, strict: bool) -> Result<(), ImportError> {
        if !strict || self.count == 0 {
            return Ok(());
        }
        let first = self.listed.iter().take(NAMED_WHEN_REFUSED).cloned().collect();
        Err(ImportError::Refused { count: self.count, first })
    }
}
