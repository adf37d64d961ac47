//! Locks on files: the kernel drops them with the process that holds them, whatever the way it dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Takes the lock on the file at `path`, which is made if it is missing, for as long as what is returned lives. `None` if
/// another process holds it for longer than `patience`.
///
/// # Errors
/// When the file cannot be made or is a link, or the file system cannot lock.
pub fn take(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let file = super::in_place().create(true).truncate(false).write(true).open(path)?;
    Ok(wait(|| file.try_lock(), patience)?.then_some(file))
}

/// Tries to take a lock until it has it or `patience` is over, and tells whether it has it.
fn wait(try_lock: impl Fn() -> Result<(), TryLockError>, patience: Duration) -> io::Result<bool> {
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

/// Whether somebody holds the lock on the file at `path`. Those who ask do not see one another.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Whether this error says that the file system has no locks at all, as some network file systems.
#[must_use]
pub fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP]
        .iter()
        .any(|number| error.raw_os_error() == Some(number.raw_os_error()))
}
