//! The operations that some file systems refuse, what happens instead, and a test of each.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::{lock, mapped};

/// Returns whether the error means that the file system does not have the operation, such as syncing or renaming a
/// folder.
#[must_use]
pub fn is_operation_unsupported(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOTTY]
        .iter()
        .any(|number| error.raw_os_error() == Some(number.raw_os_error()))
}

/// Moves a folder to a path that does not exist. Where folders cannot be renamed, its files are moved one by one. The
/// one called `last` follows the others, so that a folder that has it is complete.
///
/// # Errors
/// If the folder cannot be moved.
pub fn move_folder(from: &Path, to: &Path, last: &str) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if is_operation_unsupported(&error) => {
            move_files(from, to, last)?;
            fs::remove_dir(from)
        }
        other => other,
    }
}

fn move_files(from: &Path, to: &Path, last: &str) -> io::Result<()> {
    fs::create_dir(to)?;
    let mut has_last = false;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == last {
            has_last = true;
        } else if entry.file_type()?.is_dir() {
            move_files(&source, &target, "")?;
            fs::remove_dir(&source)?;
        } else {
            fs::rename(&source, &target)?;
        }
    }
    if has_last { fs::rename(from.join(last), to.join(last)) } else { Ok(()) }
}

/// The abilities of the file system of a folder: for each, the reason why it is missing.
#[derive(Debug)]
pub struct FileSystemLimits {
    /// Locks on files.
    pub locks: io::Result<()>,
    /// Syncing a folder.
    pub folder_sync: io::Result<()>,
    /// Renaming a folder.
    pub folder_rename: io::Result<()>,
    /// Mapping a file into memory.
    pub maps: io::Result<()>,
}

impl FileSystemLimits {
    /// Tests the abilities with temporary files in `folder`.
    #[must_use]
    pub fn test(folder: &Path) -> Self {
        Self {
            locks: lock::test(folder),
            folder_sync: File::open(folder).and_then(|folder| folder.sync_all()),
            folder_rename: test_rename(folder),
            maps: mapped::test(folder),
        }
    }
}

fn test_rename(folder: &Path) -> io::Result<()> {
    let outer = tempfile::tempdir_in(folder)?;
    let (from, to) = (outer.path().join("from"), outer.path().join("to"));
    fs::create_dir(&from)?;
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_system_has_every_ability() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = FileSystemLimits::test(folder.path());
        assert!(found.locks.is_ok() && found.folder_rename.is_ok() && found.maps.is_ok(), "{found:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert!(FileSystemLimits::test(&folder.path().join("missing")).locks.is_err());
    }

    #[test]
    fn files_are_moved_one_by_one_and_the_last_one_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("in")).expect("made");
        for name in ["manifest.json", "a", "in/b"] {
            fs::write(from.join(name), name).expect("written");
        }
        move_files(&from, &to, "manifest.json").expect("moved");
        for name in ["manifest.json", "a", "in/b"] {
            assert_eq!(fs::read_to_string(to.join(name)).expect("read"), name);
        }
        assert_eq!(fs::read_dir(&from).expect("a folder").count(), 0);
        assert!(move_files(&from, &to, "").is_err(), "nothing is overwritten");
    }

    #[test]
    fn only_operations_that_do_not_exist_count_as_refused() {
        for (number, expected) in
            [(Errno::INVAL, true), (Errno::OPNOTSUPP, true), (Errno::NOSYS, true), (Errno::IO, false)]
        {
            assert_eq!(
                is_operation_unsupported(&io::Error::from_raw_os_error(number.raw_os_error())),
                expected,
                "{number}"
            );
        }
        assert!(!is_operation_unsupported(&io::ErrorKind::NotFound.into()));
    }
}
