//! Locks on files, which the kernel releases when their holder dies in any way.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// Takes the lock on the file at `path`, which is created if missing, until the returned file is dropped. Returns
/// `None` if another process holds it for longer than `timeout`.
///
/// # Errors
/// If the file cannot be created or is a link, or the file system has no locks.
pub fn acquire(path: &Path, timeout: Duration) -> io::Result<Option<File>> {
    let file = super::in_place_options().create(true).truncate(false).write(true).open(path)?;
    Ok(wait_for(|| file.try_lock(), timeout).map_err(explain)?.then_some(file))
}

/// Tries to take a lock until it succeeds or `timeout` is over; returns whether it succeeded.
///
/// # Errors
/// If the file system has no locks.
pub fn wait_for(try_lock: impl Fn() -> Result<(), TryLockError>, timeout: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= timeout => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The state of a lock.
#[derive(Debug)]
pub enum LockState {
    /// A process holds the lock.
    Held,
    /// No process holds the lock, or there is no such file.
    Free,
    /// The system returned an error: too many open files, no permission, a network file system that does not answer.
    Unknown(io::Error),
}

impl LockState {
    /// Returns whether a process holds or may hold the lock. Counting unknown as free could delete a live run.
    #[must_use]
    pub fn may_be_held(&self) -> bool {
        !matches!(self, Self::Free)
    }
}

/// Returns the state of the lock on the file at `path`. Concurrent callers do not disturb each other.
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

/// Checks with a temporary file, opened twice, that locks work in `folder`.
///
/// # Errors
/// If no file can be created there, a lock is refused, or two openings get the same one.
pub fn test(folder: &Path) -> io::Result<()> {
    let file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().try_lock()?;
    match state(file.path()) {
        LockState::Held => Ok(()),
        LockState::Free => Err(io::Error::other("others can take a lock that is held")),
        LockState::Unknown(error) => Err(error),
    }
}

/// Returns the error of a refused lock in words, with the remedy; other errors stay.
#[must_use]
pub fn explain(error: io::Error) -> io::Error {
    if !is_unsupported(&error) || error.raw_os_error().is_none() {
        return error;
    }
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "the file system has no file locks ({error}), without which two programs could write at once: choose a home on \
             another one with --home or MIEN_HOME, or mount this one with locks (Lustre: -o flock)"
        ),
    )
}

/// Returns whether the error means that the file system has no locks, as some network file systems.
#[must_use]
pub fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(Errno::NOLCK.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_refused_lock_is_explained_once_and_other_errors_stay() {
        for number in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            let explained = explain(io::Error::from_raw_os_error(number.raw_os_error()));
            assert!(is_unsupported(&explained), "{explained}");
            let words = explain(explained).to_string();
            assert_eq!(words.matches("no file locks").count(), 1, "{words}");
        }
        let other = io::Error::from_raw_os_error(Errno::ACCESS.raw_os_error());
        assert!(!is_unsupported(&other) && explain(other).raw_os_error().is_some());
    }

    #[test]
    fn a_lock_is_held_free_or_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        assert!(matches!(state(&path), LockState::Free), "no file");
        let held = acquire(&path, Duration::ZERO).expect("a lock").expect("free");
        assert!(matches!(state(&path), LockState::Held) && state(&path).may_be_held());
        assert!(acquire(&path, Duration::ZERO).expect("no error").is_none());
        drop(held);
        assert!(matches!(state(&path), LockState::Free) && !state(&path).may_be_held());
        std::fs::remove_file(&path).expect("removed");
        // Opening it fails for every user, even root.
        symlink(&path, &path).expect("linked");
        assert!(matches!(state(&path), LockState::Unknown(_)) && state(&path).may_be_held());
        test(folder.path()).expect("locks hold here");
        assert!(test(&folder.path().join("missing")).is_err());
    }
}
