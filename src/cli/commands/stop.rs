//! `stop`: asks a run to stop, or kills a worker that does not answer.

use clap::Args;

use crate::cli::confirm::confirm;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::{Output, RunArguments};
use crate::cli::output;
use crate::cli::requests::{act_on_runs, print_state, wait_for};
use crate::domain::{RunId, RunState};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise::{self, kill::describe_kill};

/// Ask runs to end after their current batch; `resume` continues them from there
#[derive(Debug, Args)]
pub(in crate::cli) struct Stop {
    #[command(flatten)]
    runs: RunArguments,
    /// Kill a worker that does not answer: steps since its last checkpoint are lost
    #[arg(long)]
    kill: bool,
    /// With --kill: kill without asking
    #[arg(long, requires = "kill")]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

impl Stop {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        act_on_runs(&self.runs.find(&store)?, |id| {
            if self.kill { kill(&store, id, self.yes, self.output) } else { stop(&store, id, self.output) }
        })
    }
}

fn stop(store: &RunStore, id: &RunId, output: Output) -> Result<Exit, CommandError> {
    supervise::request_stop(store, id)?;
    let (run, state) = wait_for(store, id, |run, _| run.submitted)?;
    print_state(&run, state, &describe(&run, state), output)?;
    let is_stopping = state.is_active() && (run.summary.stopping || run.submitted);
    Ok(Exit::done_if(is_stopping || matches!(state, RunState::Stopped | RunState::Finished)))
}

fn kill(store: &RunStore, id: &RunId, yes: bool, output: Output) -> Result<Exit, CommandError> {
    let run = store.summary(id)?;
    if !run.alive && run.lock_error.is_none() {
        return Err(supervise::KillError::NoWorker { id: id.clone(), state: run.state(supervise::now()) }.into());
    }
    let resumption = match run.summary.saved {
        None => format!("`mien resume {id}` starts it again"),
        Some(saved) => format!("`mien resume {id}` continues it {saved}"),
    };
    let question = format!("Kill the worker of {id}? {resumption}; later steps are lost.");
    if !yes && !confirm(&question, &format!("kills the worker of {id}"))? {
        output::note("nothing was killed");
        return Ok(Exit::Stopped);
    }
    let killed = describe_kill(id, supervise::kill(store, id)?);
    let run = store.summary(id)?;
    print_state(&run, run.state(supervise::now()), &format!("{killed}: {resumption}"), output)?;
    Ok(Exit::Done)
}

/// Returns the state of a run that was asked to stop, in words.
fn describe(run: &FollowedRun, state: RunState) -> String {
    let id = &run.summary.id;
    match state {
        RunState::Stopped => {
            let kept = run.summary.saved.map_or_else(|| "before its first step".into(), |saved| saved.to_string());
            format!("{id} has stopped {kept}: `mien resume {id}` continues it")
        }
        RunState::Interrupted => {
            format!("{id} was interrupted by a signal, and saved: `mien resume {id}` continues it")
        }
        RunState::Lost => format!("{id} was lost before it could stop: `mien resume {id}` continues it"),
        state if !state.is_active() => format!("{id} ended before it could stop: it is {state}"),
        _ if run.submitted => {
            format!("{id} stops as soon as its job begins; `mien stop {id} --kill` cancels the job")
        }
        _ if run.summary.stopping => {
            format!("{id} has received the request and is ending: `mien watch {id}` follows it")
        }
        _ => format!(
            "{id} has not answered yet, and the request is pending: `mien watch {id}` follows it, \
             `mien stop {id} --kill` kills a worker that does not answer"
        ),
    }
}
