//! The bytes of a file: mapped into memory, or read where the file system refuses maps.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;
use rustix::io::Errno;

use super::is_operation_unsupported;

/// The bytes of a file.
#[derive(Debug)]
pub enum FileBytes {
    /// Pages of the file.
    Map(Mmap),
    /// A copy.
    Copy(Vec<u8>),
}

impl FileBytes {
    /// Maps a file, or reads it where the file system refuses maps.
    ///
    /// # Errors
    /// If the file can neither be mapped nor read.
    ///
    /// # Safety
    /// Nobody may change or truncate the file while the value exists.
    #[allow(unsafe_code)]
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: promised by the caller.
        match unsafe { Mmap::map(file) } {
            Ok(map) => Ok(Self::Map(map)),
            Err(error)
                if is_operation_unsupported(&error) || error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) =>
            {
                let mut bytes = Vec::new();
                let mut file = file;
                io::Seek::rewind(&mut file)?;
                file.read_to_end(&mut bytes)?;
                Ok(Self::Copy(bytes))
            }
            Err(error) => Err(error),
        }
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Copy(bytes) => bytes,
        }
    }
}

/// Maps a temporary file in `folder`.
#[allow(unsafe_code)]
pub(super) fn test(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[1])?;
    // SAFETY: the file has no name, so nobody else changes it.
    unsafe { Mmap::map(&file) }.map(|_| ())
}
