//! `train --dry-run`: prints the scripts of jobs instead of submitting them.

use crate::cli::exit::{CommandError, Exit};
use crate::cli::output;
use crate::domain::{Place, RunId};
use crate::runs::{Job, RunStore};
use crate::supervise;

/// Prints the scripts by which these runs would start on a place.
pub(super) fn print_scripts(store: &RunStore, names: &[RunId], place: &Place) -> Result<Exit, CommandError> {
    for id in names {
        let script = supervise::render_job_script(store, id, Job::Train, place);
        output::print(&script.map_err(|error| CommandError::Failure(error.to_string()))?)?;
    }
    Ok(Exit::Done)
}
