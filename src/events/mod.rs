//! The event log of a run: events in order, one JSON object per line.
//!
//! The log is the interface between training and everything that watches it. It is append-only and versioned. A reader
//! refuses a newer version with an error, skips unknown kinds of events, and takes an unterminated last line as
//! unfinished. Every line ends in its own checksum, so that a flipped bit costs one line and is reported. Depends on
//! `domain`.

mod checksum;
pub mod damage;
pub mod event;
pub mod reader;
mod step_line;
pub mod writer;

#[cfg(test)]
mod tests;

pub use damage::{Damage, Progress};
pub use event::{Event, Record};
pub use reader::{EventReader, ReadError};
pub use writer::{EventWriter, whole_length};

/// The format of the log that this program writes, and the newest that it reads.
///
/// Version 1 has no checksums. Version 2 has one in every line from the first line with one. A resumed log of version 1
/// gets another `log_opened` line there. Programs of version 1 must refuse such logs: otherwise they would append lines
/// without checksums, which count as damaged.
pub const LOG_VERSION: u32 = 2;

/// The first version whose lines have checksums.
const CHECKSUMS_SINCE: u32 = 2;

/// The log's file name in a run folder.
pub const FILE_NAME: &str = "events.jsonl";
