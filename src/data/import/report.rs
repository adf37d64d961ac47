//! Progress and result of an import, and the record of everything that was left out.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::ImportError;
use crate::data::manifest::{Manifest, Omission, Skipped};
use crate::domain::text::printable;

/// The largest number of skipped files that are listed; more are only counted.
pub const MOST_SKIPS_LISTED: usize = 1000;

/// The largest number of different reasons that are counted one by one.
const MOST_REASONS: usize = 200;

/// The number of skipped files in the error of a strict import.
const NAMED_WHEN_REFUSED: usize = 3;

/// The number of reasons in the error of an import that fails.
const REASONS_WHEN_FAILED: usize = 3;

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
    /// The bytes that the dataset takes on disk, once they are known.
    pub disk: Option<u64>,
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
    /// Everything that was not imported, by reason, the most frequent first.
    pub left_out: Vec<Omission>,
    /// Decisions of the import that a person should know.
    pub notes: Vec<String>,
    /// The marks of wrong labels that were carried over from the replaced dataset, and those lost; `None` without any.
    pub marks: Option<String>,
    /// The number of resized images.
    pub resized: u64,
}

/// The progress callback; a break becomes an error.
pub(super) struct Progress<'a> {
    pub(super) callback: &'a mut dyn FnMut(ImportProgress) -> ControlFlow<()>,
    /// The number of classes, once it is known.
    pub(super) classes: Option<usize>,
    /// The bytes that the dataset takes on disk, once they are known.
    pub(super) disk: Option<u64>,
}

impl Progress<'_> {
    pub(super) fn report(&mut self, stage: ImportStage, done: u64, total: Option<u64>) -> Result<(), ImportError> {
        match (self.callback)(ImportProgress { stage, done, total, classes: self.classes, disk: self.disk }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ImportError::Cancelled),
        }
    }
}

/// The record of everything that was left out, and of decisions.
#[derive(Debug, Default)]
pub(super) struct ImportLog {
    pub(super) listed: Vec<Skipped>,
    pub(super) count: u64,
    pub(super) notes: Vec<String>,
    reasons: Vec<Omission>,
    /// The index in `reasons` by kind.
    kinds: HashMap<(bool, String), usize>,
}

impl ImportLog {
    /// Records a part of the source that a person may miss in the dataset; strict imports refuse it.
    pub(super) fn skip(&mut self, source: &str, reason: impl AsRef<str>) {
        self.count += 1;
        if self.listed.len() < MOST_SKIPS_LISTED {
            self.listed.push(Skipped { source: printable(source), reason: printable(reason.as_ref()) });
        }
        self.count_reason(source, reason.as_ref(), 1, true);
    }

    /// Records parts of the source that nobody misses, such as hidden files.
    pub(super) fn record_ignored(&mut self, example: &str, reason: &str, count: u64) {
        self.count_reason(example, reason, count, false);
    }

    /// Records a decision that a person should know.
    pub(super) fn note(&mut self, words: impl AsRef<str>) {
        self.notes.push(printable(words.as_ref()));
    }

    /// Records a decision once, however many files lead to it.
    pub(super) fn note_once(&mut self, words: impl AsRef<str>) {
        let words = printable(words.as_ref());
        if !self.notes.contains(&words) {
            self.notes.push(words);
        }
    }

    fn count_reason(&mut self, source: &str, reason: &str, count: u64, skipped: bool) {
        let full = self.reasons.len() >= MOST_REASONS;
        let kind = (skipped, kind_of(reason));
        if let Some(index) = self.kinds.get(&kind).copied().or_else(|| full.then_some(MOST_REASONS - 1)) {
            self.reasons[index].count += count;
            return;
        }
        self.kinds.insert(kind, self.reasons.len());
        let (reason, example) = (printable(reason), printable(source));
        self.reasons.push(Omission { reason, count, example, skipped });
    }

    /// Returns everything that was left out, by reason, the most frequent first.
    pub(super) fn left_out(&self) -> Vec<Omission> {
        let mut reasons = self.reasons.clone();
        reasons.sort_by_key(|reason| std::cmp::Reverse((reason.count, reason.skipped)));
        reasons
    }

    /// Returns an error if `strict` and any file was skipped so far.
    pub(super) fn check_strict(&self, strict: bool) -> Result<(), ImportError> {
        if !strict || self.count == 0 {
            return Ok(());
        }
        let first = self.listed.iter().take(NAMED_WHEN_REFUSED).cloned().collect();
        Err(ImportError::Refused { count: self.count, first })
    }

    /// Adds the most frequent reasons to an error about the content of the source.
    pub(super) fn explain(&self, error: ImportError) -> ImportError {
        let ImportError::Layout { path, mut reason } = error else { return error };
        let mut reasons = self.left_out();
        reasons.sort_by_key(|reason| !reason.skipped);
        // A line that counts one more reason is as long as the reason.
        let shown = if reasons.len() == REASONS_WHEN_FAILED + 1 { reasons.len() } else { REASONS_WHEN_FAILED };
        for (index, Omission { reason: why, count, example, .. }) in reasons.iter().take(shown).enumerate() {
            let start = if index == 0 { "\nnot taken: " } else { "\n           " };
            // Writing to a string cannot fail.
            let _ = write!(reason, "{start}{count} × {why}, such as {example}");
        }
        let more: u64 = reasons.iter().skip(shown).map(|reason| reason.count).sum();
        if more > 0 {
            let _ = write!(reason, "\n           and {more} for other reasons");
        }
        ImportError::Layout { path, reason }
    }
}

/// Returns a reason without its numbers and quoted words. Reasons that differ only in these are counted together.
fn kind_of(reason: &str) -> String {
    let mut kind = String::with_capacity(reason.len());
    let mut quoted = false;
    let mut before = ' ';
    for c in reason.chars() {
        match c {
            '\'' if quoted || !before.is_alphanumeric() => quoted = !quoted,
            _ if quoted || c.is_ascii_digit() => {}
            _ => kind.push(c),
        }
        before = c;
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_by_kind_and_explain_a_failure() {
        let mut log = ImportLog::default();
        for number in 0..5 {
            log.skip(&format!("row {number}"), format!("has the emotion '{number}', which isn't one of 7"));
        }
        log.skip("a.png", "is empty");
        log.record_ignored(".git", "is hidden", 3);
        let counts: Vec<_> = log.left_out().into_iter().map(|kind| (kind.count, kind.example, kind.skipped)).collect();
        assert_eq!(counts, [(5, "row 0".into(), true), (3, ".git".into(), false), (1, "a.png".into(), true)]);
        let error = log.explain(ImportError::Layout { path: "x".into(), reason: "no images".into() }).to_string();
        assert!(error.starts_with("x: no images\nnot taken: 5 × has the emotion '0'"), "{error}");
        assert!(
            error.contains("1 × is empty, such as a.png") && error.ends_with("3 × is hidden, such as .git"),
            "{error}"
        );
        for number in 0..500 {
            log.skip("x", "y".repeat(number));
        }
        assert_eq!(log.left_out().iter().map(|kind| kind.count).sum::<u64>(), 509);
        assert_eq!(log.left_out().len(), MOST_REASONS);
    }
}
