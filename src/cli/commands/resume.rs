//! `resume`: continues a run from its last checkpoint.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::follow::follow_started;
use crate::cli::invocation::Invocation;
use crate::cli::library::{HomeLibrary, fail_on_first};
use crate::cli::options::{LaunchOptions, LimitOptions, PlaceOption, RunArguments};
use crate::cli::output;
use crate::cli::requests::act_on_runs;
use crate::domain::preflight::{self, Library};
use crate::domain::{LimitChanges, RunId, RunState};
use crate::runs::{RunStore, describe_schedule_change};
use crate::supervise;

/// Continue stopped, interrupted, failed or lost runs from their last checkpoints, or finished ones with other limits
///
/// A larger maximum of epochs extends a finished run, and a larger patience one that stopped early.
/// Several runs are queued in the given order and are not followed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    runs: RunArguments,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    place: PlaceOption,
    #[command(flatten)]
    launch: LaunchOptions,
}

impl Resume {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let ids = self.runs.find(&store)?;
        let launch = LaunchOptions { detach: self.launch.detach || ids.len() > 1, ..self.launch };
        act_on_runs(&ids, |id| self.resume(&store, id, launch))
    }

    fn resume(&self, store: &RunStore, id: &RunId, launch: LaunchOptions) -> Result<Exit, CommandError> {
        // Read before the worker starts. Otherwise its first events would be missed, or earlier ones printed again.
        let run = store.summary(id)?;
        let state = run.state(supervise::now());
        let changes = self.limits.changes();
        let has_changes = changes != LimitChanges::NONE;
        if supervise::can_train() && !state.is_active() && (has_changes || state != RunState::Finished) {
            // Otherwise a worker without its dataset would end the run as failed.
            let recipe = &run.summary.recipe;
            fail_on_first(preflight::check_dataset(recipe, HomeLibrary(store).dataset(&recipe.dataset)))?;
        }
        let limits = run.summary.limits.changed(changes);
        let change = describe_schedule_change(&run.summary, limits);
        let target = self.place.target(launch.queue)?;
        supervise::resume_with_limits(store, id, changes, target)?;
        // Without the epoch, which only the worker knows: it finds out which checkpoint is undamaged.
        output::note(&format!("resuming {id}"));
        change.iter().for_each(|words| output::note(words));
        follow_started(run, launch)
    }
}
