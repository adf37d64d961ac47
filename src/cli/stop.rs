//! `stop`: asks a run to stop and waits a little for its answer.

use std::time::{Duration, Instant};

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::{json, output};
use crate::domain::RunState;
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

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

fn told(run: &FollowedRun, state: RunState) -> String {
    let id = &run.summary.id;
    match state {
        RunState::Stopped => {
            format!("{id} has stopped after epoch {}: `mien resume {id}` goes on", run.summary.epoch())
        }
        RunState::Lost => format!("{id} was lost before it could stop: `mien resume {id}` goes on"),
        state if !state.is_active() => format!("{id} ended before it could stop: it is {state}"),
        _ if run.summary.stopping => format!("{id} has heard the request and is ending: `mien watch {id}`"),
        _ => format!("{id} has not answered yet; the request stays in its folder: `mien watch {id}`"),
    }
}
