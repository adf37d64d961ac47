//! Follows a log as it grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::seal::{self, Seal};
use super::{Damage, Event, LOG_VERSION, Progress, Record, SEALED_SINCE, step_line};

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system said no.
    #[error("cannot read the event log {}: {source}", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Written by a newer program.
    #[error(
        "the event log {} has format {found} and this mien reads up to {LOG_VERSION}: use a newer mien", path.display()
    )]
    Newer {
        /// The log.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// A position in a log. Reading goes on where it ended.
#[derive(Debug)]
pub struct EventReader {
    path: PathBuf,
    progress: Progress,
    /// Where reading ends, if not with the log.
    end: u64,
}

/// What a line turned out to be.
enum Line {
    Event { record: Record, sealed: bool },
    Damaged,
    Newer(u32),
}

/// Most bytes that are read at once, so that a huge log is read in bounded pieces; and the longest line.
const MAX_PIECE: u64 = 4 << 20;

/// Bytes that are read at once as long as lines are of usual length: what stays in a processor's cache.
const PIECE: u64 = 256 << 10;

impl EventReader {
    /// A reader at the log's beginning. The file need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self::at(path, Progress::default())
    }

    /// A reader that goes on where another one stood: behind a line end, or at the beginning.
    #[must_use]
    pub fn at(path: &Path, progress: Progress) -> Self {
        Self { path: path.to_owned(), progress, end: u64::MAX }
    }

    /// The same reader, which takes the log to end at this position.
    #[must_use]
    pub fn until(self, end: u64) -> Self {
        Self { end, ..self }
    }

    /// Bytes of the log that were taken in: whole lines.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.progress.position
    }

    /// How far it has read: where [`Self::at`] goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The lines so far that are not as they were written, or were no event at all (not: of an unknown kind).
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.progress.damage
    }

    /// Appends to `out` what has been completed since the last call, and tells whether there was anything. A missing
    /// file counts as empty; an unterminated last line is left for later.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program.
    pub fn poll(&mut self, out: &mut Vec<Record>) -> Result<bool, ReadError> {
        self.read(|record| out.push(record))
    }

    /// Hands over, one by one, what has been completed since the last call, and tells whether there was anything: like
    /// [`Self::poll`] without room for all of it.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program. What was handed over is not handed over again.
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
                    // A line longer than this is none of ours: step over it rather than stall.
                    self.progress.position += size;
                    self.progress.damage.add(self.progress.lines + 1);
                    PIECE
                }
                0 => MAX_PIECE,
                _ => PIECE,
            };
        }
    }

    /// Takes the whole lines of a piece; tells how many bytes they are.
    fn take_lines(&mut self, piece: &[u8], take: &mut impl FnMut(Record)) -> Result<usize, ReadError> {
        let mut rest = piece;
        while !rest.is_empty() {
            let (line, length) = match step_line::read(rest) {
                Some((record, length, sealed)) if sealed || !self.progress.sealed => {
                    (Line::Event { record, sealed }, length)
                }
                _ => {
                    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
                    (self.judge(&rest[..end]), end + 1)
                }
            };
            match line {
                Line::Event { record, sealed } => {
                    self.progress.sealed |= sealed;
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

    /// What a line is, without its end. Where lines have checksums, one without is damaged; so is one that announces
    /// them and has none.
    fn judge(&self, line: &[u8]) -> Line {
        let seal = seal::check(line);
        let Ok(record) = serde_json::from_slice::<Record>(line) else { return Line::Damaged };
        let announced = match record.event {
            Event::LogOpened { version, .. } => Some(version),
            _ => None,
        };
        match (seal, announced) {
            (Seal::Broken, _) => Line::Damaged,
            // A newer format may have seals of another kind.
            (_, Some(version)) if version > LOG_VERSION => Line::Newer(version),
            (Seal::Missing, Some(SEALED_SINCE..)) => Line::Damaged,
            (Seal::Missing, _) if self.progress.sealed => Line::Damaged,
            (seal, _) => Line::Event { record, sealed: seal == Seal::Whole },
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
