//! The writer of a log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::checksum::{self, LineChecksum};
use super::{Event, LOG_VERSION, Record};

/// Bytes of one read in the search for the last line end.
const BLOCK: u64 = 4096;

/// An open log. The run folder's worker lock ensures that one process writes a log at a time.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
}

impl EventWriter {
    /// Opens the log at `path`, or creates it with its first line. Removes a last line that a killed worker left
    /// unfinished; no reader has parsed it. A log without checksums gets them from here on, announced by a line.
    ///
    /// # Errors
    /// If the file cannot be opened, read or written.
    pub fn open(path: &Path, now: u64) -> io::Result<Self> {
        // Refuses links: otherwise a link could lead writes out of the run's folder.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut file = OpenOptions::new().read(true).append(true).create(true).custom_flags(flags).open(path)?;
        let last = cut_unfinished_line(&mut file)?;
        let mut writer = Self { file };
        if checksum::check(&last) == LineChecksum::Missing {
            let program = concat!("mien ", env!("CARGO_PKG_VERSION")).to_owned();
            writer.append(now, Event::LogOpened { version: LOG_VERSION, program })?;
        }
        Ok(writer)
    }

    /// Appends one event in one write.
    ///
    /// # Errors
    /// If the write fails; a partial line is then removed if possible.
    pub fn append(&mut self, at: u64, event: Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Record { at, event })?;
        checksum::add(&mut line);
        line.push(b'\n');
        let before = self.file.metadata()?.len();
        self.file.write_all(&line).inspect_err(|_| {
            // Best effort: a torn line in the middle would cost the reader one event, not the log.
            let _ = self.file.set_len(before);
        })
    }

    /// Syncs the log to disk, so that it survives a power cut.
    ///
    /// # Errors
    /// If the file system returns an error.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Returns the length of the log at `path` in bytes without an unfinished last line, which the next writer removes; 0
/// without a log.
///
/// # Errors
/// If the log exists and cannot be read.
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

/// Removes the bytes after the last line end; returns the end of the line before that, long enough for a checksum.
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
