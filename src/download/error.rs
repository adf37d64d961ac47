//! The reasons why a download fails.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::Placeholder;
use crate::domain::text::printable;

/// The reason why a download failed; its message names the address or the file, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is invalid.
    #[error("{}: not the address of a file: {reason}", printable(.url))]
    Address {
        /// The address.
        url: String,
        /// The error in it.
        reason: String,
    },
    /// The server cannot be reached.
    #[error("cannot reach {}: {reason}", printable(.url))]
    Unreachable {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The server answers with an error status.
    #[error("{}: the server answers {status}, {}", printable(.url), describe_status(*.status))]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server redirects too often, or to an unencrypted address.
    #[error("{}: {reason}", printable(.url))]
    Redirects {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The server stopped sending.
    #[error("{}: nothing arrived for {seconds} seconds; run the command again to resume", printable(.url))]
    Hung {
        /// The address.
        url: String,
        /// The wait, in seconds.
        seconds: u64,
    },
    /// The connection broke before the end.
    #[error(
        "{}: interrupted after {done} of {} bytes ({}); run the command again to resume",
        printable(.url),
        .total.map_or_else(|| "an unknown number of".into(), |total| total.to_string()),
        printable(.reason)
    )]
    Interrupted {
        /// The address.
        url: String,
        /// The bytes received.
        done: u64,
        /// The bytes of the file, if known.
        total: Option<u64>,
        /// The reason.
        reason: String,
    },
    /// The file differs from the published one.
    #[error(
        "{}: the file is not the published one: it should have {expected} and has {found}; it was deleted",
        printable(.url)
    )]
    WrongHash {
        /// The address.
        url: String,
        /// The published hash.
        expected: String,
        /// The file's hash.
        found: String,
    },
    /// The server sent something else in place of the file.
    #[error("{}: it is {}; it was deleted", printable(.url), printable(&.found.to_string()))]
    Placeholder {
        /// The address.
        url: String,
        /// The content.
        found: Placeholder,
    },
    /// The server's certificate is not trusted.
    #[error(
        "{}: {}; if your network has a certificate of its own, name its file with SSL_CERT_FILE",
        printable(.url),
        printable(.reason)
    )]
    Certificate {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The file is larger than the bound.
    #[error("{}: the file has more than {} GiB, the limit of downloads", printable(.url), .bound >> 30)]
    TooLarge {
        /// The address.
        url: String,
        /// The bound, in bytes.
        bound: u64,
    },
    /// The file cannot be saved.
    #[error("{}: {error}{}", printable(&.path.to_string_lossy()), advice(.error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Another process downloads the same file.
    #[error("{}: another download of it is under way; wait for it", printable(.url))]
    Busy {
        /// The address.
        url: String,
    },
    /// The progress callback cancelled the download.
    #[error("the download was cancelled; run the command again to resume")]
    Cancelled,
}

impl DownloadError {
    /// Returns whether the server could not be reached, so that another machine might succeed.
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

/// Returns the meaning of a status, and the remedy.
fn describe_status(status: u16) -> &'static str {
    match status {
        401 | 403 => "which means that it requires a login: fetch the file with a browser and import it",
        404 | 410 => "which means that there is no such file: check the address",
        429 => "which means too many requests: wait a while",
        500.. => "which is an error of the server: try again later",
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
