//! Tar archives, plain or compressed, read as one stream.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use super::super::ImportError;
use super::super::limits::LimitedReader;
use super::super::names;
use super::super::report::{ImportStage, Progress};
use super::{Collector, Compression, EntryError, damaged, xz, zstd};
use crate::domain::text::printable;

/// The most bytes between two entries: headers, and extensions with long names, which are held in memory.
const MOST_BETWEEN: u64 = 1 << 20;

/// The position of the checksum in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Returns whether the first block of a file is a tar header with a right checksum.
pub(super) fn is_header(block: &[u8]) -> bool {
    if block.len() < 512 || block[0] == 0 {
        return false;
    }
    let text = String::from_utf8_lossy(&block[CHECKSUM]).into_owned();
    let claimed = u64::from_str_radix(text.trim_matches(['\0', ' ']), 8);
    let byte = |(index, byte): (usize, &u8)| if CHECKSUM.contains(&index) { u64::from(b' ') } else { u64::from(*byte) };
    claimed == Ok(block.iter().enumerate().map(byte).sum())
}

/// Passes every entry to the collector.
pub(super) fn read(
    path: &Path,
    compression: Compression,
    collector: &mut Collector,
    progress: &mut Progress,
) -> Result<(), ImportError> {
    let failed = |error| ImportError::Source { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let limits = collector.limits;
    let position = Arc::new(AtomicU64::new(0));
    let file = BufReader::with_capacity(1 << 16, CountingReader { inner: file, count: position.clone() });
    let unwrapped: Box<dyn Read> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Compression::Zstd => Box::new(zstd::Frames::new(file)),
        Compression::Xz => Box::new(xz::reader(file).map_err(|error| damaged(path, limits, &error))?),
    };
    let mut bounded = BufReader::with_capacity(1 << 16, LimitedReader::new(unwrapped, limits.unpacked(size)));
    let head = bounded.fill_buf().map_err(|error| damaged(path, limits, &error))?;
    // The compressed file may be no archive, for example a table.
    if head.len() >= 512 && !is_header(&head[..512]) {
        let reason = "it contains no tar archive; unpack it and import its content".into();
        return Err(ImportError::Layout { path: path.to_owned(), reason });
    }
    let bound = Rc::new(ReadBound::default());
    bound.allow(0);
    let mut stream = TailReader { inner: bounded, zeros: 0, bound: bound.clone() };
    entries(path, &mut stream, &bound, collector, &mut || {
        progress.report(ImportStage::Reading, position.load(Ordering::Relaxed), Some(size))
    })?;
    bound.end.set(u64::MAX);
    // The checksums of gzip and xz are last. A reader that stopped earlier would not check them.
    io::copy(&mut stream, &mut io::sink()).map_err(|error| damaged(path, limits, &error))?;
    if stream.zeros < 512 {
        return Err(ImportError::Damaged { path: path.to_owned(), reason: "its end is missing".into() });
    }
    Ok(())
}

fn entries(
    path: &Path,
    stream: &mut dyn Read,
    bound: &ReadBound,
    collector: &mut Collector,
    report: &mut dyn FnMut() -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let limits = collector.limits;
    let wrong = |error: io::Error| damaged(path, limits, &error);
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(wrong)? {
        let mut entry = entry.map_err(wrong)?;
        // A sparse file's size differs from its bytes in the archive.
        let sparse = entry.header().entry_type() == EntryType::GNUSparse;
        bound.allow(if sparse { entry.header().entry_size().map_err(wrong)? } else { entry.size() });
        if collector.entries.is_multiple_of(256) {
            report()?;
        }
        let name = entry.path_bytes().into_owned();
        let Some(name) = collector.accept_entry(path, &name, None)? else { continue };
        match entry.header().entry_type() {
            EntryType::Directory => collector.folder(name),
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                collector.file(name, size, &mut entry).map_err(|error| match error {
                    EntryError::Store(error) => error.into(),
                    EntryError::Read(error) => wrong(error),
                })?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = names::decode(&target, collector.options.encoding);
                if !collector.hard_link(name.clone(), target.trim_start_matches("./")) {
                    let reason =
                        format!("is a link to '{}', which is not an earlier file of the archive", printable(&target));
                    collector.log.skip(&name, reason);
                }
            }
            EntryType::Symlink => collector.log.skip(&name, "is a link, and links in archives are not followed"),
            EntryType::XGlobalHeader => {}
            _ => collector.log.skip(&name, "is not a regular file"),
        }
    }
    Ok(())
}

/// A reader that counts its bytes, for the progress.
struct CountingReader<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A reader that counts the zero bytes at its end. A complete tar archive ends with a block of zeros. Otherwise one cut
/// between two entries would pass as complete.
struct TailReader<R> {
    inner: R,
    zeros: u64,
    bound: Rc<ReadBound>,
}

/// The position in the archive and the end of the permitted range. Without the bound, an entry's name of gigabytes
/// would fill memory.
#[derive(Default)]
struct ReadBound {
    position: Cell<u64>,
    end: Cell<u64>,
}

impl ReadBound {
    /// Permits `bytes` of an entry and the headers up to the next entry.
    fn allow(&self, bytes: u64) {
        let end = self.position.get().saturating_add(bytes).saturating_add(MOST_BETWEEN);
        self.end.set(end);
    }

    fn advance(&self, count: usize) -> io::Result<()> {
        self.position.set(self.position.get() + count as u64);
        if self.position.get() > self.end.get() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry's name is longer than 1 MiB"));
        }
        Ok(())
    }
}

impl<R: Read> Read for TailReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match buffer[..count].iter().rposition(|byte| *byte != 0) {
            Some(last) => self.zeros = (count - last - 1) as u64,
            None => self.zeros += count as u64,
        }
        self.bound.advance(count)?;
        Ok(count)
    }
}
