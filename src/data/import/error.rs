//! The reasons why an import fails as a whole; problems of single files are in the report.

use std::io;
use std::path::{Path, PathBuf};

use crate::data::manifest::Skipped;
use crate::data::store::{StoreError, shown};
use crate::domain::{Placeholder, number_text};

/// The reason why nothing was imported. No partial dataset remains.
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
    /// The source is neither a folder nor a known kind of file.
    #[error(
        "{}: is neither a folder, nor an archive (zip, 7z, tar, tar.gz, tar.bz2, tar.xz, tar.zst), nor a \
         Parquet file, nor a CSV table with the columns emotion, pixels and Usage",
        shown(.path)
    )]
    UnknownKind {
        /// The source.
        path: PathBuf,
    },
    /// The source is a placeholder of the wanted file.
    #[error("{}: it is {found}", shown(.path))]
    Placeholder {
        /// The source.
        path: PathBuf,
        /// The placeholder.
        found: Placeholder,
    },
    /// The source is of a known kind that cannot be read.
    #[error("{}: is {kind}, which is not read; unpack or convert it and import the result", shown(.path))]
    UnsupportedKind {
        /// The source.
        path: PathBuf,
        /// The kind.
        kind: &'static str,
    },
    /// The archive is truncated or damaged.
    #[error("{}: the archive is damaged or cut short ({reason}); copy or download it again", shown(.path))]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// The reader's reason.
        reason: String,
    },
    /// The source exceeds a bound on size, as an archive bomb does.
    #[error("{}: {reason}; this may be an archive bomb: if you trust it, unpack it and import the folder", shown(.path))]
    TooLarge {
        /// The source.
        path: PathBuf,
        /// The exceeded bound.
        reason: String,
    },
    /// The folders do not give classes and splits.
    #[error("{}: {reason}", shown(.path))]
    Layout {
        /// The source.
        path: PathBuf,
        /// The contradiction and the advice.
        reason: String,
    },
    /// A file had to be skipped, and `strict` forbids that.
    #[error("{} would have to be skipped, which --strict refuses: {}", count_skipped(*.count), list_skipped(.first, *.count))]
    Refused {
        /// The number of skipped files.
        count: u64,
        /// The first skipped files.
        first: Vec<Skipped>,
    },
    /// The request contradicts itself.
    #[error("{0}")]
    Options(String),
    /// The progress callback cancelled the import.
    #[error("the import was cancelled; nothing was changed")]
    Cancelled,
}

impl ImportError {
    /// Returns the error about `new` instead of `old`.
    pub(super) fn with_path(mut self, old: &Path, new: &Path) -> Self {
        if let Self::Source { path, .. }
        | Self::UnknownKind { path }
        | Self::UnsupportedKind { path, .. }
        | Self::Placeholder { path, .. }
        | Self::Damaged { path, .. }
        | Self::TooLarge { path, .. }
        | Self::Layout { path, .. } = &mut self
            && let Ok(below) = path.strip_prefix(old)
        {
            *path = if below.as_os_str().is_empty() { new.to_owned() } else { new.join(below) };
        }
        self
    }
}

fn count_skipped(count: u64) -> String {
    number_text::count(usize::try_from(count).unwrap_or(usize::MAX), "thing", "things")
}

fn list_skipped(first: &[Skipped], count: u64) -> String {
    let mut words: Vec<String> = first.iter().map(|skip| format!("{} ({})", skip.source, skip.reason)).collect();
    let more = count.saturating_sub(first.len() as u64);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}
