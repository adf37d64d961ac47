//! The listing of an archive: its kind, and the entries that are used.
//!
//! No entry is ever unpacked under its name. Entries that lead out of the archive, links and devices are skipped and
//! logged. Exceeding the bounds of [`Limits`] ends the import.

mod tar;
mod xz;
mod zip;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::limits::Limits;
use super::listing::{Contents, Kind, Listing, SourceFile, SourceTable, Spool, kind};
use super::report::{Progress, SkipLog};
use super::{ImportError, csv};
use crate::data::store::StoreError;

/// The kind of an archive, recognized by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archive {
    Zip,
    Tar(Compression),
}

/// The compression of a tar archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Xz,
}

impl Archive {
    /// Returns the kind of the file, whatever its name; `None` if it is no archive.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let mut head = [0; 512];
        let mut length = 0;
        let mut file = File::open(path)?;
        while length < head.len() {
            match file.read(&mut head[length..])? {
                0 => break,
                count => length += count,
            }
        }
        let head = &head[..length];
        Ok(match head {
            _ if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") => Some(Self::Zip),
            _ if head.starts_with(b"\x1f\x8b") => Some(Self::Tar(Compression::Gzip)),
            _ if head.starts_with(b"\xfd7zXZ\0") => Some(Self::Tar(Compression::Xz)),
            _ if tar::is_header(head) => Some(Self::Tar(Compression::None)),
            _ => None,
        })
    }
}

/// Lists the archive. The bytes of its images and tables are spooled in the folder `work`.
pub(super) fn list(
    archive: Archive,
    path: &Path,
    work: &Path,
    limits: &Limits,
    log: &mut SkipLog,
    progress: &mut Progress,
) -> Result<(Listing, Contents), ImportError> {
    let mut collector = Collector { listing: Listing::default(), spool: Spool::new(work)?, limits, log, entries: 0 };
    match archive {
        Archive::Zip => zip::read(path, &mut collector, progress)?,
        Archive::Tar(compression) => tar::read(path, compression, &mut collector, progress)?,
    }
    Ok((collector.listing, collector.spool.finish()?))
}

/// The collector of an archive's entries.
struct Collector<'a> {
    listing: Listing,
    spool: Spool,
    limits: &'a Limits,
    log: &'a mut SkipLog,
    entries: u64,
}

/// The reason why an entry could not be read.
enum EntryError {
    /// The spool cannot be written.
    Store(StoreError),
    /// The archive cannot be read.
    Read(io::Error),
}

impl Collector<'_> {
    /// Counts an entry and returns its cleaned path; `None` if it is ignored or skipped.
    fn accept_entry(&mut self, archive: &Path, name: &str) -> Result<Option<String>, ImportError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let reason = format!("it holds more than {} entries", self.limits.entries);
            return Err(ImportError::TooLarge { path: archive.to_owned(), reason });
        }
        let parts = || name.split('/').filter(|part| !part.is_empty() && *part != ".");
        let drive = name.as_bytes().get(1) == Some(&b':');
        if name.starts_with('/') || drive || parts().any(|part| part == "..") {
            self.log.skip(name, "its path leads out of the archive");
            return Ok(None);
        }
        let path = parts().collect::<Vec<_>>().join("/");
        Ok((!path.is_empty() && kind(&path) != Kind::Clutter).then_some(path))
    }

    fn folder(&mut self, path: String) {
        self.listing.folders.push(path);
    }

    /// Adds the regular file `path`; `size` is the archive's claim in bytes.
    fn file(&mut self, path: String, size: u64, reader: &mut dyn Read) -> Result<(), EntryError> {
        match kind(&path) {
            Kind::Image => self.image(path, size, reader),
            Kind::Table => self.table(path, reader),
            Kind::Other => {
                self.listing.files.push(SourceFile { path, at: None });
                Ok(())
            }
            Kind::Clutter => Ok(()),
        }
    }

    fn image(&mut self, path: String, size: u64, reader: &mut dyn Read) -> Result<(), EntryError> {
        let limit = self.limits.file_bytes;
        let mut bytes = Vec::new();
        // The real size may be above or below the claim.
        if size <= limit {
            reader.take(limit + 1).read_to_end(&mut bytes).map_err(EntryError::Read)?;
        }
        if size > limit || bytes.len() as u64 > limit {
            self.log.skip(&path, format!("is larger than {} MiB", limit >> 20));
            return Ok(());
        }
        if (bytes.len() as u64) < size {
            return Err(EntryError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        let at = Some(self.spool.append(&bytes).map_err(EntryError::Store)?);
        self.listing.files.push(SourceFile { path, at });
        Ok(())
    }

    fn table(&mut self, path: String, reader: &mut dyn Read) -> Result<(), EntryError> {
        let mut head = Vec::new();
        reader.take(csv::HEADER_BYTES).read_to_end(&mut head).map_err(EntryError::Read)?;
        let Some(columns) = csv::columns_of(&mut head.as_slice()) else { return Ok(()) };
        let at = match columns.usage {
            Some(_) => {
                let mut whole = head.as_slice().chain(reader);
                Some(self.spool.append_all(&mut whole).map_err(EntryError::Store)?.map_err(EntryError::Read)?)
            }
            None => None,
        };
        self.listing.tables.push(SourceTable { path, at });
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
