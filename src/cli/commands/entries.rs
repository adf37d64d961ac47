//! The hidden command that prints the datasets, weights and devices of this home for a dashboard elsewhere.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::{gpu, output};
use crate::homes::entries::HomeEntries;
use crate::supervise;

/// Print datasets, weights and devices for a dashboard elsewhere; started over ssh by `mien --home NAME`
#[derive(Debug, Args)]
#[command(hide = true)]
pub(in crate::cli) struct Entries;

impl Entries {
    #[allow(clippy::unused_self)] // as every command
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let entries = HomeEntries::read(store.home(), gpu::gpu_lines(), supervise::can_train());
        let entries = entries.map_err(|error| CommandError::Failure(error.to_string()))?;
        output::record(&entries)?;
        Ok(Exit::Done)
    }
}
