//! `pause`: makes a run wait between two batches.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::requests::{print_state, wait_for};
use crate::domain::RunState;
use crate::supervise;

/// Pause a run after its current batch until `unpause`; it holds its device's memory and computes nothing
///
/// A stop and the end of the worker end the pause: a run that is killed while it is paused resumes unpaused.
#[derive(Debug, Args)]
pub(in crate::cli) struct Pause {
    #[command(flatten)]
    run: RunArgument,
    #[command(flatten)]
    output: Output,
}

impl Pause {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        supervise::pause(&store, &id)?;
        let (run, state) = wait_for(&store, &id, |_, state| state == RunState::Paused)?;
        let text = match state {
            RunState::Paused => {
                format!("{id} is paused {}: `mien unpause {id}` continues it", run.summary.describe_pause())
            }
            state if state.is_active() => format!("{id} has not paused yet: the request is pending"),
            state => format!("{id} ended before it could pause: it is {state}"),
        };
        print_state(&run, state, &text, self.output)?;
        Ok(Exit::done_if(state == RunState::Paused || state.is_active()))
    }
}
