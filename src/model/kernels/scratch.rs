//! Working memory that is used again: a fresh large allocation costs a page fault every 4 KiB.
//!
//! A shared pool rather than one buffer per thread: a thread that waits for others may take up a second task of the
//! same kind, and would find its own buffer in use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// More threads than this at once allocate afresh; and what the pool keeps stays bounded.
const KEPT: usize = 64;

/// Numbers kept in all buffers together (128 MiB).
const KEPT_NUMBERS: usize = 32 << 20;

static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

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
        let mut scratch = Self::leftover(len);
        scratch.fill(0.0);
        scratch
    }

    /// `len` numbers left over from something else: for who writes them all before reading any.
    pub(super) fn leftover(len: usize) -> Self {
        let room = len + LINE / size_of::<f32>();
        let mut buffer = take(room);
        buffer.resize(room, 0.0);
        let first = buffer.as_ptr().align_offset(LINE).min(room - len);
        buffer.truncate(first + len);
        Self { buffer, first }
    }
}

/// An empty buffer, or one that has room for `len` numbers.
fn take(len: usize) -> Vec<f32> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    // The tightest fit, so that a small request does not take the only large buffer.
    let fit = (0..pool.len()).filter(|&i| pool[i].capacity() >= len).min_by_key(|&i| pool[i].capacity());
    fit.map(|i| pool.swap_remove(i)).unwrap_or_default()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = self.buffer.capacity() + pool.iter().map(Vec::capacity).sum::<usize>();
        // Room for the newcomer: its size is the one in use now.
        while pool.len() == KEPT || numbers > KEPT_NUMBERS && !pool.is_empty() {
            numbers -= pool.remove(0).capacity();
        }
        pool.push(std::mem::take(&mut self.buffer));
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
