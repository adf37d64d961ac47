//! Where exports are written: nothing is replaced unasked, and what is written is whole.

use std::fs;
use std::io;
use std::path::Path;

use super::error::ExportError;
use crate::durable;

/// Writes a file. What is there already is replaced only if `force`.
///
/// # Errors
/// When something is there already, or the folder cannot be written.
pub fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<(), ExportError> {
    refuse_existing(path, force)?;
    durable::write(path, bytes).map_err(|source| ExportError::Write { path: path.to_owned(), source })
}

/// Writes a folder with these files, all of them or none. In a folder that is there already, if `force`, files of these
/// names are replaced one by one and others stay.
///
/// # Errors
/// When something is there already, or the folder cannot be written.
pub fn write_folder<N: AsRef<Path>>(path: &Path, files: &[(N, Vec<u8>)], force: bool) -> Result<(), ExportError> {
    refuse_existing(path, force)?;
    durable::write_folder(path, files).map_err(|source| ExportError::Write { path: path.to_owned(), source })
}

/// Refuses a path at which something is, unless `force`.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), ExportError> {
    match fs::symlink_metadata(path) {
        Ok(_) if !force => Err(ExportError::Exists(path.to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ExportError::Write { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
