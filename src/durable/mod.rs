//! Files that are whole at any moment.
//!
//! Knows nothing of this program; every room may use it.

pub mod lock;
pub mod versioned;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Writes `bytes` beside `path` and renames: at any moment the path holds the old content or the new, also after a
/// power cut.
///
/// # Errors
/// When the folder cannot be written; the old content is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // What everyone may read is for the umask to say, as with any other file.
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder).map_err(plain)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Like [`write()`], and what was at `path` goes on under `before`, in place of what was there. Between the two renames
/// nothing is at `path`; at any moment one of the two holds something whole.
///
/// # Errors
/// When the folder cannot be written; both are then untouched, or only renamed.
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

/// Makes a folder with these files, by paths in it, and renames it into place: it is there with all of them or not at
/// all. Where it is there already, the files are replaced one by one. Folders above it are made.
///
/// # Errors
/// When it cannot be written.
pub fn write_folder<N: AsRef<Path>>(path: &Path, files: &[(N, Vec<u8>)]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return fill(path, files);
    }
    let parent = folder_of(path);
    fs::create_dir_all(parent)?;
    let new = tempfile::Builder::new().permissions(Permissions::from_mode(0o777)).tempdir_in(parent).map_err(plain)?;
    fill(new.path(), files)?;
    fs::rename(new.path(), path)?;
    // Nothing is left under its former name.
    let _ = new.keep();
    sync_folder(parent)
}

/// Writes files by their paths in a folder.
fn fill<N: AsRef<Path>>(path: &Path, files: &[(N, Vec<u8>)]) -> io::Result<()> {
    for (name, bytes) in files {
        let file = path.join(name);
        fs::create_dir_all(folder_of(&file))?;
        write(&file, bytes)?;
    }
    Ok(())
}

/// Writes `bytes` beside `path` and renames, for the owner alone and without waiting for the disk: after a power cut
/// the file may be empty or torn. For what can be made again, and carries a checksum.
///
/// # Errors
/// When the folder cannot be written; the old content is then untouched.
pub fn write_derived(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The permissions of a temporary file are the owner's alone.
    let mut file = tempfile::Builder::new().tempfile_in(folder_of(path)).map_err(plain)?;
    file.as_file_mut().write_all(bytes)?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Makes a folder of ours if it is missing, and its parents. What is written in it stays in it: a link is refused,
/// wherever it leads.
///
/// # Errors
/// When there is a link or a file in its place, or it cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    match own(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(path),
        other => other,
    }
}

/// Whether a folder is there, and is no link to one: what is written in it stays in it.
///
/// # Errors
/// When it is missing, a link, or no folder.
pub fn own(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    let words = format!("{} is a link or no folder, and nothing is written through links", path.display());
    Err(io::Error::new(io::ErrorKind::NotADirectory, words))
}

/// How a file of ours is opened that is changed where it lies: never through a link.
#[must_use]
pub fn in_place() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Whether an open file is still the one at this path, and not one that was removed or replaced since: what a lock on
/// it is worth.
#[must_use]
pub fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(opened), Ok(there)) => identity(opened) == identity(there),
        _ => false,
    }
}

/// What the system said, without the temporary file's name, which says nothing to anybody: callers name the file that
/// it would have become.
fn plain(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said.to_owned()),
        None => error,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Makes what was renamed in a folder survive a power cut.
///
/// # Errors
/// When the folder cannot be opened, or the file system says so.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The bytes that a file, or a folder with everything in it, takes on disk. Links are not followed; what cannot be read
/// counts nothing.
#[must_use]
pub fn disk_usage(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let inside = if metadata.is_dir() { fs::read_dir(path).ok() } else { None };
    let inside = inside.into_iter().flatten().filter_map(Result::ok);
    metadata.blocks() * 512 + inside.map(|entry| disk_usage(&entry.path())).sum::<u64>()
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
    fn a_folder_comes_whole_and_is_filled_where_it_is_there() {
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
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left of what failed");
    }

    #[test]
    fn what_is_replaced_goes_on_under_another_name() {
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
    fn what_is_derived_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write_derived(&path, b"one").expect("written");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(write_derived(&folder.path().join("missing/file"), b"").is_err());
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
        let words = super::folder(&at("inside")).expect_err("a link").to_string();
        assert!(words.contains("inside") && words.contains("link"), "{words}");
        assert!(own(&at("new")).is_err());
        super::folder(&at("new/and/below")).expect("made");
        for name in ["link", "dangling"] {
            assert!(in_place().create(true).append(true).open(at(name)).is_err(), "{name}");
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
        assert!(is_at(&file, &path));
        write(&path, b"another").expect("written");
        assert!(!is_at(&file, &path));
        fs::remove_file(&path).expect("removed");
        assert!(!is_at(&file, &path));
    }
}
