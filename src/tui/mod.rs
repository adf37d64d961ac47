//! The dashboard: shows datasets, launches runs, watches them live.
//!
//! May use: the domain, events, runs, supervise, and the readers of datasets and weights. Never burn. The dashboard
//! only reads files and sends requests to workers, so runs continue after it is closed.
//!
//! Data flows in one direction. `runtime` turns input and file changes into [`messages::Event`]s. [`update`] applies
//! each to the [`state::State`] and returns [`messages::Effect`]s. `view` draws the state and cannot change it.

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
mod multiplexer;
mod notice;
mod pace;
mod palette;
mod performer;
pub mod probe;
mod remote;
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
use crate::homes::Link;
use crate::runs::{Home, RunStore};

/// The reason why the dashboard ended without a request of the user.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// Standard input or output is no terminal.
    #[error(
        "standard input or output is not a terminal; for plain output use `mien runs`, `mien show RUN` or `mien watch RUN`"
    )]
    NoTerminal,
    /// Reading from or writing to the terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The dashboard panicked. The terminal is restored and no worker is touched.
    #[error("the dashboard hit a bug and closed; runs continue. Please report this: {0}")]
    Bug(String),
}

/// Shows the dashboard of a home until the user quits it, then prints which runs and imports continue.
///
/// # Errors
/// When standard input or output is no terminal, the terminal fails, or the dashboard panics.
pub fn run(home: Home) -> Result<(), DashboardError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(DashboardError::NoTerminal);
    }
    show(Arc::new(backend::Backend::new(RunStore::new(home))))
}

/// Shows the dashboard of a home on another machine like [`run`]. Images are those of datasets in `dataset_home`.
///
/// # Errors
/// As [`run`].
pub fn run_remote(link: Link, dataset_home: Home) -> Result<(), DashboardError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(DashboardError::NoTerminal);
    }
    show(Arc::new(backend::Backend::of_link(Arc::new(link), dataset_home)))
}

fn show(backend: Arc<backend::Backend>) -> Result<(), DashboardError> {
    let (active, importing) = terminal::catch_panic(|| runtime::run(backend.store.clone(), backend))?;
    for line in exit_messages(active, importing.as_ref()) {
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

/// Returns the lines to print on exit: the number of active runs and the dataset under import, if there are any.
#[must_use]
pub fn exit_messages(active: usize, importing: Option<&DatasetName>) -> Vec<String> {
    let runs = match active {
        0 => None,
        1 => Some("1 run continues without the dashboard; `mien` shows it again".into()),
        n => Some(format!("{n} runs continue without the dashboard; `mien` shows them again")),
    };
    let import = importing.map(|name| {
        format!("the import of {name} continues without the dashboard; `mien data list` lists it once it is complete")
    });
    runs.into_iter().chain(import).collect()
}
