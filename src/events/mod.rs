//! The event log of a run: what happened, in order, one JSON object a line.
//!
//! The log is the interface between training and everything that watches it. It is append-only and versioned; a
//! reader refuses a newer version in words, skips kinds of event that it does not know, and takes an unterminated
//! last line to mean "not yet". May know: `domain`.

pub mod event;
pub mod reader;
mod step_line;
pub mod writer;

#[cfg(test)]
mod tests;

pub use event::{Event, Record};
pub use reader::{EventReader, ReadError};
pub use writer::EventWriter;

/// Format of the log that this program writes, and the newest that it reads.
pub const LOG_VERSION: u32 = 1;

/// The log's file name in a run folder.
pub const FILE_NAME: &str = "events.jsonl";
