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
use crate::tui::messages::{Effect, Event};
use crate::tui::screen::screens;

/// Datasets, weights and runs of a home, and the workers that train in it.
pub struct Backend {
    store: RunStore,
    /// The import under way.
    import: Mutex<Option<Import>>,
}

impl Backend {
    /// The home of these runs.
    #[must_use]
    pub fn new(store: RunStore) -> Self {
        Self { store, import: Mutex::new(None) }
    }
}

macro_rules! run_effect {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// Runs an effect and returns its answer.
        pub(in crate::tui) fn run_effect(backend: &Backend, effect: Effect) -> Event {
            match effect {
                // The runtime has done it.
                Effect::Copy(_) | Effect::Suspend => Event::Tick,
                $(Effect::$Screen(effect) => Event::$Screen($name::run(backend, effect)),)*
            }
        }
    };
}
screens!(run_effect);
