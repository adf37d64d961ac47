//! The download of one file from one address, resumable and checked by hash.
//!
//! The content of files is unknown here; only web pages and pointers in place of a file are refused.
//!
//! The received bytes are in `NAME.part` in the destination's folder, the server's description of the file in
//! `NAME.part.json` (`part`). An interrupted download resumes from them. One thread receives (`transfer`) while another
//! writes and reports progress. Otherwise a hanging server would prevent cancelling.

mod certificates;
mod digest;
mod error;
mod part;
mod transfer;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

pub use digest::Digest;
pub use error::DownloadError;

use self::part::Part;
use self::transfer::{ByteRange, Head, Message};

/// A file to download.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The address: `http://` or `https://`.
    pub url: &'a str,
    /// The path of the file; its folder is created if it is missing.
    pub destination: &'a Path,
    /// The published hash, if there is one.
    pub expected: Option<&'a Digest>,
    /// The bounds.
    pub limits: Limits,
}

/// The bounds of a download; tests use smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait between two bytes.
    pub silence: Duration,
    /// The largest number of redirects.
    pub redirects: u32,
    /// The largest file, in bytes.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(20), silence: seconds(30), redirects: 8, bytes: 8 << 30 }
    }
}

/// The progress of a download, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The bytes received.
    pub done: u64,
    /// The bytes of the file, if the server states them.
    pub total: Option<u64>,
}

/// The interval of progress reports while no bytes arrive. Otherwise a hanging server would prevent cancelling.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Downloads a file. `progress` is called many times a second; a break cancels the download. The received bytes are
/// saved, and the next call resumes from them.
///
/// # Errors
/// [`DownloadError`]; the destination is then unchanged.
pub fn download(request: &Request, progress: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<(), DownloadError> {
    transfer::check_address(request.url)?;
    let mut part = Part::open(request.url, request.destination)?;
    let mut fetched = fetch(request, &mut part, progress);
    if matches!(fetched, Ok(FetchOutcome::Stale)) {
        // The server has another version of the file, so the download restarts.
        part.clear()?;
        fetched = fetch(request, &mut part, progress);
    }
    let fetched = fetched.inspect_err(|_| {
        if part.length() == 0 {
            // An empty part is not worth resuming.
            let _ = part.remove();
        }
    })?;
    if fetched == FetchOutcome::Unchanged {
        // The file of an earlier download, whose import failed.
        return part.remove();
    }
    if let Some(found) = part.placeholder()? {
        part.remove()?;
        return Err(DownloadError::Placeholder { url: request.url.to_owned(), found });
    }
    if let Some(expected) = request.expected {
        let found = part.hash(expected)?;
        if !expected.matches(&found) {
            part.remove()?;
            return Err(DownloadError::WrongHash {
                url: request.url.to_owned(),
                expected: expected.to_string(),
                found,
            });
        }
    }
    part.publish(request.destination)
}

/// Deletes a downloaded file that is no longer needed, and its description.
pub fn discard(destination: &Path) {
    // An unfinished download beside it is another process's.
    let _ = std::fs::remove_file(destination);
    if !part::part_file(destination).exists() {
        let _ = std::fs::remove_file(part::description_file(destination));
    }
}

#[derive(Debug, PartialEq, Eq)]
enum FetchOutcome {
    Whole,
    Stale,
    /// The file of an earlier download is still the server's.
    Unchanged,
}

/// Writes the server's bytes to the part.
fn fetch(
    request: &Request,
    part: &mut Part,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<FetchOutcome, DownloadError> {
    let kept = part.kept();
    let mut total = kept.as_ref().map(|(_, length)| *length);
    let wanted = match (kept, part.resume_validator()) {
        (Some((validator, _)), _) => ByteRange::Changed(validator),
        (None, Some(validator)) => ByteRange::Rest { from: part.length(), validator },
        (None, None) => ByteRange::Whole,
    };
    let messages = transfer::start(request.url, wanted, request.limits);
    let mut last_message = Instant::now();
    let patience = request.limits.connect + request.limits.silence;
    loop {
        let message = match messages.recv_timeout(HEARTBEAT) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                return check_length(request, part, total).map(|()| FetchOutcome::Whole);
            }
        };
        last_message = if message.is_some() { Instant::now() } else { last_message };
        match message {
            Some(Message::Head(Head::Stale)) => return Ok(FetchOutcome::Stale),
            Some(Message::Head(Head::Unchanged)) => {
                let length = total.unwrap_or(0);
                let _ = progress(Progress { done: length, total });
                return Ok(FetchOutcome::Unchanged);
            }
            Some(Message::Head(Head::Whole { length, validator })) => {
                part.begin(length, validator)?;
                total = length;
            }
            Some(Message::Head(Head::Rest { length })) => total = Some(part.length().saturating_add(length)),
            Some(Message::Bytes(bytes)) => part.append(&bytes)?,
            Some(Message::Failed(failure)) => return Err(failure.at(request, part.length(), total)),
            // The client's timeouts end sooner, but they do not cover name resolution.
            None if last_message.elapsed() > patience => return Err(DownloadError::hung(request.url, patience)),
            None => {}
        }
        if total.unwrap_or(0).max(part.length()) > request.limits.bytes {
            part.remove()?;
            return Err(DownloadError::TooLarge { url: request.url.to_owned(), bound: request.limits.bytes });
        }
        if progress(Progress { done: part.length(), total }).is_break() {
            return Err(DownloadError::Cancelled);
        }
    }
}

/// Checks that all announced bytes were received.
fn check_length(request: &Request, part: &Part, total: Option<u64>) -> Result<(), DownloadError> {
    match total {
        Some(total) if part.length() < total => {
            let reason = "the server stopped sending".into();
            Err(DownloadError::Interrupted {
                url: request.url.to_owned(),
                done: part.length(),
                total: Some(total),
                reason,
            })
        }
        _ => Ok(()),
    }
}

/// Returns whether a text is an address rather than a path.
#[must_use]
pub fn is_address(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))
}
