//! The input that every command gets in addition to its own arguments.

use std::path::PathBuf;

use super::exit::CommandError;
use super::{home, privacy};
use crate::runs::{Home, RunStore};

/// A call of the program.
#[derive(Debug)]
pub(super) struct Invocation {
    /// The folder given by `--home`.
    pub(super) home: Option<PathBuf>,
    /// Returns the definition of all commands and options.
    pub(super) definition: fn() -> clap::Command,
}

impl Invocation {
    /// Returns the runs of the home, and sets the umask to the home's permissions.
    pub(super) fn open_home(&self) -> Result<RunStore, CommandError> {
        let home = Home::new(home::resolve(self.home.clone())?);
        privacy::set_umask(Some(home.path()));
        Ok(RunStore::new(home))
    }
}
