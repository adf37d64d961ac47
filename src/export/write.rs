//! Writes exports completely or not at all, and replaces nothing without permission.

use std::fs;
use std::io;
use std::path::Path;

use super::error::ExportError;
use crate::durable;

/// Writes a file. An existing one is replaced only if `force`.
///
/// # Errors
/// If the path exists and not `force`, or it cannot be written.
pub fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<(), ExportError> {
    refuse_existing(path, force)?;
    durable::write(path, bytes).map_err(|source| ExportError::Write { path: path.to_owned(), source })
}

/// Writes a folder with all of these files or none. If `force`, an existing folder's files of these names are replaced
/// one by one, and the others stay.
///
/// # Errors
/// If the path exists and not `force`, or it cannot be written.
pub fn write_folder<N: AsRef<Path>>(path: &Path, files: &[(N, Vec<u8>)], force: bool) -> Result<(), ExportError> {
    refuse_existing(path, force)?;
    durable::write_folder(path, files).map_err(|source| ExportError::Write { path: path.to_owned(), source })
}

/// Refuses an existing path, unless `force`.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), ExportError> {
    match fs::symlink_metadata(path) {
        Ok(_) if !force => Err(ExportError::Exists(path.to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ExportError::Write { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
