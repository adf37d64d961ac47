//! The one place where the dashboard touches datasets, weights, predictions and workers. Everything else sees plain
//! values. Every call may take its time: the runtime keeps them off the drawing thread.

mod compare;
mod data;
mod inspect;
mod paths;
mod runs;
#[cfg(test)]
mod runs_tests;
mod train;

use std::sync::Mutex;

use crate::runs::RunStore;
use crate::supervise::Import;

/// The home on this machine's disk.
pub struct Disk {
    store: RunStore,
    /// The import under way.
    import: Mutex<Option<Import>>,
}

impl Disk {
    /// The home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        Self { store, import: Mutex::new(None) }
    }
}
