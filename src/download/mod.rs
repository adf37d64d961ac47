//! Files from the network: one file from one address, whole or not at all.
//!
//! May know: the domain, durable files and an HTTP client. Knows nothing of what the files are.
//!
//! What has come so far lies in `NAME.part` beside the destination, and what the server said of it in `NAME.part.json`
//! (`part`), so that a download that broke off goes on where it stopped. One thread talks to the server (`transfer`)
//! while another writes and tells progress, so that a server that hangs holds nobody up who wants to leave.

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
use self::transfer::{Head, Message, Range};

/// What to download.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The address: `http://` or `https://`.
    pub url: &'a str,
    /// Where the file goes; its folder is made if it is missing.
    pub destination: &'a Path,
    /// What the file has to be, where that was published.
    pub expected: Option<&'a Digest>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on a download; tests have smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait without a single byte.
    pub silence: Duration,
    /// Most times that a server may point elsewhere.
    pub redirects: u32,
    /// Largest file.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(20), silence: seconds(30), redirects: 8, bytes: 8 << 30 }
    }
}

/// How far a download is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many are here.
    pub done: u64,
    /// How many there are, if the server says so.
    pub total: Option<u64>,
}

/// How often progress is told while nothing comes, so that whoever wants to stop is heard.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Downloads a file. `progress` is called many times a second and ends the download by breaking; what has come by then
/// is kept, and the next call goes on from there.
///
/// # Errors
/// [`DownloadError`]; the destination is then as it was.
pub fn download(request: &Request, progress: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<(), DownloadError> {
    transfer::check(request.url)?;
    let mut part = Part::open(request.url, request.destination)?;
    let mut fetched = fetch(request, &mut part, progress);
    if matches!(fetched, Ok(Fetched::Stale)) {
        // The server does not know that part of the file any more: once more, from the beginning.
        part.clear()?;
        fetched = fetch(request, &mut part, progress);
    }
    if let Err(error) = fetched {
        if part.length() == 0 {
            // Nothing has come, so nothing is left.
            let _ = part.remove();
        }
        return Err(error);
    }
    if let Some(expected) = request.expected {
        let found = part.digest(expected)?;
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

#[derive(Debug, PartialEq, Eq)]
enum Fetched {
    Whole,
    Stale,
}

/// Takes what the server sends into the part.
fn fetch(
    request: &Request,
    part: &mut Part,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Fetched, DownloadError> {
    let range = part.resumable().map(|validator| Range { from: part.length(), validator });
    let messages = transfer::start(request.url, range, request.limits);
    let mut total = None;
    let mut heard = Instant::now();
    let patience = request.limits.connect + request.limits.silence;
    loop {
        let message = match messages.recv_timeout(HEARTBEAT) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return end(request, part, total).map(|()| Fetched::Whole),
        };
        heard = if message.is_some() { Instant::now() } else { heard };
        match message {
            Some(Message::Head(Head::Stale)) => return Ok(Fetched::Stale),
            Some(Message::Head(Head::Whole { length, validator })) => {
                part.begin(length, validator)?;
                total = length;
            }
            Some(Message::Head(Head::Rest { length })) => total = Some(part.length().saturating_add(length)),
            Some(Message::Bytes(bytes)) => part.append(&bytes)?,
            Some(Message::Failed(failure)) => return Err(failure.at(request, part.length(), total)),
            // The client has waits of its own, which end sooner; a name that is never resolved ends here.
            None if heard.elapsed() > patience => return Err(DownloadError::hung(request.url, patience)),
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

/// Whether everything has come that was told.
fn end(request: &Request, part: &Part, total: Option<u64>) -> Result<(), DownloadError> {
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

/// Whether a text is meant as an address, and not as a path.
#[must_use]
pub fn is_address(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))
}
