//! The files of a source, before classes and splits are known: paths and the locations of their bytes.
//!
//! Archives are read once, front to back, and never unpacked to named files. The bytes of their images and tables go to
//! one unnamed spool file in the import's folder. Threads can then read the items of any source in any order, and
//! memory holds only names.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::report::ImportLog;
use crate::data::store::{Dataset, StoreError};

/// The location of an item's bytes.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// A file.
    File(PathBuf),
    /// A part of the spool.
    Spool { offset: u64, length: u64 },
    /// The stored image at this position of the dataset into which the source is merged.
    Stored(usize),
}

impl Location {
    /// Returns the bytes of the item.
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(path.metadata()?.len()),
            Self::Spool { length, .. } => Ok(*length),
            Self::Stored(_) => Ok(0),
        }
    }
}

/// A file in the source.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    /// The path inside the source, with `/`, without `.` and `..`.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// The location of its bytes; `None` for a file of no use.
    pub(super) at: Option<Location>,
}

impl SourceFile {
    pub(super) fn is_image(&self) -> bool {
        self.kind == Kind::Image
    }

    /// Returns the path of its folder, empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns its name without folders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A CSV file in the source with at least the columns emotion and pixels.
#[derive(Debug, Clone)]
pub(super) struct SourceTable {
    pub(super) path: String,
    pub(super) at: Location,
    pub(super) has_usage: bool,
}

/// The relevant files and folders of a source.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<SourceFile>,
    /// The folders of the source, empty ones included.
    pub(super) folders: Vec<String>,
    pub(super) tables: Vec<SourceTable>,
    /// Hidden files, which count if the source has no other images; of a folder only names.
    pub(super) hidden: Vec<SourceFile>,
}

impl Listing {
    /// Returns whether it has neither images nor tables.
    pub(super) fn has_no_images(&self) -> bool {
        let holds = |file: &SourceFile| matches!(file.kind, Kind::Image | Kind::Parquet);
        self.tables.is_empty() && !self.files.iter().any(holds)
    }

    /// Takes hidden files for the dataset if there are no others, and records the rest. A dataset may lie below a
    /// hidden folder, such as `.keras`; what is hidden below its own root is clutter.
    pub(super) fn settle_hidden(&mut self, log: &mut ImportLog) {
        let hidden = std::mem::take(&mut self.hidden);
        let depth = |file: &SourceFile| file.path.split('/').filter(|part| is_hidden(part)).count();
        let images = hidden.iter().filter(|file| file.is_image() && file.at.is_some());
        let root = images.map(depth).min().filter(|_| self.has_no_images());
        let (taken, clutter): (Vec<_>, Vec<_>) = hidden.into_iter().partition(|file| Some(depth(file)) == root);
        self.files.extend(taken);
        for file in clutter {
            log.record_ignored(&file.path, HIDDEN_REASON, 1);
        }
    }
}

/// The reason for passing over leftovers.
pub(super) const HIDDEN_REASON: &str = "is hidden, or left by an operating system";

/// The extensions of accepted image files: Keras's and a few more.
const IMAGE_ENDINGS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "ppm", "pgm", "pnm", "tif", "tiff"];

/// The extensions of files that may hold labels.
const LABEL_ENDINGS: [&str; 7] = ["csv", "tsv", "txt", "lst", "npy", "yaml", "yml"];

/// The kind of a file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    /// A text or array that may hold labels, or a table of images.
    Text,
    Parquet,
    Other,
    /// A file that is hidden, or in a hidden folder.
    Hidden,
    /// Leftovers of operating systems: `__MACOSX`, `Thumbs.db`.
    Clutter,
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.')
}

/// Returns the kind of a file from its path.
pub(super) fn kind(path: &str) -> Kind {
    let is_clutter = |part: &str| {
        part == "__MACOSX"
            || part.starts_with("._")
            || ["thumbs.db", "desktop.ini", ".ds_store"].iter().any(|name| part.eq_ignore_ascii_case(name))
    };
    if path.split('/').any(is_clutter) {
        return Kind::Clutter;
    }
    if path.split('/').any(is_hidden) { Kind::Hidden } else { visible_kind(path) }
}

/// Returns the kind of a file from its ending alone.
pub(super) fn visible_kind(path: &str) -> Kind {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        ending if IMAGE_ENDINGS.contains(&ending) => Kind::Image,
        ending if LABEL_ENDINGS.contains(&ending) => Kind::Text,
        "parquet" | "pq" => Kind::Parquet,
        _ => Kind::Other,
    }
}

/// Returns whether a text may be a table of images by its name.
pub(super) fn may_be_table(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ["csv", "tsv"].iter().any(|table| ending.eq_ignore_ascii_case(table)))
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
    pub(super) fn finish(self) -> Result<SourceBytes, StoreError> {
        let file = self.file.into_inner().map_err(|error| StoreError::io(&self.dir, error.into_error()))?;
        Ok(SourceBytes { spool: Some(file), base: None })
    }
}

/// The bytes of a source's items, for several threads.
#[derive(Debug, Default)]
pub(super) struct SourceBytes {
    spool: Option<File>,
    /// The dataset into which the source is merged.
    pub(super) base: Option<Dataset>,
}

impl SourceBytes {
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
            Location::Stored(position) => {
                let base = self.base.as_ref().ok_or_else(|| io::Error::other("nothing is merged"))?;
                let bytes = base.image().bytes();
                Ok(base.all_pixels()[position * bytes..][..bytes].to_vec())
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
            Location::Stored(_) => Ok(Box::new(io::Cursor::new(self.read(at, u64::MAX)?))),
        }
    }

    /// Returns an open file with the first byte and the number of bytes of an item in it.
    pub(super) fn part(&self, at: &Location) -> io::Result<(File, u64, u64)> {
        match at {
            Location::File(path) => {
                let file = File::open(path)?;
                let length = file.metadata()?.len();
                Ok((file, 0, length))
            }
            Location::Spool { offset, length } => Ok((self.spool()?.try_clone()?, *offset, *length)),
            Location::Stored(_) => Err(io::Error::other("a stored image is no file")),
        }
    }

    fn spool(&self) -> io::Result<&File> {
        self.spool.as_ref().ok_or_else(|| io::Error::other("nothing was spooled"))
    }
}
