//! `pause`: makes a run wait between two batches.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArguments};
use crate::cli::requests::{act_on_runs, print_state, wait_for};
use crate::domain::{RunId, RunState};
use crate::runs::RunStore;
use crate::supervise;

/// Pause runs after their current batch until `unpause`; they hold their device's memory and compute nothing
///
/// A stop and the end of the worker end the pause: a run that is killed while it is paused resumes unpaused.
#[derive(Debug, Args)]
pub(in crate::cli) struct Pause {
    #[command(flatten)]
    runs: RunArguments,
    #[command(flatten)]
    output: Output,
}

impl Pause {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        act_on_runs(&self.runs.find(&store)?, |id| pause(&store, id, self.output))
    }
}

fn pause(store: &RunStore, id: &RunId, output: Output) -> Result<Exit, CommandError> {
    supervise::pause(store, id)?;
    let (run, state) = wait_for(store, id, |_, state| state == RunState::Paused)?;
    let text = match state {
        RunState::Paused => {
            format!("{id} is paused {}: `mien unpause {id}` continues it", run.summary.describe_pause())
        }
        state if state.is_active() => format!("{id} has not paused yet: the request is pending"),
        state => format!("{id} ended before it could pause: it is {state}"),
    };
    print_state(&run, state, &text, output)?;
    Ok(Exit::done_if(state == RunState::Paused || state.is_active()))
}
