//! `set`: changes the limits of a run while it trains.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{LimitOptions, Output, RunArguments};
use crate::cli::requests::{act_on_runs, print_state, wait_for};
use crate::domain::hyperparameter::Patience;
use crate::domain::number_text::count;
use crate::domain::{LimitChanges, RunId};
use crate::runs::{RunStore, describe_limits, describe_schedule_change};
use crate::supervise;

/// Change the limits of runs while they train; they apply at once, and the recipes are unchanged
///
/// A maximum below the current epoch ends the run after this epoch. Schedules that depend on the number of epochs
/// follow from the next epoch on.
#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    #[command(flatten)]
    runs: RunArguments,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    output: Output,
}

impl Set {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        if self.limits.changes() == LimitChanges::NONE {
            return Err(CommandError::Usage("nothing to set: give --epochs N, --patience N, or both".into()));
        }
        act_on_runs(&self.runs.find(&store)?, |id| self.set(&store, id))
    }

    fn set(&self, store: &RunStore, id: &RunId) -> Result<Exit, CommandError> {
        let before = store.summary(id)?.summary;
        let wanted = supervise::change_limits(store, id, self.limits.changes())?;
        let (run, state) = wait_for(store, id, |run, _| run.summary.limits == wanted)?;
        let epochs = count(wanted.epochs as usize, "epoch", "epochs");
        let patience = Patience(wanted.patience);
        let in_force = run.summary.limits == wanted;
        let text = match state {
            _ if in_force => {
                // A run that ends after this epoch has no later learning rate.
                let ends = !wanted.allow_another_epoch(run.summary.epoch(), run.summary.early_stopping.waited);
                let change = if ends { None } else { describe_schedule_change(&before, wanted) };
                let effects = [Some(describe_limits(&run.summary, wanted)), change];
                let effects = effects.into_iter().flatten().collect::<Vec<_>>().join("; ");
                format!("{id}: {epochs} at most, patience {patience}; {effects}")
            }
            state if state.is_active() => format!("{id} has not answered yet: the request is pending"),
            state => format!("{id} ended before the limits applied: it is {state}"),
        };
        print_state(&run, state, &text, self.output)?;
        Ok(Exit::done_if(in_force || state.is_active()))
    }
}
