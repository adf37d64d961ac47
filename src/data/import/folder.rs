//! The listing of a folder. Links are never followed. Otherwise files outside the folder would be read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::limits::Limits;
use super::listing::{Kind, Listing, Location, SourceFile, SourceTable, kind};
use super::report::{ImportStage, Progress, SkipLog};
use super::{ImportError, csv};

/// Lists `root`. An unreadable part is skipped and logged, except `root` itself.
pub(super) fn list(
    root: &Path,
    limits: &Limits,
    log: &mut SkipLog,
    progress: &mut Progress,
) -> Result<Listing, ImportError> {
    let mut listing = Listing::default();
    let mut entries = 0;
    let mut open: Vec<(PathBuf, String)> = vec![(root.to_owned(), String::new())];
    while let Some((dir, prefix)) = open.pop() {
        progress.report(ImportStage::Reading, entries, None)?;
        let read = match fs::read_dir(&dir) {
            Ok(read) => read,
            Err(error) if prefix.is_empty() => return Err(ImportError::Source { path: root.to_owned(), error }),
            Err(error) => {
                log.skip(&prefix, format!("cannot be read: {error}"));
                continue;
            }
        };
        for entry in read {
            let entry = entry.map_err(|error| ImportError::Source { path: dir.clone(), error })?;
            entries += 1;
            if entries > limits.entries {
                let reason = format!("it holds more than {} files", limits.entries);
                return Err(ImportError::TooLarge { path: root.to_owned(), reason });
            }
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                _ if kind(&path) == Kind::Clutter => {}
                Ok(kind) if kind.is_dir() => {
                    open.push((entry.path(), format!("{path}/")));
                    listing.folders.push(path);
                }
                Ok(kind) if kind.is_file() => file(path, entry.path(), &mut listing),
                Ok(kind) if kind.is_symlink() => log.skip(&path, "is a link, and links are not followed"),
                Ok(_) => log.skip(&path, "is not a regular file"),
                Err(error) => log.skip(&path, format!("cannot be read: {error}")),
            }
        }
    }
    Ok(listing)
}

fn file(path: String, at: PathBuf, listing: &mut Listing) {
    match kind(&path) {
        Kind::Image => listing.files.push(SourceFile { path, at: Some(Location::File(at)) }),
        Kind::Table => {
            if let Some(columns) = File::open(&at).ok().and_then(|mut file| csv::columns_of(&mut file)) {
                let at = columns.usage.map(|_| Location::File(at));
                listing.tables.push(SourceTable { path, at });
            }
        }
        Kind::Other => listing.files.push(SourceFile { path, at: None }),
        Kind::Clutter => {}
    }
}
