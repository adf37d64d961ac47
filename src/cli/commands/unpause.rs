//! `unpause`: lets a paused run continue.

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArgument};
use crate::cli::requests::{print_state, wait_for};
use crate::domain::RunState;
use crate::supervise;

/// Continue a paused run
#[derive(Debug, Args)]
pub(in crate::cli) struct Unpause {
    #[command(flatten)]
    run: RunArgument,
    #[command(flatten)]
    output: Output,
}

impl Unpause {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let id = self.run.find(&store)?;
        supervise::unpause(&store, &id)?;
        let (run, state) = wait_for(&store, &id, |_, state| state != RunState::Paused)?;
        let text = match state {
            RunState::Paused => format!("{id} has not answered yet: `mien watch {id}` follows it"),
            state => format!("{id} is {state}"),
        };
        print_state(&run, state, &text, self.output)?;
        Ok(Exit::done_if(state.is_active()))
    }
}
