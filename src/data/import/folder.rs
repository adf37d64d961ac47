//! The listing of a folder. Links are followed only on request. Otherwise files outside the folder would be read.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::limits::Limits;
use super::listing::{
    HIDDEN_REASON, Kind, Listing, Location, SourceFile, SourceTable, kind, may_be_table, visible_kind,
};
use super::names::NonUtf8Names;
use super::options::ImportOptions;
use super::report::{ImportLog, ImportStage, Progress};
use super::{ImportError, csv};

/// The reason for skipping a link.
const LINK: &str = "is a link, and links are not followed (--follow-links follows them)";

/// Lists `root`. An unreadable part is skipped and logged, except `root` itself. Hidden folders are searched only if
/// there are no other images.
pub(super) fn list(
    root: &Path,
    options: &ImportOptions,
    limits: &Limits,
    log: &mut ImportLog,
    progress: &mut Progress,
) -> Result<Listing, ImportError> {
    let mut hidden_log = ImportLog::default();
    let walk = |hidden: bool, log: &mut ImportLog, progress: &mut Progress| {
        let mut walk = Walk {
            root,
            options,
            limits,
            log,
            hidden,
            entries: 0,
            seen: HashSet::new(),
            has_hidden: false,
            foreign: NonUtf8Names::default(),
        };
        let listing = walk.list(progress)?;
        if let Some(note) = walk.foreign.note(options.encoding, None) {
            walk.log.note(note);
        }
        Ok::<_, ImportError>((listing, walk.has_hidden))
    };
    let (mut listing, has_hidden) = walk(false, log, progress)?;
    if listing.has_no_images() && has_hidden {
        let (mut all, _) = walk(true, &mut hidden_log, progress)?;
        all.settle_hidden(&mut hidden_log);
        if !all.has_no_images() {
            *log = hidden_log;
            return Ok(all);
        }
    }
    listing.settle_hidden(log);
    Ok(listing)
}

/// The walk through a folder.
struct Walk<'a> {
    root: &'a Path,
    options: &'a ImportOptions,
    limits: &'a Limits,
    log: &'a mut ImportLog,
    /// Whether hidden folders are searched.
    hidden: bool,
    entries: u64,
    /// Devices and inodes of the folders reached by links; otherwise a link to a folder above would never end.
    seen: HashSet<(u64, u64)>,
    /// Whether a hidden folder was met.
    has_hidden: bool,
    foreign: NonUtf8Names,
}

impl Walk<'_> {
    fn list(&mut self, progress: &mut Progress) -> Result<Listing, ImportError> {
        let mut listing = Listing::default();
        let mut open: Vec<(PathBuf, String)> = vec![(self.root.to_owned(), String::new())];
        while let Some((dir, prefix)) = open.pop() {
            progress.report(ImportStage::Reading, self.entries, None)?;
            let read = match fs::read_dir(&dir) {
                Ok(read) => read,
                Err(error) if prefix.is_empty() => return Err(self.failed(self.root, error)),
                Err(error) => {
                    self.log.skip(&prefix, format!("cannot be read: {error}"));
                    continue;
                }
            };
            for entry in read {
                let entry = entry.map_err(|error| self.failed(&dir, error))?;
                self.entries += 1;
                if self.entries > self.limits.entries {
                    let reason = format!("it holds more than {} files", self.limits.entries);
                    return Err(ImportError::TooLarge { path: self.root.to_owned(), reason });
                }
                let name = self.foreign.decode(entry.file_name().as_bytes(), self.options.encoding);
                let path = prefix.clone() + &name;
                match self.kind_of(&entry, &path) {
                    Some(kind) if kind.is_dir() => self.folder(&entry, path, &mut open, &mut listing),
                    Some(kind) if kind.is_file() => add_file(path, entry.path(), &mut listing),
                    Some(kind) if kind.is_symlink() => self.log.skip(&path, LINK),
                    Some(_) => self.log.skip(&path, "is not a regular file"),
                    None => {}
                }
            }
        }
        Ok(listing)
    }

    fn failed(&self, path: &Path, error: std::io::Error) -> ImportError {
        // The source itself is named as the person named it.
        let path = if path == self.root { self.root } else { path };
        ImportError::Source { path: path.to_owned(), error }
    }

    /// Returns the kind of an entry, of a link's target where links are followed; `None` if it was logged.
    fn kind_of(&mut self, entry: &DirEntry, path: &str) -> Option<FileType> {
        if kind(path) == Kind::Clutter {
            self.log.record_ignored(path, HIDDEN_REASON, 1);
            return None;
        }
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_symlink() && self.options.follow_links => {
                fs::metadata(entry.path()).map(|target| target.file_type()).map_err(|error| ("leads nowhere", error))
            }
            kind => kind.map_err(|error| ("cannot be read", error)),
        };
        kind.map_err(|(words, error)| self.log.skip(path, format!("{words}: {error}"))).ok()
    }

    fn folder(&mut self, entry: &DirEntry, path: String, open: &mut Vec<(PathBuf, String)>, listing: &mut Listing) {
        if kind(&path) == Kind::Hidden && !self.hidden {
            self.has_hidden = true;
            return self.log.record_ignored(&path, HIDDEN_REASON, 1);
        }
        if self.options.follow_links
            && let Ok(metadata) = fs::metadata(entry.path())
            && !self.seen.insert((metadata.dev(), metadata.ino()))
        {
            return self.log.skip(&path, "is a folder that was read under another name already");
        }
        open.push((entry.path(), format!("{path}/")));
        if kind(&path) != Kind::Hidden {
            listing.folders.push(path);
        }
    }
}

fn add_file(path: String, at: PathBuf, listing: &mut Listing) {
    let is_hidden = kind(&path) == Kind::Hidden;
    let kind = visible_kind(&path);
    if may_be_table(&path)
        && !is_hidden
        && let Some(columns) = csv::columns_of_file(&at)
    {
        listing.tables.push(SourceTable { path, at: Location::File(at), has_usage: columns.has_usage() });
        return;
    }
    let at = matches!(kind, Kind::Image | Kind::Text | Kind::Parquet).then_some(Location::File(at));
    let file = SourceFile { path, kind, at };
    if is_hidden { listing.hidden.push(file) } else { listing.files.push(file) }
}
