//! What every command gets besides its own arguments.

use std::path::PathBuf;

use super::exit::CommandError;
use super::{home, privacy};
use crate::runs::{Home, RunStore};

/// One call of the program.
#[derive(Debug)]
pub(super) struct Invocation {
    /// The folder given by `--home`.
    pub(super) home: Option<PathBuf>,
    /// Builds the definition of all commands and options.
    pub(super) definition: fn() -> clap::Command,
}

impl Invocation {
    /// The runs of the home. From here on files are made with the home's permissions.
    pub(super) fn open_home(&self) -> Result<RunStore, CommandError> {
        let home = Home::new(home::resolve(self.home.clone())?);
        privacy::keep(Some(home.path()));
        Ok(RunStore::new(home))
    }
}
