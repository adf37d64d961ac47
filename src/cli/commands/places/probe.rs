//! The hidden command of a check's job: looks at the home from a node.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::supervise::slurm::probe;

/// Write what this node sees of a check's folder; started by `places check`
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The check's folder in the home
    folder: PathBuf,
}

impl Probe {
    pub(super) fn run(self) -> Result<Exit, CommandError> {
        probe::answer(&self.folder)
            .map_err(|error| CommandError::Failure(format!("cannot answer in {}: {error}", self.folder.display())))?;
        Ok(Exit::Done)
    }
}
