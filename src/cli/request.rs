//! `pause`, `unpause` and `set`: requests to a run at work, each with a little patience for its answer.

use std::time::{Duration, Instant};

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::{json, output};
use crate::domain::{Limits, RunState};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// How long to wait for the run to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const GLANCE: Duration = Duration::from_millis(50);

/// `pause`.
pub(super) fn pause(store: &RunStore, query: &str, output: Output) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    supervise::pause(store, &id)?;
    let (run, state) = wait(store, query, |_, state| state == RunState::Paused)?;
    let paused = state == RunState::Paused;
    let text = match state {
        RunState::Paused => {
            format!("{id} is paused after epoch {}: `mien unpause {id}` lets it go on", run.summary.epoch())
        }
        state if state.is_active() => format!("{id} has not paused yet; the request stays in its folder"),
        state => format!("{id} ended before it could pause: it is {state}"),
    };
    answer(&run, state, &text, paused || state.is_active(), output)
}

/// `unpause`.
pub(super) fn unpause(store: &RunStore, query: &str, output: Output) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    supervise::unpause(store, &id)?;
    let (run, state) = wait(store, query, |_, state| state != RunState::Paused)?;
    let text = match state {
        RunState::Paused => format!("{id} has not answered yet: `mien watch {id}`"),
        state => format!("{id} is {state}"),
    };
    answer(&run, state, &text, state.is_active(), output)
}

/// `set`.
pub(super) fn set(
    store: &RunStore,
    query: &str,
    epochs: Option<u32>,
    patience: Option<u32>,
    output: Output,
) -> Result<Exit, CommandError> {
    let id = store.find(query)?;
    if epochs.is_none() && patience.is_none() {
        return Err(CommandError::Usage("nothing to set: give --epochs N, --patience N, or both".into()));
    }
    let wanted = supervise::change_limits(store, &id, epochs, patience)?;
    let (run, state) = wait(store, query, |run, _| run.summary.limits == wanted)?;
    let Limits { epochs, patience } = wanted;
    let heard = run.summary.limits == wanted;
    let text = match state {
        _ if heard => format!("{id}: {epochs} epochs at most, patience {patience}"),
        state if state.is_active() => format!("{id} has not answered yet; the request stays in its folder"),
        state => format!("{id} ended before it could hear: it is {state}"),
    };
    answer(&run, state, &text, heard || state.is_active(), output)
}

/// Waits until the run answers, is over, or patience runs out.
fn wait(
    store: &RunStore,
    query: &str,
    answered: impl Fn(&FollowedRun, RunState) -> bool,
) -> Result<(FollowedRun, RunState), CommandError> {
    let mut run = store.summary(&store.find(query)?)?;
    let begun = Instant::now();
    loop {
        let state = run.state(supervise::now());
        if answered(&run, state) || !state.is_active() || begun.elapsed() > PATIENCE {
            return Ok((run, state));
        }
        std::thread::sleep(GLANCE);
        run.poll(&mut Vec::new())?;
    }
}

fn answer(
    run: &FollowedRun,
    state: RunState,
    text: &str,
    obeyed: bool,
    Output { json }: Output,
) -> Result<Exit, CommandError> {
    if json {
        output::json(&json::entry(&run.summary, state))?;
    } else {
        output::line(text)?;
    }
    Ok(if obeyed { Exit::Done } else { Exit::Failed })
}
