//! A reader that follows a growing log.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::checksum::{self, LineChecksum};
use super::{CHECKSUMS_SINCE, Damage, Event, LOG_VERSION, Progress, Record, step_line};

/// The reason why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system returned an error.
    #[error("cannot read the event log {}: {source}", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A newer program wrote the log.
    #[error(
        "the event log {} has format {found} and this mien reads up to {LOG_VERSION}: use a newer mien", path.display()
    )]
    Newer {
        /// The log.
        path: PathBuf,
        /// The log's version.
        found: u32,
    },
}

/// A reader at a position in a log; each read continues from the end of the previous one.
#[derive(Debug)]
pub struct EventReader {
    path: PathBuf,
    progress: Progress,
    /// The position at which reading ends, if before the end of the log.
    end: u64,
}

/// The result of parsing a line.
enum Line {
    Event { record: Record, checksummed: bool },
    Damaged,
    Newer(u32),
}

/// The most bytes of one read, so that memory stays bounded, and the longest accepted line.
const MAX_PIECE: u64 = 4 << 20;

/// Bytes of one read while lines have the usual length: fits a CPU's cache.
const PIECE: u64 = 256 << 10;

impl EventReader {
    /// Returns a reader at the log's beginning. The file need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self::at(path, Progress::default())
    }

    /// Returns a reader that continues from the progress of another: after a line end, or at the beginning.
    #[must_use]
    pub fn at(path: &Path, progress: Progress) -> Self {
        Self { path: path.to_owned(), progress, end: u64::MAX }
    }

    /// Ends reading at this position.
    #[must_use]
    pub fn with_end(self, end: u64) -> Self {
        Self { end, ..self }
    }

    /// Returns the bytes of the complete lines read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.progress.position
    }

    /// Returns the progress, from which [`Self::at`] continues.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Returns the lines so far that are damaged or contain no event. Events of unknown kinds are not damage.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.progress.damage
    }

    /// Appends the events completed since the last call to `out` and returns whether there were any. A missing file
    /// counts as empty; an unterminated last line is left for later.
    ///
    /// # Errors
    /// If the file cannot be read, or a newer program wrote it.
    pub fn poll(&mut self, out: &mut Vec<Record>) -> Result<bool, ReadError> {
        self.read(|record| out.push(record))
    }

    /// Passes the events completed since the last call to `take`, one by one, and returns whether there were any.
    /// Unlike [`Self::poll`], needs no memory for all of them.
    ///
    /// # Errors
    /// If the file cannot be read, or a newer program wrote it. A later call does not repeat events.
    pub fn read(&mut self, mut take: impl FnMut(Record)) -> Result<bool, ReadError> {
        let before = self.position();
        let io = |source, path: &Path| ReadError::Io { path: path.to_owned(), source };
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(io(error, &self.path)),
        };
        let mut piece = Vec::new();
        let mut size = PIECE;
        loop {
            self.read_piece(&mut file, size, &mut piece).map_err(|error| io(error, &self.path))?;
            let taken = self.take_lines(&piece, &mut take)?;
            if (piece.len() as u64) < size {
                return Ok(self.position() > before);
            }
            size = match taken {
                0 if size >= MAX_PIECE => {
                    // No event is longer. Skip the line: otherwise reading would stall.
                    self.progress.position += size;
                    self.progress.damage.add(self.progress.lines + 1);
                    PIECE
                }
                0 => MAX_PIECE,
                _ => PIECE,
            };
        }
    }

    /// Parses the complete lines of a piece; returns their length in bytes.
    fn take_lines(&mut self, piece: &[u8], take: &mut impl FnMut(Record)) -> Result<usize, ReadError> {
        let mut rest = piece;
        while !rest.is_empty() {
            let (line, length) = match step_line::read(rest) {
                Some((record, length, checksummed)) if checksummed || !self.progress.checksummed => {
                    (Line::Event { record, checksummed }, length)
                }
                _ => {
                    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
                    (self.parse_line(&rest[..end]), end + 1)
                }
            };
            match line {
                Line::Event { record, checksummed } => {
                    self.progress.checksummed |= checksummed;
                    take(record);
                }
                Line::Damaged => self.progress.damage.add(self.progress.lines + 1),
                Line::Newer(found) => return Err(ReadError::Newer { path: self.path.clone(), found }),
            }
            self.progress.position += length as u64;
            self.progress.lines += 1;
            rest = &rest[length..];
        }
        Ok(piece.len() - rest.len())
    }

    /// Parses a line without its end. Damaged are a line without a checksum after one with a checksum, and a line that
    /// announces checksums without having one.
    fn parse_line(&self, line: &[u8]) -> Line {
        let checksum = checksum::check(line);
        let Ok(record) = serde_json::from_slice::<Record>(line) else { return Line::Damaged };
        let announced = match record.event {
            Event::LogOpened { version, .. } => Some(version),
            _ => None,
        };
        match (checksum, announced) {
            (LineChecksum::Broken, _) => Line::Damaged,
            // A newer format may have other checksums.
            (_, Some(version)) if version > LOG_VERSION => Line::Newer(version),
            (LineChecksum::Missing, Some(CHECKSUMS_SINCE..)) => Line::Damaged,
            (LineChecksum::Missing, _) if self.progress.checksummed => Line::Damaged,
            (checksum, _) => Line::Event { record, checksummed: checksum == LineChecksum::Whole },
        }
    }

    fn read_piece(&self, file: &mut File, size: u64, piece: &mut Vec<u8>) -> io::Result<()> {
        piece.clear();
        let there = file.metadata()?.len().min(self.end).saturating_sub(self.position()).min(size);
        if there > 0 {
            piece.reserve(usize::try_from(there).unwrap_or(0));
            file.seek(SeekFrom::Start(self.position()))?;
            file.take(there).read_to_end(piece)?;
        }
        Ok(())
    }
}
