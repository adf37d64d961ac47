//! The one place where the dashboard touches datasets, weights, predictions and workers. Everything else sees plain values.
//! Every call may take its time: the runtime keeps them off the drawing thread.

mod compare;
mod data;
mod inspect;
mod runs;
mod train;

use crate::runs::RunStore;

/// The home on this machine's disk.
pub struct Disk {
    store: RunStore,
}

impl Disk {
    /// The home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        Self { store }
    }
}
