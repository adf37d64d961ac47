//! Bounds on what an import takes from a source that may be hostile.

use std::io::{self, Read};

/// The bounds; tests have smaller ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most files and folders in a source.
    pub(super) entries: u64,
    /// Most bytes of one image file, compressed as images are.
    pub(super) file_bytes: u64,
    /// Bytes that any archive may unpack to, however small it is.
    pub(super) unpacked_bytes: u64,
    /// Times its own size that a larger archive may unpack to. Images hardly shrink, tables of pixels shrink some five
    /// times; a thousand times takes intent.
    pub(super) unpacked_ratio: u64,
    /// Longest row of a table, in bytes.
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

    /// Most bytes that an archive of this size may unpack to.
    pub(super) fn unpacked(&self, archive_bytes: u64) -> u64 {
        archive_bytes.saturating_mul(self.unpacked_ratio).max(self.unpacked_bytes)
    }
}

/// Most pixels along a side of an image.
pub(super) const LONGEST_SIDE: u32 = 8192;

/// Most bytes that decoding one image may take: [`LONGEST_SIDE`] squared in 16-bit RGBA.
pub(super) const DECODING_BYTES: u64 = 512 << 20;

/// A reader that fails, with [`io::ErrorKind::FileTooLarge`], when more than its bound comes out of it.
#[derive(Debug)]
pub(super) struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R> Capped<R> {
    pub(super) fn new(inner: R, bound: u64) -> Self {
        Self { inner, left: bound }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// A reader that fails, with [`io::ErrorKind::FileTooLarge`], when a line is longer than its bound.
#[derive(Debug)]
pub(super) struct ShortLines<R> {
    inner: R,
    bound: u64,
    line: u64,
}

impl<R> ShortLines<R> {
    pub(super) fn new(inner: R, bound: u64) -> Self {
        Self { inner, bound, line: 0 }
    }
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        // Enough to look at the last line end of what was read: a longer line spans many reads.
        match buffer[..count].iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.line = (count - end) as u64,
            None => self.line += count as u64,
        }
        if self.line > self.bound { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}
