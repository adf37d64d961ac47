//! The listing of an archive: its kind, and the entries that are used.
//!
//! No entry is ever unpacked under its name. Entries that lead out of the archive, links and devices are skipped and
//! logged. Exceeding the bounds of [`Limits`] ends the import.

mod sevenz;
mod tar;
mod xz;
mod zip;
mod zstd;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::limits::Limits;
use super::listing::{
    HIDDEN_REASON, Kind, Listing, Location, SourceBytes, SourceFile, SourceTable, Spool, kind, may_be_table,
    visible_kind,
};
use super::names::{NameEncoding, NonUtf8Names};
use super::options::ImportOptions;
use super::report::{ImportLog, Progress};
use super::{ImportError, csv};
use crate::data::store::StoreError;
use crate::domain::Placeholder;

/// The kind of an archive, recognized by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    Zip,
    SevenZ,
    Tar(Compression),
}

/// The compression of a tar archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// The first bytes of kinds of files that are known and not read, with their names.
const UNSUPPORTED_KINDS: [(&[u8], &str); 6] = [
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x9d", "a file compressed by compress (.Z)"),
    (b"\x04\x22\x4d\x18", "a file compressed by lz4"),
    (b"LZIP", "a file compressed by lzip"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
];

/// Checks that a file is not of a known kind that is not read, nor a placeholder of another file.
///
/// # Errors
/// [`ImportError::UnsupportedKind`] or [`ImportError::Placeholder`], by the first bytes.
pub(super) fn reject_unsupported(path: &Path) -> Result<(), ImportError> {
    let Ok(head) = head(path, 4096) else { return Ok(()) };
    let path = path.to_owned();
    if let Some(found) = Placeholder::of(&head) {
        return Err(ImportError::Placeholder { path, found });
    }
    match UNSUPPORTED_KINDS.iter().find(|(start, _)| head.starts_with(start)) {
        Some((_, kind)) => Err(ImportError::UnsupportedKind { path, kind }),
        None => Ok(()),
    }
}

/// Returns the first `length` bytes of a file, fewer if it is shorter.
fn head(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut head)?;
    Ok(head)
}

impl ArchiveKind {
    /// Returns the kind of the file, whatever its name; `None` if it is no archive.
    pub(super) fn detect(path: &Path) -> io::Result<Option<Self>> {
        // The first block of a tar archive.
        let head = head(path, 512)?;
        let head = head.as_slice();
        Ok(match head {
            _ if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") => Some(Self::Zip),
            _ if head.starts_with(b"\x1f\x8b") => Some(Self::Tar(Compression::Gzip)),
            _ if head.starts_with(b"\xfd7zXZ\0") => Some(Self::Tar(Compression::Xz)),
            _ if head.starts_with(b"BZh") => Some(Self::Tar(Compression::Bzip2)),
            _ if head.starts_with(b"\x28\xb5\x2f\xfd") => Some(Self::Tar(Compression::Zstd)),
            _ if head.starts_with(b"7z\xbc\xaf\x27\x1c") => Some(Self::SevenZ),
            _ if tar::is_header(head) => Some(Self::Tar(Compression::None)),
            _ => None,
        })
    }
}

/// Lists the archive. The bytes of its images and tables are spooled in the folder `work`.
pub(super) fn list(
    archive: ArchiveKind,
    path: &Path,
    options: &ImportOptions,
    work: &Path,
    limits: &Limits,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<(Listing, SourceBytes), ImportError> {
    let (listing, spool) = (Listing::default(), Spool::new(work)?);
    let mut collector =
        Collector { listing, spool, options, limits, log, entries: 0, by_path: None, foreign: NonUtf8Names::default() };
    match archive {
        ArchiveKind::Zip => zip::read(path, &mut collector, progress)?,
        ArchiveKind::SevenZ => sevenz::read(path, &mut collector, progress)?,
        ArchiveKind::Tar(compression) => tar::read(path, compression, &mut collector, progress)?,
    }
    let default = (archive == ArchiveKind::Zip).then_some(NameEncoding::ZIP);
    if let Some(note) = collector.foreign.note(options.encoding, default) {
        collector.log.note(note);
    }
    let mut listing = collector.listing;
    let contents = collector.spool.finish()?;
    listing.settle_hidden(log);
    Ok((listing, contents))
}

/// The collector of an archive's entries.
struct Collector<'a> {
    listing: Listing,
    spool: Spool,
    options: &'a ImportOptions,
    limits: &'a Limits,
    log: &'a mut ImportLog,
    entries: u64,
    foreign: NonUtf8Names,
    /// The indices of files by path, for hard links; made at the first one.
    by_path: Option<HashMap<String, usize>>,
}

/// The reason why an entry could not be read.
enum EntryError {
    /// The spool cannot be written.
    Store(StoreError),
    /// The archive cannot be read.
    Read(io::Error),
}

impl Collector<'_> {
    /// Counts an entry and returns its cleaned path; `None` if it is ignored or skipped. `encoding` is that of names in
    /// this kind of archive, unless an option states another.
    fn accept_entry(
        &mut self,
        archive: &Path,
        name: &[u8],
        encoding: Option<NameEncoding>,
    ) -> Result<Option<String>, ImportError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let reason = format!("it holds more than {} entries", self.limits.entries);
            return Err(ImportError::TooLarge { path: archive.to_owned(), reason });
        }
        let mut name = self.foreign.decode(name, self.options.encoding.or(encoding));
        // Some programs on Windows write backslashes.
        if encoding.is_some() && !name.contains('/') && !name.contains("\\x") {
            name = name.replace('\\', "/");
        }
        let parts = || name.split('/').filter(|part| !part.is_empty() && *part != ".");
        let drive = name.as_bytes().get(1) == Some(&b':');
        if name.starts_with('/') || drive || parts().any(|part| part == "..") {
            self.log.skip(&name, "its path leads out of the archive");
            return Ok(None);
        }
        let path = parts().collect::<Vec<_>>().join("/");
        if kind(&path) == Kind::Clutter {
            self.log.record_ignored(&path, HIDDEN_REASON, 1);
            return Ok(None);
        }
        Ok((!path.is_empty()).then_some(path))
    }

    fn folder(&mut self, path: String) {
        if kind(&path) != Kind::Hidden {
            self.listing.folders.push(path);
        }
    }

    /// Adds the regular file `path`; `size` is the archive's claim in bytes.
    fn file(&mut self, path: String, size: u64, reader: &mut dyn Read) -> Result<(), EntryError> {
        match visible_kind(&path) {
            Kind::Image => {
                let Some(at) = self.bytes(&path, size, reader, &[])? else { return Ok(()) };
                self.add(SourceFile { path, kind: Kind::Image, at: Some(at) });
                Ok(())
            }
            Kind::Text => self.text(path, size, reader),
            Kind::Parquet => {
                let at = self.spool.append_all(reader).map_err(EntryError::Store)?.map_err(EntryError::Read)?;
                self.add(SourceFile { path, kind: Kind::Parquet, at: Some(at) });
                Ok(())
            }
            kind => {
                self.add(SourceFile { path, kind, at: None });
                Ok(())
            }
        }
    }

    fn add(&mut self, file: SourceFile) {
        if kind(&file.path) == Kind::Hidden { self.listing.hidden.push(file) } else { self.listing.files.push(file) }
    }

    /// Adds a file with the bytes of an earlier one. Returns whether there is one.
    fn hard_link(&mut self, path: String, target: &str) -> bool {
        let files = &self.listing.files;
        let known = self.by_path.get_or_insert_with(HashMap::new);
        for (index, file) in files.iter().enumerate().skip(known.len()) {
            known.insert(file.path.clone(), index);
        }
        let target = known.get(target).and_then(|index| files[*index].at.clone());
        let Some(at) = target else { return false };
        self.add(SourceFile { kind: visible_kind(&path), path, at: Some(at) });
        true
    }

    /// Spools a file of at most the largest size, after its first bytes `head`; `None` if it was skipped.
    fn bytes(
        &mut self,
        path: &str,
        size: u64,
        reader: &mut dyn Read,
        head: &[u8],
    ) -> Result<Option<Location>, EntryError> {
        let limit = self.limits.file_bytes;
        let mut bytes = head.to_vec();
        // The real size may be above or below the claim.
        if size <= limit {
            reader.take(limit + 1 - head.len() as u64).read_to_end(&mut bytes).map_err(EntryError::Read)?;
        }
        if size > limit || bytes.len() as u64 > limit {
            self.log.skip(path, format!("is larger than {} MiB", limit >> 20));
            return Ok(None);
        }
        if (bytes.len() as u64) < size {
            return Err(EntryError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        self.spool.append(&bytes).map(Some).map_err(EntryError::Store)
    }

    /// Adds a table of images, or a text that may hold labels.
    fn text(&mut self, path: String, size: u64, reader: &mut dyn Read) -> Result<(), EntryError> {
        let mut head = Vec::new();
        reader.take(csv::HEADER_BYTES).read_to_end(&mut head).map_err(EntryError::Read)?;
        let columns = csv::columns_of(&mut head.as_slice());
        if let Some(columns) = columns.filter(|_| may_be_table(&path) && kind(&path) != Kind::Hidden) {
            let mut whole = head.as_slice().chain(reader);
            let at = self.spool.append_all(&mut whole).map_err(EntryError::Store)?.map_err(EntryError::Read)?;
            self.listing.tables.push(SourceTable { path, at, has_usage: columns.has_usage() });
        } else if let Some(at) = self.bytes(&path, size, reader, &head)? {
            self.add(SourceFile { path, kind: Kind::Text, at: Some(at) });
        }
        Ok(())
    }
}

/// Returns the error for a failed read of an archive: too large if our bound was reached, else damaged.
fn damaged(path: &Path, limits: &Limits, error: &io::Error) -> ImportError {
    let path = path.to_owned();
    if error.kind() == io::ErrorKind::FileTooLarge {
        let reason = format!(
            "it unpacks to more than {} times its size and more than {} MiB",
            limits.unpacked_ratio,
            limits.unpacked_bytes >> 20
        );
        return ImportError::TooLarge { path, reason };
    }
    ImportError::Damaged { path, reason: error.to_string() }
}
