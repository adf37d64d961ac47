//! Memory that is used again, by the kernels and for the tensors that they return: a fresh large allocation costs a page
//! fault every 4 KiB, and is cleared first.
//!
//! A shared pool rather than one buffer per thread: a thread that waits for others may take up a second task of the
//! same kind, and would find its own buffer in use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// More buffers than this at once are allocated afresh; and what a pool keeps stays bounded.
const KEPT: usize = 256;

/// Numbers up to which any request may take a buffer; a larger buffer goes to one that fills a fair part of it.
const SMALL: usize = 1 << 16;

/// Working memory; 128 MiB are kept.
static WORKING: Pool = Pool::new(32 << 20);

/// Tensors, apart from working memory, which burn would free with them; 256 MiB are kept.
static TENSORS: Pool = Pool::new(64 << 20);

/// Bytes of a cache line. What begins at one has no vector that lies across two of them.
const LINE: usize = 64;

/// A buffer that goes back to the pool when dropped; its numbers begin at a cache line.
pub(super) struct Scratch {
    buffer: Vec<f32>,
    first: usize,
}

impl Scratch {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let mut scratch = Self::recycled(len);
        scratch.fill(0.0);
        scratch
    }

    /// `len` numbers left over from something else: for who writes them all before reading any.
    pub(super) fn recycled(len: usize) -> Self {
        let room = len + LINE / size_of::<f32>();
        let mut buffer = WORKING.take(room, (8 * room).max(SMALL)).unwrap_or_default();
        buffer.resize(room, 0.0);
        let first = buffer.as_ptr().align_offset(LINE).min(room - len);
        buffer.truncate(first + len);
        Self { buffer, first }
    }
}

/// `len` numbers left over from something else, for a tensor: for who writes them all before reading any.
pub(super) fn recycled(len: usize) -> Vec<f32> {
    // Not a much larger one: a tensor may be kept for long.
    match TENSORS.take(len, 2 * len) {
        Some(mut numbers) => {
            numbers.resize(len, 0.0);
            numbers
        }
        None => vec![0.0; len],
    }
}

/// Takes the numbers of a tensor that is no longer needed.
pub(super) fn recycle(numbers: Vec<f32>) {
    TENSORS.give(numbers);
}

/// Buffers that nobody uses, the one first that is longest out of use.
struct Pool {
    buffers: Mutex<Vec<Vec<f32>>>,
    /// Numbers kept in all of them together.
    most: usize,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Self { buffers: Mutex::new(Vec::new()), most }
    }

    /// A buffer that has room for `len` numbers, and for not more than `most`.
    fn take(&self, len: usize, most: usize) -> Option<Vec<f32>> {
        let mut pool = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        // The tightest fit, so that a small request does not take the only large buffer.
        let fits = (0..pool.len()).filter(|&i| (len..=most).contains(&pool[i].capacity()));
        let fit = fits.min_by_key(|&i| pool[i].capacity())?;
        Some(pool.remove(fit))
    }

    fn give(&self, buffer: Vec<f32>) {
        let mut pool = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = buffer.capacity() + pool.iter().map(Vec::capacity).sum::<usize>();
        // Room for the newcomer: its size is the one in use now.
        while pool.len() == KEPT || numbers > self.most && !pool.is_empty() {
            numbers -= pool.remove(0).capacity();
        }
        pool.push(buffer);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        WORKING.give(std::mem::take(&mut self.buffer));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[self.first..]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.first..]
    }
}
