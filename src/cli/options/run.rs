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

/// The runs on which a command acts, one after another.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArguments {
    /// Ids, beginnings of ids, or `latest`
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
}

impl RunArguments {
    /// Returns the ids of the runs, each once, in the given order.
    ///
    /// # Errors
    /// If one matches no run, or more than one.
    pub(in crate::cli) fn find(&self, store: &RunStore) -> Result<Vec<RunId>, FindError> {
        let mut ids = Vec::new();
        for run in &self.runs {
            let id = store.find(run)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}
