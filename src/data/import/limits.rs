//! Bounds on the size of a source, which may be hostile.

use std::io::{self, Read};

/// The bounds of an import; tests use smaller ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The largest number of files and folders in a source.
    pub(super) entries: u64,
    /// The largest image file, in bytes.
    pub(super) file_bytes: u64,
    /// The bytes that any archive may unpack to, however small it is.
    pub(super) unpacked_bytes: u64,
    /// The largest ratio of a larger archive's unpacked to its packed size. Images shrink little and tables of pixels
    /// about fivefold.
    pub(super) unpacked_ratio: u64,
    /// The longest row of a table, in bytes.
    pub(super) row_bytes: u64,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        entries: 5_000_000,
        file_bytes: 64 << 20,
        unpacked_bytes: 1 << 30,
        unpacked_ratio: 100,
        row_bytes: 64 << 20,
    };

    /// Returns the bytes that an archive of this size may unpack to.
    pub(super) fn unpacked(&self, archive_bytes: u64) -> u64 {
        archive_bytes.saturating_mul(self.unpacked_ratio).max(self.unpacked_bytes)
    }
}

/// The largest side of an image, in pixels.
pub(super) const LONGEST_SIDE: u32 = 8192;

/// The largest memory for decoding an image, in bytes: [`LONGEST_SIDE`] squared in 16-bit RGBA.
pub(super) const DECODING_BYTES: u64 = 512 << 20;

/// A reader that fails with [`io::ErrorKind::FileTooLarge`] beyond a number of bytes.
#[derive(Debug)]
pub(super) struct LimitedReader<R> {
    inner: R,
    left: u64,
}

impl<R> LimitedReader<R> {
    pub(super) fn new(inner: R, bound: u64) -> Self {
        Self { inner, left: bound }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// A reader that fails with [`io::ErrorKind::FileTooLarge`] at a line longer than its bound.
#[derive(Debug)]
pub(super) struct LineLimitedReader<R> {
    inner: R,
    bound: u64,
    line: u64,
}

impl<R> LineLimitedReader<R> {
    pub(super) fn new(inner: R, bound: u64) -> Self {
        Self { inner, bound, line: 0 }
    }
}

impl<R: Read> Read for LineLimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        // Only the last line end matters, because a line above the bound spans many reads.
        match buffer[..count].iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.line = (count - end) as u64,
            None => self.line += count as u64,
        }
        if self.line > self.bound { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}
