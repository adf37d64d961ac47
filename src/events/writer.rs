//! Appends events to a log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::seal::{self, Seal};
use super::{Event, LOG_VERSION, Record};

/// How much of a log is read at once to find the end of a line.
const BLOCK: u64 = 4096;

/// An open log. One process writes a log at a time: the run folder's worker lock sees to that.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
}

impl EventWriter {
    /// Opens the log at `path`, or creates it with its first line. A last line that a killed worker left unfinished
    /// is cut off: no reader has taken it for an event. A log without checksums has them from here on, and says so.
    ///
    /// # Errors
    /// When the file cannot be opened, read or written.
    pub fn open(path: &Path, now: u64) -> io::Result<Self> {
        // Never through a link, which could lead out of the run's folder.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut file = OpenOptions::new().read(true).append(true).create(true).custom_flags(flags).open(path)?;
        let last = cut_unfinished_line(&mut file)?;
        let mut writer = Self { file };
        if seal::check(&last) == Seal::Missing {
            let program = concat!("mien ", env!("CARGO_PKG_VERSION")).to_owned();
            writer.append(now, Event::LogOpened { version: LOG_VERSION, program })?;
        }
        Ok(writer)
    }

    /// Appends one event as one write.
    ///
    /// # Errors
    /// When the write fails; what was written of the line is then cut off again where that is possible.
    pub fn append(&mut self, at: u64, event: Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Record { at, event })?;
        seal::add(&mut line);
        line.push(b'\n');
        let before = self.file.metadata()?.len();
        self.file.write_all(&line).inspect_err(|_| {
            // Best effort: a torn line in the middle would cost the reader one event, not the log.
            let _ = self.file.set_len(before);
        })
    }

    /// Makes what was appended survive a power cut.
    ///
    /// # Errors
    /// When the file system says so.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The length of the log at `path` without a last line that is unfinished, which the next writer cuts off; 0 without a
/// log.
///
/// # Errors
/// When the log is there and cannot be read.
pub fn whole_length(path: &Path) -> io::Result<u64> {
    match File::open(path) {
        Ok(mut file) => last_line_end(&mut file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn last_line_end(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        if let Some(position) = read(file, start, end)?.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Cuts off what follows the last line end; gives the last bytes of the line before that, enough to hold a seal.
fn cut_unfinished_line(file: &mut File) -> io::Result<Vec<u8>> {
    let end = last_line_end(file)?;
    if end < file.metadata()?.len() {
        file.set_len(end)?;
    }
    let line = end.saturating_sub(1);
    read(file, line.saturating_sub(BLOCK), line)
}

fn read(file: &mut File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(end - start).read_to_end(&mut bytes)?;
    Ok(bytes)
}
