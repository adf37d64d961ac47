//! The wait for a run's answer to a request.

use std::time::{Duration, Instant};

use super::exit::{CommandError, Exit};
use super::options::Output;
use super::output::print_error;
use super::run_json;
use crate::domain::{RunId, RunState};
use crate::runs::{FollowedRun, RunStore};
use crate::supervise;

/// How long to wait for the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time between two reads of the log.
const READ_INTERVAL: Duration = Duration::from_millis(50);

/// Polls the run until it has answered, has ended, or `ANSWER_TIMEOUT` is over, and returns it with its state.
pub(super) fn wait_for(
    store: &RunStore,
    id: &RunId,
    has_answered: impl Fn(&FollowedRun, RunState) -> bool,
) -> Result<(FollowedRun, RunState), CommandError> {
    let mut run = store.summary(id)?;
    let begun = Instant::now();
    loop {
        let state = run.state(supervise::now());
        if has_answered(&run, state) || !state.is_active() || begun.elapsed() > ANSWER_TIMEOUT {
            return Ok((run, state));
        }
        std::thread::sleep(READ_INTERVAL);
        run.poll(&mut Vec::new())?;
    }
}

/// Acts on each run in order, and returns the worst exit. Of several runs each error is printed, and skips no later
/// run.
pub(super) fn act_on_runs(
    ids: &[RunId],
    act: impl Fn(&RunId) -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    if let [id] = ids {
        return act(id);
    }
    let failed = |error: CommandError| {
        print_error(&error.to_string());
        Exit::Failed
    };
    Ok(ids.iter().fold(Exit::Done, |exit, id| exit.and(act(id).unwrap_or_else(failed))))
}

/// Prints the run's entry for scripts, or `text` for a person.
pub(super) fn print_state(run: &FollowedRun, state: RunState, text: &str, output: Output) -> Result<(), CommandError> {
    output.print(&run_json::entry(&run.summary, state), || format!("{text}\n"))
}
