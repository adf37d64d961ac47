//! What a source holds, before anybody asks what it means: paths and where their bytes are.
//!
//! Archives are read once, front to back, and never unpacked to named files: the bytes of their images and tables go to
//! one unnamed spool file in the import's own folder. From then on every source is a list whose items can be read in
//! any order by several threads, and memory holds names only.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::data::store::StoreError;

/// Where the bytes of an item are.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// A file of its own.
    File(PathBuf),
    /// A part of the spool.
    Spool { offset: u64, length: u64 },
}

impl Location {
    /// Bytes of the item.
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(path.metadata()?.len()),
            Self::Spool { length, .. } => Ok(*length),
        }
    }
}

/// A file in the source.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Path inside the source, with `/`, without `.` and `..`.
    pub(super) path: String,
    /// Where its bytes are; `None` for what is not an image by its name.
    pub(super) at: Option<Location>,
}

/// A CSV file in the source that has at least the columns emotion and pixels.
#[derive(Debug, Clone)]
pub(super) struct FoundTable {
    pub(super) path: String,
    /// `None` when it lacks the column Usage.
    pub(super) at: Option<Location>,
}

/// Everything in the source that may matter.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<Found>,
    /// Folders that the source names, among them empty ones.
    pub(super) folders: Vec<String>,
    pub(super) tables: Vec<FoundTable>,
}

/// Endings of the image files that are taken; those that Keras takes and a few more.
const IMAGE_ENDINGS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "ppm", "pgm", "pnm", "tif", "tiff"];

/// What a file is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Table,
    Other,
    /// What systems leave behind: hidden files, `__MACOSX`, `Thumbs.db`. Not worth a word.
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

/// A file that grows at its end and is gone when it is closed.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    dir: PathBuf,
    length: u64,
}

impl Spool {
    /// A new one in `dir`.
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

    /// Appends all that comes out of `reader`; the outer error is the spool's, the inner one the reader's.
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

    /// Ends writing.
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
    /// All bytes of an item, unless they are more than `limit`.
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

    /// A reader over an item.
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
