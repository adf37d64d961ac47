//! The argument `RUN`.

use clap::Args;

use crate::domain::RunId;
use crate::runs::{FindError, RunStore};

/// A run as a person names it.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgument {
    /// Id, beginning of an id, or `latest`
    run: String,
}

impl RunArgument {
    /// The id of the one run that is meant.
    pub(in crate::cli) fn find(&self, store: &RunStore) -> Result<RunId, FindError> {
        store.find(&self.run)
    }
}
