//! The files of a source, before classes and splits are known: paths and the locations of their bytes.
//!
//! Archives are read once, front to back, and never unpacked to named files. The bytes of their images and tables go to
//! one unnamed spool file in the import's folder. Threads can then read the items of any source in any order, and
//! memory holds only names.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::data::store::StoreError;

/// The location of an item's bytes.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// A file.
    File(PathBuf),
    /// A part of the spool.
    Spool { offset: u64, length: u64 },
}

impl Location {
    /// Returns the bytes of the item.
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(path.metadata()?.len()),
            Self::Spool { length, .. } => Ok(*length),
        }
    }
}

/// A file in the source.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    /// The path inside the source, with `/`, without `.` and `..`.
    pub(super) path: String,
    /// The location of its bytes; `None` if its name is not that of an image.
    pub(super) at: Option<Location>,
}

/// A CSV file in the source with at least the columns emotion and pixels.
#[derive(Debug, Clone)]
pub(super) struct SourceTable {
    pub(super) path: String,
    /// `None` if the column Usage is missing.
    pub(super) at: Option<Location>,
}

/// The relevant files and folders of a source.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<SourceFile>,
    /// The folders of the source, empty ones included.
    pub(super) folders: Vec<String>,
    pub(super) tables: Vec<SourceTable>,
}

/// The extensions of accepted image files: Keras's and a few more.
const IMAGE_ENDINGS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "ppm", "pgm", "pnm", "tif", "tiff"];

/// The kind of a file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Table,
    Other,
    /// Leftovers of operating systems, skipped silently: hidden files, `__MACOSX`, `Thumbs.db`.
    Clutter,
}

pub(super) fn kind(path: &str) -> Kind {
    let clutter = |part: &str| {
        part.starts_with('.')
            || part == "__MACOSX"
            || ["thumbs.db", "desktop.ini"].contains(&part.to_lowercase().as_str())
    };
    if path.split('/').any(clutter) {
        return Kind::Clutter;
    }
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "csv" => Kind::Table,
        ending if IMAGE_ENDINGS.contains(&ending) => Kind::Image,
        _ => Kind::Other,
    }
}

/// A temporary file that is only appended to and vanishes when it is closed.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    dir: PathBuf,
    length: u64,
}

impl Spool {
    /// Creates a spool in `dir`.
    pub(super) fn new(dir: &Path) -> Result<Self, StoreError> {
        let file = tempfile::tempfile_in(dir).map_err(|error| StoreError::io(dir, error))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), dir: dir.to_owned(), length: 0 })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<Location, StoreError> {
        self.file.write_all(bytes).map_err(|error| StoreError::io(&self.dir, error))?;
        let offset = self.length;
        self.length += bytes.len() as u64;
        Ok(Location::Spool { offset, length: bytes.len() as u64 })
    }

    /// Appends the whole of `reader`. The outer error is the spool's, the inner one the reader's.
    pub(super) fn append_all(&mut self, reader: &mut dyn Read) -> Result<io::Result<Location>, StoreError> {
        let offset = self.length;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Ok(Location::Spool { offset, length: self.length - offset })),
                Ok(count) => self.append(&buffer[..count]).map(|_| ())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Ends writing and returns the contents.
    pub(super) fn finish(self) -> Result<Contents, StoreError> {
        let file = self.file.into_inner().map_err(|error| StoreError::io(&self.dir, error.into_error()))?;
        Ok(Contents { spool: Some(file) })
    }
}

/// The bytes of a source's items, for several threads.
#[derive(Debug, Default)]
pub(super) struct Contents {
    spool: Option<File>,
}

impl Contents {
    /// Reads all bytes of an item, at most `limit`.
    pub(super) fn read(&self, at: &Location, limit: u64) -> io::Result<Vec<u8>> {
        match at {
            Location::File(path) => {
                let mut bytes = Vec::new();
                File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
            }
            Location::Spool { offset, length } => {
                let length = usize::try_from(*length).map_err(io::Error::other)?;
                let mut bytes = vec![0; length];
                self.spool()?.read_exact_at(&mut bytes, *offset)?;
                Ok(bytes)
            }
        }
    }

    /// Returns a reader of an item.
    pub(super) fn reader(&self, at: &Location) -> io::Result<Box<dyn Read>> {
        match at {
            Location::File(path) => Ok(Box::new(File::open(path)?)),
            Location::Spool { offset, length } => {
                let mut file = self.spool()?.try_clone()?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(Box::new(file.take(*length)))
            }
        }
    }

    fn spool(&self) -> io::Result<&File> {
        self.spool.as_ref().ok_or_else(|| io::Error::other("nothing was spooled"))
    }
}
