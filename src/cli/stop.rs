//! `stop`: asks a run to stop and waits a little for its answer; kills a worker that does not answer.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::{json, output};
use crate::domain::{RunId, RunState};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise::{self, kill::describe_kill};

/// How long to wait for the run to end.
const PATIENCE: Duration = Duration::from_secs(10);

const GLANCE: Duration = Duration::from_millis(100);

pub(super) fn run(store: &RunStore, query: &str, Output { json }: Output) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    let mut run = store.summary(&id)?;
    supervise::request_stop(store, &id)?;
    let begun = Instant::now();
    let mut state = run.state(supervise::now());
    while state.is_active() && begun.elapsed() < PATIENCE {
        std::thread::sleep(GLANCE);
        run.poll(&mut Vec::new())?;
        state = run.state(supervise::now());
    }
    if json {
        output::json(&json::entry(&run.summary, state))?;
    } else {
        output::line(&told(&run, state))?;
    }
    let obeyed = matches!(state, RunState::Stopped | RunState::Finished) || (state.is_active() && run.summary.stopping);
    Ok(if obeyed { Exit::Done } else { Exit::Failed })
}

/// `stop --kill`.
pub(super) fn kill(store: &RunStore, query: &str, yes: bool, Output { json }: Output) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    let run = store.summary(&id)?;
    let state = run.state(supervise::now());
    if !run.alive && run.lock_error.is_none() {
        return Err(supervise::KillError::NoWorker { id, state }.into());
    }
    let epoch = run.summary.epoch();
    if !yes && !confirmed(&id, epoch)? {
        output::note("nothing was killed");
        return Ok(Exit::Stopped);
    }
    let killed = describe_kill(&id, supervise::kill(store, &id)?);
    if json {
        let run = store.summary(&id)?;
        output::json(&json::entry(&run.summary, run.state(supervise::now())))?;
    } else {
        output::line(&format!("{killed}: `mien resume {id}` {}", from(epoch)))?;
    }
    Ok(Exit::Done)
}

/// Where a killed run goes on.
fn from(epoch: u32) -> String {
    if epoch == 0 { "starts it again".into() } else { format!("goes on after epoch {epoch}") }
}

/// Asks on the terminal; without one only `--yes` says so.
fn confirmed(id: &RunId, epoch: u32) -> Result<bool, CommandError> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(CommandError::Usage(format!(
            "nobody can be asked here: --yes kills the worker of {id} without asking"
        )));
    }
    let from = from(epoch);
    let _ = write!(
        io::stderr(),
        "Kill the worker of {id}? `mien resume {id}` {from}; what it did since then is lost. [y/N] "
    );
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn told(run: &FollowedRun, state: RunState) -> String {
    let id = &run.summary.id;
    match state {
        RunState::Stopped => {
            format!("{id} has stopped after epoch {}: `mien resume {id}` goes on", run.summary.epoch())
        }
        RunState::Interrupted => format!("{id} was interrupted by a signal, and saved: `mien resume {id}` goes on"),
        RunState::Lost => format!("{id} was lost before it could stop: `mien resume {id}` goes on"),
        state if !state.is_active() => format!("{id} ended before it could stop: it is {state}"),
        _ if run.summary.stopping => format!("{id} has heard the request and is ending: `mien watch {id}`"),
        _ => format!(
            "{id} has not answered yet; the request stays in its folder: `mien watch {id}` follows it, \
             `mien stop {id} --kill` kills a worker that does not answer"
        ),
    }
}
