//! The argument `RUN`.

use clap::Args;

use crate::domain::RunId;
use crate::runs::{FindError, RunStore};

/// The argument that names a run.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgument {
    /// Id, beginning of an id, or `latest`
    run: String,
}

impl RunArgument {
    /// Returns the id of the run.
    ///
    /// # Errors
    /// If no run or more than one matches.
    pub(in crate::cli) fn find(&self, store: &RunStore) -> Result<RunId, FindError> {
        store.find(&self.run)
    }
}
