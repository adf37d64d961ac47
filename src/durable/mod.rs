//! Files that are complete at any moment.
//!
//! Depends on nothing else in this program; every module may use it.

mod file_system;
pub mod lock;
mod mapped;
pub mod umask;
pub mod versioned;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub use file_system::{FileSystemLimits, is_operation_unsupported, move_folder};
pub use mapped::FileBytes;

/// Writes `bytes` to a temporary file in the folder of `path` and renames it. At any moment, even after a power cut,
/// the path has the complete old or new content.
///
/// # Errors
/// If the folder cannot be written; the old content is then intact.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // The umask decides on read permission, as for any other file.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(strip_temporary_name)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Like [`write()`], but renames the old content to `before`, which replaces that file. Between the two renames nothing
/// is at `path`; at any moment one of the two files is complete.
///
/// # Errors
/// If the folder cannot be written; both files are then intact, or only renamed.
pub fn replace(path: &Path, before: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match std::fs::rename(path, before) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes a folder with `files`, by paths in it, and renames it into place, so that it has all of them or does not
/// exist. In an existing folder the files are replaced one by one. Folders above it are created.
///
/// # Errors
/// If it cannot be written.
pub fn write_folder<N: AsRef<Path>>(path: &Path, files: &[(N, Vec<u8>)]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return write_into(path, files);
    }
    let parent = folder_of(path);
    fs::create_dir_all(parent)?;
    let mode = Permissions::from_mode(0o777);
    let new = tempfile::Builder::new().permissions(mode).tempdir_in(parent).map_err(strip_temporary_name)?;
    write_into(new.path(), files)?;
    if let Err(error) = fs::rename(new.path(), path) {
        // Without renames of folders, the folder is not complete at every moment.
        return if is_operation_unsupported(&error) { write_into(path, files) } else { Err(error) };
    }
    // Otherwise the temporary name would be deleted, which by now may belong to another folder.
    let _ = new.keep();
    sync_folder(parent)
}

/// Writes `files` by their paths in a folder.
fn write_into<N: AsRef<Path>>(folder: &Path, files: &[(N, Vec<u8>)]) -> io::Result<()> {
    for (name, bytes) in files {
        let file = folder.join(name);
        fs::create_dir_all(folder_of(&file))?;
        write(&file, bytes)?;
    }
    Ok(())
}

/// Writes `bytes` to a temporary file and renames it, readable only by the owner and without syncing. After a power cut
/// the file may be empty or torn, so use it for derived data with a checksum.
///
/// # Errors
/// If the folder cannot be written; the old content is then intact.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A temporary file is readable only by its owner.
    let mut file = tempfile::Builder::new().tempfile_in(folder_of(path)).map_err(strip_temporary_name)?;
    file.as_file_mut().write_all(bytes)?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Creates a folder and its parents if missing. Refuses a link, which could lead writes elsewhere.
///
/// # Errors
/// If a link or a file is in its position, or it cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    match check_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(path),
        other => other,
    }
}

/// Checks that a folder exists and is no link, which could lead writes elsewhere.
///
/// # Errors
/// If the folder is missing, a link, or no folder.
pub fn check_folder(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    let words = format!("{} is a link or not a folder, and mien writes nothing through links", path.display());
    Err(io::Error::new(io::ErrorKind::NotADirectory, words))
}

/// Returns the options for changing a file without replacing it, which refuse links.
#[must_use]
pub fn in_place_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Returns whether an open file is still the one at this path. Otherwise it was removed or replaced, and a lock on it
/// protects nothing.
#[must_use]
pub fn is_same_file(file: &File, path: &Path) -> bool {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(opened), Ok(there)) => identity(opened) == identity(there),
        _ => false,
    }
}

/// Removes the temporary file's name from an error: callers name the final file.
fn strip_temporary_name(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((message, _)) => io::Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Syncs a folder, so that its renames survive a power cut. File systems that refuse it, as some network ones do, order
/// renames themselves.
///
/// # Errors
/// If the folder cannot be opened, or the file system returns another error.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if is_operation_unsupported(&error) => Ok(()),
        other => other,
    }
}

/// Returns the bytes of a file, or of a folder with its content, on disk. Links are not followed; unreadable entries
/// count as 0.
#[must_use]
pub fn disk_usage(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let inside = if metadata.is_dir() { fs::read_dir(path).ok() } else { None };
    let inside = inside.into_iter().flatten().filter_map(Result::ok);
    metadata.blocks() * 512 + inside.map(|entry| disk_usage(&entry.path())).sum::<u64>()
}

/// Returns the free bytes of the disk of an existing file or folder.
///
/// # Errors
/// If the file system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        for content in [b"one".as_slice(), b"another"] {
            write(&path, content).expect("written");
            assert_eq!(fs::read(&path).expect("read"), content);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let error = write(&folder.path().join("missing/file"), b"").expect_err("no folder").to_string();
        assert!(!error.contains(".tmp"), "{error}");
    }

    #[test]
    fn a_folder_appears_complete_and_an_existing_one_is_filled() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new");
        write_folder(&path, &[("a", b"one".to_vec()), ("in/b", b"two".to_vec())]).expect("written");
        assert_eq!(fs::read(path.join("in/b")).expect("read"), b"two");
        fs::write(path.join("c"), "theirs").expect("written");
        write_folder(&path, &[("a", b"another".to_vec())]).expect("written");
        assert_eq!(fs::read(path.join("a")).expect("read"), b"another");
        assert_eq!(fs::read(path.join("c")).expect("read"), b"theirs");
        write_folder(&folder.path().join("new/er/still"), &[("a", Vec::new())]).expect("written");
        assert!(write_folder(&folder.path().join("x"), &[("a", Vec::new()), ("a/b", Vec::new())]).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "a failed write leaves nothing");
    }

    #[test]
    fn a_replaced_file_remains_under_another_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, before) = (folder.path().join("file"), folder.path().join("before"));
        replace(&path, &before, b"one").expect("written");
        assert!(!before.exists());
        for (new, old) in [(b"two".as_slice(), b"one".as_slice()), (b"three", b"two")] {
            replace(&path, &before, new).expect("written");
            assert_eq!((fs::read(&path).expect("read"), fs::read(&before).expect("read")), (new.into(), old.into()));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
        assert!(replace(&folder.path().join("missing/file"), &before, b"").is_err());
        assert_eq!(fs::read(&before).expect("read"), b"two");
    }

    #[test]
    fn derived_files_are_readable_only_by_the_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write_unsynced(&path, b"one").expect("written");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(write_unsynced(&folder.path().join("missing/file"), b"").is_err());
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("outside")).expect("made");
        fs::write(at("outside/file"), "theirs").expect("written");
        symlink(at("outside"), at("inside")).expect("linked");
        symlink(at("outside/file"), at("link")).expect("linked");
        symlink(at("outside/new"), at("dangling")).expect("linked");
        let words = super::create_folder(&at("inside")).expect_err("a link").to_string();
        assert!(words.contains("inside") && words.contains("link"), "{words}");
        assert!(check_folder(&at("new")).is_err());
        super::create_folder(&at("new/and/below")).expect("made");
        for name in ["link", "dangling"] {
            assert!(in_place_options().create(true).append(true).open(at(name)).is_err(), "{name}");
            write(&at(name), b"ours").expect("the link is replaced");
            assert!(fs::symlink_metadata(at(name)).expect("there").is_file());
        }
        assert_eq!(fs::read(at("outside/file")).expect("read"), b"theirs");
        assert!(!at("outside/new").exists());
    }

    #[test]
    fn a_replaced_file_is_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write(&path, b"one").expect("written");
        let file = File::open(&path).expect("opened");
        assert!(is_same_file(&file, &path));
        write(&path, b"another").expect("written");
        assert!(!is_same_file(&file, &path));
        fs::remove_file(&path).expect("removed");
        assert!(!is_same_file(&file, &path));
    }
}
