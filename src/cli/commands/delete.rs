//! `delete`: deletes runs with their weights and logs.

use clap::Args;

use crate::cli::confirm::confirm_deletion;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Output;
use crate::cli::output;
use crate::domain::RunId;
use crate::supervise;

/// Delete runs permanently, with their weights
#[derive(Debug, Args)]
#[command(visible_alias = "rm")]
pub(in crate::cli) struct Delete {
    /// Ids, beginnings of ids, or `latest`
    #[arg(required = true)]
    runs: Vec<String>,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

impl Delete {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let mut ids = self.runs.iter().map(|run| store.find(run)).collect::<Result<Vec<RunId>, _>>()?;
        ids.sort();
        ids.dedup();
        let names = ids.iter().map(RunId::as_str).collect::<Vec<_>>().join(", ");
        if !self.yes && !confirm_deletion(&names, "weights and log")? {
            output::note("nothing was deleted");
            return Ok(Exit::Stopped);
        }
        store.sweep();
        let (deleted, exit) = output::act_on_each(&ids, |id| store.delete(id, supervise::now()));
        let deleted: Vec<&str> = deleted.iter().map(|id| id.as_str()).collect();
        if self.output.json {
            output::json(&serde_json::json!({ "deleted": deleted }))?;
        } else if !deleted.is_empty() {
            output::line(&format!("deleted {}", deleted.join(", ")))?;
        }
        Ok(exit)
    }
}
