//! 7z archives, read block by block in the order of the archive.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use sevenz_rust2::{ArchiveReader, Error, Password};

use super::super::ImportError;
use super::super::limits::LimitedReader;
use super::super::report::{ImportStage, Progress};
use super::{Collector, EntryError, damaged};

/// Passes every entry to the collector.
pub(super) fn read(path: &Path, collector: &mut Collector, progress: &mut Progress) -> Result<(), ImportError> {
    let failed = |error| ImportError::Source { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let limits = collector.limits;
    let password = collector.options.password.as_deref().map_or_else(Password::empty, Password::from);
    let mut archive =
        ArchiveReader::new(BufReader::new(file), password).map_err(|error| describe(path, collector, error))?;
    let mut left = limits.unpacked(size);
    let mut done = 0;
    let mut ended = None;
    let result = archive.for_each_entries(|entry, reader| {
        let accept = || -> Result<(), ImportError> {
            progress.report(ImportStage::Reading, done, Some(size))?;
            let name = collector.accept_entry(path, entry.name().as_bytes(), None)?;
            let mut bounded = LimitedReader::new(reader, left);
            match name {
                Some(name) if entry.is_directory() => collector.folder(name),
                Some(name) => match collector.file(name, entry.size(), &mut bounded) {
                    Ok(()) => {}
                    Err(EntryError::Store(error)) => return Err(error.into()),
                    Err(EntryError::Read(error)) => return Err(damaged(path, limits, &error)),
                },
                None => {}
            }
            // The next entry of a block begins where this one ends.
            io::copy(&mut bounded, &mut io::sink()).map_err(|error| damaged(path, limits, &error))?;
            left = left.saturating_sub(entry.size());
            done += entry.compressed_size;
            Ok(())
        };
        ended = accept().err();
        Ok(ended.is_none())
    });
    match (ended, result) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(describe(path, collector, error)),
        (None, Ok(())) => Ok(()),
    }
}

fn describe(path: &Path, collector: &Collector, error: Error) -> ImportError {
    let layout = |reason: &str| ImportError::Layout { path: path.to_owned(), reason: reason.into() };
    match error {
        Error::PasswordRequired => layout("it is encrypted (--password TEXT gives the password)"),
        Error::MaybeBadPassword(_) if collector.options.password.is_some() => {
            layout("it is damaged, or encrypted with another password")
        }
        Error::Io(error, _) => damaged(path, collector.limits, &error),
        error => damaged(path, collector.limits, &io::Error::other(error.to_string())),
    }
}
