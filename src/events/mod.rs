//! The event log of a run: what happened, in order, one JSON object a line.
//!
//! The log is the interface between training and everything that watches it. It is append-only and versioned; a
//! reader refuses a newer version in words, skips kinds of event that it does not know, and takes an unterminated
//! last line to mean "not yet". Every line ends in a checksum of itself, so that a flipped bit costs a line and is
//! told. May know: `domain`.

pub mod damage;
pub mod event;
pub mod reader;
mod seal;
mod step_line;
pub mod writer;

#[cfg(test)]
mod tests;

pub use damage::{Damage, Progress};
pub use event::{Event, Record};
pub use reader::{EventReader, ReadError};
pub use writer::{EventWriter, whole_length};

/// Format of the log that this program writes, and the newest that it reads.
///
/// 1 has no checksums. 2 has one in every line from the first line that has one: a log of version 1 that is gone on
/// with says so with another `log_opened` there. The number was raised although version 1 reads such lines: it would
/// append lines without checksums, which count as damaged.
pub const LOG_VERSION: u32 = 2;

/// The first version whose lines have checksums.
const SEALED_SINCE: u32 = 2;

/// The log's file name in a run folder.
pub const FILE_NAME: &str = "events.jsonl";
