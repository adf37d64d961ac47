//! `unpause`: lets a paused run continue.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArguments};
use crate::cli::requests::{act_on_runs, print_state, wait_for};
use crate::domain::{RunId, RunState};
use crate::runs::RunStore;
use crate::supervise;

/// Continue paused runs
#[derive(Debug, Args)]
pub(in crate::cli) struct Unpause {
    #[command(flatten)]
    runs: RunArguments,
    #[command(flatten)]
    output: Output,
}

impl Unpause {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        act_on_runs(&self.runs.find(&store)?, |id| unpause(&store, id, self.output))
    }
}

fn unpause(store: &RunStore, id: &RunId, output: Output) -> Result<Exit, CommandError> {
    supervise::unpause(store, id)?;
    let (run, state) = wait_for(store, id, |_, state| state != RunState::Paused)?;
    let text = match state {
        RunState::Paused => format!("{id} has not answered yet: `mien watch {id}` follows it"),
        state => format!("{id} is {state}"),
    };
    print_state(&run, state, &text, output)?;
    Ok(Exit::done_if(state.is_active()))
}
