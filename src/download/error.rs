//! Why a file did not come.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::text::printable;

/// Why a download ended without the file. Each names the address or the file, and says what to do where there is
/// something.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is none that a file could be fetched from.
    #[error("{}: no address of a file: {reason}", printable(.url))]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no way to the server.
    #[error("cannot reach {}: {reason}", printable(.url))]
    Unreachable {
        /// The address.
        url: String,
        /// How it failed.
        reason: String,
    },
    /// The server has another answer than the file.
    #[error("{}: the server answers {status}, {}", printable(.url), meaning(*.status))]
    Status {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The server points elsewhere without end, or to where nobody should go.
    #[error("{}: {reason}", printable(.url))]
    Redirects {
        /// The address.
        url: String,
        /// How.
        reason: String,
    },
    /// Nothing comes any more.
    #[error("{}: nothing came for {seconds} seconds; run it again, and it goes on where it stopped", printable(.url))]
    Hung {
        /// The address.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection broke before the end.
    #[error(
        "{}: broke off after {done} of {} bytes ({}); run it again, and it goes on where it stopped",
        printable(.url),
        .total.map_or_else(|| "an unknown number of".into(), |total| total.to_string()),
        printable(.reason)
    )]
    Interrupted {
        /// The address.
        url: String,
        /// How much has come.
        done: u64,
        /// How much there is.
        total: Option<u64>,
        /// What was met.
        reason: String,
    },
    /// What came is not what was published.
    #[error(
        "{}: the file is not the published one: it should have {expected} and has {found}; it was deleted",
        printable(.url)
    )]
    WrongHash {
        /// The address.
        url: String,
        /// What was published.
        expected: String,
        /// What came.
        found: String,
    },
    /// More than anybody wants.
    #[error("{}: the file has more than {} GiB, which is the most that is fetched", printable(.url), .bound >> 30)]
    TooLarge {
        /// The address.
        url: String,
        /// Most bytes.
        bound: u64,
    },
    /// The file cannot be kept.
    #[error("{}: {error}{}", printable(&.path.to_string_lossy()), advice(.error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Another process fetches the same.
    #[error("{}: another download of it is under way; wait for it", printable(.url))]
    Busy {
        /// The address.
        url: String,
    },
    /// The progress callback asked to stop.
    #[error("the download was cancelled; run it again, and it goes on where it stopped")]
    Cancelled,
}

impl DownloadError {
    /// Whether another machine might have more luck.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Hung { .. })
    }

    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    pub(super) fn hung(url: &str, waited: Duration) -> Self {
        Self::Hung { url: url.to_owned(), seconds: waited.as_secs() }
    }
}

/// What the statuses mean that people meet.
fn meaning(status: u16) -> &'static str {
    match status {
        401 | 403 => "which means that it wants a login: fetch the file with a browser and import it",
        404 | 410 => "which means that there is no such file: check the address",
        429 => "which means too many requests: wait a while",
        500.. => "which is the server's own trouble: try again later",
        _ => "and no file",
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and run it again",
        io::ErrorKind::PermissionDenied => "; check the permissions",
        _ => "",
    }
}
