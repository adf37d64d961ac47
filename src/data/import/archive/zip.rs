//! Zip archives, read entry by entry in the order of their directory.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipReadOptions;
use zip::result::ZipError;

use super::super::ImportError;
use super::super::limits::LimitedReader;
use super::super::names::NameEncoding;
use super::super::report::{ImportStage, Progress};
use super::{Collector, EntryError, damaged};

/// Passes every entry to the collector; damaged entries are skipped and logged.
pub(super) fn read(path: &Path, collector: &mut Collector, progress: &mut Progress) -> Result<(), ImportError> {
    let failed = |error| ImportError::Source { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let limits = collector.limits;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, limits, &error.into()))?;
    if archive.has_duplicate_names() {
        collector
            .log
            .skip(&path.to_string_lossy(), "some of its entries have the same name; the last of each is taken");
    }
    let mut left = limits.unpacked(size);
    let mut done = 0;
    for index in 0..archive.len() {
        if index.is_multiple_of(256) {
            progress.report(ImportStage::Reading, done, Some(size))?;
        }
        let name = match archive.by_index_raw(index) {
            Ok(entry) => entry.name_raw().to_vec(),
            Err(error) => return Err(damaged(path, limits, &error.into())),
        };
        let Some(name) = collector.accept_entry(path, &name, Some(NameEncoding::ZIP))? else { continue };
        let password = collector.options.password.as_deref().map(str::as_bytes);
        let mut entry = match archive.by_index_with_options(index, ZipReadOptions::new().password(password)) {
            Ok(entry) => entry,
            Err(error) => {
                collector.log.skip(&name, describe_error(&error));
                continue;
            }
        };
        if entry.is_dir() {
            collector.folder(name);
        } else if entry.is_symlink() {
            collector.log.skip(&name, "is a link, and links in archives are not followed");
        } else {
            done += entry.compressed_size();
            let size = entry.size();
            let mut counted = CountingReader { inner: LimitedReader::new(&mut entry, left), bytes: 0 };
            let taken = collector.file(name.clone(), size, &mut counted);
            left = left.saturating_sub(counted.bytes);
            match taken {
                Ok(()) => {}
                Err(EntryError::Store(error)) => return Err(error.into()),
                Err(EntryError::Read(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Err(damaged(path, limits, &error));
                }
                Err(EntryError::Read(error)) => collector.log.skip(&name, format!("cannot be unpacked: {error}")),
            }
        }
    }
    Ok(())
}

fn describe_error(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(reason) if *reason == ZipError::PASSWORD_REQUIRED => {
            "is encrypted (--password TEXT gives the password)".into()
        }
        ZipError::InvalidPassword => "is encrypted with another password".into(),
        error => format!("cannot be unpacked: {error}"),
    }
}

/// A reader that counts its bytes.
struct CountingReader<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}
