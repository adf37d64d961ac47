//! Follows a log as it grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{Event, LOG_VERSION, Record};

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
    position: u64,
    damaged: usize,
}

/// Most bytes that one poll takes in, so that a huge log is read in bounded pieces.
const MAX_PIECE: u64 = 4 << 20;

impl EventReader {
    /// A reader at the log's beginning. The file need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), position: 0, damaged: 0 }
    }

    /// Lines so far that were no event at all (not: of an unknown kind).
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// Appends to `out` what has been completed since the last call, and tells whether there was anything. A missing
    /// file counts as empty; an unterminated last line is left for later.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program.
    pub fn poll(&mut self, out: &mut Vec<Record>) -> Result<bool, ReadError> {
        let before = self.position;
        while self.poll_piece(out)? {}
        Ok(self.position > before)
    }

    fn poll_piece(&mut self, out: &mut Vec<Record>) -> Result<bool, ReadError> {
        let piece = self.read_piece().map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        let Some(last) = piece.iter().rposition(|byte| *byte == b'\n') else {
            // A line longer than a piece is none of ours: step over it rather than stall.
            let oversized = piece.len() as u64 >= MAX_PIECE;
            if oversized {
                self.position += piece.len() as u64;
                self.damaged += 1;
            }
            return Ok(oversized);
        };
        for line in piece[..last].split(|byte| *byte == b'\n') {
            match serde_json::from_slice::<Record>(line) {
                Ok(Record { event: Event::LogOpened { version, .. }, .. }) if version > LOG_VERSION => {
                    return Err(ReadError::Newer { path: self.path.clone(), found: version });
                }
                Ok(record) => out.push(record),
                Err(_) => self.damaged += 1,
            }
        }
        self.position += last as u64 + 1;
        Ok(true)
    }

    fn read_piece(&self) -> io::Result<Vec<u8>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut piece = Vec::new();
        if file.metadata()?.len() > self.position {
            file.seek(SeekFrom::Start(self.position))?;
            file.take(MAX_PIECE).read_to_end(&mut piece)?;
        }
        Ok(piece)
    }
}
