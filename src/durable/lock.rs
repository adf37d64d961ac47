//! Locks on files: the kernel drops them with the process that holds them, whatever the way it dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Takes the lock on the file at `path`, which is made if it is missing, for as long as what is returned lives. `None`
/// if another process holds it for longer than `patience`.
///
/// # Errors
/// When the file cannot be made or is a link, or the file system cannot lock.
pub fn take(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let file = super::in_place().create(true).truncate(false).write(true).open(path)?;
    Ok(wait(|| file.try_lock(), patience)?.then_some(file))
}

/// Tries to take a lock until it has it or `patience` is over, and tells whether it has it.
///
/// # Errors
/// When the file system cannot lock.
pub fn wait(try_lock: impl Fn() -> Result<(), TryLockError>, patience: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// What a look at a lock finds.
#[derive(Debug)]
pub enum LockState {
    /// A process holds it.
    Held,
    /// Nobody holds it, or there is no such file.
    Free,
    /// The system did not say: too many open files, no permission, a network file system that does not answer.
    Unknown(io::Error),
}

impl LockState {
    /// Whether a process holds the lock or may do so: what cannot be told must not cost anybody a run.
    #[must_use]
    pub fn may_be_held(&self) -> bool {
        !matches!(self, Self::Free)
    }
}

/// Whether a process holds the lock on the file at `path`. Those who ask do not see one another.
#[must_use]
pub fn state(path: &Path) -> LockState {
    let asked = File::open(path).map_err(TryLockError::Error).and_then(|file| file.try_lock_shared());
    match asked {
        Ok(()) => LockState::Free,
        Err(TryLockError::WouldBlock) => LockState::Held,
        Err(TryLockError::Error(error)) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LockState::Free,
            _ => LockState::Unknown(error),
        },
    }
}

/// Tests with a file of its own, opened twice, whether locks hold in `folder`.
///
/// # Errors
/// When no file can be made there, a lock is refused, or two get the same one.
pub fn test(folder: &Path) -> io::Result<()> {
    let file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().try_lock()?;
    match state(file.path()) {
        LockState::Held => Ok(()),
        LockState::Free => Err(io::Error::other("a lock that is held does not keep others from taking it")),
        LockState::Unknown(error) => Err(error),
    }
}

/// Whether this error says that the file system has no locks at all, as some network file systems.
#[must_use]
pub fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP]
        .iter()
        .any(|number| error.raw_os_error() == Some(number.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_lock_is_held_free_or_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        assert!(matches!(state(&path), LockState::Free), "no file");
        let held = take(&path, Duration::ZERO).expect("a lock").expect("free");
        assert!(matches!(state(&path), LockState::Held) && state(&path).may_be_held());
        assert!(take(&path, Duration::ZERO).expect("no error").is_none());
        drop(held);
        assert!(matches!(state(&path), LockState::Free) && !state(&path).may_be_held());
        std::fs::remove_file(&path).expect("removed");
        // Opening it fails for everybody, root too.
        symlink(&path, &path).expect("linked");
        assert!(matches!(state(&path), LockState::Unknown(_)) && state(&path).may_be_held());
        test(folder.path()).expect("locks hold here");
        assert!(test(&folder.path().join("missing")).is_err());
    }
}
