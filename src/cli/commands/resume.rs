//! `resume`: continues a run from its last checkpoint.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::follow::follow_started;
use crate::cli::invocation::Invocation;
use crate::cli::library::{Files, refuse};
use crate::cli::options::{LaunchOptions, RunArgument};
use crate::cli::output;
use crate::domain::RunState;
use crate::domain::hyperparameter::Patience;
use crate::domain::preflight::{self, Library};
use crate::supervise;

/// Go on with a stopped, interrupted, failed or lost run from its last checkpoint, or with a finished one by other
/// limits
#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    run: RunArgument,
    /// Most epochs to train from now on; more than before let a finished run go on
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Patience from now on; more than before lets a run go on that had stopped early
    #[arg(long, value_name = "N")]
    patience: Option<Patience>,
    #[command(flatten)]
    launch: LaunchOptions,
}

impl Resume {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        // Opened before the worker starts, so that no event that follows is missed and no earlier one is printed.
        let run = store.summary(&id)?;
        let state = run.state(supervise::now());
        let has_changes = self.epochs.is_some() || self.patience.is_some();
        if supervise::can_train() && !state.is_active() && (has_changes || state != RunState::Finished) {
            // Checked before the worker does: a dataset that is not there leaves the run as it is.
            let recipe = &run.summary.recipe;
            refuse(preflight::check_dataset(recipe, Files(&store).dataset(&recipe.dataset)))?;
        }
        let patience = self.patience.map(|Patience(epochs)| epochs);
        supervise::resume_with_limits(&store, &id, self.epochs, patience, self.launch.queue.when())?;
        // The worker reports from which epoch: it alone knows which checkpoint is whole.
        output::note(&format!("{id} goes on"));
        follow_started(run, self.launch)
    }
}
