//! Working memory that is used again: a fresh large allocation costs a page fault every 4 KiB.
//!
//! A shared pool rather than one buffer per thread: a thread that waits for others may take up a second task of the
//! same kind, and would find its own buffer in use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// More threads than this at once allocate afresh; and what the pool keeps stays bounded.
const KEPT: usize = 64;

static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// A buffer that goes back to the pool when dropped.
pub(super) struct Scratch(Vec<f32>);

impl Scratch {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        // The tightest fit, so that a small request does not take the only large buffer.
        let fit = (0..pool.len()).filter(|&i| pool[i].capacity() >= len).min_by_key(|&i| pool[i].capacity());
        let mut buffer = fit.map(|i| pool.swap_remove(i)).unwrap_or_default();
        drop(pool);
        buffer.clear();
        buffer.resize(len, 0.0);
        Self(buffer)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() == KEPT {
            // Room for the newcomer: its size is the one in use now.
            pool.swap_remove(0);
        }
        pool.push(std::mem::take(&mut self.0));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
