//! The dashboard: shows datasets, launches runs, watches them live.
//!
//! May know: the domain, events, runs, supervise, and reading datasets and the descriptions of weights. Never burn. A
//! client and nothing more: all that it shows is read from the disk, all that it does is asked of a worker, and leaving
//! it leaves every run going.
//!
//! One direction: `runtime` turns the world into an [`messages::Event`]; [`update`] folds it into the [`state::State`]
//! and returns as [`messages::Effect`]s what is to be done; `view` draws the state and cannot change it.

pub mod backend;
mod clipboard;
pub mod config;
mod first_run;
mod graphics;
mod input;
pub mod key;
pub mod layout;
pub mod library;
pub mod messages;
mod pace;
mod palette;
mod performer;
pub mod probe;
mod runtime;
pub mod screen;
pub mod screens;
pub mod state;
mod terminal;
pub mod terminal_facts;
pub mod theme;
pub mod update;
mod view;
mod watch;
pub mod widgets;

#[cfg(any(test, fuzzing))]
pub(crate) mod tests;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use crate::domain::DatasetName;
use crate::runs::{Home, RunStore};

/// Why the dashboard ended other than by request.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// There is nobody to show anything to.
    #[error("the dashboard needs a terminal; for plain output use `mien runs`, `mien show RUN` or `mien watch RUN`")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// A bug of ours. The terminal is restored and no worker is touched.
    #[error("the dashboard hit a bug and closed; runs go on. Please report this: {0}")]
    Bug(String),
}

/// Shows the dashboard on this home until the user quits it. If runs are then still going, says so on stdout.
///
/// # Errors
/// When there is no terminal, it fails, or the dashboard has a bug.
pub fn run(home: Home) -> Result<(), DashboardError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(DashboardError::NoTerminal);
    }
    let store = RunStore::new(home);
    let backend = Arc::new(backend::Backend::new(store.clone()));
    let (active, importing) = terminal::guarded(|| runtime::run(store, backend))?;
    for words in exit_messages(active, importing.as_ref()) {
        writeln!(io::stdout(), "{words}")?;
    }
    Ok(())
}

/// What is said after leaving, with this many runs still going and this dataset being imported.
#[must_use]
pub fn exit_messages(active: usize, importing: Option<&DatasetName>) -> Vec<String> {
    let runs = match active {
        0 => None,
        1 => Some("1 run goes on without the dashboard; `mien` shows it again".into()),
        n => Some(format!("{n} runs go on without the dashboard; `mien` shows them again")),
    };
    let import = importing.map(|name| {
        format!("the import of {name} goes on without the dashboard; `mien data list` shows when it is there")
    });
    runs.into_iter().chain(import).collect()
}
