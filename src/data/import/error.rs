//! Why an import fails as a whole. What is wrong with single files is in the report instead.

use std::io;
use std::path::PathBuf;

use crate::data::manifest::Skipped;
use crate::data::store::{StoreError, shown};
use crate::domain::figures;

/// Why nothing was imported. Nothing half-written is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The dataset cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source cannot be read.
    #[error("{}: cannot be read: {error}", shown(.path))]
    Source {
        /// The source.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The source is neither a folder nor a kind of file that is known.
    #[error(
        "{}: is neither a folder, nor a zip, tar, tar.gz or tar.xz archive, nor a CSV table with the columns emotion, \
         pixels and Usage",
        shown(.path)
    )]
    UnknownKind {
        /// The source.
        path: PathBuf,
    },
    /// The archive ends early or its bytes are wrong.
    #[error("{}: the archive is damaged or cut short ({reason}); copy or download it again", shown(.path))]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What was met.
        reason: String,
    },
    /// The source unpacks to more than any honest dataset.
    #[error("{}: {reason}; it looks made to fill the disk; if you trust it, unpack it or cut it up yourself", shown(.path))]
    TooLarge {
        /// The source.
        path: PathBuf,
        /// Which bound it breaks.
        reason: String,
    },
    /// The folders do not tell classes and splits.
    #[error("{}: {reason}", shown(.path))]
    Layout {
        /// The source.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Something had to be skipped and `strict` forbids it.
    #[error("{} would have to be skipped, which strict import refuses: {}", things(*.count), named(.first, *.count))]
    Refused {
        /// How many.
        count: u64,
        /// The first few.
        first: Vec<Skipped>,
    },
    /// The request contradicts itself.
    #[error("{0}")]
    Options(String),
    /// The progress callback asked to stop.
    #[error("the import was cancelled; nothing was changed")]
    Cancelled,
}

fn things(count: u64) -> String {
    figures::count(usize::try_from(count).unwrap_or(usize::MAX), "thing", "things")
}

fn named(first: &[Skipped], count: u64) -> String {
    let mut words: Vec<String> = first.iter().map(|skip| format!("{} ({})", skip.source, skip.reason)).collect();
    let more = count.saturating_sub(first.len() as u64);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}
