//! The connection to the server, on a thread.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Error, Timeout};

use super::certificates;
use super::error::DownloadError;
use super::{Limits, Request};

/// The bytes of a message, and the number of messages that may wait to be written.
const MESSAGE_BYTES: usize = 1 << 16;
const QUEUED_MESSAGES: usize = 16;

/// The bytes of a file that are wanted.
#[derive(Debug)]
pub(super) enum ByteRange {
    Whole,
    /// The bytes behind the received ones. The server's identifier of the content goes into `If-Range`. Otherwise the
    /// parts of two versions could be joined.
    Rest {
        from: u64,
        validator: String,
    },
    /// The whole file if it has changed since the server gave it this identifier.
    Changed(String),
}

/// A message from the server, in order: a head, then bytes until the channel closes, or a failure.
#[derive(Debug)]
pub(super) enum Message {
    Head(Head),
    Bytes(Vec<u8>),
    Failed(Failure),
}

/// The beginning of the server's answer.
#[derive(Debug)]
pub(super) enum Head {
    /// The whole file follows, whether or not a range was requested.
    Whole { length: Option<u64>, validator: Option<String> },
    /// The requested range follows.
    Rest { length: u64 },
    /// The requested range does not exist.
    Stale,
    /// The file has not changed.
    Unchanged,
}

/// The reason why a transfer failed.
#[derive(Debug)]
pub(super) enum Failure {
    Address(String),
    Unreachable(String),
    Status(u16),
    Redirects(String),
    Silent(Duration),
    Broken(String),
    /// The server's certificate is unknown here.
    Certificate(String),
}

impl Failure {
    /// Returns the error for a download with `done` of `total` bytes.
    pub(super) fn at(self, request: &Request, done: u64, total: Option<u64>) -> DownloadError {
        let url = request.url.to_owned();
        match self {
            Self::Address(reason) => DownloadError::Address { url, reason },
            Self::Unreachable(reason) => DownloadError::Unreachable { url, reason },
            Self::Status(status) => DownloadError::Status { url, status },
            Self::Redirects(reason) => DownloadError::Redirects { url, reason },
            Self::Silent(waited) => DownloadError::hung(&url, waited),
            Self::Broken(reason) => DownloadError::Interrupted { url, done, total, reason },
            Self::Certificate(reason) => DownloadError::Certificate { url, reason },
        }
    }
}

/// Rejects an invalid address.
pub(super) fn check_address(url: &str) -> Result<(), DownloadError> {
    let wrong = |reason: &str| Err(DownloadError::Address { url: url.to_owned(), reason: reason.into() });
    if !super::is_address(url) {
        return wrong("it has to begin with https:// or http://");
    }
    match url.parse::<Uri>() {
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(()),
        Ok(_) => wrong("it has no server name"),
        Err(_) => wrong("it is malformed"),
    }
}

/// Starts the transfer. The thread ends with the file, when the receiver is dropped, or at a timeout.
pub(super) fn start(url: &str, wanted: ByteRange, limits: Limits) -> Receiver<Message> {
    let (sender, receiver) = sync_channel(QUEUED_MESSAGES);
    let url = url.to_owned();
    thread::spawn(move || {
        if let Err(failure) = run(&url, &wanted, limits, &sender) {
            // Sending fails if the receiver was dropped.
            let _ = sender.send(Message::Failed(failure));
        }
    });
    receiver
}

fn run(url: &str, wanted: &ByteRange, limits: Limits, sender: &SyncSender<Message>) -> Result<(), Failure> {
    let request = agent(url, limits)?.get(url);
    let request = match wanted {
        ByteRange::Whole => request,
        ByteRange::Rest { from, validator } => {
            request.header(header::RANGE, format!("bytes={from}-")).header(header::IF_RANGE, validator)
        }
        ByteRange::Changed(tag) if tag.starts_with('"') => request.header(header::IF_NONE_MATCH, tag),
        ByteRange::Changed(time) => request.header(header::IF_MODIFIED_SINCE, time),
    };
    let response = request.call().map_err(|error| to_failure(error, limits))?;
    let (head, body) = response.into_parts();
    let head = parse_head(head.status, &head.headers, wanted)?;
    let has_body = !matches!(head, Head::Stale | Head::Unchanged);
    if sender.send(Message::Head(head)).is_err() || !has_body {
        return Ok(());
    }
    let mut body = body.into_reader();
    loop {
        let mut bytes = vec![0; MESSAGE_BYTES];
        let count = body.read(&mut bytes).map_err(|error| to_failure(error.into(), limits))?;
        bytes.truncate(count);
        if count == 0 || sender.send(Message::Bytes(bytes)).is_err() {
            return Ok(());
        }
    }
}

fn agent(url: &str, limits: Limits) -> Result<Agent, Failure> {
    let uri = url.parse::<Uri>().ok();
    let encrypted = uri.as_ref().is_some_and(|uri| uri.scheme_str() == Some("https"));
    let is_local =
        uri.as_ref().and_then(Uri::host).is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // An encrypted transfer is never redirected to an unencrypted address.
        .https_only(encrypted)
        .max_redirects(limits.redirects)
        .user_agent(concat!("mien/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_per_read(Some(limits.silence))
        .timeout_per_write(Some(limits.silence));
    // A proxy cannot reach this machine's own addresses.
    let config = if is_local { config.proxy(None) } else { config };
    let config = if encrypted {
        let roots = certificates::roots().map_err(Failure::Certificate)?;
        config.tls_config(TlsConfig::builder().root_certs(roots).build())
    } else {
        config
    };
    Ok(config.build().new_agent())
}

/// Returns the meaning of the answer's head for the request.
fn parse_head(status: StatusCode, headers: &HeaderMap, wanted: &ByteRange) -> Result<Head, Failure> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    match (status, wanted) {
        (StatusCode::OK, _) => {
            // A weak tag promises equivalent content, not the same bytes (RFC 9110, section 8.8.1).
            let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
            let validator = tag.or(text(header::LAST_MODIFIED)).map(ToOwned::to_owned);
            Ok(Head::Whole { length, validator })
        }
        (StatusCode::PARTIAL_CONTENT, ByteRange::Rest { from, .. }) => {
            let begins = text(header::CONTENT_RANGE)
                .and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse::<u64>().ok());
            match (begins == Some(*from), length) {
                (true, Some(length)) => Ok(Head::Rest { length }),
                _ => Ok(Head::Stale),
            }
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, ByteRange::Rest { .. }) => Ok(Head::Stale),
        (StatusCode::NOT_MODIFIED, ByteRange::Changed(_)) => Ok(Head::Unchanged),
        _ => Err(Failure::Status(status.as_u16())),
    }
}

fn to_failure(error: Error, limits: Limits) -> Failure {
    match error {
        Error::BadUri(reason) => Failure::Address(reason),
        Error::HostNotFound => Failure::Unreachable("the name of the server cannot be found".into()),
        Error::TooManyRedirects => {
            Failure::Redirects(format!("the server redirects more than {} times", limits.redirects))
        }
        Error::RequireHttpsOnly(to) => {
            Failure::Redirects(format!("the server redirects to {to}, which is not encrypted"))
        }
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Failure::Unreachable(format!("no answer within {} seconds", limits.connect.as_secs()))
        }
        Error::Timeout(_) => Failure::Silent(limits.silence),
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Failure::Silent(limits.silence),
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::Broken("the server closed the connection".into())
        }
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => Failure::Broken(error.to_string()),
        Error::Protocol(error) => Failure::Broken(error.to_string()),
        error => {
            let reason = error.to_string();
            if reason.contains("certificate") { Failure::Certificate(reason) } else { Failure::Unreachable(reason) }
        }
    }
}
