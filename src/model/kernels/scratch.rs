//! Pools of memory for the kernels and for the tensors that they return. A new large allocation costs a page fault
//! every 4 KiB, and is cleared first.
//!
//! The pools are shared by all threads. With one buffer per thread, a thread that takes a second task while it waits
//! would find its buffer in use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// The most buffers in a pool.
const MAX_BUFFERS: usize = 256;

/// Numbers up to which any request may take a buffer; larger buffers go only to requests that fill at least an eighth.
const SMALL: usize = 1 << 16;

/// Working memory, at most 128 MiB.
static WORKING: Pool = Pool::new(32 << 20);

/// Memory of tensors, at most 256 MiB; separate, because burn would free working memory with its tensors.
static TENSORS: Pool = Pool::new(64 << 20);

/// Bytes of a cache line. Vectors of an aligned buffer never cross two lines.
const LINE: usize = 64;

/// A buffer that returns to the pool when dropped; its numbers start at a cache line.
pub(super) struct Scratch {
    buffer: Vec<f32>,
    first: usize,
}

impl Scratch {
    /// Returns `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let mut scratch = Self::recycled(len);
        scratch.fill(0.0);
        scratch
    }

    /// Returns `len` numbers with arbitrary content; the caller writes all before it reads any.
    pub(super) fn recycled(len: usize) -> Self {
        let room = len + LINE / size_of::<f32>();
        let mut buffer = WORKING.take(room, (8 * room).max(SMALL)).unwrap_or_default();
        buffer.resize(room, 0.0);
        let first = buffer.as_ptr().align_offset(LINE).min(room - len);
        buffer.truncate(first + len);
        Self { buffer, first }
    }
}

/// Returns `len` numbers with arbitrary content for a tensor; the caller writes all before it reads any.
pub(super) fn recycled(len: usize) -> Vec<f32> {
    // At most twice as large, because a tensor may exist for long.
    match TENSORS.take(len, 2 * len) {
        Some(mut numbers) => {
            numbers.resize(len, 0.0);
            numbers
        }
        None => vec![0.0; len],
    }
}

/// Returns the memory of a tensor to the pool.
pub(super) fn recycle(numbers: Vec<f32>) {
    TENSORS.give(numbers);
}

/// The unused buffers, ordered by the time of their return.
struct Pool {
    buffers: Mutex<Vec<Vec<f32>>>,
    /// The most numbers in all buffers together.
    most: usize,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Self { buffers: Mutex::new(Vec::new()), most }
    }

    /// Removes a buffer with a capacity of `len` to `most` numbers.
    fn take(&self, len: usize, most: usize) -> Option<Vec<f32>> {
        let mut pool = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that fits, so that a small request does not take the only large buffer.
        let fits = (0..pool.len()).filter(|&i| (len..=most).contains(&pool[i].capacity()));
        let fit = fits.min_by_key(|&i| pool[i].capacity())?;
        Some(pool.remove(fit))
    }

    fn give(&self, buffer: Vec<f32>) {
        let mut pool = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = buffer.capacity() + pool.iter().map(Vec::capacity).sum::<usize>();
        // The oldest buffers are dropped for the new one, whose size is in use now.
        while pool.len() == MAX_BUFFERS || numbers > self.most && !pool.is_empty() {
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
